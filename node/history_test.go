package node_test

import (
	"context"
	"fmt"
	"testing"

	"seyfert/money"
	"seyfert/node"
	"seyfert/table"
)

// countedRecords counts how many records are read.
type countedRecords struct {
	table.Records
	reads int
}

// At implements table.Records.
func (r *countedRecords) At(number uint64) ([]byte, error) {
	r.reads++
	return r.Records.At(number)
}

// TestHistoryPages: a page of an account's history costs its own lines, however far back it
// begins, and only a line of the account itself is a place to begin at.
func TestHistoryPages(t *testing.T) {
	const lines, page = 60, 5
	s := newScene(t, 1, "seoul")
	a := s.actors[0]
	kim, lee := a.customer("Kim", 1), a.customer("Lee", 1)
	for i := range lines {
		for _, p := range []person{kim, lee} {
			_, err := a.node.TakeNotice(context.Background(), node.Notice{
				Rail: "bank", ID: fmt.Sprint(i, p.id), Bank: "hana", Number: p.id,
				Amount: money.New(money.KRW, 1),
			})
			must(t, err)
		}
	}
	account := func(p person) string {
		w, err := a.node.Wallet(p.caller, p.id)
		must(t, err)
		return w.Balances[0].Account
	}
	entries := func(p person, before uint64) []node.Entry {
		a.records.reads = 0
		rows, err := a.node.Entries(p.caller, account(p), before, page)
		must(t, err)
		if a.records.reads > page+1 {
			t.Fatalf("%d records are read for %d lines below %d", a.records.reads, page, before)
		}
		return rows
	}
	seen := 0
	for before := uint64(0); ; {
		rows := entries(kim, before)
		if len(rows) == 0 {
			break
		}
		seen += len(rows)
		before = rows[len(rows)-1].Number
	}
	if seen != lines+1 {
		t.Errorf("%d lines on all pages, want %d", seen, lines+1)
	}
	for _, before := range []uint64{entries(lee, 0)[0].Number, 1 << 40, 1<<64 - 1} {
		if rows := entries(kim, before); len(rows) != 0 {
			t.Errorf("%d lines below %d, which is not a line of the account", len(rows), before)
		}
	}
}
