package payment_test

import (
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

func validReceipt() payment.Receipt {
	return payment.Receipt{
		Handle: [16]byte{1, 2, 3}, Amount: money.New(money.USD, 124_050),
		PayeeKey: []byte(strings.Repeat("k", 32)), OfferHash: [32]byte{4}, Expires: issued + 180,
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	want := validReceipt()
	got, err := payment.ParseReceipt(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b money.Amount) bool {
		return a == b
	})); diff != "" {
		t.Error(diff)
	}
}

func TestParseReceiptRefuses(t *testing.T) {
	change := func(do func(r *payment.Receipt)) []byte {
		r := validReceipt()
		do(&r)
		return r.Encode()
	}
	whole := validReceipt().Encode()
	tests := []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"cut short", whole[:len(whole)-1]},
		{"a byte more", append(whole[:len(whole):len(whole)], 0)},
		{"no key", change(func(r *payment.Receipt) { r.PayeeKey = []byte{} })},
		{"a long key", change(func(r *payment.Receipt) { r.PayeeKey = append(r.PayeeKey, 1) })},
		{"no amount", change(func(r *payment.Receipt) { r.Amount = money.New(money.KRW, 0) })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := payment.ParseReceipt(test.data); err == nil {
				t.Error("it was read")
			}
		})
	}
}

// TestClaimDigestCoversEveryPart: nothing that the bound key signed can be exchanged.
func TestClaimDigestCoversEveryPart(t *testing.T) {
	won, yen := money.New(money.KRW, 15_000), money.New(money.JPY, 15_000)
	digests := map[[32]byte]bool{}
	for _, digest := range [][32]byte{
		payment.ClaimDigest(payment.ClaimID{1}, "r", [32]byte{2}, "alias", won),
		payment.ClaimDigest(payment.ClaimID{2}, "r", [32]byte{2}, "alias", won),
		payment.ClaimDigest(payment.ClaimID{1}, "s", [32]byte{2}, "alias", won),
		payment.ClaimDigest(payment.ClaimID{1}, "r", [32]byte{3}, "alias", won),
		payment.ClaimDigest(payment.ClaimID{1}, "r", [32]byte{2}, "other", won),
		payment.ClaimDigest(payment.ClaimID{1}, "r", [32]byte{2}, "alias", yen),
		payment.ClaimDigest(payment.ClaimID{1}, "r", [32]byte{2}, "alias",
			money.New(money.KRW, 15_001)),
	} {
		if digests[digest] {
			t.Fatal("two claims have one digest")
		}
		digests[digest] = true
	}
}

// TestClaimDigestVector fixes what shops sign, for clients in other languages.
func TestClaimDigestVector(t *testing.T) {
	id := payment.ClaimID(wire.NewUUID(issued*1000, [10]byte{7}))
	got := payment.ClaimDigest(id, "v1.receipt", [32]byte{8}, "pay:com_01",
		money.New(money.KRW, 15_000))
	const want = "36ef6861d4e362d348ab09da714d87ef356fc4920e0f38bae6e5c522f5bb6fcf"
	if text := wire.Digest(got).String(); text != want {
		t.Errorf("digest %s, want %s", text, want)
	}
}

func FuzzParseReceipt(f *testing.F) {
	whole := validReceipt().Encode()
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := payment.ParseReceipt(data)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		if string(r.Encode()) != string(data) {
			t.Fatalf("%x reads as %x", data, r.Encode())
		}
	})
}
