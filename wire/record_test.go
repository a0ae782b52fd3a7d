package wire_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seyfert/wire"
)

func drawRecord(t *rapid.T) wire.Record {
	r := wire.Record{
		Type:     wire.RecordType(rapid.IntRange(1, 3).Draw(t, "type")),
		Amount:   rapid.Uint64Range(0, 1<<63-1).Draw(t, "amount"),
		Currency: rapid.Uint16().Draw(t, "currency"),
		Due:      vectorDue,
		Seq:      rapid.Uint32Range(1, 1<<32-1).Draw(t, "seq"),
	}
	if rapid.Bool().Draw(t, "correction") {
		r.Flags |= wire.FlagCorrection
	}
	half := func(name string) [16]byte {
		return [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
	}
	if r.Type == wire.RecordAggregate {
		r.Root = [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root"))
		return r
	}
	r.TransferID, r.RecordHash = half("id"), half("hash")
	if r.Type == wire.RecordCounter && rapid.Bool().Draw(t, "unknown") {
		r.Seq, r.Flags = 0, r.Flags|wire.FlagSeqUnknown
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	key := vectorCycle(t)
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		plain, err := want.Plain()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := wire.ParseRecord(want.Type, plain); err != nil || got != want {
			t.Fatalf("got %+v, %v", got, err)
		}
		coin := wire.NewOutpoint(
			[32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "txid")),
			rapid.Uint32().Draw(t, "output"))
		sealed, err := key.Seal(vectorNetwork, coin, want)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := key.Seal(vectorNetwork, coin, want); err != nil || again != sealed {
			t.Fatal("the same record on the same coin gave other bytes")
		}
		payload, err := wire.ParsePayload(sealed.Bytes())
		if err != nil || payload != sealed {
			t.Fatalf("payload %+v, %v", payload, err)
		}
		if got, err := key.Open(vectorNetwork, coin, payload); err != nil || got != want {
			t.Fatalf("opened %+v, %v", got, err)
		}
	})
}

func TestRecordRefuses(t *testing.T) {
	for name, change := range map[string]func(*wire.Record){
		"type 0":             func(r *wire.Record) { r.Type = 0 },
		"type 4":             func(r *wire.Record) { r.Type = wire.RecordReveal },
		"amount":             func(r *wire.Record) { r.Amount = 1 << 63 },
		"flags":              func(r *wire.Record) { r.Flags = 4 },
		"unknown of type 1":  func(r *wire.Record) { r.Flags, r.Seq = wire.FlagSeqUnknown, 0 },
		"no seq":             func(r *wire.Record) { r.Seq = 0 },
		"root":               func(r *wire.Record) { r.Root[0] = 1 },
		"aggregate transfer": func(r *wire.Record) { r.Type = wire.RecordAggregate },
		"unknown with seq": func(r *wire.Record) {
			r.Type, r.Flags = wire.RecordCounter, wire.FlagSeqUnknown
		},
	} {
		r := vectorTransfer()
		change(&r)
		if plain, err := r.Plain(); err == nil {
			t.Errorf("%s: written as %x", name, plain)
		}
	}
	plain, err := vectorTransfer().Plain()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, wire.PlainBytes - 1} {
		if _, err := wire.ParseRecord(wire.RecordTransfer, plain[:size]); err == nil {
			t.Errorf("%d bytes accepted", size)
		}
	}
	if _, err := wire.ParseRecord(wire.RecordTransfer, append(plain, 0)); err == nil {
		t.Error("a byte more accepted")
	}
}

