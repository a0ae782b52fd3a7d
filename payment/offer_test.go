package payment_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

// issued is when the offers of these tests were made, in Unix seconds.
const issued = 1_795_000_000

// validOffer is an offer with everything in it.
func validOffer() payment.Offer {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32))).Public().(ed25519.PublicKey)
	return payment.Offer{
		Issuer: "did:web:tokyo.example", ID: payment.OfferID(wire.NewUUID(issued*1000, [10]byte{1})),
		Company: "com_01", Name: "Kanda Paper", Alias: "pay:com_01",
		PayeeKey: base64.RawURLEncoding.EncodeToString(key),
		Origins:  []string{"https://shop.example", "http://shop.localhost:7409"},
		// The last of the origins, with a path.
		ReturnURL:  "http://shop.localhost:7409/back?order=7",
		Amount:     wire.NewMessageAmount(15_000, "KRW", 0),
		BasketHash: strings.Repeat("0", 64), Uses: payment.UsesOnce,
		IssuedAt: issued, Expires: issued + 180,
	}
}

func TestOfferRoundTrip(t *testing.T) {
	want := validOffer()
	got, err := payment.ParseOffer(want.Payload())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Total() != money.New(money.KRW, 15_000) {
		t.Errorf("total %s", got.Total())
	}
}

func TestOfferValidate(t *testing.T) {
	long := strings.Repeat("x", payment.TextMax+1)
	tests := []struct {
		name, field string
		change      func(o *payment.Offer)
	}{
		{"no issuer", "offer.iss", func(o *payment.Offer) { o.Issuer = "" }},
		{"issuer of another method", "offer.iss", func(o *payment.Offer) { o.Issuer = "did:key:z6" }},
		{"long issuer", "offer.iss", func(o *payment.Offer) { o.Issuer = "did:web:" + long }},
		{"no company", "offer.company", func(o *payment.Offer) { o.Company = "" }},
		{"long company", "offer.company", func(o *payment.Offer) { o.Company = long }},
		{"no name", "offer.name", func(o *payment.Offer) { o.Name = "" }},
		{"blank name", "offer.name", func(o *payment.Offer) { o.Name = " \u3000" }},
		{"name that turns round", "offer.name", func(o *payment.Offer) {
			o.Name = "Kanda \u202erepaP"
		}},
		{"name with a NUL", "offer.name", func(o *payment.Offer) { o.Name = "Kanda\x00" }},
		{"long name", "offer.name", func(o *payment.Offer) { o.Name = long }},
		{"no alias", "offer.payee_alias", func(o *payment.Offer) { o.Alias = "" }},
		{"long alias", "offer.payee_alias", func(o *payment.Offer) { o.Alias = long }},
		{"nothing to pay", "offer.amount", func(o *payment.Offer) { o.Amount.Value = "0" }},
		{"unknown currency", "amount.currency", func(o *payment.Offer) { o.Amount.Currency = "ZZZ" }},
		{"small letters", "amount.currency", func(o *payment.Offer) { o.Amount.Currency = "krw" }},
		{"scale of another currency", "amount.scale", func(o *payment.Offer) { o.Amount.Scale = 2 }},
		{"sign", "amount.value", func(o *payment.Offer) { o.Amount.Value = "-1" }},
		{"leading zero", "amount.value", func(o *payment.Offer) { o.Amount.Value = "015000" }},
		{"decimals", "amount.value", func(o *payment.Offer) { o.Amount.Value = "15000.0" }},
		{"2^63", "amount.value", func(o *payment.Offer) { o.Amount.Value = "9223372036854775808" }},
		{"2^64", "amount.value", func(o *payment.Offer) { o.Amount.Value = "18446744073709551616" }},
		{"many uses", "offer.uses", func(o *payment.Offer) { o.Uses = "many" }},
		{"no life", "offer.exp", func(o *payment.Offer) { o.Expires = o.IssuedAt }},
		{"long life", "offer.exp", func(o *payment.Offer) {
			o.Expires = o.IssuedAt + payment.OfferSecondsMax + 1
		}},
		{"no key", "offer.payee_key", func(o *payment.Offer) { o.PayeeKey = "" }},
		{"short key", "offer.payee_key", func(o *payment.Offer) { o.PayeeKey = "AAAA" }},
		{"padded key", "offer.payee_key", func(o *payment.Offer) { o.PayeeKey += "=" }},
		{"many origins", "offer.origins", func(o *payment.Offer) {
			o.Origins = slices.Repeat([]string{"https://a.example"}, payment.OfferOriginsMax+1)
		}},
		{"origin without host", "offer.origins", func(o *payment.Offer) {
			o.Origins = []string{"https://"}
		}},
		{"origin of another scheme", "offer.origins", func(o *payment.Offer) {
			o.Origins = []string{"javascript:alert(1)"}
		}},
		{"origin with a user", "offer.origins", func(o *payment.Offer) {
			o.Origins = []string{"https://a@b.example"}
		}},
		{"return elsewhere", "offer.return_url", func(o *payment.Offer) {
			o.ReturnURL = "https://evil.example/shop.example"
		}},
		{"return to another port", "offer.return_url", func(o *payment.Offer) {
			o.ReturnURL = "http://shop.localhost:7408/"
		}},
		{"return that is no URL", "offer.return_url", func(o *payment.Offer) { o.ReturnURL = "/back" }},
		{"long return", "offer.return_url", func(o *payment.Offer) {
			o.ReturnURL = "https://shop.example/" + long
		}},
		{"short hash", "offer.basket_hash", func(o *payment.Offer) { o.BasketHash = o.BasketHash[2:] }},
		{"long hash", "offer.basket_hash", func(o *payment.Offer) { o.BasketHash += "00" }},
		{"hash in capitals", "offer.basket_hash", func(o *payment.Offer) {
			o.BasketHash = strings.Repeat("A", 64)
		}},
		{"words for a hash", "offer.basket_hash", func(o *payment.Offer) {
			o.BasketHash = strings.Repeat("Washi!  ", 8)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := validOffer()
			test.change(&o)
			f, ok := fault.Of(o.Validate())
			if !ok || f.Field != test.field {
				t.Errorf("%v, want a fault of %s", f, test.field)
			}
		})
	}
}

