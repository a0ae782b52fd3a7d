package banksim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seyfert/money"
	"seyfert/rail/banksim"
)

const secret = "shared by the bank and the node"

// hearing is a node that hears notices, as far as the bank can tell.
type hearing struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	ids    []string
	bodies []map[string]string
	status int
}

func newHearing(t *testing.T) *hearing {
	t.Helper()
	h := &hearing{t: t, status: http.StatusOK}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *hearing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, r.Header.Get("X-Bank-Timestamp")+".")
	mac.Write(body)
	if r.Header.Get("X-Bank-Signature") != hex.EncodeToString(mac.Sum(nil)) {
		h.t.Errorf("signature of %s does not hold", body)
	}
	var notice map[string]string
	if err := json.Unmarshal(body, &notice); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	w.WriteHeader(h.status)
	if h.status == http.StatusOK {
		h.ids = append(h.ids, notice["notice_id"])
		h.bodies = append(h.bodies, notice)
	}
}

func (h *hearing) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hearing) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ids)
}

func newBank(t *testing.T, h *hearing, file string, now func() time.Time) *banksim.Bank {
	t.Helper()
	bank, err := banksim.New(banksim.Config{
		Name: "hangang", URL: h.url, Secret: []byte(secret), File: file,
		HTTP: http.DefaultClient, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return bank
}

func mustIssue(t *testing.T, bank *banksim.Bank) string {
	t.Helper()
	number, err := bank.Issue()
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestDeposit(t *testing.T) {
	h := newHearing(t)
	day := time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC)
	bank := newBank(t, h, "", func() time.Time { return day })
	first, second := mustIssue(t, bank), mustIssue(t, bank)
	if first == second {
		t.Fatalf("%s was issued twice", first)
	}
	if err := bank.Deposit(t.Context(), second, money.New(money.USD, 124050)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"notice_id": "hangang-00000001", "bank": "hangang", "account_number": second,
		"currency": "USD", "amount": "1240.50", "value_date": "2026-11-23",
	}
	for name, text := range want {
		if got := h.bodies[0][name]; got != text {
			t.Errorf("%s is %q, want %q", name, got, text)
		}
	}
	if len(h.bodies[0]) != len(want) || bank.Waiting() != 0 {
		t.Errorf("notice %v, %d wait", h.bodies[0], bank.Waiting())
	}
}

func TestRefusals(t *testing.T) {
	bank := newBank(t, newHearing(t), "", time.Now)
	number := mustIssue(t, bank)
	won := money.New(money.KRW, 1)
	wrong := []string{
		"", "110-000-002-5", strings.ReplaceAll(number, "-", ""), number + "0",
		number[:len(number)-1] + "x", "210" + number[3:], number[:12] + "0", "110-00a-001-7",
	}
	for _, text := range wrong {
		if text == number {
			continue
		}
		if err := bank.Deposit(t.Context(), text, won); !errors.Is(err, banksim.ErrNumber) {
			t.Errorf("deposit to %q: %v", text, err)
		}
	}
	zero := money.New(money.KRW, 0)
	if err := bank.Deposit(t.Context(), number, zero); !errors.Is(err, banksim.ErrAmount) {
		t.Errorf("deposit of nothing: %v", err)
	}
	if _, err := banksim.New(banksim.Config{}); err == nil {
		t.Error("a bank of nothing was opened")
	}
}

// TestUntilTaken holds that each notice is sent until it is taken, in order, and then never
// again.
func TestUntilTaken(t *testing.T) {
	h := newHearing(t)
	bank := newBank(t, h, "", time.Now)
	number := mustIssue(t, bank)
	for _, status := range []int{302, 400, 429, 500, 503} {
		h.answer(status)
		if err := bank.Deposit(t.Context(), number, money.New(money.KRW, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := bank.Deliver(t.Context()); err == nil {
			t.Errorf("status %d counts as taken", status)
		}
	}
	if bank.Waiting() != 5 || len(h.heard()) != 0 {
		t.Fatalf("%d wait, %v heard", bank.Waiting(), h.heard())
	}
	h.answer(http.StatusOK)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { bank.Run(ctx) })
	for range 200 {
		if bank.Waiting() == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	running.Wait()
	want := []string{
		"hangang-00000001", "hangang-00000002", "hangang-00000003", "hangang-00000004",
		"hangang-00000005",
	}
	if got := h.heard(); !slices.Equal(got, want) {
		t.Errorf("heard %v", got)
	}
}

func TestFaults(t *testing.T) {
	h := newHearing(t)
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	bank := newBank(t, h, "", func() time.Time { return now })
	number := mustIssue(t, bank)
	bank.SetFaults(banksim.Faults{Duplicate: true, Delay: time.Minute})
	if err := bank.Deposit(t.Context(), number, money.New(money.KRW, 5)); err != nil {
		t.Fatal(err)
	}
	if len(h.heard()) != 0 || bank.Waiting() != 1 {
		t.Fatalf("the delayed notice came at once: %v", h.heard())
	}
	now = now.Add(time.Minute)
	if taken, err := bank.Deliver(t.Context()); taken != 1 || err != nil {
		t.Errorf("taken %d, %v", taken, err)
	}
	if got := h.heard(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("heard %v, want one id twice", got)
	}
}

// TestBooks holds that a bank goes on where it stopped, and opens no other bank's books.
func TestBooks(t *testing.T) {
	h := newHearing(t)
	h.answer(http.StatusServiceUnavailable)
	file := filepath.Join(t.TempDir(), "bank.json")
	bank := newBank(t, h, file, time.Now)
	number := mustIssue(t, bank)
	if err := bank.Deposit(t.Context(), number, money.New(money.KRW, 5)); err != nil {
		t.Fatal(err)
	}
	h.answer(http.StatusOK)
	again := newBank(t, h, file, time.Now)
	if mustIssue(t, again) == number {
		t.Error("a number was issued twice")
	}
	if taken, err := again.Deliver(t.Context()); taken != 1 || err != nil {
		t.Errorf("taken %d, %v", taken, err)
	}
	if err := again.Deposit(t.Context(), number, money.New(money.KRW, 5)); err != nil {
		t.Fatal(err)
	}
	if got := h.heard(); len(got) != 2 || got[0] == got[1] {
		t.Errorf("heard %v", got)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the books have mode %v, %v", info.Mode(), err)
	}
	for _, text := range []string{
		"", "{", `{"bank":"other"}`, `{"bank":"hangang","issued":-1}`,
		`{"bank":"hangang","issued":100001}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := banksim.New(banksim.Config{
			Name: "hangang", URL: h.url, Secret: []byte(secret), File: file,
			HTTP: http.DefaultClient, Now: time.Now,
		})
		if err == nil {
			t.Errorf("books %q were opened", text)
		}
	}
	bank = newBank(t, h, filepath.Join(t.TempDir(), "no such folder", "bank.json"), time.Now)
	if _, err := bank.Issue(); err == nil {
		t.Error("a number was issued that will be forgotten")
	}
}

// TestLimitsAreReached opens books that are at each limit.
func TestLimitsAreReached(t *testing.T) {
	h := newHearing(t)
	h.answer(http.StatusServiceUnavailable)
	file := filepath.Join(t.TempDir(), "bank.json")
	type waiting struct {
		ID     string    `json:"id"`
		Number string    `json:"number"`
		At     time.Time `json:"at"`
	}
	books, err := json.Marshal(map[string]any{
		"bank": "hangang", "issued": banksim.PoolMax, "notices": banksim.WaitingMax,
		"waiting": make([]waiting, banksim.WaitingMax),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, books, 0o600); err != nil {
		t.Fatal(err)
	}
	bank := newBank(t, h, file, time.Now)
	if _, err := bank.Issue(); !errors.Is(err, banksim.ErrPool) {
		t.Errorf("issue beyond the pool: %v", err)
	}
	err = bank.Deposit(t.Context(), "110-100-000-6", money.New(money.KRW, 1))
	if !errors.Is(err, banksim.ErrWaiting) {
		t.Errorf("deposit beyond what may wait: %v", err)
	}
}
