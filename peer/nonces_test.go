package peer_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"seyfert/fault"
	"seyfert/peer"
)

// codeOf is the code of a refusal, or empty.
func codeOf(err error) fault.Code {
	f, ok := fault.Of(err)
	if !ok {
		return ""
	}
	return f.Code
}

func TestNonces(t *testing.T) {
	n := peer.NewNonces()
	steps := []struct {
		did, nonce string
		end, now   int64
		want       fault.Code
	}{
		{"a", "1", 100, 0, ""},
		{"a", "1", 100, 0, fault.Unauthenticated},
		{"a", "1", 900, 50, fault.Unauthenticated},
		{"b", "1", 100, 50, ""}, // each peer counts for itself
		{"a", "2", 200, 50, ""},
		{"a", "1", 300, 100, fault.Unauthenticated},
		// Over: the first one's signature could not pass any more.
		{"a", "1", 300, 101, ""},
		// The clock went back, so this one may have been seen.
		{"a", "3", 100, 90, fault.Unauthenticated},
		{"a", "3", 101, 90, ""},
		{"a", "2", 200, 90, fault.Unauthenticated},
	}
	for i, step := range steps {
		err := n.Use(step.did, step.nonce, step.end, step.now)
		if (err != nil) != (step.want != "") || codeOf(err) != step.want {
			t.Errorf("step %d: %v, want %q", i, err, step.want)
		}
	}
	if n.Len() != 3 {
		t.Errorf("%d nonces are remembered, want 3", n.Len())
	}
}

func TestNoncesLimits(t *testing.T) {
	n := peer.NewNonces()
	use := func(did string, number int, now int64, want fault.Code) {
		t.Helper()
		err := n.Use(did, strconv.Itoa(number), now+360, now)
		if codeOf(err) != want {
			t.Fatalf("nonce %d of %s at %d: %v, want %q", number, did, now, err, want)
		}
	}
	for i := range peer.NoncesPeerMax {
		use("a", i, 0, "")
	}
	use("a", peer.NoncesPeerMax, 0, fault.TooMany)
	use("a", 0, 0, fault.Unauthenticated) // full, and still remembered
	for i := range peer.NoncesMax - peer.NoncesPeerMax {
		use("b", i, 1, "")
	}
	use("c", 0, 1, fault.TooMany)
	if n.Len() != peer.NoncesMax {
		t.Fatalf("%d nonces are remembered, want %d", n.Len(), peer.NoncesMax)
	}
	use("c", 0, 360, fault.TooMany)
	use("c", 0, 361, "") // a's have ended
	use("a", 0, 361, "")
	if want := peer.NoncesMax - peer.NoncesPeerMax + 2; n.Len() != want {
		t.Errorf("%d nonces are remembered, want %d", n.Len(), want)
	}
}

// TestNoncesTakeNoRequestTwice holds that, whatever the clock does, a request is taken at most
// once. Its end is under its signature, so a replay comes with the same one, and the check of
// the signature lets nothing through after it.
func TestNoncesTakeNoRequestTwice(t *testing.T) {
	type request struct {
		did, nonce string
		end        int64
	}
	rapid.Check(t, func(t *rapid.T) {
		n := peer.NewNonces()
		requests := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
			return request{
				did:   rapid.SampledFrom([]string{"a", "b"}).Draw(t, "did"),
				nonce: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "nonce"),
				end:   rapid.Int64Range(0, 50).Draw(t, "end"),
			}
		}), 1, 10).Draw(t, "requests")
		taken := make(map[request]bool)
		for range rapid.IntRange(1, 100).Draw(t, "arrivals") {
			r := rapid.SampledFrom(requests).Draw(t, "request")
			now := rapid.Int64Range(0, 50).Draw(t, "now")
			if now > r.end {
				continue
			}
			err := n.Use(r.did, r.nonce, r.end, now)
			if err == nil && taken[r] {
				t.Fatalf("%+v was taken a second time at %d", r, now)
			}
			taken[r] = taken[r] || err == nil
		}
	})
}
