package web_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/node"
	"seyfert/web"
)

func TestNewParty(t *testing.T) {
	for name, want := range map[string]web.Party{
		"神田紙店 Kanda Paper":    kanda(),
		"시험 고객 Test customer": customer(),
		"隅田トラスト":              {Name: "隅田トラスト", Lang: "ja"},
		"Maru Books":          {Name: "Maru Books"},
		" Maru  Books 서점 ":    {Name: "Maru Books 서점"},
		"":                    {},
	} {
		if diff := cmp.Diff(want, web.NewParty(name, "ja")); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
	}
}

func TestNodeName(t *testing.T) {
	for did, want := range map[string]string{
		"did:web:tokyo.localhost%3A7402": "tokyo", "did:web:bank.example:nodes:1": "bank",
		"seoul": "seoul", "": "", "did:web:%zz.example": "%zz",
	} {
		if have := web.NodeName(did); have != want {
			t.Errorf("%q: %q, want %q", did, have, want)
		}
	}
}

// TestNodeEvent keeps a kind that it has no words for.
func TestNodeEvent(t *testing.T) {
	amount := won(15_000)
	cases := []struct {
		event node.Event
		key   string
		args  []any
	}{
		{node.Event{Kind: "order held", Amount: &amount}, "order.held", []any{amount, ""}},
		{
			node.Event{Kind: "sent prepare", Peer: "did:web:tokyo.localhost"},
			"sent",
			[]any{"prepare", "tokyo"},
		},
		{
			node.Event{Kind: "chain confirmed", Subject: "day:1", Offer: "813"},
			"chain.confirmed.day",
			[]any{"813", ""},
		},
		{
			node.Event{
				Kind: "chain sent", Subject: "record:trf_1", Peer: "did:web:tokyo.localhost",
			},
			"chain.sent.record",
			[]any{"", "tokyo"},
		},
		{
			node.Event{Kind: "chain forgotten", Subject: "day:1"},
			"other",
			[]any{"chain forgotten", ""},
		},
		{node.Event{Kind: "moon risen"}, "other", []any{"moon risen", ""}},
	}
	for _, c := range cases {
		have := web.NodeEvent("seoul", c.event, time.UTC)
		if have.Key != c.key || have.Args[0] != c.args[0] || have.Args[1] != c.args[1] {
			t.Errorf("%q: %q %v", c.event.Kind, have.Key, have.Args)
		}
	}
}
