package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "seyfert/client"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/signer"
)

// load is callers who post one transfer after the other, from one account to another.
type load struct {
	*trio
	from, to string
	stop     atomic.Bool
	running  sync.WaitGroup
	mu       sync.Mutex      // guards ids
	ids      map[string]bool // of acknowledged transfers
}

func (n *trio) load(callers int) *load {
	n.t.Helper()
	l := &load{trio: n, ids: map[string]bool{}}
	company, err := n.client().CreateCompany(n.t.Context(), "Kanda")
	must(n.t, err)
	c := n.client().With(company.APIKey)
	for _, to := range []*string{&l.from, &l.to} {
		opened, err := c.OpenAccount(n.t.Context(), sdk.NewAccount{
			Code: 1000, Kind: sdk.KindAsset, Currency: "KRW", Name: "an account",
		})
		must(n.t, err)
		*to = opened.ID
	}
	for range callers {
		l.running.Go(func() { l.post(n.client().With(company.APIKey)) })
	}
	return l
}

func (l *load) post(c *sdk.Client) {
	for !l.stop.Load() {
		done, err := c.Post(context.Background(), sdk.TransferRequest{
			Code: 1, Legs: []sdk.Leg{{
				Debit: l.from, Credit: l.to, Amount: money.New(money.KRW, 1),
			}},
		})
		if err != nil {
			l.t.Errorf("a transfer: %v", err)
			return
		}
		l.mu.Lock()
		if l.ids[done.ID] {
			l.t.Errorf("%s is acknowledged twice", done.ID)
		}
		l.ids[done.ID] = true
		l.mu.Unlock()
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ids)
}

// wait waits until so many more transfers are acknowledged.
func (l *load) wait(more int) {
	l.t.Helper()
	want := l.count() + more
	l.until(fmt.Sprintf("%d transfers", want), func() bool { return l.count() >= want })
}

// end stops the callers and holds every replica to what was acknowledged: each transfer is there
// once, and all have the same state.
func (l *load) end() {
	t := l.t
	t.Helper()
	l.stop.Store(true)
	l.running.Wait()
	l.lead()
	var hash string
	for i, m := range l.all {
		l.until("answer of all", func() bool {
			answer, text := m.call(http.MethodGet, "/v1/accounts/"+l.to, "",
				http.Header{"Seyfert-At-Least": {"now"}})
			var account sdk.BookAccount
			return answer.StatusCode == http.StatusOK &&
				json.Unmarshal([]byte(text), &account) == nil &&
				account.CreditsPosted == money.New(money.KRW, uint64(l.count()))
		})
		for id := range l.ids {
			if _, err := m.client().BookTransfer(t.Context(), id); err != nil {
				t.Errorf("%s is acknowledged and replica %d answers %v", id, i, err)
			}
		}
		if got := m.hashAfter(l.all[0]); hash != "" && got != hash {
			t.Errorf("replica %d differs", i)
		} else {
			hash = got
		}
	}
	t.Logf("%d transfers", l.count())
}

// hashAfter is the state hash of a replica after the newest entry that another one has.
func (m *member) hashAfter(other *member) (hash string) {
	t := m.of.t
	t.Helper()
	m.of.until("the same entry", func() bool {
		at := other.running.Node().State()
		index, want := at.Applied(), at.StateHash()
		own := m.running.Node().State()
		hash = fmt.Sprintf("%x", want)
		return own.Applied() == index && own.StateHash() == want && at.Applied() == index
	})
	return hash
}

// TestFailover: under load the leader is closed, and cut off; others lead, and nothing that was
// acknowledged is lost or there twice.
func TestFailover(t *testing.T) {
	n := newTrio(t)
	l := n.load(4)
	l.wait(50)
	first := n.lead()
	first.close()
	l.wait(50)
	first.start()
	l.wait(50)
	second := n.lead()
	second.line.tear()
	n.until("another leader", func() bool {
		for _, m := range n.all {
			if m != second && m.takes() {
				return true
			}
		}
		return false
	})
	n.until("an end of its lead", func() bool { return !second.takes() })
	l.wait(50)
	second.line.mend()
	l.wait(50)
	l.end()
}