func TestParsePayloadRefuses(t *testing.T) {
	reveal := "535914" + strings.Repeat("55", 32)
	for name, text := range map[string]string{
		"nothing":   "",
		"head only": "535914",
		"magic":     "545914" + reveal[6:],
		"version 2": "535924" + reveal[6:],
		"type 0":    "535910" + reveal[6:],
		"type 10":   "53591a" + reveal[6:],
		"short":     reveal[:68],
		"long":      reveal + "00",
		"confirm":   "535916" + reveal[6:],
		"sealed":    "535911" + reveal[6:],
	} {
		if _, err := wire.ParsePayload(mustHex(t, text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPayloadBytesMax(t *testing.T) {
	for kind := wire.RecordTransfer; kind <= wire.RecordDescriptor; kind++ {
		if size := len(wire.Payload{Type: kind}.Bytes()); size > wire.PayloadBytesMax {
			t.Errorf("type %d takes %d bytes", kind, size)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("type 10 was written")
		}
	}()
	_ = wire.Payload{Type: 10}.Bytes()
}

func TestOpenRefusesOpenTypes(t *testing.T) {
	payload := wire.Payload{Type: wire.RecordReveal}
	if _, err := vectorCycle(t).Open(vectorNetwork, vectorCoin(1), payload); err == nil {
		t.Error("a reveal was opened")
	}
}

func TestLeafPath(t *testing.T) {
	var leaves [][32]byte
	for count := 1; count <= 33; count++ {
		leaves = append(leaves, wire.Leaf{ClearSeq: uint32(count)}.Hash())
		root, err := wire.LeavesRoot(leaves)
		if err != nil {
			t.Fatal(err)
		}
		for index := range count {
			path, err := wire.LeafPath(leaves, index)
			if err != nil {
				t.Fatal(err)
			}
			got, err := wire.LeafPathRoot(leaves[index], index, count, path)
			if err != nil || got != root {
				t.Fatalf("leaf %d of %d: %v", index, count, err)
			}
			if _, err := wire.LeafPathRoot(leaves[index], index, count, append(path, root)); err == nil {
				t.Fatalf("leaf %d of %d: a longer path was accepted", index, count)
			}
			if len(path) == 0 {
				continue
			}
			if _, err := wire.LeafPathRoot(leaves[index], index, count, path[1:]); err == nil {
				t.Fatalf("leaf %d of %d: a shorter path was accepted", index, count)
			}
		}
		for _, index := range []int{-1, count} {
			if _, err := wire.LeafPath(leaves, index); err == nil {
				t.Errorf("path of leaf %d of %d", index, count)
			}
			if _, err := wire.LeafPathRoot(root, index, count, nil); err == nil {
				t.Errorf("root of leaf %d of %d", index, count)
			}
		}
	}
}

func TestAggregateLeavesMax(t *testing.T) {
	leaves := make([][32]byte, wire.AggregateLeavesMax+1)
	if _, err := wire.LeavesRoot(leaves); err == nil {
		t.Error("too many leaves accepted")
	}
	if _, err := wire.LeafPath(leaves, 0); err == nil {
		t.Error("too many leaves accepted for a path")
	}
	if _, err := wire.LeafPathRoot(leaves[0], 0, len(leaves), nil); err == nil {
		t.Error("too many leaves accepted for a root")
	}
	if _, err := wire.LeavesRoot(nil); err == nil {
		t.Error("no leaves accepted")
	}
}

func TestOutpoint(t *testing.T) {
	var id [32]byte
	for i := range id {
		id[i] = byte(i)
	}
	coin := wire.NewOutpoint(id, 0x01020304)
	wantHex(t, "bytes", coin[:], hex.EncodeToString(id[:])+"04030201")
	const want = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100:16909060"
	if coin.String() != want || coin.TxID() != id || coin.Output() != 0x01020304 {
		t.Errorf("text %s", coin)
	}
	if parsed, err := wire.ParseOutpoint(want); err != nil || parsed != coin {
		t.Errorf("parsed %s, %v", parsed, err)
	}
	for _, text := range []string{
		"", want[:64], want[:65], want[:65] + "01", want[:65] + "+1", want[:65] + "4294967296",
		strings.ToUpper(want), want[2:], "g" + want[1:], want + " ",
	} {
		if _, err := wire.ParseOutpoint(text); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

// Each of the hashes depends on each of its arguments and on its own tag.
func TestCommitments(t *testing.T) {
	a, b := [32]byte{1}, [32]byte{2}
	id := [16]byte{3}
	cycle := func(network, group, currency string, due uint16) [32]byte {
		t.Helper()
		hash, err := wire.CycleHash(network, group, currency, due)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	daily := func(network string, did [32]byte, day uint32, inner [32]byte) [32]byte {
		t.Helper()
		hash, err := wire.DailyRoot(network, did, day, inner)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	seen := map[[32]byte]bool{}
	for i, hash := range [][32]byte{
		wire.Hash("a"), wire.Hash("a", nil), wire.Hash("a", []byte("b")), wire.Hash("ab"),
		wire.Hash("a", []byte("b"), []byte("c")), wire.Hash("a", []byte("bc")),
		wire.DIDHash("did:web:a"), wire.DIDHash("did:web:b"),
		wire.RecordHash(id, []byte("x"), nil, nil), wire.RecordHash(id, nil, []byte("x"), nil),
		wire.LeafSalt(a, id), wire.LeafSalt(b, id),
		cycle("regtest", "g", "KRW", 1), cycle("signet", "g", "KRW", 1),
		cycle("regtest", "h", "KRW", 1), cycle("regtest", "g", "JPY", 1),
		cycle("regtest", "g", "KRW", 2),
		daily("regtest", a, 1, a), daily("signet", a, 1, a), daily("regtest", b, 1, a),
		daily("regtest", a, 2, a), daily("regtest", a, 1, b),
		wire.PositionsHash(nil), wire.PositionsHash([][32]byte{a}),
		wire.PositionsHash([][32]byte{a, b}), wire.PositionsHash([][32]byte{b, a}),
		wire.PositionHash([]byte("x")), wire.DisputeHash([]byte("x")),
		wire.DescriptorHash(a, 1, []byte("x")), wire.DescriptorHash(a, 2, []byte("x")),
		wire.PaymentKey(a, a, nil, a, b), wire.PaymentKey(a, a, nil, b, a),
		wire.PaymentKey(b, a, nil, a, b), wire.PaymentKey(a, b, nil, a, b),
		wire.PaymentKey(a, a, [][32]byte{a, b}, a, b), wire.PaymentKey(a, a, [][32]byte{a}, a, b),
	} {
		if seen[hash] {
			t.Errorf("hash %d is equal to one before", i)
		}
		seen[hash] = true
	}
	if wire.PaymentKey(a, a, [][32]byte{a, b}, a, b) != wire.PaymentKey(a, a, [][32]byte{b, a}, a, b) {
		t.Error("the order of members matters")
	}
	if wire.PairGroup("did:web:b", "did:web:a") != "did:web:a\x00did:web:b" {
		t.Error("pair group is not lower first")
	}
	if _, err := wire.CycleHash("nonet", "g", "KRW", 1); err == nil {
		t.Error("unknown network accepted")
	}
	if _, err := wire.CycleHash("regtest", "g", "krw", 1); err == nil {
		t.Error("currency in lower case accepted")
	}
	if _, err := wire.DailyRoot("nonet", a, 1, a); err == nil {
		t.Error("unknown network accepted")
	}
}

func FuzzParsePayload(f *testing.F) {
	for kind := wire.RecordTransfer; kind <= wire.RecordDescriptor; kind++ {
		f.Add(wire.Payload{Type: kind}.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := wire.ParsePayload(data)
		if err == nil && !bytes.Equal(p.Bytes(), data) {
			t.Errorf("%x became %x", data, p.Bytes())
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	plain, err := vectorTransfer().Plain()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(wire.RecordTransfer), plain)
	f.Add(byte(wire.RecordAggregate), plain)
	f.Fuzz(func(t *testing.T, kind byte, plain []byte) {
		r, err := wire.ParseRecord(wire.RecordType(kind), plain)
		if err != nil {
			return
		}
		if again, err := r.Plain(); err != nil || !bytes.Equal(again, plain) {
			t.Errorf("%x became %x, %v", plain, again, err)
		}
	})
}

func FuzzParseOutpoint(f *testing.F) {
	f.Add(vectorCoin(0x33).String())
	f.Fuzz(func(t *testing.T, text string) {
		if coin, err := wire.ParseOutpoint(text); err == nil && coin.String() != text {
			t.Errorf("%q became %q", text, coin)
		}
	})
}
