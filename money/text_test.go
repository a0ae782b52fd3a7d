package money_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"seyfert/money"
)

const largest = "340282366920938463463374607431768211455" // 2^128 - 1

func TestParse(t *testing.T) {
	cases := []struct {
		currency money.Currency
		text     string
		want     string // decimal text, empty when refused
		err      error
	}{
		{money.USD, "1240.50", "1240.50", nil},
		{money.USD, "1240.5", "1240.50", nil},
		{money.USD, "1240", "1240.00", nil},
		{money.USD, "0.01", "0.01", nil},
		{money.USD, "0", "0.00", nil},
		{money.KRW, "15000", "15000", nil},
		{money.KRW, largest, largest, nil},
		{money.BTC, "0.00000001", "0.00000001", nil},
		{money.BTC, "20999999.9769", "20999999.97690000", nil},
		{money.USD, "", "", money.ErrSyntax},
		{money.USD, "+1", "", money.ErrSyntax},
		{money.USD, "-1", "", money.ErrSyntax},
		{money.USD, "1e3", "", money.ErrSyntax},
		{money.USD, "01", "", money.ErrSyntax},
		{money.USD, "00", "", money.ErrSyntax},
		{money.USD, ".5", "", money.ErrSyntax},
		{money.USD, "5.", "", money.ErrSyntax},
		{money.USD, "1.2.3", "", money.ErrSyntax},
		{money.USD, "1.234", "", money.ErrSyntax},
		{money.USD, " 1", "", money.ErrSyntax},
		{money.USD, "1 ", "", money.ErrSyntax},
		{money.USD, "1,000", "", money.ErrSyntax},
		{money.USD, "1_000", "", money.ErrSyntax},
		{money.USD, "0x1", "", money.ErrSyntax},
		{money.USD, "١", "", money.ErrSyntax},
		{money.KRW, "1.0", "", money.ErrSyntax},
		{money.KRW, "340282366920938463463374607431768211456", "", money.ErrOverflow},
		{money.USD, largest, "", money.ErrOverflow},
		{money.KRW, "9" + largest, "", money.ErrOverflow},
		{money.KRW, "99" + largest, "", money.ErrSyntax}, // beyond TextMax
		{money.Currency(7), "1", "", money.ErrCurrency},
		{0, "1", "", money.ErrCurrency},
	}
	for _, c := range cases {
		a, err := money.Parse(c.currency, c.text)
		if !errors.Is(err, c.err) {
			t.Errorf("Parse(%v, %q): %v, want %v", c.currency, c.text, err, c.err)
			continue
		}
		if err == nil && a.Decimal() != c.want {
			t.Errorf("Parse(%v, %q) = %s, want %s", c.currency, c.text, a.Decimal(), c.want)
		}
	}
}

func TestParseMinor(t *testing.T) {
	cases := []struct {
		currency money.Currency
		text     string
		want     string
		err      error
	}{
		{money.USD, "124050", "USD 1240.50", nil},
		{money.USD, "5", "USD 0.05", nil},
		{money.KRW, "0", "KRW 0", nil},
		{money.KRW, largest, "KRW " + largest, nil},
		{money.KRW, "340282366920938463463374607431768211456", "", money.ErrOverflow},
		{money.KRW, "0" + largest, "", money.ErrSyntax},
		{money.KRW, "", "", money.ErrSyntax},
		{money.KRW, "00", "", money.ErrSyntax},
		{money.KRW, "-1", "", money.ErrSyntax},
		{money.KRW, "1.0", "", money.ErrSyntax},
		{0, "1", "", money.ErrCurrency},
	}
	for _, c := range cases {
		a, err := money.ParseMinor(c.currency, c.text)
		if !errors.Is(err, c.err) || err == nil && a.String() != c.want {
			t.Errorf("ParseMinor(%v, %q) = %v, %v", c.currency, c.text, a, err)
		}
	}
}

