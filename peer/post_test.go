package peer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/egress"
	"seyfert/peer"
	"seyfert/wire"
)

func TestPost(t *testing.T) {
	n := newTokyo(t)
	want := []peer.Answer{
		{Status: 200, Outcome: "accepted"},
		{Status: 422, Outcome: "refused", Code: "T04", Detail: "No credit: 15000 KRW \"left\"."},
		{
			Status: 409, Outcome: "conflict", ExpectedSeq: 7,
			ExpectedHash: wire.Digest{1}, GotHash: wire.Digest{2},
		},
	}
	sent := []string{"a.b.c", "d.e.f", "g.h.i"}
	n.answer = func(from string, jws []string) []peer.Answer {
		if from != seoulDID || !cmp.Equal(jws, sent) {
			t.Errorf("got %q from %s", jws, from)
		}
		return want
	}
	c := newSeoul(t, n.clock)
	for range 3 {
		got, err := c.Post(t.Context(), n.address(), sent)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, r := range n.requests() {
		if r.path != peer.PathMessages || r.header.Get("Content-Type") != peer.TypeMessages {
			t.Errorf("posted %s to %s", r.header.Get("Content-Type"), r.path)
		}
	}
}

func TestPostFullBatch(t *testing.T) {
	n := newTokyo(t)
	c := newSeoul(t, n.clock)
	full := messages(wire.MessageBatchMax, 10_000)
	if got, err := c.Post(t.Context(), n.address(), full); err != nil || len(got) != len(full) {
		t.Errorf("%d answers, %v", len(got), err)
	}
	// As many bytes as a batch can hold: the body is then exactly BatchBytesMax long.
	frame := len(`{"messages":["",""]}`)
	large := []string{"x", strings.Repeat("a", wire.BatchBytesMax-frame-len(`x,`)+1)}
	if got, err := c.Post(t.Context(), n.address(), large); err != nil || len(got) != 2 {
		t.Errorf("%d answers, %v", len(got), err)
	}
	last := n.requests()
	if got := len(last[len(last)-1].body); got != wire.BatchBytesMax {
		t.Errorf("body of %d bytes, want %d", got, wire.BatchBytesMax)
	}
	large[0] += "x"
	for _, over := range [][]string{nil, append(full, "x"), large} {
		if _, err := c.Post(t.Context(), n.address(), over); err == nil {
			t.Errorf("a batch of %d messages was posted", len(over))
		}
	}
	if len(n.requests()) != len(last) {
		t.Error("a batch out of bounds reached the peer")
	}
}

func TestFit(t *testing.T) {
	frame := len(`{"messages":[""]}`)
	tests := []struct {
		jws  []string
		want int
	}{
		{nil, 0},
		{messages(1, 1), 1},
		{messages(wire.MessageBatchMax, 1), wire.MessageBatchMax},
		{messages(wire.MessageBatchMax+1, 1), wire.MessageBatchMax},
		{messages(2*wire.MessageBatchMax, 1), wire.MessageBatchMax},
		{messages(1, wire.BatchBytesMax-frame), 1},
		{messages(1, wire.BatchBytesMax-frame+1), 0},
		{messages(40, 1<<18), 15},
	}
	for i, test := range tests {
		got := peer.Fit(test.jws)
		if got != test.want {
			t.Errorf("case %d: Fit = %d, want %d", i, got, test.want)
		}
		if got > 0 {
			body, err := wire.EncodeBatch(test.jws[:got])
			if err != nil || len(body) > wire.BatchBytesMax {
				t.Errorf("case %d: what fits has %d bytes: %v", i, len(body), err)
			}
		}
		if got > 0 && got < len(test.jws) {
			if _, err := wire.EncodeBatch(test.jws[:got+1]); err == nil {
				t.Errorf("case %d: one more would have fitted", i)
			}
		}
	}
}

// TestPostDistrustsAnswers changes an answer on its way back: none of it is believed.
func TestPostDistrustsAnswers(t *testing.T) {
	other := newKey("other")
	tests := map[string]func(n *tokyo, h http.Header, status int, b []byte) (int, []byte){
		"body": func(_ *tokyo, _ http.Header, s int, b []byte) (int, []byte) {
			return s, bytes.Replace(b, []byte("accepted"), []byte("rejected"), 1)
		},
		"body and digest": func(_ *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			b = bytes.Replace(b, []byte("accepted"), []byte("rejected"), 1)
			h.Set("Content-Digest", wire.ContentDigest(b))
			return s, b
		},
		"no signature": func(_ *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			h.Del("Signature")
			h.Del("Signature-Input")
			return s, b
		},
		"no digest": func(_ *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			h.Del("Content-Digest")
			return s, b
		},
		"shorter life": func(_ *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			h.Set("Signature-Input", strings.Replace(
				h.Get("Signature-Input"), "expires=1", "expires=2", 1))
			return s, b
		},
		"another key": func(n *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			resign(t, other, n, h, s, b, "")
			return s, b
		},
		"another nonce": func(n *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			resign(t, n.key, n, h, s, b, "AAAAAAAAAAAAAAAAAAAAAA")
			return s, b
		},
		"fewer answers": func(n *tokyo, h http.Header, s int, _ []byte) (int, []byte) {
			b := []byte(`{"results":[{"outcome":"accepted","status":200}]}`)
			resign(t, n.key, n, h, s, b, "")
			return s, b
		},
		"no answers": func(n *tokyo, h http.Header, s int, _ []byte) (int, []byte) {
			b := []byte(`{"results":[]}`)
			resign(t, n.key, n, h, s, b, "")
			return s, b
		},
		"stale": func(n *tokyo, h http.Header, s int, b []byte) (int, []byte) {
			n.clock.seconds.Add(-peer.SignatureSeconds - wire.SignatureWindow - 1)
			resign(t, n.key, n, h, s, b, "")
			n.clock.seconds.Add(peer.SignatureSeconds + wire.SignatureWindow + 1)
			return s, b
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			n := newTokyo(t)
			c := newSeoul(t, n.clock)
			if _, err := c.Post(t.Context(), n.address(), messages(2, 9)); err != nil {
				t.Fatal(err)
			}
			n.spoil = func(h http.Header, status int, body []byte) (int, []byte) {
				return spoil(n, h, status, body)
			}
			got, err := c.Post(t.Context(), n.address(), messages(2, 9))
			if !errors.Is(err, peer.ErrAnswer) || got != nil {
				t.Errorf("got %v, %v, want ErrAnswer", got, err)
			}
		})
	}
}

