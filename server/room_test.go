package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"seyfert/server"
)

// notes is a log that a test reads while it is written.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), text)
}

// TestDiskFull: a node that has less room than its reserve refuses every change, of the API, the
// peers and the bank, shows what it has, and goes on by itself when there is room again.
func TestDiskFull(t *testing.T) {
	l := newLone(t)
	const reserve = 100 << 20
	l.cfg.ReserveMiB = reserve >> 20
	var free atomic.Uint64
	free.Store(reserve)
	var said notes
	l.log = slog.New(slog.NewTextHandler(&said, nil))
	parts := server.Parts{Free: func(string) (uint64, error) { return free.Load(), nil }}
	must(t, l.start(parts))
	member := l.work("110-1")
	before := l.status()
	signed := signedBytes(t, l)

	free.Store(reserve - 1)
	until(t, func() bool { return said.has("the disk is full up to the reserve") })
	for _, path := range []string{
		"/v1/companies", "/v1/offers", "/v1/transfers/bulk", "/v1/members/" + member.ID + "/sign-in",
		"/snp/v1/messages", "/rail/bank/notices",
	} {
		var p problem
		code := l.call(http.MethodPost, path, `{"name":"Late"}`, &p)
		if code != http.StatusServiceUnavailable || p.Type != "/problems/disk_full" ||
			p.Code != "unavailable" || !strings.Contains(p.Detail, "Nothing was changed") {
			t.Errorf("%s answers %d %+v", path, code, p)
		}
	}
	ctx := t.Context()
	if err := l.running.Node().Tick(ctx); err == nil || !strings.Contains(err.Error(), "is full") {
		t.Errorf("a worker's command: %v", err)
	}
	if got := l.status(); got != before || signedBytes(t, l) != signed {
		t.Errorf("the node is at %+v, it was at %+v, or something was signed", got, before)
	}
	if code := l.call(http.MethodGet, "/v1/wallets/"+member.ID, "", nil); code != http.StatusOK {
		t.Errorf("reading is answered with %d", code)
	}

	free.Store(reserve + 1) // not enough to change its mind
	time.Sleep(600 * time.Millisecond)
	if said.has("there is room on the disk again") {
		t.Error("a disk at the limit makes the node change its mind")
	}
	free.Store(reserve * 9 / 8)
	until(t, func() bool { return said.has("there is room on the disk again") })
	l.work("110-2")
	if got := l.status(); got.Index <= before.Index {
		t.Errorf("the node is at %+v, it was at %+v", got, before)
	}
}

func signedBytes(t *testing.T, l *lone) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(l.cfg.Dir, "keys", "signer.journal"))
	must(t, err)
	return info.Size()
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 100 {
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it did not happen in 5 s")
}

// TestDiskFullAtStart: a node starts on a disk that is full up to its reserve, to be read, and
// not at all on one where opening could fail; it says what it needs and changes nothing.
func TestDiskFullAtStart(t *testing.T) {
	l := newLone(t)
	l.cfg.ReserveMiB = 96
	must(t, l.start(server.Parts{}))
	l.work("110-1")
	before := l.status()
	l.close()
	free := func(mib uint64) server.Parts {
		return server.Parts{Free: func(string) (uint64, error) { return mib << 20, nil }}
	}
	err := l.start(free(11))
	if err == nil || !strings.Contains(err.Error(), "has room for 11 MiB, the node needs 12 MiB") {
		t.Errorf("with less than an eighth of the reserve: %v", err)
	}
	must(t, l.start(free(12)))
	if got := l.status(); got.Index < before.Index {
		t.Errorf("the node is at %+v, it was at %+v", got, before)
	}
	if code := l.call(http.MethodPost, "/v1/companies", `{"name":"Late"}`, nil); code != 503 {
		t.Errorf("a change is answered with %d", code)
	}
	l.close()
	must(t, l.start(server.Parts{}))
	l.work("110-2")
}

// TestReserve: what the configuration may say.
func TestReserve(t *testing.T) {
	for _, mib := range []int{-1, server.ReserveMiBMax + 1} {
		l := newLone(t)
		l.cfg.ReserveMiB = mib
		if err := l.start(server.Parts{}); err == nil || !strings.Contains(err.Error(), "reserve_mib") {
			t.Errorf("%d: %v", mib, err)
		}
	}
	// The real question: this disk has less than an eighth of the largest reserve, or more.
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(t.TempDir(), &disk))
	small := uint64(disk.Bavail)*uint64(disk.Bsize)>>20 < server.ReserveMiBMax/8
	l := newLone(t)
	l.cfg.ReserveMiB = server.ReserveMiBMax
	err := l.start(server.Parts{})
	if refused := err != nil && strings.Contains(err.Error(), "has room for"); refused != small {
		t.Errorf("on a disk with %d free blocks: %v", disk.Bavail, err)
	}
}