func TestTextAndBytesRoundTrip(t *testing.T) {
	currencies := rapid.SampledFrom(money.Currencies())
	rapid.Check(t, func(t *rapid.T) {
		a := money.FromWords(
			currencies.Draw(t, "currency"), word.Draw(t, "hi"), word.Draw(t, "lo"),
		)
		if back, err := money.ParseMinor(a.Currency(), a.Minor()); err != nil || back != a {
			t.Fatalf("minor %s: %v, %v", a.Minor(), back, err)
		}
		if back, err := money.Parse(a.Currency(), a.Decimal()); err != nil || back != a {
			t.Fatalf("decimal %s: %v, %v", a.Decimal(), back, err)
		}
		if a.Minor() != integer(a).String() {
			t.Fatalf("minor %s of %v", a.Minor(), integer(a))
		}
		var back money.Amount
		binary, err := a.MarshalBinary()
		if err != nil || len(binary) != money.BinarySize {
			t.Fatalf("binary of %v: %x, %v", a, binary, err)
		}
		if err := back.UnmarshalBinary(binary); err != nil || back != a {
			t.Fatalf("binary %x: %v, %v", binary, back, err)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		back = money.Amount{}
		if err := json.Unmarshal(text, &back); err != nil || back != a {
			t.Fatalf("json %s: %v, %v", text, back, err)
		}
	})
}

func TestJSONForm(t *testing.T) {
	text, err := json.Marshal(mustParse(t, money.USD, "1240.5"))
	if want := `{"currency":"USD","value":"1240.50"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	if _, err := json.Marshal(money.Amount{}); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("zero amount: %v", err)
	}
	var a money.Amount
	loose := ` { "value" : "15000" , "\u0063urrency" : "KRW" } `
	if err := json.Unmarshal([]byte(loose), &a); err != nil || a != money.New(money.KRW, 15000) {
		t.Errorf("%v, %v", a, err)
	}
}

func TestJSONRefusals(t *testing.T) {
	cases := []struct {
		text string
		err  error
	}{
		{`{"currency":"KRW"}`, money.ErrSyntax},
		{`{"value":"1"}`, money.ErrSyntax},
		{`{}`, money.ErrSyntax},
		{`null`, money.ErrSyntax},
		{`"KRW 1"`, money.ErrSyntax},
		{`["KRW","1"]`, money.ErrSyntax},
		{`{"currency":"KRW","value":1}`, money.ErrSyntax},
		{`{"currency":410,"value":"1"}`, money.ErrSyntax},
		{`{"currency":"KRW","value":null}`, money.ErrSyntax},
		{`{"currency":"KRW","value":{"a":"b"}}`, money.ErrSyntax},
		{`{"currency":"KRW","value":"1","scale":"0"}`, money.ErrSyntax},
		{`{"currency":"KRW","value":"1","value":"1"}`, money.ErrSyntax},
		{`{"Currency":"KRW","value":"1"}`, money.ErrSyntax},
		{`{"currency":"krw","value":"1"}`, money.ErrCurrency},
		{`{"currency":"XAU","value":"1"}`, money.ErrCurrency},
		{`{"currency":"","value":"1"}`, money.ErrCurrency},
		{`{"currency":"KRW","value":"-1"}`, money.ErrSyntax},
		{`{"currency":"KRW","value":"1"`, money.ErrSyntax},
		{`{"currency":"KRW","value":"1"}{}`, money.ErrSyntax},
		{`{"currency":"KRW","value":"1"}` + strings.Repeat(" ", money.JSONMax), money.ErrSyntax},
	}
	for _, c := range cases {
		kept := money.New(money.JPY, 7)
		a := kept
		if err := a.UnmarshalJSON([]byte(c.text)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.text, err, c.err)
		}
		if a != kept {
			t.Errorf("%s: a refused text changed the amount to %v", c.text, a)
		}
	}
}

// TestCBORForm pins what rows and commands carry: a byte string of 18 bytes for an amount and
// a number for a currency (RFC 8949 sections 3.1 and 3.2).
func TestCBORForm(t *testing.T) {
	row := struct {
		Amount   money.Amount   `cbor:"1,keyasint"`
		Currency money.Currency `cbor:"2,keyasint"`
	}{money.New(money.KRW, 15000), money.KRW}
	data, err := cbor.Marshal(row)
	const want = "a2" + "01" + "52" + "019a" + "0000000000000000" + "0000000000003a98" +
		"02" + "19019a"
	if err != nil || hex.EncodeToString(data) != want {
		t.Errorf("%x, %v; want %s", data, err, want)
	}
	back := row
	back.Amount, back.Currency = money.Amount{}, 0
	if err := cbor.Unmarshal(data, &back); err != nil || back != row {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestBinaryRefusals(t *testing.T) {
	var a money.Amount
	for _, size := range []int{0, 1, money.BinarySize - 1, money.BinarySize + 1} {
		if err := a.UnmarshalBinary(make([]byte, size)); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	unknown := make([]byte, money.BinarySize)
	unknown[1] = 7
	if err := a.UnmarshalBinary(unknown); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("unknown currency: %v", err)
	}
	unitsOfNothing := make([]byte, money.BinarySize)
	unitsOfNothing[17] = 1
	if err := a.UnmarshalBinary(unitsOfNothing); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("units without currency: %v", err)
	}
	if err := a.UnmarshalBinary(make([]byte, money.BinarySize)); err != nil || a != (money.Amount{}) {
		t.Errorf("zero amount: %v, %v", a, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"0", "15000", "1240.50", "0.00000001", "01", "1e9", largest} {
		f.Add(uint16(money.USD), text)
		f.Add(uint16(money.BTC), text)
	}
	f.Fuzz(func(t *testing.T, numeric uint16, text string) {
		a, err := money.Parse(money.Currency(numeric), text)
		if err != nil {
			return
		}
		back, err := money.Parse(a.Currency(), a.Decimal())
		if err != nil || back != a {
			t.Fatalf("%q reads as %v, which reads as %v, %v", text, a, back, err)
		}
		// Whatever was accepted is the canonical text but for decimals left out at the end.
		if !strings.HasPrefix(a.Decimal(), text) {
			t.Fatalf("%q was read as %s", text, a.Decimal())
		}
	})
}

func FuzzAmountJSON(f *testing.F) {
	f.Add([]byte(`{"currency":"KRW","value":"15000"}`))
	f.Add([]byte(`{"value":"0.1","currency":"BTC"}`))
	f.Add([]byte(`{"currency":"KRW","value":"1","value":"2"}`))
	f.Add([]byte(`{"currency":"KRW","value":"1"`))
	f.Add([]byte(`{"currency":"KRW"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, back money.Amount
		if a.UnmarshalJSON(data) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON and was read as %v", data, a)
		}
		text, err := a.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := back.UnmarshalJSON(text); err != nil || back != a {
			t.Fatalf("%s: %v, %v", text, back, err)
		}
	})
}

func FuzzAmountBinary(f *testing.F) {
	won, _ := money.New(money.KRW, 15000).MarshalBinary()
	f.Add(won)
	f.Add(make([]byte, money.BinarySize))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a money.Amount
		if a.UnmarshalBinary(data) != nil {
			return
		}
		if back, err := a.MarshalBinary(); err != nil || string(back) != string(data) {
			t.Fatalf("%x reads as %v, written %x, %v", data, a, back, err)
		}
	})
}
