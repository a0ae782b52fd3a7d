package wire_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"seyfert/wire"
)

// The inputs of protocol B7.2.
const (
	vectorDue     = 20789
	vectorNetwork = "regtest"
	vectorPayer   = "did:web:a.example"
	vectorPayee   = "did:web:b.example"
)

func mustHex(tb testing.TB, text string) []byte {
	tb.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func wantHex(tb testing.TB, name string, got []byte, want string) {
	tb.Helper()
	if hex.EncodeToString(got) != want {
		tb.Errorf("%s:\n got %x\nwant %s", name, got, want)
	}
}

func mustX25519(tb testing.TB, fill byte) *ecdh.PrivateKey {
	tb.Helper()
	return mustPrivate(tb, strings.Repeat(hex.EncodeToString([]byte{fill}), 32))
}

func mustPrivate(tb testing.TB, text string) *ecdh.PrivateKey {
	tb.Helper()
	key, err := ecdh.X25519().NewPrivateKey(mustHex(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func vectorChannel(tb testing.TB) (wire.Channel, []byte) {
	tb.Helper()
	a, b := mustX25519(tb, 0x11), mustX25519(tb, 0x22)
	shared, err := a.ECDH(b.PublicKey())
	if err != nil {
		tb.Fatal(err)
	}
	return wire.Channel{
		Network: vectorNetwork, Payer: vectorPayer, Payee: vectorPayee, Epoch: 1,
		PayerKey: [32]byte(a.PublicKey().Bytes()), PayeeKey: [32]byte(b.PublicKey().Bytes()),
	}, shared
}

func vectorCycle(tb testing.TB) wire.CycleKey {
	tb.Helper()
	channel, shared := vectorChannel(tb)
	root, err := channel.Root(shared)
	if err != nil {
		tb.Fatal(err)
	}
	return root.Cycle(vectorDue)
}

func vectorCoin(fill byte) wire.Outpoint {
	return wire.NewOutpoint([32]byte(bytes.Repeat([]byte{fill}, 32)), 1)
}

func vectorTransfer() wire.Record {
	id := [16]byte(bytes.Repeat([]byte{0x44}, 16))
	hash := wire.RecordHash(id, []byte("jcs(prepare)"), []byte("jcs(fulfil)"), []byte("jcs(ack)"))
	return wire.Record{
		Type: wire.RecordTransfer, Amount: 125000000, Currency: 410, Due: vectorDue, Seq: 7,
		TransferID: id, RecordHash: [16]byte(hash[:16]),
	}
}

func vectorLeaves() [][32]byte {
	var leaves [][32]byte
	for i := range byte(3) {
		leaves = append(leaves, wire.Leaf{
			ClearSeq: 8 + uint32(i), TransferID: [16]byte(bytes.Repeat([]byte{i + 1}, 16)),
			Amount: uint64(i+1) * 1000, Currency: 410, Due: vectorDue,
			Salt: [32]byte(bytes.Repeat([]byte{0xa0 + i}, 32)),
		}.Hash())
	}
	return leaves
}

func vectorAggregate(tb testing.TB) wire.Record {
	tb.Helper()
	leaves, err := wire.LeavesRoot(vectorLeaves())
	if err != nil {
		tb.Fatal(err)
	}
	aggregate := wire.Aggregate{
		First: 8, Last: 10, Count: 3, Total: 6000, Currency: 410, Due: vectorDue,
	}
	return wire.Record{
		Type: wire.RecordAggregate, Amount: 6000, Currency: 410, Due: vectorDue, Seq: 10,
		Root: aggregate.Root(leaves),
	}
}

func TestChannelVectors(t *testing.T) {
	channel, shared := vectorChannel(t)
	wantHex(t, "shared", shared,
		"9e004098efc091d4ec2663b4e9f5cfd4d7064571690b4bea97ab146ab9f35056")
	name := channel.Hash()
	wantHex(t, "channel", name[:],
		"6eca90ff68b11ddcaeff30722f29a9d7dc6ba74f10cc38a062b60ab35c715699")
	root, err := channel.Root(shared)
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "root", root[:],
		"0ed19395861b776a1ad3edabc75873b1dede0ab8dbb8be5d0e8c1e0bce500d98")
	cycle := root.Cycle(vectorDue)
	wantHex(t, "kCycle", cycle.Key[:],
		"abcbd87559eb8a243b0d133ef35c65f9d0d660a79490eafd91d25f7f60d3f72a")
}

func TestSealedVectors(t *testing.T) {
	record := wire.RecordHash([16]byte(bytes.Repeat([]byte{0x44}, 16)),
		[]byte("jcs(prepare)"), []byte("jcs(fulfil)"), []byte("jcs(ack)"))
	wantHex(t, "recordHash", record[:],
		"9a170c6530782bd22f8a9e6ac23888575718adfc08f766cfe75158814bc477a4")
	leaves, err := wire.LeavesRoot(vectorLeaves())
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "leavesRoot", leaves[:],
		"1f03ddd1c2717b3c06d4c006e53304120569d04f0f93a92c52037c8715b39b2e")
	aggregate := vectorAggregate(t)
	wantHex(t, "aggregateRoot", aggregate.Root[:],
		"30a5350575da539209f62584b34343a566ae10d9e206b3c02098f36f1f98bde7")
	cases := []struct {
		name, outpoint, plain, bytes string
		coin                         byte
		record                       wire.Record
	}{
		{
			name: "transfer", coin: 0x33, record: vectorTransfer(),
			outpoint: "33333333333333333333333333333333" +
				"3333333333333333333333333333333301000000",
			plain: "0000000007735940019a5135000000070044444444444444444444444444444444" +
				"9a170c6530782bd22f8a9e6ac2388857",
			bytes: "535911963c94a987cd582073710fc30419cb2887d13980d3dc22c0eed983e95b" +
				"efbebe1c5d7e1eab851b28d3ccf6f26ff96a152a9c1dc2302f18343d70909c65" +
				"0213a419c40e7134c6c4e224fb3afe60",
		},
		{
			name: "aggregate", coin: 0x66, record: aggregate,
			outpoint: "66666666666666666666666666666666" +
				"6666666666666666666666666666666601000000",
			plain: "0000000000001770019a51350000000a0030a5350575da539209f62584b34343" +
				"a566ae10d9e206b3c02098f36f1f98bde7",
			bytes: "535912fd068829802a8f6364c541e036f07cfa37ef690c3fee64300a40d644c4" +
				"df8b88b1dfba2bf0348a73f5b3c0d9e58f21ccdac4daaaab5bc25b82e57443a0" +
				"537e296c392b94fa33d5959fbd7a212c",
		},
	}
	key := vectorCycle(t)
	for _, c := range cases {
		coin := vectorCoin(c.coin)
		wantHex(t, c.name+".outpoint", coin[:], c.outpoint)
		plain, err := c.record.Plain()
		if err != nil {
			t.Fatal(err)
		}
		wantHex(t, c.name+".plain", plain, c.plain)
		payload, err := key.Seal(vectorNetwork, coin, c.record)
		if err != nil {
			t.Fatal(err)
		}
		wantHex(t, c.name+".bytes", payload.Bytes(), c.bytes)
		parsed, err := wire.ParsePayload(mustHex(t, c.bytes))
		if err != nil {
			t.Fatal(err)
		}
		got, err := key.Open(vectorNetwork, coin, parsed)
		if err != nil || got != c.record {
			t.Errorf("%s: opened %+v, %v", c.name, got, err)
		}
	}
}

func TestOpenPayloadVectors(t *testing.T) {
	fill := func(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }
	preimage := fill(0x55)
	condition := sha256.Sum256(preimage[:])
	wantHex(t, "condition", condition[:],
		"84126d0dd850199be29021aadbaee68cb9199047b1cb7ec9894ddb1e3562783c")
	payer := wire.DIDHash(vectorPayer)
	daily, err := wire.DailyRoot(vectorNetwork, payer, vectorDue, fill(0x77))
	if err != nil {
		t.Fatal(err)
	}
	cycle, err := wire.CycleHash(vectorNetwork, "group", "KRW", vectorDue)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		payload wire.Payload
		want    string
	}{
		{
			"reveal",
			wire.Payload{Type: wire.RecordReveal, Hash: preimage},
			"5359145555555555555555555555555555555555555555555555555555555555555555",
		},
		{
			"daily",
			wire.Payload{Type: wire.RecordDaily, Hash: daily},
			"535915bb18ea359606b61b4fe3e9b332b4312e015924bac490a38a7844202b40af0ec5",
		},
		{
			"confirm",
			wire.Payload{
				Type: wire.RecordConfirm, Group: [16]byte(cycle[:16]),
				Hash: wire.PositionsHash([][32]byte{fill(0x88)}),
			},
			"53591627b6d72b331d5f57d59934eeb8d58645ffd1be9804cda04efcabeffc68" +
				"d8d6ccee2cfd10dcaf9d2ca03e076cc9f626f4",
		},
		{
			"position",
			wire.Payload{
				Type: wire.RecordPosition, Group: [16]byte(cycle[:16]),
				Hash: wire.PositionHash([]byte("jcs(position)")),
			},
			"53591727b6d72b331d5f57d59934eeb8d5864595f01e7c63554da676dfb13370" +
				"aac770d077cb3f23e8bb09b649aaaeadbb785d",
		},
		{
			"dispute",
			wire.Payload{
				Type: wire.RecordDispute, Group: vectorTransfer().RecordHash,
				Hash: wire.DisputeHash([]byte("jcs(dispute.open)")),
			},
			"5359189a170c6530782bd22f8a9e6ac2388857759001154fc5c5c3959907ab39" +
				"6f24cecbbefdecac6825229791c008bf83146e",
		},
		{
			"descriptor",
			wire.Payload{
				Type: wire.RecordDescriptor,
				Hash: wire.DescriptorHash(payer, 3, []byte("jcs(descriptor)")),
			},
			"535919575068a0f69e135709d6f41a7114013478939c45c9758b34f4f8f10def235192",
		},
	}
	for _, c := range cases {
		wantHex(t, c.name, c.payload.Bytes(), c.want)
		parsed, err := wire.ParsePayload(mustHex(t, c.want))
		if err != nil || parsed != c.payload {
			t.Errorf("%s: parsed %+v, %v", c.name, parsed, err)
		}
	}
}

// A payload that is copied anywhere else must not open there (B7.1).
func TestOpenElsewhere(t *testing.T) {
	channel, shared := vectorChannel(t)
	root, err := channel.Root(shared)
	if err != nil {
		t.Fatal(err)
	}
	coin := vectorCoin(0x33)
	payload, err := root.Cycle(vectorDue).Seal(vectorNetwork, coin, vectorTransfer())
	if err != nil {
		t.Fatal(err)
	}
	back := channel
	back.Payer, back.Payee = channel.Payee, channel.Payer
	back.PayerKey, back.PayeeKey = channel.PayeeKey, channel.PayerKey
	later := channel
	later.Epoch = 2
	for name, other := range map[string]wire.Channel{"direction": back, "epoch": later} {
		otherRoot, err := other.Root(shared)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := otherRoot.Cycle(vectorDue).Open(vectorNetwork, coin, payload); err == nil {
			t.Errorf("opened under another %s", name)
		}
	}
	if _, err := root.Cycle(vectorDue+1).Open(vectorNetwork, coin, payload); err == nil {
		t.Error("opened with another date's key")
	}
	if _, err := root.Cycle(vectorDue).Open("signet", coin, payload); err == nil {
		t.Error("opened on another network")
	}
	if _, err := root.Cycle(vectorDue).Open(vectorNetwork, vectorCoin(0x34), payload); err == nil {
		t.Error("opened on another coin")
	}
	for i := range payload.Bytes() {
		data := payload.Bytes()
		data[i] ^= 1
		changed, err := wire.ParsePayload(data)
		if err != nil {
			continue
		}
		if _, err := root.Cycle(vectorDue).Open(vectorNetwork, coin, changed); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
}

func TestChannelRefuses(t *testing.T) {
	channel, shared := vectorChannel(t)
	if _, err := channel.Root(make([]byte, 32)); err == nil {
		t.Error("low-order shared secret accepted")
	}
	if _, err := channel.Root(shared[:31]); err == nil {
		t.Error("short shared secret accepted")
	}
	changes := map[string]func(*wire.Channel){
		"network": func(c *wire.Channel) { c.Network = "mainnetwork" },
		"payer":   func(c *wire.Channel) { c.Payer = "did:web:" },
		"payee":   func(c *wire.Channel) { c.Payee = c.Payer },
		"epoch":   func(c *wire.Channel) { c.Epoch = 0 },
	}
	for name, change := range changes {
		bad := channel
		change(&bad)
		if _, err := bad.Root(shared); err == nil {
			t.Errorf("bad %s accepted", name)
		}
	}
	record := vectorTransfer()
	record.Due++
	if _, err := vectorCycle(t).Seal(vectorNetwork, vectorCoin(1), record); err == nil {
		t.Error("record of another date sealed")
	}
}
