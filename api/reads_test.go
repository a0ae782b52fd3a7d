package api_test

import (
	"slices"
	"testing"
	"time"

	"seyfert/client"
)

// TestEvents lists everything page by page, and waits for what is not there yet.
func TestEvents(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	all, err := p.operator().Events(ctx, 0, 200)
	must(t, err)
	if len(all) < 6 {
		t.Fatalf("only %d events", len(all))
	}
	var paged []client.Event
	for from := uint64(0); ; {
		rows, err := p.operator().Events(ctx, from, 2)
		must(t, err)
		if len(rows) == 0 {
			break
		}
		paged = append(paged, rows...)
		from = rows[len(rows)-1].Seq + 1
	}
	if !slices.EqualFunc(all, paged, func(a, b client.Event) bool { return a.Seq == b.Seq }) {
		t.Errorf("%d events at once, %d in pages", len(all), len(paged))
	}
	next := all[len(all)-1].Seq + 1
	go func() {
		time.Sleep(50 * time.Millisecond)
		p.operator().CreateMember(ctx, "Park")
	}()
	rows, err := p.operator().WaitEvents(ctx, next, 5, client.WaitMax)
	must(t, err)
	if len(rows) != 1 || rows[0].Seq != next {
		t.Errorf("waited for %+v", rows)
	}
	rows, err = p.operator().WaitEvents(ctx, next+1, 5, 0)
	must(t, err)
	if len(rows) != 0 {
		t.Errorf("there is %+v", rows)
	}
}

func TestEntries(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	for i := range 5 {
		p.notice("n"+string(rune('0'+i)), "110-1", "7")
	}
	wallet, err := p.kim.Wallet(ctx)
	must(t, err)
	account := wallet.Balances[0].Account
	all, err := p.kim.Entries(ctx, account, 0, 200)
	must(t, err)
	var paged []client.Entry
	for before := uint64(0); ; {
		rows, err := p.kim.Entries(ctx, account, before, 2)
		must(t, err)
		if len(rows) == 0 {
			break
		}
		paged = append(paged, rows...)
		before = rows[len(rows)-1].Number
	}
	if len(all) != 6 || !slices.Equal(all, paged) {
		t.Errorf("%d lines at once, %d in pages", len(all), len(paged))
	}
	operator, err := p.operator().Entries(ctx, account, 0, 200)
	must(t, err)
	if !slices.Equal(all, operator) {
		t.Error("the operator sees other lines than the member")
	}
}
