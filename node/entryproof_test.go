package node_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/proof"
	"seyfert/wire"
)

// newEntry is the newest entry of a person's wallet.
func (p person) newEntry() uint64 {
	p.at.scene.t.Helper()
	wallet, err := p.at.node.Wallet(p.caller, p.id)
	must(p.at.scene.t, err)
	entries, err := p.at.node.Entries(p.caller, wallet.Balances[0].Account, 0, 1)
	must(p.at.scene.t, err)
	if len(entries) != 1 {
		p.at.scene.t.Fatal("the wallet has no entry")
	}
	return entries[0].Number
}

// command carries out a command of the books.
func (a *actor) command(by node.Caller, kind uint16, body []byte) {
	a.scene.t.Helper()
	result, err := a.Propose(context.Background(), journal.Command{
		Kind: kind, Version: core.CommandVersion, Body: body,
		Principal: journal.Principal{Kind: by.Kind, ID: by.ID, Key: by.Key},
	})
	must(a.scene.t, err)
	if result.Fault != nil {
		a.scene.t.Fatal(result.Fault)
	}
}

// open opens an account of the books.
func (a *actor) open(by node.Caller, owner string) ledger.AccountID {
	id := ledger.AccountID(a.newUUID())
	a.command(by, core.KindOpenAccounts, wire.MustMarshal(core.OpenAccounts{
		Accounts: []core.OpenAccount{{
			ID: id, Owner: owner, Kind: ledger.Asset, Currency: money.KRW,
		}},
	}))
	return id
}

// post moves so many won in the books and returns the number of the entry.
func (a *actor) post(by node.Caller, debit, credit ledger.AccountID, won uint64) uint64 {
	batch := ledger.NewBatch(ledger.All, 1)
	batch.Add(&ledger.Instruction{
		ID: a.newUUID(), Debit: debit, Credit: credit, AmountLow: won, Currency: money.KRW,
		Action: ledger.ActPost,
	})
	a.command(by, core.KindPost, batch.Encode())
	var number uint64
	a.node.State().Read(func(v core.View) { number = v.Cursor().Records })
	return number
}

func (a *actor) newUUID() wire.UUID {
	var random [10]byte
	a.scene.random.Read(random[:])
	return wire.NewUUID(a.scene.now.UnixMilli(), random)
}

// TestEntryProofRights: the operator may prove every entry, others those of their own accounts,
// unless the proof would show a third one's balance. To strangers an entry is not there.
func TestEntryProofRights(t *testing.T) {
	m := newMarket(t)
	a, lee, rival := m.seoul, m.seoul.customer("Lee", 1), m.seoul.shop("Rival")
	operator, kim, local := a.operator, m.customer.caller, m.local.caller
	deposit := lee.newEntry()
	vault, desk := a.open(operator, core.OwnerNode), a.open(operator, core.OwnerNode)
	safe, till := a.open(local, m.local.id), a.open(local, m.local.id)
	theirs := a.open(rival.caller, rival.id)
	m.customer.approve(m.local.offer(1_000))
	for name, c := range map[string]struct {
		entry             uint64
		may, mayNot, isNo []node.Caller
	}{
		"a deposit": {
			deposit, []node.Caller{operator, lee.caller}, nil, []node.Caller{kim, local},
		},
		"within a company": {
			a.post(local, safe, till, 5),
			[]node.Caller{operator, local},
			nil,
			[]node.Caller{rival.caller, lee.caller},
		},
		"a company and the node": {
			a.post(operator, till, vault, 1),
			[]node.Caller{operator, local},
			nil,
			[]node.Caller{rival.caller, lee.caller},
		},
		"between companies": {
			a.post(operator, till, theirs, 1),
			[]node.Caller{operator},
			[]node.Caller{local, rival.caller},
			[]node.Caller{lee.caller},
		},
		"within the node": {
			a.post(operator, vault, desk, 1),
			[]node.Caller{operator},
			nil,
			[]node.Caller{local, lee.caller},
		},
		"a hold for a shop here": {
			m.customer.newEntry(),
			[]node.Caller{operator},
			[]node.Caller{kim, local},
			[]node.Caller{lee.caller, rival.caller},
		},
		"before the first": {0, nil, nil, []node.Caller{operator, local}},
		"after the last":   {1_000, nil, nil, []node.Caller{operator, local}},
	} {
		strangers := append(c.isNo, node.Caller{},
			node.Caller{Kind: journal.Peer, ID: m.tokyo.did})
		a.mustRefuse(name, c.entry, c.may, fault.Refused) // its day is not closed
		a.mustRefuse(name, c.entry, c.mayNot, fault.Forbidden)
		a.mustRefuse(name, c.entry, strangers, fault.NotFound)
	}
}

// mustRefuse asks for the proof of an entry.
func (a *actor) mustRefuse(name string, entry uint64, callers []node.Caller, code fault.Code) {
	t := a.scene.t
	t.Helper()
	for _, by := range callers {
		_, err := a.node.EntryBundle(context.Background(), by, entry)
		f, ok := fault.Of(err)
		if !ok || f.Code != code || f.Field != "entry" {
			t.Errorf("%s, to %v %q: %v, want %s", name, by.Kind, by.ID, err, code)
		}
	}
}

// TestEntryProof: a proof is there once the day's anchor is in a block, and holds what the
// ledger wrote.
func TestEntryProof(t *testing.T) {
	ctx := context.Background()
	m := newMarket(t)
	from := m.seoul.open(m.local.caller, m.local.id)
	to := m.seoul.open(m.local.caller, m.local.id)
	number := m.seoul.post(m.local.caller, from, to, 15_000)
	deposit := m.seoul.customer("Lee", 1).newEntry()
	hold := m.customer.newEntry() // for the shop in Tokyo
	_, err := m.seoul.node.CloseDay(ctx, m.seoul.operator, 0)
	must(t, err)
	m.settle()
	late := m.seoul.post(m.local.caller, from, to, 1)
	_, err = m.seoul.node.EntryBundle(ctx, m.local.caller, late)
	f, ok := fault.Of(err)
	if !ok || f.Code != fault.Refused || !strings.Contains(f.Message, "its day is not closed") {
		t.Fatalf("on a day that is open: %v", err)
	}
	_, err = m.seoul.node.EntryBundle(ctx, m.local.caller, number)
	f, ok = fault.Of(err)
	if !ok || f.Code != fault.Refused || !strings.Contains(f.Message, "anchor is not in a block") {
		t.Fatalf("before there is a block: %v", err)
	}
	m.mine(1)
	m.settle()
	for entry, c := range map[uint64]struct {
		kind uint16
		by   node.Caller
	}{
		number:  {proof.KindPosted, m.local.caller},
		deposit: {proof.KindPosted, m.seoul.operator},
		hold:    {proof.KindHold, m.customer.caller},
	} {
		file, err := m.seoul.node.EntryBundle(ctx, c.by, entry)
		must(t, err)
		b, err := proof.ParseBundle(file)
		must(t, err)
		data, err := b.Record.Bytes()
		must(t, err)
		stored, err := m.seoul.records.At(entry)
		must(t, err)
		want := string(binary.BigEndian.AppendUint64(nil, entry)) + string(stored)
		if b.Record.Kind != c.kind || string(data) != want || b.Statements != nil {
			t.Errorf("entry %d: kind %d, %x, want kind %d, %x", entry, b.Record.Kind, data,
				c.kind, want)
		}
	}
}
