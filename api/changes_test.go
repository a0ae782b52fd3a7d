package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seyfert/api"
	"seyfert/client"
	"seyfert/money"
	"seyfert/node"
)

// pay moves won from a company's income to its cash.
func (b books) pay(won int) {
	b.t.Helper()
	b.mustPost("/v1/transfers", "{"+leg(b.cash, b.sale, strconv.Itoa(won))+"}", "", http.StatusCreated)
}

// numbersOf lists the numbers of changes.
func numbersOf(changes []client.Change) (numbers []uint64) {
	for _, c := range changes {
		numbers = append(numbers, c.Number)
	}
	return numbers
}

// TestChangesByPages reads the stream with the keys of the operator and of two companies: pages
// follow each other without a gap, and a company sees its own accounts alone.
func TestChangesByPages(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	for i := range 7 {
		kanda.pay(i + 1)
		other.pay(100 + i)
	}
	// The operator moves money between two companies: each sees its own side.
	operator := books{t: t, p: p, shop: shop{key: p.key}}
	operator.mustPost("/v1/transfers", "{"+leg(kanda.cash, other.cash, "5")+"}", "", http.StatusCreated)
	all := p.mustFollow(p.key, 4)
	if numbers := numbersOf(all); !slices.Equal(numbers, count(15)) {
		t.Fatalf("the operator sees %v", numbers)
	}
	for key, c := range map[string]struct {
		odd uint64
		own []string
	}{
		kanda.key: {1, []string{kanda.cash, kanda.sale}},
		other.key: {0, []string{other.cash, other.sale}},
	} {
		own := p.mustFollow(key, 3)
		if len(own) != 8 {
			t.Fatalf("a company sees %v", numbersOf(own))
		}
		for _, change := range own {
			full := all[change.Number-1]
			if change.Number < 15 && change.Number%2 != c.odd {
				t.Errorf("a company sees %d", change.Number)
			}
			for _, side := range []struct{ seen, full string }{
				{change.Debit, full.Debit}, {change.Credit, full.Credit},
			} {
				if mine := slices.Contains(c.own, side.full); mine != (side.seen == side.full) ||
					!mine && side.seen != "" {
					t.Errorf("change %d shows %q for %q", change.Number, side.seen, side.full)
				}
			}
			if (change.Debit == "") != (change.DebitBalance == nil) ||
				(change.Credit == "") != (change.CreditBalance == nil) {
				t.Errorf("change %d shows a balance of another's account", change.Number)
			}
		}
	}
	if last := all[14]; last.DebitBalance.String() != "KRW 33" ||
		last.CreditBalance.Amount != money.New(money.KRW, 716) {
		t.Errorf("balances %v, %v", last.DebitBalance, last.CreditBalance)
	}
	for _, wrong := range []try{
		{url: "/v1/changes?limit=2001", field: "limit"},
		{url: "/v1/changes?limit=0", field: "limit"},
		{url: "/v1/changes?from=-1", field: "from"},
		{url: "/v1/changes?wait=21", field: "wait"},
		{url: "/v1/changes?form=1", field: "form"},
		{url: "/v1/changes/details?limit=501", field: "limit"},
		{
			url: "/v1/changes", field: "Last-Event-ID",
			header: http.Header{"Last-Event-Id": {"x"}},
		},
	} {
		wrong.method, wrong.key, wrong.status, wrong.code = "GET", p.key, 400, "invalid"
		p.mustRefuse(wrong)
	}
	member := p.mustSignIn("Kim", "110-1", "1")
	p.mustRefuse(try{
		method: "GET", url: "/v1/changes", key: member.session, status: 403, code: "forbidden",
		field: "Authorization",
	})
}

// TestEntriesOfTheBooks reads history by number and by time.
func TestEntriesOfTheBooks(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	kanda.pay(1)
	p.clock.add(time.Hour)
	other.pay(2)
	p.clock.add(time.Hour)
	kanda.pay(3)
	for since, want := range map[time.Duration][]uint64{
		-3 * time.Hour: {1, 2, 3}, -time.Hour: {2, 3}, -time.Minute: {3}, 0: {3}, time.Hour: nil,
	} {
		page, err := p.operator().History(t.Context(), 0, p.clock.Now().Add(since), 0)
		must(t, err)
		if !slices.Equal(numbersOf(page.Changes), want) || page.Next != 4 {
			t.Errorf("since %v: %v, next %d", since, numbersOf(page.Changes), page.Next)
		}
	}
	page, err := p.as(kanda.key).History(t.Context(), 2, time.Time{}, 1)
	must(t, err)
	if !slices.Equal(numbersOf(page.Changes), []uint64{3}) {
		t.Errorf("a company sees %v", numbersOf(page.Changes))
	}
	for _, c := range []struct {
		key    string
		number uint64
		sees   bool
	}{
		{p.key, 1, true},
		{p.key, 2, true},
		{kanda.key, 3, true},
		{kanda.key, 2, false},
		{p.key, 0, false},
		{p.key, 4, false},
		{p.key, 1 << 63, false},
	} {
		change, err := p.as(c.key).Change(t.Context(), c.number)
		if seen := err == nil; seen != c.sees || seen && change.Number != c.number {
			t.Errorf("entry %d: %+v, %v", c.number, change, err)
		}
	}
	p.mustRefuse(try{
		method: "GET", url: "/v1/entries?since=yesterday", key: p.key, status: 400,
		code: "invalid", field: "since",
	})
}

