package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seyfert/wire"
)

type accountKind struct{}

func (accountKind) Prefix() string { return "acc" }

type memberKind struct{}

func (memberKind) Prefix() string { return "mem" }

// RFC 9562 appendix A.6: the example of a version 7 UUID.
const (
	vectorUUID  = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
	vectorMilli = 0x017f22e279b0
)

func vectorRandom() [10]byte {
	return [10]byte{0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}
}

func TestUUIDVector(t *testing.T) {
	u := wire.NewUUID(vectorMilli, vectorRandom())
	if u.String() != vectorUUID || u.UnixMilli() != vectorMilli {
		t.Errorf("got %s at %d", u, u.UnixMilli())
	}
	parsed, err := wire.ParseUUID(vectorUUID)
	if err != nil || parsed != u {
		t.Errorf("parsed %x, %v", parsed, err)
	}
	id := wire.NewID[accountKind](vectorMilli, vectorRandom())
	if id.UUID() != vectorUUID || id.UnixMilli() != vectorMilli {
		t.Errorf("id is %s at %d", id.UUID(), id.UnixMilli())
	}
	const want = "acc_01FWHE4YDGFK1SHH6W1G60EECF"
	if id.String() != want {
		t.Errorf("text %s, want %s", id, want)
	}
}

func TestParseUUIDRefuses(t *testing.T) {
	for _, text := range []string{
		"", vectorUUID[1:], vectorUUID + "0", strings.ToUpper(vectorUUID),
		strings.ReplaceAll(vectorUUID, "-", ""), "{" + vectorUUID[1:35] + "}",
		"017f22e2-79b0-4cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
		"00000000-0000-0000-0000-000000000000",
	} {
		if _, err := wire.ParseUUID(text); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := wire.NewID[accountKind](vectorMilli, vectorRandom()).String()
	for _, text := range []string{
		"", "acc_", good[4:], "mem" + good[3:], "ACC" + good[3:], good + "0", good[:29],
		strings.ToLower(good), strings.Replace(good, "01", "O1", 1),
		strings.Replace(good, "01", "81", 1), strings.Replace(good, "_", "-", 1),
		" " + good, good[:8] + "-" + good[9:], wire.ID[accountKind]{}.String(),
	} {
		if _, err := wire.ParseID[accountKind](text); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func TestIDRoundTrip(t *testing.T) {
	type both struct {
		Account wire.ID[accountKind] `json:"account"`
		Member  wire.ID[memberKind]  `json:"member,omitzero"`
		Thread  wire.UUID            `json:"thread"`
	}
	rapid.Check(t, func(t *rapid.T) {
		milli := rapid.Int64Range(0, 1<<48-1).Draw(t, "milli")
		random := [10]byte(rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random"))
		id := wire.NewID[accountKind](milli, random)
		if id.UnixMilli() != milli || id.IsZero() {
			t.Fatalf("id %s at %d", id, id.UnixMilli())
		}
		if parsed, err := wire.ParseID[accountKind](id.String()); err != nil || parsed != id {
			t.Fatalf("parsed %s, %v", parsed, err)
		}
		later := wire.NewID[accountKind](min(milli+1, 1<<48-1), random)
		if later.String() < id.String() || later.UUID() < id.UUID() {
			t.Fatal("texts do not follow time")
		}
		want := both{Account: id, Thread: wire.NewUUID(milli, random)}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got both
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
}

func TestZeroIDHasNoText(t *testing.T) {
	if _, err := json.Marshal(wire.ID[accountKind]{}); err == nil {
		t.Error("zero id written")
	}
	if _, err := json.Marshal(wire.UUID{}); err == nil {
		t.Error("zero uuid written")
	}
}

func TestNewUUIDPanics(t *testing.T) {
	for _, milli := range []int64{-1, 1 << 48} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("time %d accepted", milli)
				}
			}()
			wire.NewUUID(milli, [10]byte{})
		}()
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(wire.NewID[accountKind](vectorMilli, vectorRandom()).String())
	f.Add("acc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
	f.Add(vectorUUID)
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := wire.ParseID[accountKind](text); err == nil && id.String() != text {
			t.Errorf("%q became %q", text, id)
		}
		if u, err := wire.ParseUUID(text); err == nil && wire.UUID(u).String() != text {
			t.Errorf("%q became %q", text, wire.UUID(u))
		}
	})
}

// TestEveryDigit holds that an id is written in the alphabet alone, and each digit has one value.
func TestEveryDigit(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	good := "acc_01M7Q5CQG0EG494N32ME2JRC65"
	for c := range 256 {
		text := good[:len(good)-1] + string([]byte{byte(c)})
		id, err := wire.ParseID[accountKind](text)
		value := strings.IndexByte(alphabet, byte(c))
		if (err == nil) != (value >= 0) {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && (int(id[15]&31) != value || id.String() != text) {
			t.Errorf("%q was read as %x", text, id)
		}
	}
}
