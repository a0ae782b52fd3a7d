package peer_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/fault"
	"seyfert/peer"
	"seyfert/wire"
)

// captured returns a request that seoul made for tokyo, as it stood on the wire, and a fresh
// receiver at the same address that has not seen it.
func captured(t *testing.T) (capture, *peer.Receiver, *clock, string) {
	t.Helper()
	n := newTokyo(t)
	c := newSeoul(t, n.clock)
	if _, err := c.Post(t.Context(), n.address(), []string{"a.b.c", "d.e.f"}); err != nil {
		t.Fatal(err)
	}
	return n.requests()[0], newReceiver(t, n.origin, n.clock), n.clock, n.origin
}

// verify hands a captured request to a receiver, under a Host of the attacker's choice.
func verify(r *peer.Receiver, c capture) (peer.Request, error) {
	req := httptest.NewRequest(c.method, c.path, bytes.NewReader(c.body))
	req.Host = "elsewhere.example"
	req.Header = c.header
	return r.Verify(req, c.body)
}

// mustRefuse checks that a request is refused as not authenticated.
func mustRefuse(t *testing.T, r *peer.Receiver, c capture) {
	t.Helper()
	got, err := verify(r, c)
	f, ok := fault.Of(err)
	if !ok || f.Code != fault.Unauthenticated || got.DID != "" {
		t.Errorf("got %q, %v, want unauthenticated", got.DID, err)
	}
}

func TestVerify(t *testing.T) {
	request, r, _, _ := captured(t)
	got, err := verify(r, request)
	if err != nil || got.DID != seoulDID {
		t.Errorf("got %q, %v, want %s", got.DID, err, seoulDID)
	}
}

func TestReplayIsRefused(t *testing.T) {
	request, r, c, _ := captured(t)
	if _, err := verify(r, request); err != nil {
		t.Fatal(err)
	}
	// A replay is refused while its signature would pass, and then for its age.
	end := int64(peer.SignatureSeconds + wire.SignatureWindow)
	for _, later := range []int64{0, 1, peer.SignatureSeconds, end - 1, end, end + 1, 10 * end} {
		start := c.now()
		c.seconds.Add(later)
		mustRefuse(t, r, request)
		c.seconds.Store(start)
	}
	// Nor does a clock that ran ahead and was set back open a way.
	mustRefuse(t, r, request)
}

func TestReplayAtAnotherNode(t *testing.T) {
	request, _, c, origin := captured(t)
	mustRefuse(t, newReceiver(t, "http://osaka.localhost:1", c), request)
	mustRefuse(t, newReceiver(t, strings.Replace(origin, "http", "https", 1), c), request)
	mustRefuse(t, newReceiver(t, origin+"/prefix", c), request)
}

func TestWindow(t *testing.T) {
	for offset, want := range map[int64]bool{
		-wire.SignatureWindow - 1: false,
		-wire.SignatureWindow:     true,
		0:                         true,
		peer.SignatureSeconds + wire.SignatureWindow:     true,
		peer.SignatureSeconds + wire.SignatureWindow + 1: false,
	} {
		request, r, c, _ := captured(t)
		c.seconds.Add(offset)
		if want {
			if _, err := verify(r, request); err != nil {
				t.Errorf("offset %d: %v", offset, err)
			}
			continue
		}
		mustRefuse(t, r, request)
	}
}

func TestAlteredRequests(t *testing.T) {
	set := func(name, value string) func(*capture) {
		return func(c *capture) { c.header.Set(name, value) }
	}
	swap := func(name, old, text string) func(*capture) {
		return func(c *capture) {
			value := c.header.Get(name)
			if !strings.Contains(value, old) {
				panic("nothing to alter in " + value)
			}
			c.header.Set(name, strings.Replace(value, old, text, 1))
		}
	}
	tests := map[string]func(*capture){
		"method":        func(c *capture) { c.method = "PUT" },
		"path":          func(c *capture) { c.path = "/snp/v1/message" },
		"query":         func(c *capture) { c.path += "?x=1" },
		"absolute path": func(c *capture) { c.path += "/" },
		"body bit":      func(c *capture) { c.body[20] ^= 1 },
		"body end":      func(c *capture) { c.body = append(c.body, ' ') },
		"body gone":     func(c *capture) { c.body = nil },
		"body and digest": func(c *capture) {
			c.body[20] ^= 1
			c.header.Set("Content-Digest", wire.ContentDigest(c.body))
		},
		"type":           set("Content-Type", "application/json"),
		"length":         set("Content-Length", "1"),
		"no type":        func(c *capture) { c.header.Del("Content-Type") },
		"no digest":      func(c *capture) { c.header.Del("Content-Digest") },
		"no input":       func(c *capture) { c.header.Del("Signature-Input") },
		"no signature":   func(c *capture) { c.header.Del("Signature") },
		"two signatures": func(c *capture) { c.header.Add("Signature", c.header.Get("Signature")) },
		"two digests": func(c *capture) {
			c.header.Add("Content-Digest", c.header.Get("Content-Digest"))
		},
		"empty signature": set("Signature", "sig1=::"),
		"created":         swap("Signature-Input", "created=1", "created=2"),
		"expires":         swap("Signature-Input", "expires=1", "expires=2"),
		"tag":             swap("Signature-Input", `"snp"`, `"web"`),
		"label":           swap("Signature-Input", "sig1=", "sig2="),
		"fewer covered":   swap("Signature-Input", ` "content-digest"`, ""),
		"key":             swap("Signature-Input", `keyid="`, `keyid="A`),
		"another's key": swap("Signature-Input",
			newKey("seoul").KeyID(), newKey("other").KeyID()),
		"own key in its place": swap("Signature-Input",
			newKey("seoul").KeyID(), newKey("tokyo").KeyID()),
		"nonce": swap("Signature-Input", `nonce="`, `nonce="A`),
	}
	for name, alter := range tests {
		t.Run(name, func(t *testing.T) {
			request, r, _, _ := captured(t)
			altered := request.clone()
			alter(&altered)
			mustRefuse(t, r, altered)
			// What was refused has spent nothing: the true request still passes.
			if _, err := verify(r, request); err != nil {
				t.Errorf("the true request afterwards: %v", err)
			}
		})
	}
}