// count lists the numbers from 1 to n.
func count(n int) []uint64 {
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = uint64(i) + 1
	}
	return numbers
}

// mustFollow reads the stream to its end by pages of so many.
func (p *place) mustFollow(key string, limit int) (all []client.Change) {
	p.t.Helper()
	for from := uint64(0); ; {
		page, err := p.as(key).Changes(p.t.Context(), from, limit, 0)
		must(p.t, err)
		must(p.t, page.Follows(from))
		all = append(all, page.Changes...)
		if from = page.Next; from > page.Newest {
			return all
		}
	}
}

// TestChangesAreWaitedFor: a wait ends with the first change that the caller may see, and leads on
// behind what it may not.
func TestChangesAreWaitedFor(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	got := make(chan client.ChangePage, 1)
	ask := func(from uint64, wait time.Duration) {
		page, err := p.as(kanda.key).Changes(context.Background(), from, 0, wait)
		if err != nil {
			t.Error(err)
		}
		got <- page
	}
	go ask(0, client.WaitMax)
	time.Sleep(50 * time.Millisecond)
	other.pay(1)
	kanda.pay(2)
	if page := <-got; len(page.Changes) != 1 || page.Next != 3 {
		t.Errorf("after a wait: %+v", page)
	}
	other.pay(3)
	if ask(3, 0); true {
		if page := <-got; len(page.Changes) != 0 || page.Next != 4 || page.Newest != 3 {
			t.Errorf("of another's change: %+v", page)
		}
	}
	go ask(4, client.WaitMax)
	time.Sleep(50 * time.Millisecond)
	p.node.EndWaits()
	if page := <-got; len(page.Changes) != 0 || page.Next != 4 {
		t.Errorf("when the node closes: %+v", page)
	}
}

// TestDetails follows accounts and every version of metadata.
func TestDetails(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda := p.mustKeepBooks("Kanda")
	p.mustKeepBooks("Other")
	body := `{"reference":"invoice 1","metadata":{"a":"1"},` +
		leg(kanda.cash, kanda.sale, "1") + "}"
	transfer := kanda.mustPost("/v1/transfers", body, "", http.StatusCreated)["id"].(string)
	_, err := p.as(kanda.key).ChangeAccount(t.Context(), kanda.cash,
		client.AccountChange{Flags: &[]string{"frozen_in"}})
	must(t, err)
	details := func(key string) (all []client.Detail) {
		for from := uint64(0); ; {
			page, err := p.as(key).Details(t.Context(), from, 2)
			must(t, err)
			if len(page.Details) == 0 {
				return all
			}
			all, from = append(all, page.Details...), page.Next
		}
	}
	by, err := p.node.Authenticate(kanda.key)
	must(t, err)
	const versions = 9
	for version := 2; version <= versions; version++ { // many at one time of the clock
		if version%4 == 0 {
			p.clock.add(time.Millisecond)
		}
		_, err := p.node.Annotate(t.Context(), by, transfer,
			map[string]string{"a": strconv.Itoa(version)})
		must(t, err)
	}
	own := details(kanda.key)
	if len(own) != 4+versions || len(details(p.key)) != 7+versions {
		t.Fatalf("details of a company: %+v, of all: %d", own, len(details(p.key)))
	}
	for i, d := range own[5:] {
		if text := d.Metadata; text == nil || text.Version != uint64(i)+2 ||
			text.Metadata["a"] != strconv.Itoa(i+2) {
			t.Errorf("version %d: %+v", i+2, text)
		}
	}
	if text := own[3].Metadata; text == nil || text.Subject != transfer || text.Version != 1 ||
		text.Reference != "invoice 1" || text.Metadata["a"] != "1" {
		t.Errorf("metadata: %+v", own[3])
	}
	if account := own[4].Account; account == nil || account.ID != kanda.cash ||
		!slices.Equal(account.Flags, []string{"frozen_in"}) {
		t.Errorf("the account: %+v", own[4])
	}
}

