package verify_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"seyfert/clearing"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/proof"
	"seyfert/spv"
	"seyfert/wire"
)

// The world of these tests: two nodes that clear two transfers on two days, each day anchored
// in a regtest chain that is mined here; on the second day the payer's node has books of its own
// too. Everything follows from fixed seeds, so that the same
// bundles come out every time.
const (
	payerDID = "did:web:seoul.localhost"
	payeeDID = "did:web:tokyo.localhost"
	// startDay is 2026-10-01 in days since 1970.
	startDay = 20727
	dayMilli = 24 * 60 * 60 * 1000
)

// world is both nodes and the chain.
type world struct {
	payer, payee *member
	chain        *regtest
	transfers    []transfer
	lines        []placed // of the payer's books
	days         [][2]day
}

// transfer is what both nodes signed about one transfer.
type transfer struct {
	prepare, fulfil, ack string
	leaves               map[*member]placed
}

// placed is a record and its place in a node's journal.
type placed struct {
	record proof.Record
	index  int64
}

// day is one closed day of a node.
type day struct {
	number uint32
	note   string
	size   int64
	spends []string
	branch spv.Branch
	header spv.Header
}

// newWorld plays the whole story. Names are those of the nodes; a forger passes its own seed.
func newWorld(t testing.TB, seed string) *world {
	t.Helper()
	w := &world{
		payer: newMember(t, seed+"payer", payerDID),
		payee: newMember(t, seed+"payee", payeeDID),
		chain: newRegtest(t),
	}
	w.chain.mine(t)
	for n := range 2 {
		at := int64(startDay+n) * dayMilli
		w.payer.fill(t, 3+n)
		w.payee.fill(t, 6)
		w.clear(t, money.New(money.KRW, 15_000+uint64(n)), uint32(n+1), at)
		if n == booksDay {
			w.keepBooks(t)
		}
		w.payer.fill(t, 2)
		w.payee.fill(t, 3)
		w.closeDay(t, uint32(startDay+n))
		w.chain.mine(t)
	}
	for range 5 {
		w.chain.mine(t)
	}
	return w
}

// clear lets one transfer go from prepare to ack.
func (w *world) clear(t testing.TB, amount money.Amount, number uint32, at int64) {
	t.Helper()
	random := sha256.Sum256([]byte{byte(number)})
	id := wire.NewUUID(at, [10]byte(random[:10]))
	minor, _ := amount.Uint64()
	currency := amount.Currency()
	p := clearing.Prepare{
		Transfer: clearing.TransferID(id), Quote: clearing.QuoteID(id),
		Channel: hex.EncodeToString(random[:]),
		Amount: wire.NewMessageAmount(minor, currency.Code(),
			uint8(currency.Digits())),
		Due:       uint16(at/dayMilli) + clearing.DueDays,
		Condition: clearing.Condition(random), CommitByHeight: 150,
	}
	f := clearing.Fulfil{
		Transfer: p.Transfer, PrepareHash: clearing.BodyHash(p),
		Preimage: hex.EncodeToString(random[:]),
	}
	a := clearing.Ack{
		Transfer: p.Transfer, PrepareHash: f.PrepareHash, FulfilHash: clearing.BodyHash(f),
		Due: p.Due, ClearSeq: number,
	}
	done := transfer{
		prepare: w.payer.say(t, w.payee.did, "transfer.prepare", at, id, p),
		fulfil:  w.payee.say(t, w.payer.did, "transfer.fulfil", at+40, id, f),
		ack:     w.payer.say(t, w.payee.did, "transfer.ack", at+80, id, a),
		leaves:  map[*member]placed{},
	}
	for _, m := range []*member{w.payer, w.payee} {
		done.leaves[m] = m.write(t, proof.KindCleared, clearing.Cleared{
			Payer: w.payer.did, Payee: w.payee.did, Self: m.did, Transfer: p.Transfer,
			Amount: amount, Due: p.Due, ClearSeq: number,
			PrepareHash: clearing.Hash32(a.PrepareHash), FulfilHash: clearing.Hash32(a.FulfilHash),
			AckHash: clearing.Hash32(clearing.BodyHash(a)), At: at + 100,
			PeerKey: w.other(m).keyID,
		}.Encode())
	}
	w.transfers = append(w.transfers, done)
}

