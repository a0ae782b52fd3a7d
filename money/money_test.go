package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"seyfert/money"
)

// mustParse reads a decimal amount that the test itself wrote.
func mustParse(tb testing.TB, c money.Currency, decimal string) money.Amount {
	tb.Helper()
	a, err := money.Parse(c, decimal)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// integer is the independent view of an amount that the properties compute with.
func integer(a money.Amount) *big.Int {
	hi, lo := a.Words()
	value := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
	return value.Or(value, new(big.Int).SetUint64(lo))
}

// fits says whether an integer is a 128-bit unsigned one.
func fits(v *big.Int) bool { return v.Sign() >= 0 && v.BitLen() <= 128 }

// word draws 64-bit words, often at the edges where carries happen.
var word = rapid.OneOf(
	rapid.Uint64(),
	rapid.SampledFrom([]uint64{0, 1, 2, 10, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}),
)

// amounts draws won of any size.
var amounts = rapid.Custom(func(t *rapid.T) money.Amount {
	return money.FromWords(money.KRW, word.Draw(t, "hi"), word.Draw(t, "lo"))
})

func TestAddSubCmpAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts.Draw(t, "a"), amounts.Draw(t, "b")
		want := new(big.Int).Add(integer(a), integer(b))
		sum, err := a.Add(b)
		if fits(want) != (err == nil) || err == nil && integer(sum).Cmp(want) != 0 {
			t.Fatalf("%v + %v = %v, %v; want %v", a, b, sum, err, want)
		}
		if err != nil && !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("add: %v", err)
		}
		want.Sub(integer(a), integer(b))
		difference, err := a.Sub(b)
		if fits(want) != (err == nil) || err == nil && integer(difference).Cmp(want) != 0 {
			t.Fatalf("%v - %v = %v, %v; want %v", a, b, difference, err, want)
		}
		if err != nil && !errors.Is(err, money.ErrUnderflow) {
			t.Fatalf("sub: %v", err)
		}
		order, err := a.Cmp(b)
		if err != nil || order != integer(a).Cmp(integer(b)) {
			t.Fatalf("cmp %v, %v = %d, %v", a, b, order, err)
		}
		if order, err := a.Cmp(a); order != 0 || err != nil {
			t.Fatalf("cmp %v with itself = %d, %v", a, order, err)
		}
		if less, err := a.Less(b); err != nil || less != (order < 0) {
			t.Fatalf("less %v, %v = %v, %v", a, b, less, err)
		}
	})
}

func TestCurrenciesNeverMix(t *testing.T) {
	won, yen := money.New(money.KRW, 1), money.New(money.JPY, 1)
	if _, err := won.Add(yen); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("add: %v", err)
	}
	if _, err := won.Sub(yen); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("sub: %v", err)
	}
	if _, err := won.Cmp(yen); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("cmp: %v", err)
	}
	if _, err := won.Less(money.Amount{}); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("less: %v", err)
	}
	if won == yen {
		t.Error("a won equals a yen")
	}
}

func TestAmountReads(t *testing.T) {
	var none money.Amount
	if !none.IsZero() || none.Currency() != 0 || none.String() != "0" {
		t.Errorf("zero value: %v", none)
	}
	won := money.New(money.KRW, 15000)
	if minor, ok := won.Uint64(); minor != 15000 || !ok || won.IsZero() {
		t.Errorf("%v: %d, %v", won, minor, ok)
	}
	if _, ok := money.FromWords(money.KRW, 1, 0).Uint64(); ok {
		t.Error("2^64 fits 64 bits")
	}
	if !money.New(money.KRW, 0).IsZero() || money.New(money.KRW, 0) == none {
		t.Error("no won must be zero and still be won")
	}
}