// events is a reader of server-sent events.
type events struct {
	t      testing.TB
	answer *http.Response
	lines  *bufio.Scanner
}

// event is one of them; data is empty for an id alone.
type event struct{ id, data string }

// stream opens a stream of changes on a connection of its own.
func (p *place) stream(ctx context.Context, key, query, last string) *events {
	p.t.Helper()
	at := "http://127.0.0.1:" + p.url[strings.LastIndex(p.url, ":")+1:] + "/v1/changes" + query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	must(p.t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	alone := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := alone.Do(r)
	must(p.t, err)
	p.t.Cleanup(func() { answer.Body.Close() })
	return &events{t: p.t, answer: answer, lines: bufio.NewScanner(answer.Body)}
}

// next reads to the next blank line; ok is false when the stream has ended.
func (e *events) next() (got event, ok bool) {
	e.t.Helper()
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch name {
		case "":
			return got, true
		case "id":
			got.id = value
		case "data":
			got.data = value
		case "retry":
		default:
			e.t.Errorf("line %q", e.lines.Text())
		}
	}
	return got, false
}

// TestChangesAsEvents reads the stream as server-sent events, ends it at every place and comes back
// with the last id: no change is missed or seen twice.
func TestChangesAsEvents(t *testing.T) {
	p := alone(t, settings{limits: boundless(), streams: api.Streams{Beat: 50 * time.Millisecond}})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	for range 5 {
		kanda.pay(1)
	}
	last, seen := "", []uint64(nil)
	for round := range 12 {
		if round > 5 {
			other.pay(1)
			kanda.pay(2)
		}
		ctx, stop := context.WithCancel(t.Context())
		stream := p.stream(ctx, kanda.key, "", last)
		if media := stream.answer.Header.Get("Content-Type"); media != "text/event-stream" {
			t.Fatalf("media type %q", media)
		}
		stream.next() // says how soon to come back
		for range 2 {
			e, ok := stream.next()
			if !ok {
				t.Fatal("the stream ends")
			}
			last = e.id
			if e.data == "" {
				continue
			}
			var change client.Change
			must(t, json.Unmarshal([]byte(e.data), &change))
			if strconv.FormatUint(change.Number, 10) != e.id || change.Debit != kanda.cash {
				t.Errorf("event %s: %s", e.id, e.data)
			}
			seen = append(seen, change.Number)
		}
		stop()
	}
	var want []uint64
	for _, c := range p.mustFollow(kanda.key, 100) {
		want = append(want, c.Number)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %v, there are %v", seen, want)
	}
}

// TestChangesBeat: where nothing is for the reader, an id tells how far it has come all the same;
// and a stream ends with the key that opened it, and with the node.
func TestChangesBeat(t *testing.T) {
	p := alone(t, settings{limits: boundless(), streams: api.Streams{Beat: 20 * time.Millisecond}})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	other.pay(1)
	stream := p.stream(t.Context(), kanda.key, "?from=1", "")
	stream.next()
	for range 3 {
		if e, ok := stream.next(); !ok || e != (event{id: "1"}) {
			t.Fatalf("a beat is %+v", e)
		}
	}
	quiet := p.stream(t.Context(), other.key, "?from=2", "")
	p.node.EndWaits()
	for _, open := range []*events{stream, quiet} {
		open.mustEnd()
	}
}

// TestStreamsEndWithTheirKey: a stream lives no longer than the key that opened it.
func TestStreamsEndWithTheirKey(t *testing.T) {
	p := alone(t, settings{limits: boundless(), streams: api.Streams{Beat: 20 * time.Millisecond}})
	kanda := p.mustKeepBooks("Kanda")
	stream := p.stream(t.Context(), kanda.key, "", "")
	stream.next()
	by, err := p.node.Authenticate(kanda.key)
	must(t, err)
	must(t, p.node.SignOut(t.Context(), by))
	stream.mustEnd()
}

// mustEnd reads a stream to its end.
func (e *events) mustEnd() {
	e.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e.lines.Scan() {
		}
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		e.t.Error("the stream does not end")
	}
}

