package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/money"
)

func TestMulRatioRoundings(t *testing.T) {
	cases := []struct {
		minor, num, den             uint64
		floor, ceil, halfEven, half string
	}{
		{100, 1, 1, "100", "100", "100", "100"},
		{5, 1, 2, "2", "3", "2", "3"},
		{7, 1, 2, "3", "4", "4", "4"},
		{1, 1, 3, "0", "1", "0", "0"},
		{2, 1, 3, "0", "1", "1", "1"},
		{15000, 25, 1000, "375", "375", "375", "375"},
		{10, 0, 3, "0", "0", "0", "0"},
		{1, math.MaxUint64 - 1, math.MaxUint64, "0", "1", "1", "1"},
		{1, 1, math.MaxUint64, "0", "1", "0", "0"},
	}
	for _, c := range cases {
		a := money.New(money.KRW, c.minor)
		for rounding, want := range map[money.Rounding]string{
			money.Floor: c.floor, money.Ceil: c.ceil,
			money.HalfEven: c.halfEven, money.HalfUp: c.half,
		} {
			got, err := a.MulRatio(c.num, c.den, rounding)
			if err != nil || got.Minor() != want || got.Currency() != money.KRW {
				t.Errorf("%v * %d/%d %v = %v, %v; want %s",
					a, c.num, c.den, rounding, got, err, want)
			}
		}
	}
}

func TestMulRatioAgainstBigIntegers(t *testing.T) {
	roundings := rapid.SampledFrom(
		[]money.Rounding{money.Floor, money.Ceil, money.HalfEven, money.HalfUp},
	)
	rapid.Check(t, func(t *rapid.T) {
		a, rounding := amounts.Draw(t, "a"), roundings.Draw(t, "rounding")
		num, den := word.Draw(t, "num"), max(1, word.Draw(t, "den"))
		product := new(big.Int).Mul(integer(a), new(big.Int).SetUint64(num))
		divisor := new(big.Int).SetUint64(den)
		want, rem := new(big.Int).QuoRem(product, divisor, new(big.Int))
		twice := rem.Lsh(rem, 1).Cmp(divisor)
		switch {
		case rounding == money.Ceil && rem.Sign() > 0,
			rounding == money.HalfUp && twice >= 0,
			rounding == money.HalfEven && (twice > 0 || twice == 0 && want.Bit(0) == 1):
			want.Add(want, big.NewInt(1))
		}
		got, err := a.MulRatio(num, den, rounding)
		if fits(want) != (err == nil) || err == nil && integer(got).Cmp(want) != 0 {
			t.Fatalf("%v * %d/%d %v = %v, %v; want %v", a, num, den, rounding, got, err, want)
		}
		if err != nil && !errors.Is(err, money.ErrOverflow) {
			t.Fatal(err)
		}
	})
}

func TestRoundingNames(t *testing.T) {
	for rounding, want := range map[money.Rounding]string{
		money.Floor: "floor", money.Ceil: "ceil", money.HalfEven: "half_even",
		money.HalfUp: "half_up", 0: "rounding(0)",
	} {
		if rounding.String() != want {
			t.Errorf("%v, want %s", rounding, want)
		}
	}
}

func TestMulRatioRefusals(t *testing.T) {
	one := money.New(money.KRW, 1)
	if _, err := one.MulRatio(1, 0, money.Floor); !errors.Is(err, money.ErrRatio) {
		t.Errorf("zero denominator: %v", err)
	}
	top := money.FromWords(money.KRW, math.MaxUint64, math.MaxUint64)
	if _, err := top.MulRatio(math.MaxUint64, 2, money.Ceil); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("too large: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a division without a named rounding did not panic")
		}
	}()
	_, _ = one.MulRatio(1, 2, 0)
}

func TestSplit(t *testing.T) {
	cases := []struct {
		minor   uint64
		weights []uint64
		want    []uint64
	}{
		{100, []uint64{1}, []uint64{100}},
		{100, []uint64{1, 1, 1}, []uint64{34, 33, 33}},
		{2, []uint64{1, 1, 1}, []uint64{1, 1, 0}},
		{0, []uint64{1, 2}, []uint64{0, 0}},
		{5, []uint64{0, 1, 0}, []uint64{0, 5, 0}},
		{10, []uint64{1, 2, 4}, []uint64{1, 3, 6}},
		{7, []uint64{3, 3, 4}, []uint64{2, 2, 3}},
		{1, []uint64{0, math.MaxUint64 - 1, 1}, []uint64{0, 1, 0}},
	}
	for _, c := range cases {
		parts, err := money.New(money.KRW, c.minor).Split(c.weights)
		if err != nil {
			t.Errorf("split %d by %v: %v", c.minor, c.weights, err)
			continue
		}
		got := make([]uint64, len(parts))
		for i, part := range parts {
			got[i], _ = part.Uint64()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("split %d by %v (-want +got):\n%s", c.minor, c.weights, diff)
		}
	}
}

func TestSplitIsExactAndFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := amounts.Draw(t, "a")
		weights := rapid.SliceOfN(rapid.Uint64Max(1<<58), 1, 50).Draw(t, "weights")
		total := new(big.Int)
		for _, weight := range weights {
			total.Add(total, new(big.Int).SetUint64(weight))
		}
		parts, err := a.Split(weights)
		if total.Sign() == 0 {
			if !errors.Is(err, money.ErrWeights) {
				t.Fatalf("split by zeros: %v", err)
			}
			return
		}
		if err != nil || len(parts) != len(weights) {
			t.Fatalf("split: %d parts, %v", len(parts), err)
		}
		sum := money.New(money.KRW, 0)
		for i, part := range parts {
			if sum, err = sum.Add(part); err != nil {
				t.Fatal(err)
			}
			exact := new(big.Int).Mul(integer(a), new(big.Int).SetUint64(weights[i]))
			low, rem := exact.QuoRem(exact, total, new(big.Int))
			over := new(big.Int).Sub(integer(part), low)
			if over.Sign() < 0 || over.Cmp(big.NewInt(int64(rem.Sign()))) > 0 {
				t.Fatalf("part %d of %v is %v, floor %v", i, a, part, low)
			}
		}
		if sum != a {
			t.Fatalf("parts of %v add up to %v", a, sum)
		}
	})
}

func TestSplitLimits(t *testing.T) {
	a := money.New(money.KRW, 1_000_000)
	full := make([]uint64, money.SplitMax)
	for i := range full {
		full[i] = 1
	}
	if parts, err := a.Split(full); err != nil || len(parts) != money.SplitMax {
		t.Errorf("%d parts: %v", len(parts), err)
	}
	for name, weights := range map[string][]uint64{
		"none": nil, "too many": append(full, 1), "zeros": {0, 0},
	} {
		if _, err := a.Split(weights); !errors.Is(err, money.ErrWeights) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Split([]uint64{math.MaxUint64, 1}); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("weights over 64 bits: %v", err)
	}
}

func TestRate(t *testing.T) {
	// KRW 1391.25 for USD 1.
	rate, err := money.NewRate(money.USD, money.KRW, 139125, 10000)
	if err != nil {
		t.Fatal(err)
	}
	won, err := rate.Convert(mustParse(t, money.USD, "10.99"), money.Floor)
	if err != nil || won != money.New(money.KRW, 15289) { // 15289.8375
		t.Errorf("%v, %v", won, err)
	}
	same, err := money.NewRate(money.USD, money.KRW, 1113, 80)
	if err != nil || same != rate || rate.String() != "USD/KRW 1113/80" {
		t.Errorf("%v and %v, %v", rate, same, err)
	}
	back := rate.Inverse()
	if back.From() != money.KRW || back.To() != money.USD || back.Inverse() != rate {
		t.Errorf("inverse %v", back)
	}
	if num, den := back.Ratio(); num != 80 || den != 1113 {
		t.Errorf("ratio %d/%d", num, den)
	}
	cents, err := back.Convert(money.New(money.KRW, 1113), money.HalfEven)
	if err != nil || cents != mustParse(t, money.USD, "0.80") {
		t.Errorf("%v, %v", cents, err)
	}
}

func TestRateRefusals(t *testing.T) {
	cases := []struct {
		from, to money.Currency
		num, den uint64
		err      error
	}{
		{money.USD, money.KRW, 0, 1, money.ErrRatio},
		{money.USD, money.KRW, 1, 0, money.ErrRatio},
		{money.USD, money.USD, 1, 1, money.ErrCurrency},
		{0, money.USD, 1, 1, money.ErrCurrency},
		{money.USD, 7, 1, 1, money.ErrCurrency},
	}
	for _, c := range cases {
		if _, err := money.NewRate(c.from, c.to, c.num, c.den); !errors.Is(err, c.err) {
			t.Errorf("rate %v to %v %d/%d: %v", c.from, c.to, c.num, c.den, err)
		}
	}
	rate, err := money.NewRate(money.USD, money.KRW, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	won := money.New(money.KRW, 1)
	if _, err := rate.Convert(won, money.Floor); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("won as dollars: %v", err)
	}
	top := money.FromWords(money.USD, math.MaxUint64, 0)
	if _, err := rate.Convert(top, money.Floor); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("too large: %v", err)
	}
	var none money.Rate
	if _, err := none.Convert(money.Amount{}, money.Floor); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("no rate: %v", err)
	}
}
