package identity_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seyfert/identity"
)

// Token Status List draft 21 sections 4.1 and 4.2.
func TestStatusListVectors(t *testing.T) {
	for _, c := range []struct {
		bits   int
		packed string
		want   []identity.Status
	}{
		{1, "eNrbuRgAAhcBXQ", []identity.Status{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "eNo76fITAAPfAgc", []identity.Status{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		l, err := identity.UnpackStatusList(c.bits, c.packed)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := identity.NewStatusList(c.bits, len(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if l.Entries() != len(c.want) || ours.Entries() != len(c.want) {
			t.Errorf("%d bits: %d entries, ours %d", c.bits, l.Entries(), ours.Entries())
		}
		for i, want := range c.want {
			if got, err := l.Get(int64(i)); err != nil || got != want {
				t.Errorf("%d bits, entry %d: %d, %v", c.bits, i, got, err)
			}
			if err := ours.Set(int64(i), want); err != nil {
				t.Fatal(err)
			}
		}
		packed, err := ours.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(mustInflate(t, packed), mustInflate(t, c.packed)) {
			t.Errorf("%d bits: packed to %s", c.bits, packed)
		}
	}
}

// Token Status List draft 21 appendix C.1: a list of 2^20 entries.
func TestStatusListLargeVector(t *testing.T) {
	const packed = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogE" +
		"AAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
		"AAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAA" +
		"A7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAA" +
		"ACAZC8L2AEb"
	l, err := identity.UnpackStatusList(1, packed)
	if err != nil {
		t.Fatal(err)
	}
	set := map[int64]bool{}
	for _, i := range []int64{
		0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345,
	} {
		set[i] = true
	}
	if l.Entries() != identity.StatusEntriesMax {
		t.Errorf("%d entries", l.Entries())
	}
	for i := range int64(l.Entries()) {
		if got, err := l.Get(i); err != nil || (got == identity.StatusInvalid) != set[i] {
			t.Fatalf("entry %d: %d, %v", i, got, err)
		}
	}
}

func mustInflate(tb testing.TB, packed string) []byte {
	tb.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(packed)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	var data bytes.Buffer
	if _, err := data.ReadFrom(r); err != nil {
		tb.Fatal(err)
	}
	return data.Bytes()
}

func deflated(tb testing.TB, data []byte) string {
	tb.Helper()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

func TestStatusListRefuses(t *testing.T) {
	good := deflated(t, []byte{1, 2, 3})
	raw := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	packed, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	badSum := bytes.Clone(packed)
	badSum[len(badSum)-1] ^= 1
	for name, c := range map[string]struct {
		bits   int
		packed string
	}{
		"no bits":       {0, good},
		"three bits":    {3, good},
		"nine bits":     {9, good},
		"nothing":       {1, ""},
		"padding":       {1, good + "="},
		"not zlib":      {1, raw("not zlib")},
		"cut":           {1, raw(string(packed[:len(packed)-3]))},
		"wrong sum":     {1, raw(string(badSum))},
		"more behind":   {1, raw(string(packed) + "x")},
		"two streams":   {1, raw(string(packed) + string(packed))},
		"empty":         {1, deflated(t, nil)},
		"a bomb":        {8, deflated(t, make([]byte, 64<<20))},
		"one too many":  {8, deflated(t, make([]byte, identity.StatusBytesMax+1))},
		"bits too many": {1, deflated(t, make([]byte, identity.StatusEntriesMax/8+1))},
	} {
		if _, err := identity.UnpackStatusList(c.bits, c.packed); err == nil {
			t.Errorf("%s: unpacked", name)
		}
	}
	const largest = identity.StatusEntriesMax / 8
	for bits, size := range map[int]int{1: largest, 2: 2 * largest, 8: 8 * largest} {
		if _, err := identity.UnpackStatusList(bits, deflated(t, make([]byte, size))); err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	for _, size := range []int{-1, 0, identity.StatusEntriesMax + 1} {
		if _, err := identity.NewStatusList(1, size); err == nil {
			t.Errorf("a list of %d", size)
		}
	}
	l, err := identity.NewStatusList(2, 9)
	if err != nil || l.Entries() != 12 {
		t.Fatalf("%d entries, %v", l.Entries(), err)
	}
	if l.Set(12, 1) == nil || l.Set(-1, 1) == nil || l.Set(0, 4) == nil {
		t.Error("set what is not there")
	}
	for _, index := range []int64{-1, 12, 1 << 62} {
		if _, err := l.Get(index); err == nil {
			t.Errorf("entry %d is there", index)
		}
	}
	if _, err := (identity.StatusList{}).Get(0); err == nil {
		t.Error("the zero list has an entry")
	}
}

// A bomb is not unpacked to see that it is one.
func TestStatusListBomb(t *testing.T) {
	bomb := deflated(t, make([]byte, 64<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := identity.UnpackStatusList(8, bomb); err == nil {
		t.Error("unpacked")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16*identity.StatusBytesMax {
		t.Errorf("%d bytes to refuse a text of %d", took, len(bomb))
	}
}

// A list is what was set in it, through packing and back.
func TestStatusListProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bits := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(rt, "bits")
		l, err := identity.NewStatusList(bits, rapid.IntRange(1, 2000).Draw(rt, "entries"))
		if err != nil {
			rt.Fatal(err)
		}
		model := make([]identity.Status, l.Entries())
		for range rapid.IntRange(0, 50).Draw(rt, "changes") {
			at := rapid.IntRange(0, len(model)-1).Draw(rt, "at")
			model[at] = identity.Status(rapid.IntRange(0, 1<<bits-1).Draw(rt, "status"))
			if err := l.Set(int64(at), model[at]); err != nil {
				rt.Fatal(err)
			}
		}
		packed, err := l.Pack()
		if err != nil {
			rt.Fatal(err)
		}
		if l, err = identity.UnpackStatusList(bits, packed); err != nil {
			rt.Fatal(err)
		}
		for at, want := range model {
			if got, err := l.Get(int64(at)); err != nil || got != want {
				rt.Fatalf("entry %d: %d, want %d, %v", at, got, want, err)
			}
		}
	})
}

func mustPublish(tb testing.TB, change func(identity.StatusList)) string {
	tb.Helper()
	l, err := identity.NewStatusList(2, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	change(l)
	issuer, priv := mustKey(fillIssuer)
	d, err := l.Publish(testList, issuer, testNow, testNow+3600)
	if err != nil {
		tb.Fatal(err)
	}
	return mustSeal(tb, d, priv)
}

// A credential from its issue to its revocation.
func TestRevocation(t *testing.T) {
	issuer, _ := mustKey(fillIssuer)
	v, err := mustParse(t, mustPresent(t, mustIssue(t, testStatement()), "/name")).Verify(expected())
	if err != nil {
		t.Fatal(err)
	}
	for status, good := range map[identity.Status]bool{
		identity.StatusValid: true, identity.StatusInvalid: false,
		identity.StatusSuspended: false, 3: false,
	} {
		text := mustPublish(t, func(l identity.StatusList) {
			if err := l.Set(v.Status.Index, status); err != nil {
				t.Fatal(err)
			}
		})
		l, err := identity.OpenStatusList(text, testList, issuer, testNow)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(v.Status); (err == nil) != good {
			t.Errorf("status %d: %v", status, err)
		}
		for _, at := range []identity.StatusAt{
			{},
			{URI: testList + "0", Index: 1},
			{URI: testList, Index: 1000},
			{URI: testList, Index: -1},
		} {
			if err := l.Check(at); err == nil {
				t.Errorf("%v: valid", at)
			}
		}
	}
}

func TestOpenStatusListRefuses(t *testing.T) {
	issuer, _ := mustKey(fillIssuer)
	other, _ := mustKey(9)
	text := mustPublish(t, func(identity.StatusList) {})
	for name, open := range map[string]func() (identity.StatusList, error){
		"another address": func() (identity.StatusList, error) {
			return identity.OpenStatusList(text, testList+"2", issuer, testNow)
		},
		"no address": func() (identity.StatusList, error) {
			return identity.OpenStatusList(text, "", issuer, testNow)
		},
		"another key": func() (identity.StatusList, error) {
			return identity.OpenStatusList(text, testList, other, testNow)
		},
		"ended": func() (identity.StatusList, error) {
			return identity.OpenStatusList(text, testList, issuer, testNow+3600)
		},
		"of tomorrow": func() (identity.StatusList, error) {
			return identity.OpenStatusList(text, testList, issuer, testNow-86400)
		},
		"a credential": func() (identity.StatusList, error) {
			c := mustIssue(t, testStatement())
			return identity.OpenStatusList(c[:strings.Index(c, "~")], testList, issuer, testNow)
		},
		"long": func() (identity.StatusList, error) {
			long := strings.Repeat("A", identity.StatusTokenBytesMax+1)
			return identity.OpenStatusList(long, testList, issuer, testNow)
		},
	} {
		if _, err := open(); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	header := `{"alg":"EdDSA","typ":"statuslist+jwt"}`
	form := func(iat, exp, list string) string {
		return fmt.Sprintf(`{"sub":%q,"iat":%s,"exp":%s,"status_list":%s}`, testList, iat, exp, list)
	}
	const before, after, list = "1789999999", "1790000001", `{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`
	for payload, good := range map[string]bool{
		form(before, after, list):                                         true,
		form("null", after, list):                                         false,
		form(before, "null", list):                                        false,
		form(before, after, "[]"):                                         false,
		form(before, after, `{"bits":1}`):                                 false,
		form(before, after, `{"bits":4294967297,"lst":"eNrbuRgAAhcBXQ"}`): false,
		form(before, after, `{"bits":"1","lst":"eNrbuRgAAhcBXQ"}`):        false,
	} {
		_, err := identity.OpenStatusList(forgeToken(header, payload), testList, issuer, testNow)
		if (err == nil) != good {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	issuer, _ := mustKey(fillIssuer)
	l, err := identity.NewStatusList(8, identity.StatusEntriesMax)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(testList, issuer, testNow, testNow+1); err != nil {
		t.Error(err)
	}
	noise := rand.New(rand.NewChaCha8([32]byte{}))
	for i := range int64(identity.StatusEntriesMax) { // so that nothing packs
		if err := l.Set(i, identity.Status(noise.Uint32())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Publish(testList, issuer, testNow, testNow+1); err == nil {
		t.Error("published what nobody would open")
	}
	small, err := identity.NewStatusList(1, 8)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no address": second(small.Publish("", issuer, testNow, testNow+1)),
		"http":       second(small.Publish("http://seoul.example/1", issuer, testNow, testNow+1)),
		"a fragment": second(small.Publish(testList+"#1", issuer, testNow, testNow+1)),
		"a password": second(small.Publish("https://a:b@seoul.example/", issuer, 1, 2)),
		"long":       second(small.Publish(testList+strings.Repeat("1", 512), issuer, 1, 2)),
		"no life":    second(small.Publish(testList, issuer, testNow, testNow)),
		"long life": second(small.Publish(testList, issuer, testNow,
			testNow+identity.StatusLifeMax+1)),
		"no key": second(small.Publish(testList, nil, testNow, testNow+1)),
	} {
		if err == nil {
			t.Errorf("%s: published", name)
		}
	}
	if _, err := small.Publish("http://seoul.localhost:8080/status/1", issuer, 1, 2); err != nil {
		t.Errorf("a sandbox's address: %v", err)
	}
}

func second(_ identity.Draft, err error) error { return err }