func TestUnknownPeer(t *testing.T) {
	n := newTokyo(t)
	stranger := peer.NewClient(newOut(t), newKey("stranger"), n.clock.now,
		bytes.NewReader(make([]byte, 64)))
	if _, err := stranger.Post(t.Context(), n.address(), messages(1, 9)); err == nil {
		t.Error("a stranger was let in")
	}
	request := n.requests()[0]
	mustRefuse(t, n.receiver, request)
}

func TestVerifyBodyLimit(t *testing.T) {
	_, r, _, _ := captured(t)
	req := httptest.NewRequest(http.MethodPost, peer.PathMessages, nil)
	_, err := r.Verify(req, make([]byte, wire.BatchBytesMax+1))
	if f, ok := fault.Of(err); !ok || f.Code != fault.TooLarge {
		t.Errorf("body over the limit: %v", err)
	}
	_, err = r.Verify(req, make([]byte, wire.BatchBytesMax))
	if f, ok := fault.Of(err); !ok || f.Code != fault.Unauthenticated {
		t.Errorf("body of the limit: %v", err)
	}
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

// Read implements io.Reader.
func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestAdmit: who sent a request is known from its head alone, and only for a true one.
func TestAdmit(t *testing.T) {
	request, r, c, origin := captured(t)
	admit := func(r *peer.Receiver, request capture, length int64) (string, error) {
		req := httptest.NewRequest(request.method, request.path, unread{t})
		req.Header, req.ContentLength = request.header, length
		return r.Admit(req)
	}
	length := int64(len(request.body))
	for range 2 { // it spends no nonce
		if did, err := admit(r, request, length); err != nil || did != seoulDID {
			t.Fatalf("got %q, %v", did, err)
		}
	}
	refused := func(name string, r *peer.Receiver, request capture, length int64, code fault.Code) {
		t.Helper()
		did, err := admit(r, request, length)
		if f, ok := fault.Of(err); !ok || f.Code != code || did != "" {
			t.Errorf("%s: %q, %v, want %s", name, did, err, code)
		}
	}
	refused("longer", r, request, length+1, fault.Unauthenticated)
	refused("empty", r, request, 0, fault.Unauthenticated)
	refused("in chunks", r, request, -1, fault.Invalid)
	refused("over the limit", r, request, wire.BatchBytesMax+1, fault.TooLarge)
	refused("for another node", newReceiver(t, origin+"/prefix", c), request, length,
		fault.Unauthenticated)
	for _, name := range []string{"Signature", "Signature-Input", "Content-Digest"} {
		bare := request.clone()
		bare.header.Del(name)
		refused("without "+name, r, bare, length, fault.Unauthenticated)
	}
	forged := request.clone()
	forged.header.Set("Content-Digest", wire.ContentDigest(nil))
	refused("another digest", r, forged, length, fault.Unauthenticated)
	forged = request.clone()
	forged.header.Set("Signature", "sig1=:"+strings.Repeat("A", 86)+"==:")
	refused("the key's name and no key", r, forged, length, fault.Unauthenticated)
	if _, err := verify(r, request); err != nil {
		t.Errorf("the request afterwards: %v", err)
	}
	c.seconds.Add(peer.SignatureSeconds + wire.SignatureWindow + 1)
	refused("late", r, request, length, fault.Unauthenticated)
}

func TestNewReceiver(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://bank.example":        true,
		"https://bank.example:8443":   true,
		"https://bank.example/node":   true,
		"http://tokyo.localhost:7402": true,
		"":                            false,
		"bank.example":                false,
		"http://bank.example":         false,
		"https://bank.example/":       false,
		"https://bank.example?":       false,
		"https://bank.example?a=b":    false,
		"https://bank.example#":       false,
		"https://u@bank.example":      false,
		"HTTPS://bank.example":        false,
	} {
		_, err := peer.NewReceiver(origin, newKey("tokyo"), nil, newClock().now)
		if (err == nil) != want {
			t.Errorf("NewReceiver(%q): %v", origin, err)
		}
	}
}