// TestSlowReaders: a reader that takes nothing up is let go, with no more than a page kept for it,
// and goes on where it was.
func TestSlowReaders(t *testing.T) {
	p := alone(t, settings{
		limits: boundless(), streams: api.Streams{Write: 300 * time.Millisecond},
	})
	kanda := p.mustKeepBooks("Kanda")
	const items = 10_000
	for range 2 {
		must(t, kanda.payMany(t.Context(), items))
	}
	for range api.StreamsPerCallerMax - 1 { // these wait for what is not there yet
		p.stream(t.Context(), kanda.key, "?from=1000000", "")
	}
	stream := p.stream(t.Context(), kanda.key, "", "")
	// It fills what the machine keeps for a connection. When it is let go its place is free.
	p.mustGetStream(kanda.key)
	var last event
	read := 0
	for read < 2*items {
		e, ok := stream.next()
		if !ok {
			break
		}
		if e.data != "" {
			last, read = e, read+1
		}
	}
	if read == 0 || read == 2*items {
		t.Fatalf("a reader who was too slow saw %d of %d", read, 2*items)
	}
	if last.id != strconv.Itoa(read) {
		t.Errorf("%d events, the last is %s", read, last.id)
	}
	again := p.stream(t.Context(), p.key, "", last.id)
	again.next()
	if e, _ := again.next(); e.id != strconv.Itoa(read+1) {
		t.Errorf("after %d comes %s", read, e.id)
	}
}

// mustGetStream asks for a stream until there is a place for it.
func (p *place) mustGetStream(key string) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		stream := p.stream(p.t.Context(), key, "?from=1000000", "")
		if stream.answer.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("no stream has ended")
		}
	}
}

// payMany moves a won many times in one batch.
func (b books) payMany(ctx context.Context, items int) error {
	var body bytes.Buffer
	body.WriteString(`{"mode":"all","items":[`)
	for i := range items {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"action":"post",%s}`, leg(b.cash, b.sale, "1"))
	}
	body.WriteString("]}")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.p.url+"/v1/transfers/bulk", &body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := b.p.out.HTTP().Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %.300s", answer.StatusCode, text)
	}
	return err
}

// TestStreamsAreBounded opens as many streams as one caller may, and one more.
func TestStreamsAreBounded(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda := p.mustKeepBooks("Kanda")
	var open []*events
	for range api.StreamsPerCallerMax {
		open = append(open, p.stream(t.Context(), kanda.key, "", ""))
	}
	for _, stream := range open {
		if _, ok := stream.next(); !ok {
			t.Fatal("a stream ends at once")
		}
	}
	refused := p.stream(t.Context(), kanda.key, "", "").answer
	if refused.StatusCode != http.StatusTooManyRequests || refused.Header.Get("Retry-After") != "1" {
		t.Errorf("one stream too many: %d, %v", refused.StatusCode, refused.Header)
	}
	open[0].answer.Body.Close()
	p.mustGetStream(kanda.key)
	for n := range api.StreamsMax/api.StreamsPerCallerMax - 1 {
		another := p.mustOpenShop(fmt.Sprintf("Shop %d", n))
		for range api.StreamsPerCallerMax {
			if code := p.stream(t.Context(), another.key, "", "").answer.StatusCode; code != 200 {
				t.Fatalf("a stream of shop %d: %d", n, code)
			}
		}
	}
	if code := p.stream(t.Context(), p.key, "", "").answer.StatusCode; code != 429 {
		t.Errorf("a stream when all are taken: %d", code)
	}
}

// TestPagesAreBounded: a page has so many changes at most, and looks through so many for a caller
// who sees few of them.
func TestPagesAreBounded(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	kanda, other := p.mustKeepBooks("Kanda"), p.mustKeepBooks("Other")
	const batches, items = node.ChangesScanMax/10_000 + 1, 10_000
	for range batches {
		must(t, kanda.payMany(t.Context(), items))
	}
	other.pay(1)
	page, err := p.as(p.key).Changes(t.Context(), 0, client.ChangesMax, 0)
	must(t, err)
	if len(page.Changes) != node.ChangesMax || page.Next != node.ChangesMax+1 {
		t.Errorf("a page has %d changes and leads to %d", len(page.Changes), page.Next)
	}
	page, err = p.as(other.key).Changes(t.Context(), 0, 0, client.WaitMax)
	must(t, err)
	if len(page.Changes) != 0 || page.Next != node.ChangesScanMax+1 {
		t.Errorf("a page of %d looks on to %d", len(page.Changes), page.Next)
	}
	if own := p.mustFollow(other.key, 0); len(own) != 1 || own[0].Number != batches*items+1 {
		t.Errorf("behind all that it does not see a company sees %v", numbersOf(own))
	}
	stream := p.stream(t.Context(), other.key, "", "")
	stream.next()
	if e, ok := stream.next(); !ok || e.id != strconv.Itoa(node.ChangesScanMax) || e.data != "" {
		t.Errorf("a stream begins with %+v", e)
	}
	if e, ok := stream.next(); !ok || e.id != strconv.Itoa(batches*items+1) || e.data == "" {
		t.Errorf("a stream goes on with %+v", e)
	}
}