// closeDay anchors both journals in one block of five transactions. The payer's anchor is the
// last, where Bitcoin fills up odd rows with copies.
func (w *world) closeDay(t testing.TB, number uint32) {
	t.Helper()
	payer, payee := w.payer.closeDay(t, number), w.payee.closeDay(t, number)
	last := func(d day) []byte { return mustHex(t, d.spends[len(d.spends)-1]) }
	other := spend([36]byte{byte(number)}, make([]byte, 80))
	header, txids := w.chain.mine(t, other, last(payee), other, last(payer))
	for place, d := range map[int]*day{4: &payer, 2: &payee} {
		branch, err := spv.BuildBranch(txids, place)
		if err != nil {
			t.Fatal(err)
		}
		d.branch, d.header = branch, header
	}
	w.days = append(w.days, [2]day{payer, payee})
}

// bundle is the proof of a transfer by one node, both counted from 0, by the day's anchor.
func (w *world) bundle(t testing.TB, by *member, number int) proof.Bundle {
	t.Helper()
	done, d := w.transfers[number], w.days[number][0]
	if by == w.payee {
		d = w.days[number][1]
	}
	b := prove(t, by, d, done.leaves[by])
	b.Statements = &proof.Statements{
		PeerDescriptor: w.other(by).descriptor, Prepare: done.prepare, Fulfil: done.fulfil,
		Ack: done.ack,
	}
	return b
}

// prove leads from a record of a node to the anchor of a day.
func prove(t testing.TB, by *member, d day, at placed) proof.Bundle {
	t.Helper()
	path, err := by.tree.Prove(at.index, d.size)
	if err != nil {
		t.Fatal(err)
	}
	b := proof.Bundle{
		Format: proof.Format, Network: string(spv.Regtest), Descriptor: by.descriptor,
		Record:     at.record,
		Position:   proof.Position{Leaf: at.index, Proof: []wire.Digest{}},
		Checkpoint: d.note, Day: proof.Day{Number: d.number},
		Anchor: proof.Anchor{
			Spends: d.spends, Index: d.branch.Index, Siblings: []string{},
			Header: hex.EncodeToString(d.header.Bytes()),
		},
	}
	for _, hash := range path {
		b.Position.Proof = append(b.Position.Proof, wire.Digest(hash))
	}
	for _, sibling := range d.branch.Siblings {
		b.Anchor.Siblings = append(b.Anchor.Siblings, hex.EncodeToString(sibling[:]))
	}
	return b
}

// member is one node: its keys, its journal tree and its lane.
type member struct {
	did, descriptor, keyID string
	key                    ed25519.PrivateKey
	tree                   *merkle.Tree
	store                  *merkle.Memory
	coin                   wire.Outpoint
	spends                 []string
	said                   uint64
	prev                   wire.Digest
}

func newMember(t testing.TB, seed, did string) *member {
	t.Helper()
	secret := sha256.Sum256([]byte(seed))
	m := &member{did: did, key: ed25519.NewKeyFromSeed(secret[:]), store: new(merkle.Memory)}
	m.keyID = wire.Thumbprint(m.public())
	m.coin = wire.NewOutpoint(sha256.Sum256([]byte(seed+"coin")), 0)
	var err error
	if m.tree, err = merkle.NewTree(m.store, 0); err != nil {
		t.Fatal(err)
	}
	m.descriptor = m.sign(t, wire.TypDescriptor, m.describe(t, secret))
	return m
}