// TestDeposed: a leader that is cut off signs nothing and answers nothing, and what it was asked
// for then is not there when it is back.
func TestDeposed(t *testing.T) {
	n := newTrio(t)
	company, err := n.client().CreateCompany(t.Context(), "Kanda")
	must(t, err)
	old := n.lead()
	shop, err := old.running.Node().Authenticate(company.APIKey)
	must(t, err)
	old.line.tear()
	_, err = old.running.Node().CreateOffer(t.Context(), shop, node.Request{}, node.OfferRequest{
		Amount: money.New(money.KRW, price), PayeeKey: strings.Repeat("A", 43),
	})
	f, ok := fault.Of(err)
	if !ok || f.Code != fault.Unavailable {
		t.Errorf("an offer of a leader that is cut off: %v", err)
	}
	n.until("an end of its lead", func() bool { return !old.takes() })
	before := old.signed()
	if _, err := old.running.Node().SignDays(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = old.running.Node().CreateMember(t.Context(), n.operator(old), node.Request{}, "Kim")
	if !errors.Is(err, signer.ErrResting) {
		t.Errorf("a name is sealed: %v", err)
	}
	var p problem
	answer, text := old.call(http.MethodPost, "/v1/companies", `{"name":"Late"}`, nil)
	must(t, json.Unmarshal([]byte(text), &p))
	if old.signed() != before || answer.StatusCode < 500 {
		t.Errorf("%d %s, or something was signed", answer.StatusCode, text)
	}
	old.line.mend()
	n.lead()
	offers, err := n.client().With(company.APIKey).Offers(t.Context(), 0)
	must(t, err)
	if len(offers) != 0 {
		t.Errorf("there are %d offers", len(offers))
	}
	_, err = n.client().With(company.APIKey).CreateOffer(t.Context(), sdk.OfferRequest{
		Amount: money.New(money.KRW, price), PayeeKey: strings.Repeat("A", 43),
		Basket: []sdk.Line{{Text: "Washi", Amount: money.New(money.KRW, price)}},
	})
	must(t, err)
}

// signed is the length of a replica's signer journal.
func (m *member) signed() int64 {
	info, err := os.Stat(filepath.Join(m.cfg.Dir, "keys", "signer.journal"))
	must(m.of.t, err)
	return info.Size()
}

func (n *trio) operator(m *member) node.Caller {
	by, err := m.running.Node().Authenticate(n.key)
	must(n.t, err)
	return by
}

// TestNoLeader: one replica of three takes no changes and says so; what it has it shows for a few
// paces, and then it says that it can't, where a proxy asks too, until it is level again.
func TestNoLeader(t *testing.T) {
	n := newTrio(t)
	company, err := n.client().CreateCompany(t.Context(), "Kanda")
	must(t, err)
	left := n.follow()
	n.until("the company", func() bool {
		found, err := left.client().Companies(t.Context())
		return err == nil && len(found) == 1
	})
	ask := func(method, path, body, least string) (*http.Response, problem) {
		t.Helper()
		header := http.Header{}
		if least != "" {
			header.Set("Seyfert-At-Least", least)
		}
		var p problem
		answer, text := left.call(method, path, body, header)
		if answer.Header.Get("Seyfert-Index") == "" {
			t.Errorf("%s %s has no index", method, path)
		}
		must(t, json.Unmarshal([]byte(text), &p))
		return answer, p
	}
	for least, want := range map[string]string{
		"1000000": "/problems/behind", "soon": "/problems/invalid", "-1": "/problems/invalid",
	} {
		if _, p := ask(http.MethodGet, "/v1/companies", "", least); p.Type != want {
			t.Errorf("at least %s: %+v", least, p)
		}
	}
	for _, m := range n.all {
		if m != left {
			m.close()
		}
	}
	refused := func(method, path, body, least string) bool {
		answer, p := ask(method, path, body, least)
		if answer.StatusCode == http.StatusOK {
			return false
		}
		return answer.StatusCode == http.StatusServiceUnavailable &&
			p.Type == "/problems/no_leader" && answer.Header.Get("Retry-After") == "1"
	}
	for _, least := range []string{"now", ""} {
		n.until("no leader", func() bool {
			return refused(http.MethodPost, "/v1/companies", `{"name":"Late"}`, "") &&
				refused(http.MethodGet, "/v1/companies", "", least) &&
				refused(http.MethodGet, "/healthz", "", least)
		})
	}
	for _, m := range n.all {
		if m != left {
			m.start()
		}
	}
	again, err := n.client().CreateCompany(t.Context(), "Kanda 2")
	must(t, err)
	if again.Company.ID == company.Company.ID {
		t.Error("another company has the same id")
	}
	n.until("a replica that shows what it has", func() bool {
		answer, text := left.call(http.MethodGet, "/v1/companies", "", nil)
		if answer.StatusCode == http.StatusOK && !strings.Contains(text, "Kanda 2") {
			t.Errorf("it was level before it showed %s", text)
		}
		health, _ := left.call(http.MethodGet, "/healthz", "", nil)
		return answer.StatusCode == http.StatusOK && health.StatusCode == http.StatusOK
	})
}

// TestReplayedKey: a key is remembered by the node, whatever replica it is sent to.
func TestReplayedKey(t *testing.T) {
	n := newTrio(t)
	var want string
	for range 2 {
		for _, m := range n.all {
			made, err := m.client().Once("the-same-key").CreateCompany(t.Context(), "Kanda")
			must(t, err)
			if want == "" {
				want = made.Company.ID
			}
			if made.Company.ID != want {
				t.Errorf("%s, %s before", made.Company.ID, want)
			}
		}
		leader := n.lead()
		leader.close()
		leader.start()
	}
	var p *sdk.Problem
	_, err := n.follow().client().Once("the-same-key").CreateCompany(t.Context(), "Another")
	if !errors.As(err, &p) || p.Status != http.StatusConflict {
		t.Errorf("the same key for something else: %v", err)
	}
}

// TestOutcomeUnknown: when the leader goes away from under a request, its sender is told that
// nobody knows what became of it; the same again is done once.
func TestOutcomeUnknown(t *testing.T) {
	n := newTrio(t)
	follower, leader := n.follow(), n.lead()
	batch := func() []byte {
		var accounts []string
		for i := range 800 {
			accounts = append(accounts, fmt.Sprintf(
				`{"code":1000,"kind":"asset","currency":"KRW","name":"%s %d"}`,
				strings.Repeat("a long name ", 10), i))
		}
		return []byte(`{"accounts":[` + strings.Join(accounts, ",") + `]}`)
	}()
	conn, err := net.Dial("tcp", follower.cfg.Listen)
	must(t, err)
	defer conn.Close()
	before := leader.line.read.Load()
	head := "POST /v1/accounts/bulk HTTP/1.1\r\nHost: seoul\r\nContent-Type: application/json\r\n" +
		"Idempotency-Key: bulk\r\nAuthorization: Bearer " + n.key + "\r\nContent-Length: " +
		strconv.Itoa(len(batch)) + "\r\n\r\n"
	_, err = io.WriteString(conn, head+string(batch[:len(batch)/2]))
	must(t, err)
	// The leader has the beginning of it when it is cut off.
	n.until("a request at the leader", func() bool {
		return leader.line.read.Load() > before+int64(len(batch)/3)
	})
	leader.line.tear()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer answer.Body.Close()
	var p problem
	must(t, json.NewDecoder(answer.Body).Decode(&p))
	if answer.StatusCode != http.StatusBadGateway || p.Type != "/problems/outcome_unknown" {
		t.Errorf("%d %+v", answer.StatusCode, p)
	}
	leader.line.mend()
	var first string
	for range 3 {
		n.until("an answer", func() bool {
			answer, text := follower.call(http.MethodPost, "/v1/accounts/bulk", string(batch),
				http.Header{"Idempotency-Key": {"bulk"}})
			if answer.StatusCode == http.StatusCreated && first == "" {
				first = text
			}
			return answer.StatusCode == http.StatusCreated && text == first
		})
	}
}
