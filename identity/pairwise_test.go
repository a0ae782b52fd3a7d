package identity_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"seyfert/identity"
	"seyfert/wire"
)

func mustPairwiseKey(tb testing.TB, fill byte) identity.PairwiseKey {
	tb.Helper()
	key, err := identity.NewPairwiseKey(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func idOf(fill byte) [16]byte { return [16]byte(bytes.Repeat([]byte{fill}, 16)) }

// The vectors of docs/identity.md: a change of them would make every member a stranger.
func TestPairwiseVectors(t *testing.T) {
	for _, c := range []struct {
		key, company, member byte
		want                 string
	}{
		{0x11, 0x22, 0x33, "R1tkininf2ZHv8rY7PFIMJ21bULK_6dihKANGSXp7iA"},
		{0x11, 0x22, 0x34, "kHu-rcubTHrMuLNjIKnqOH4J6g8Kp_8aOGdWVEEuCBc"},
		{0x11, 0x23, 0x33, "GuwfkjxXhzgNvp2FFE1Gwc6g6xbVpDXeZ2DD3ykCso0"},
		{0x12, 0x22, 0x33, "_XK28RAT4FVLZ9p5j0qRlud_pLu68SkYrpDq4w6mdrc"},
	} {
		id := mustPairwiseKey(t, c.key).PairwiseID(idOf(c.company), idOf(c.member))
		if id.String() != c.want {
			t.Errorf("%x %x %x: %s, want %s", c.key, c.company, c.member, id, c.want)
		}
	}
}

// The definition, written a second time: HMAC-SHA256(key, H("identity/pairwise", company, member)).
func TestPairwiseDefinition(t *testing.T) {
	company, member := idOf(0x22), idOf(0x33)
	text, err := hex.DecodeString(hex.EncodeToString([]byte("seyfert/v1/identity/pairwise\x00")) +
		"00000010" + strings.Repeat("22", 16) + "00000010" + strings.Repeat("33", 16))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	h := hmac.New(sha256.New, bytes.Repeat([]byte{0x11}, 32))
	h.Write(sum[:])
	got := mustPairwiseKey(t, 0x11).PairwiseID(company, member)
	if !bytes.Equal(got[:], h.Sum(nil)) {
		t.Errorf("%x", got)
	}
}

func TestPairwiseID(t *testing.T) {
	key := mustPairwiseKey(t, 1)
	seen := map[string]bool{}
	for company := range byte(32) {
		for member := range byte(32) {
			id := key.PairwiseID(idOf(company), idOf(member))
			again, err := identity.ParsePairwiseID(id.String())
			if err != nil || again != id || seen[id.String()] || len(id.String()) != 43 {
				t.Fatalf("%s: %v", id, err)
			}
			seen[id.String()] = true
		}
	}
	id := key.PairwiseID(idOf(1), idOf(2))
	data, err := json.Marshal(id)
	if err != nil || string(data) != `"`+id.String()+`"` {
		t.Errorf("%s, %v", data, err)
	}
	var back identity.PairwiseID
	if err := json.Unmarshal(data, &back); err != nil || back != id {
		t.Errorf("%s, %v", back, err)
	}
	for _, bad := range []string{
		"", id.String()[1:], id.String() + "A", id.String()[:42] + "\n",
		id.String()[:42] + "=", strings.Repeat("+", 43), id.String()[:42] + "B",
	} {
		if got, err := identity.ParsePairwiseID(bad); err == nil && got.String() != bad {
			t.Errorf("%q: %s", bad, got)
		}
		if err := json.Unmarshal([]byte(`"`+bad+`x"`), &back); err == nil {
			t.Errorf("%q: read", bad)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, 32), bytes.Repeat([]byte{1}, 31)} {
		if _, err := identity.NewPairwiseKey(bad); err == nil {
			t.Errorf("a key of %x", bad)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an id without a key")
		}
	}()
	identity.PairwiseKey{}.PairwiseID(idOf(1), idOf(2))
}

func testPolicy() identity.Policy {
	return identity.Policy{
		Wants: []identity.Want{
			{Kind: identity.KindHistory, Claim: "/on_time"},
			{Kind: identity.KindRealName, Claim: "/age_over_19"},
			{Kind: identity.KindRealName, Claim: "/country"},
		},
		Purpose: "주류는 성인에게만 팝니다.",
	}
}

func TestPolicy(t *testing.T) {
	for _, p := range []identity.Policy{{}, testPolicy()} {
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := identity.ParsePolicy(data)
		if err != nil || len(got.Wants) != len(p.Wants) || got.Purpose != p.Purpose {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got := (identity.Policy{}).Claims(identity.KindRealName); len(got) != 0 {
		t.Errorf("nobody asked for %q", got)
	}
	many := testPolicy()
	many.Wants = make([]identity.Want, identity.WantsMax+1)
	for name, p := range map[string]identity.Policy{
		"many":       many,
		"no purpose": {Wants: testPolicy().Wants},
		"blank":      {Wants: testPolicy().Wants, Purpose: " "},
		"no claims":  {Purpose: "why not"},
		"long": {
			Wants:   testPolicy().Wants,
			Purpose: strings.Repeat("x", identity.PurposeBytesMax+1),
		},
		"unknown": {Wants: []identity.Want{{Kind: "urn:x", Claim: "/name"}}, Purpose: "x"},
		"CI": {
			Wants: []identity.Want{{Kind: identity.KindRealName, Claim: "/ci"}}, Purpose: "x",
		},
		"everything": {
			Wants: []identity.Want{{Kind: identity.KindRealName, Claim: ""}}, Purpose: "x",
		},
		"twice": {
			Wants: []identity.Want{testPolicy().Wants[0], testPolicy().Wants[0]}, Purpose: "x",
		},
		"order": {
			Wants: []identity.Want{testPolicy().Wants[1], testPolicy().Wants[0]}, Purpose: "x",
		},
	} {
		if _, err := p.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		if _, err := identity.ParsePolicy(wire.MustMarshal(p)); err == nil {
			t.Errorf("%s: parsed", name)
		}
	}
}

// A presentation made for a policy passes it; one that says more, or is of a kind that nobody
// asked for, does not.
func TestPolicyCheck(t *testing.T) {
	text := mustIssue(t, testStatement())
	verify := func(claims ...string) identity.Verified {
		v, err := mustParse(t, mustPresent(t, text, claims...)).Verify(expected())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p := testPolicy()
	if err := p.Check(verify(p.Claims(identity.KindRealName)...)); err != nil {
		t.Error(err)
	}
	if err := p.Check(verify("/country")); err != nil {
		t.Error(err)
	}
	if err := p.Check(verify("/country", "/name")); err == nil {
		t.Error("a name that nobody asked for")
	}
	if err := (identity.Policy{}).Check(verify()); err == nil {
		t.Error("a credential that nobody asked for")
	}
}
