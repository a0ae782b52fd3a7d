package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/client"
	"seyfert/money"
)

// follower is someone who keeps every change of a node's books.
type follower struct {
	mu   sync.Mutex // guards seen
	seen []client.Change
}

func (f *follower) take(change client.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, change)
}

// last is the number of the newest change that was seen.
func (f *follower) last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) == 0 {
		return 0
	}
	return f.seen[len(f.seen)-1].Number
}

// events reads server-sent events until they end, and says with which id to come back.
func (f *follower) events(ctx context.Context, url, key string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/changes", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+key)
	if last := f.last(); last > 0 {
		r.Header.Set("Last-Event-ID", strconv.FormatUint(last, 10))
	}
	here := &net.Dialer{}
	answer, err := (&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return here.DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		text, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		var change client.Change
		if json.Unmarshal([]byte(text), &change) != nil {
			return nil // the node was killed within the line
		}
		f.take(change)
	}
	return nil
}

// TestFollowersMissNothing follows the books by pages and by events while the node is killed. Every
// change comes once and in order, is in the end what it was when it was first seen, and every
// transfer that was acknowledged is among them.
func TestFollowersMissNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(*cycles)*20*time.Second)
	defer cancel()
	d := newLoneDesk(ctx, t)
	following, stop := context.WithCancel(ctx)
	var followers sync.WaitGroup
	byPages, byEvents := &follower{}, &follower{}
	followers.Go(func() {
		for change, err := range d.all.Follow(following, 1) {
			if err != nil {
				t.Errorf("by pages: %v", err)
				return
			}
			byPages.take(change)
		}
	})
	followers.Go(func() {
		for following.Err() == nil {
			_ = byEvents.events(following, d.url, d.secret(t, "operator.key")) // until it ends, and then again
			time.Sleep(10 * time.Millisecond)
		}
	})
	d.work(ctx, t, func(int) { d.restart(t) })
	newest, err := d.all.Changes(ctx, 1, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for byPages.last() < newest.Newest || byEvents.last() < newest.Newest {
		if ctx.Err() != nil {
			t.Fatalf("by pages %d, by events %d, of %d", byPages.last(), byEvents.last(), newest.Newest)
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	followers.Wait()
	want := &follower{}
	for from := uint64(1); from <= newest.Newest; {
		page, err := d.all.Changes(ctx, from, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range page.Changes {
			want.take(change)
		}
		from = page.Next
	}
	for name, f := range map[string]*follower{"pages": byPages, "events": byEvents} {
		if diff := cmp.Diff(want.seen, f.seen, cmp.Comparer(sameAmount)); diff != "" {
			t.Errorf("by %s (-node +seen):\n%.3000s", name, diff)
		}
	}
	transfers := map[string]int{}
	for i, change := range want.seen {
		if change.Number != uint64(i)+1 {
			t.Fatalf("change %d stands at %d", change.Number, i+1)
		}
		transfers[change.Transfer]++
	}
	for _, id := range d.done {
		if transfers[id] == 0 {
			t.Errorf("%s was acknowledged and is no change", id)
		}
	}
	t.Logf("%d changes, %d transfers acknowledged", len(want.seen), len(d.done))
	d.node.end(t)
}

func sameAmount(a, b money.Amount) bool { return a == b }