// resign signs an answer to the last request with a key, under the request's nonce or another.
func resign(
	t *testing.T, key keyPair, n *tokyo, h http.Header, status int, body []byte, nonce string,
) {
	t.Helper()
	all := n.requests()
	last := all[len(all)-1]
	if nonce == "" {
		_, after, _ := strings.Cut(last.header.Get("Signature-Input"), `nonce="`)
		nonce, _, _ = strings.Cut(after, `"`)
	}
	signed := wire.NewSignedRequest(last.method, n.origin+last.path, last.body, nonce)
	params := wire.SignatureParams{
		Created: n.clock.now(), Expires: n.clock.now() + 60,
		KeyID: key.KeyID(), Nonce: nonce, Tag: wire.TagSNP,
	}
	if err := wire.SignResponse(h, status, body, signed, params, key.SignHTTP); err != nil {
		t.Error(err)
	}
}

// TestPostRefusesAnEarlierAnswer gives the whole signed answer of one request to another.
func TestPostRefusesAnEarlierAnswer(t *testing.T) {
	n := newTokyo(t)
	c := newSeoul(t, n.clock)
	var kept http.Header
	n.spoil = func(h http.Header, status int, body []byte) (int, []byte) {
		if kept == nil {
			kept = h.Clone()
			return status, body
		}
		for _, name := range []string{"Content-Digest", "Signature", "Signature-Input"} {
			h.Set(name, kept.Get(name))
		}
		return status, body
	}
	if _, err := c.Post(t.Context(), n.address(), messages(1, 9)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Post(t.Context(), n.address(), messages(1, 9))
	if !errors.Is(err, peer.ErrAnswer) {
		t.Errorf("got %v, want ErrAnswer", err)
	}
}

func TestPostStatus(t *testing.T) {
	tests := []struct {
		status int
		retry  string
		want   peer.StatusError
	}{
		{503, "7", peer.StatusError{Status: 503, RetryAfter: 7 * time.Second}},
		{429, "999999", peer.StatusError{Status: 429, RetryAfter: peer.RetryAfterMax}},
		{429, "Wed, 21 Oct 2026 07:28:00 GMT", peer.StatusError{Status: 429}},
		{401, "-1", peer.StatusError{Status: 401}},
		{500, "99999999999999999999", peer.StatusError{Status: 500}},
		{307, "", peer.StatusError{Status: 307}},
		{202, "", peer.StatusError{Status: 202}},
	}
	for _, test := range tests {
		n := newTokyo(t)
		n.spoil = func(h http.Header, _ int, body []byte) (int, []byte) {
			h.Set("Retry-After", test.retry)
			h.Set("Location", n.origin)
			return test.status, body
		}
		_, err := newSeoul(t, n.clock).Post(t.Context(), n.address(), messages(1, 9))
		got, ok := errors.AsType[*peer.StatusError](err)
		if !ok || *got != test.want {
			t.Errorf("status %d: %v, want %+v", test.status, err, test.want)
		}
	}
}

func TestPostFailures(t *testing.T) {
	n := newTokyo(t)
	c := newSeoul(t, n.clock)
	to := n.address()
	to.URL = "http://10.0.0.1"
	if _, err := c.Post(t.Context(), to, messages(1, 9)); !errors.Is(err, egress.ErrURL) {
		t.Errorf("inner address: %v", err)
	}
	to.URL = "https://169.254.169.254"
	if _, err := c.Post(t.Context(), to, messages(1, 9)); !errors.Is(err, egress.ErrAddress) {
		t.Errorf("metadata address: %v", err)
	}
	to.URL = "://"
	if _, err := c.Post(t.Context(), to, messages(1, 9)); !errors.Is(err, egress.ErrURL) {
		t.Errorf("malformed address: %v", err)
	}
	to = n.address()
	to.Key = nil
	if _, err := c.Post(t.Context(), to, messages(1, 9)); !errors.Is(err, peer.ErrAnswer) {
		t.Errorf("no pinned key: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Post(ctx, n.address(), messages(1, 9))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	c = peer.NewClient(newOut(t), newKey("seoul"), n.clock.now, iotest.ErrReader(broken))
	if _, err := c.Post(t.Context(), n.address(), messages(1, 9)); !errors.Is(err, broken) {
		t.Errorf("no random: %v", err)
	}
	c = peer.NewClient(newOut(t), lame{newKey("seoul"), broken}, n.clock.now, rand.Reader)
	if _, err := c.Post(t.Context(), n.address(), messages(1, 9)); !errors.Is(err, broken) {
		t.Errorf("no signature: %v", err)
	}
}

// lame is a signer that cannot sign.
type lame struct {
	keyPair
	err error
}

// SignHTTP implements peer.Signer.
func (l lame) SignHTTP([]byte) ([]byte, error) { return nil, l.err }