// describe is the text of the node's first descriptor.
func (m *member) describe(t testing.TB, secret [32]byte) []byte {
	t.Helper()
	sealing, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	const until = (startDay + 3650) * dayMilli
	script := "5120" + hex.EncodeToString(secret[:])
	payload, err := wire.Descriptor{
		DID: m.did, RecoveryKeyHash: wire.Thumbprint(make([]byte, 32)),
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(m.public(), 0, until, until),
			wire.NewSealingJWK(sealing.PublicKey(), 0, until, until),
		}},
		Endpoints:  wire.Endpoints{SNP: "https://node.example"},
		Currencies: []wire.DescriptorCurrency{{Code: "KRW"}},
		Rails:      []string{"bank"}, TimeZone: "Asia/Seoul", PolicyVersion: 1,
		Chain: wire.DescriptorChain{Network: string(spv.Regtest), Lanes: []wire.Lane{
			{Number: 0, Coin: m.coin, Script: script},
			{Number: 1, Coin: wire.NewOutpoint(secret, 7), Script: script},
		}},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func (m *member) public() ed25519.PublicKey { return m.key.Public().(ed25519.PublicKey) }

func (m *member) sign(t testing.TB, typ string, payload []byte) string {
	t.Helper()
	return wire.JWS{
		Typ: typ, KeyID: m.keyID, Payload: payload,
		Signature: ed25519.Sign(m.key, wire.JWSInput(typ, m.keyID, payload)),
	}.Compact()
}

// say signs the next message to the other node.
func (m *member) say(t testing.TB, to, kind string, at int64, thread wire.UUID, body any) string {
	t.Helper()
	m.said++
	msg := wire.Message{
		Version: wire.MessageVersion, Type: kind, From: m.did, To: to, Thread: thread,
		ID: wire.NewUUID(at, [10]byte{byte(m.said)}), Seq: m.said, Prev: m.prev, Epoch: 1,
		CreatedAt: at, ExpiresAt: at + dayMilli, Body: clearing.Canonical(body),
	}
	payload, err := msg.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.prev = wire.MessageHash(payload)
	return m.sign(t, wire.TypMessage, payload)
}

// write adds a record to the node's journal.
func (m *member) write(t testing.TB, kind uint16, data []byte) placed {
	t.Helper()
	index := m.tree.Size()
	salt := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(m.did), uint64(index)))
	leaf := proof.LeafData(kind, salt, data)
	stored, err := m.tree.Append(merkle.LeafHash(leaf[:]))
	if err != nil {
		t.Fatal(err)
	}
	*m.store = append(*m.store, stored...)
	return placed{proof.NewRecord(kind, salt, data), index}
}

// fill writes records that no bundle is about.
func (m *member) fill(t testing.TB, count int) {
	t.Helper()
	for range count {
		m.write(t, proof.KindState, []byte{0})
	}
}

// closeDay signs a checkpoint and spends the lane's coin twice: for a record of a transfer, and
// for the day's anchor.
func (m *member) closeDay(t testing.TB, number uint32) day {
	t.Helper()
	c := merkle.Checkpoint{Origin: m.did + "/journal/0", Size: m.tree.Size(), Root: m.tree.Root()}
	note, err := merkle.SignCheckpoint(c, m.public(), func(text []byte) ([]byte, error) {
		return ed25519.Sign(m.key, text), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.spend(make([]byte, 80))
	m.spend(dailyPayload(t, string(spv.Regtest), m.did, number, c, wire.Digest{}))
	return day{number: number, note: note, size: c.Size, spends: slices.Clone(m.spends)}
}

func dailyPayload(t testing.TB, network, did string, number uint32, c merkle.Checkpoint,
	totals wire.Digest,
) []byte {
	t.Helper()
	inner := merkle.DayRoot(c.Origin, uint64(c.Size), c.Root, totals)
	root, err := wire.DailyRoot(network, wire.DIDHash(did), number, inner)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{0x53, 0x59, 0x15}, root[:]...)
}

// spend moves the lane's coin on.
func (m *member) spend(payload []byte) {
	raw := spend(m.coin, payload)
	once := sha256.Sum256(raw)
	m.coin = wire.NewOutpoint(sha256.Sum256(once[:]), 1)
	m.spends = append(m.spends, hex.EncodeToString(raw))
}

func mustHex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