func TestOfferAtItsLimits(t *testing.T) {
	tests := []struct {
		name   string
		change func(o *payment.Offer)
	}{
		{"the longest life", func(o *payment.Offer) {
			o.Expires = o.IssuedAt + payment.OfferSecondsMax
		}},
		{"the largest amount", func(o *payment.Offer) {
			o.Amount.Value = "9223372036854775807"
		}},
		{"no basket and no way back", func(o *payment.Offer) {
			o.BasketHash, o.Origins, o.ReturnURL = "", []string{}, ""
		}},
		{"an origin in capitals", func(o *payment.Offer) {
			o.ReturnURL = "https://SHOP.example/x"
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := validOffer()
			test.change(&o)
			if err := o.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseOfferRefuses(t *testing.T) {
	payload := string(validOffer().Payload())
	tests := []struct{ name, payload string }{
		{"nothing", ""},
		{"no JSON", "x"},
		{"a space", payload + " "},
		{"an unknown field", `{"a":1,` + payload[1:]},
		{"a field twice", strings.Replace(payload, `"uses":"once"`, `"uses":"once","uses":"once"`, 1)},
		{"fields out of order", `{"uses":"once","alias":""}`},
		{"a missing list", strings.Replace(payload, `"origins":[`, `"origins":null,"x":[`, 1)},
		{"the lines of a basket", strings.Replace(payload, `"basket_hash"`,
			`"basket":[],"basket_hash"`, 1)},
		{"an id of another kind", strings.Replace(payload, `"off_`, `"ord_`, 1)},
		{"too long", strings.Replace(payload, "Kanda", strings.Repeat("K", payment.OfferBytesMax), 1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := payment.ParseOffer([]byte(test.payload))
			if f, ok := fault.Of(err); !ok || !strings.HasPrefix(f.Field, "offer") {
				t.Errorf("%v, want a fault of the offer", err)
			}
		})
	}
}

// TestOfferHashCoversEveryField: no field of an offer can be changed under its hash.
func TestOfferHashCoversEveryField(t *testing.T) {
	seen := map[[32]byte]string{payment.OfferHash(validOffer().Payload()): "the offer"}
	for name, change := range map[string]func(o *payment.Offer){
		"issuer":   func(o *payment.Offer) { o.Issuer += "x" },
		"id":       func(o *payment.Offer) { o.ID[15] ^= 1 },
		"company":  func(o *payment.Offer) { o.Company += "x" },
		"name":     func(o *payment.Offer) { o.Name += "x" },
		"key":      func(o *payment.Offer) { o.PayeeKey = strings.Repeat("A", 43) },
		"alias":    func(o *payment.Offer) { o.Alias += "x" },
		"origins":  func(o *payment.Offer) { o.Origins = o.Origins[1:] },
		"return":   func(o *payment.Offer) { o.ReturnURL += "x" },
		"amount":   func(o *payment.Offer) { o.Amount.Value = "15001" },
		"currency": func(o *payment.Offer) { o.Amount.Currency = "JPY" },
		"hash":     func(o *payment.Offer) { o.BasketHash = strings.Repeat("1", 64) },
		"issued":   func(o *payment.Offer) { o.IssuedAt++ },
		"expires":  func(o *payment.Offer) { o.Expires++ },
	} {
		o := validOffer()
		change(&o)
		hash := payment.OfferHash(o.Payload())
		if other, twice := seen[hash]; twice {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[hash] = name
	}
}

func TestMoney(t *testing.T) {
	for _, a := range []money.Amount{
		money.New(money.KRW, 0), money.New(money.USD, 1), money.New(money.BTC, 1<<63-1),
	} {
		got, err := payment.Money(payment.WireAmount(a))
		if err != nil || got != a {
			t.Errorf("%s came back as %s: %v", a, got, err)
		}
	}
}

func FuzzParseOffer(f *testing.F) {
	payload := validOffer().Payload()
	f.Add(payload)
	f.Add([]byte(strings.Replace(string(payload), `"15000"`, `"0"`, 1)))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := payment.ParseOffer(data)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		if string(o.Payload()) != string(data) {
			t.Fatalf("%s reads as %s", data, o.Payload())
		}
		if o.Total().IsZero() {
			t.Fatal("an offer of nothing")
		}
	})
}
