package chain_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/chain"
	"seyfert/fault"
)

func mustOpen(tb testing.TB, dir string, now func() time.Time) *chain.Regtest {
	tb.Helper()
	r, err := chain.OpenRegtest(dir, now)
	if err != nil {
		tb.Fatalf("open %s: %v", dir, err)
	}
	return r
}

func mustClose(tb testing.TB, r *chain.Regtest) {
	tb.Helper()
	if err := r.Close(); err != nil {
		tb.Fatalf("close: %v", err)
	}
}

func mustMempool(tb testing.TB, r *chain.Regtest) [][32]byte {
	tb.Helper()
	ids, err := r.Mempool(tb.Context())
	if err != nil {
		tb.Fatalf("mempool: %v", err)
	}
	return ids
}

// TestRefusesAnotherNetworksDirectory: what another network left behind is not taken over.
func TestRefusesAnotherNetworksDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "network"), []byte("mainnet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := chain.OpenRegtest(dir, suiteTime)
	wantFault(t, err, fault.Refused)
}

// TestReopen: chain, mempool and faucet are there again after a clean end.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	r := mustOpen(t, dir, suiteTime)
	coin := mustFund(t, r, 100_000)
	mustMine(t, r, 3)
	tx := anchor(coin, []byte("payload"), 99_000)
	mustBroadcast(t, r, tx)
	child := anchor(vout(tx.TxID(), 1), []byte("child"), 98_000)
	mustBroadcast(t, r, child)
	height, hash, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, r)
	mustClose(t, r) // once more does nothing
	_, _, err = r.Tip(t.Context())
	wantFault(t, err, fault.Unavailable)
	_, err = r.Mine(t.Context(), 1, nil)
	wantFault(t, err, fault.Unavailable)

	r = mustOpen(t, dir, suiteTime)
	defer mustClose(t, r)
	if again, sameHash, err := r.Tip(t.Context()); again != height || sameHash != hash || err != nil {
		t.Fatalf("reopened at %d %x, %v", again, sameHash, err)
	}
	if n := len(mustMempool(t, r)); n != 2 {
		t.Errorf("%d transactions wait after reopening", n)
	}
	mustFund(t, r, 5_000) // the faucet finds its coins again
	mustMine(t, r, 1)
	mustLocate(t, r, child.TxID())
	if info, err := os.Stat(filepath.Join(dir, "faucet.key")); err != nil ||
		info.Mode().Perm() != 0o600 {
		t.Errorf("faucet key: %v, %v", info.Mode(), err)
	}
}

// TestCrash copies the directory of a running chain, which is what a crash leaves, and opens
// the copy: no block that Mine gave and no transaction that Broadcast took is missing.
func TestCrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	r := mustOpen(t, dir, suiteTime)
	defer mustClose(t, r)
	coin := mustFund(t, r, 100_000)
	mustMine(t, r, 4)
	if err := r.Invalidate(t.Context(), 103); err != nil {
		t.Fatal(err)
	}
	mustMine(t, r, 1)
	tx := anchor(coin, []byte("payload"), 99_000)
	mustBroadcast(t, r, tx)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, copied, suiteTime)
	wantHeight, wantHash, _ := r.Tip(t.Context())
	if height, hash, err := again.Tip(t.Context()); height != wantHeight || hash != wantHash ||
		err != nil {
		t.Fatalf("after the crash at %d %x, want %d %x, %v",
			height, hash, wantHeight, wantHash, err)
	}
	if diff := cmp.Diff(mustMempool(t, r), mustMempool(t, again)); diff != "" {
		t.Error(diff)
	}
	mustMine(t, again, 1)
	mustLocate(t, again, tx.TxID())
	mustClose(t, again)
	again = mustOpen(t, copied, suiteTime) // and a clean end after it
	defer mustClose(t, again)
	mustLocate(t, again, tx.TxID())
}

// TestRecentLogDamage: a torn tail is cut, anything else is not opened.
func TestRecentLogDamage(t *testing.T) {
	dir := t.TempDir()
	r := mustOpen(t, dir, suiteTime)
	defer mustClose(t, r)
	mustFund(t, r, 5_000)
	whole := t.TempDir()
	if err := os.CopyFS(whole, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(whole, "recent.log"))
	if err != nil {
		t.Fatal(err)
	}
	early := bytes.Clone(data)
	early[20] ^= 1
	last := bytes.Clone(data)
	last[len(last)-1] ^= 1
	long := append(bytes.Clone(data), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 'b')
	cases := map[string]struct {
		data    []byte
		waiting int // -1: not opened
	}{
		"whole":         {data, 1},
		"torn head":     {append(bytes.Clone(data), 1, 2, 3), 1},
		"torn body":     {data[:len(data)-1], 0},
		"torn checksum": {last, 0},
		"empty space":   {append(bytes.Clone(data), make([]byte, 4096)...), 1},
		"early damage":  {early, -1},
		"too long":      {long, -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "recent.log"), c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := chain.OpenRegtest(dir, suiteTime)
			if c.waiting < 0 {
				if err == nil {
					mustClose(t, r)
					t.Fatal("a damaged log was opened")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, r)
			if n := len(mustMempool(t, r)); n != c.waiting {
				t.Errorf("%d transactions wait, want %d", n, c.waiting)
			}
			mustMine(t, r, 1)
		})
	}
}

// TestOneProcess: a directory that is open is not opened again.
func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	r := mustOpen(t, dir, suiteTime)
	defer mustClose(t, r)
	if second, err := chain.OpenRegtest(dir, suiteTime); err == nil {
		mustClose(t, second)
		t.Fatal("opened twice")
	} else if !strings.Contains(err.Error(), "another process") {
		t.Errorf("the second is told %v", err)
	}
	mustMine(t, r, 1)
}

// TestClockSetBack: years back, across a restart, and blocks are still made.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	at := suiteTime()
	now := func() time.Time { return at }
	r := mustOpen(t, dir, now)
	at = at.AddDate(1, 0, 0)
	mustMine(t, r, 2)
	at = at.AddDate(-5, 0, 0)
	mustMine(t, r, 20)
	mustClose(t, r)
	r = mustOpen(t, dir, now)
	defer mustClose(t, r)
	mustMine(t, r, 2)
	f, err := chain.Follow(r)
	if err != nil {
		t.Fatal(err)
	}
	if step := mustSync(t, f); step.Height != 125 {
		t.Errorf("followed to %d", step.Height)
	}
}

// TestTemporary leaves nothing behind.
func TestTemporary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	r := mustOpen(t, "", suiteTime)
	mustMine(t, r, 1)
	mustClose(t, r)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestTwoChains run in one process and know nothing of each other.
func TestTwoChains(t *testing.T) {
	a, b := mustRegtest(t), mustRegtest(t)
	coin := mustFund(t, a, 5_000)
	mustMine(t, a, 200)
	mustMine(t, b, 1)
	_, err := b.Broadcast(t.Context(), anchor(coin, []byte("payload"), 4_000).Bytes())
	wantFault(t, err, fault.Refused)
	if mustTip(t, a) != 301 || mustTip(t, b) != 102 {
		t.Errorf("tips at %d and %d", mustTip(t, a), mustTip(t, b))
	}
}

// TestRunsScripts: a spend that does not satisfy the coin's script is refused, which is what
// Memory does not judge.
func TestRunsScripts(t *testing.T) {
	r := mustRegtest(t)
	coin := mustFund(t, r, 100_000)
	mustMine(t, r, 1)
	forged := anchor(coin, []byte("payload"), 99_000)
	forged.Inputs[0].Witness = [][]byte{{0x52}}
	_, err := r.Broadcast(t.Context(), forged.Bytes())
	wantFault(t, err, fault.Refused)
	forged.Inputs[0].Witness = nil
	_, err = r.Broadcast(t.Context(), forged.Bytes())
	wantFault(t, err, fault.Refused)
	mustBroadcast(t, r, anchor(coin, []byte("payload"), 99_000))
}

// TestTogether reads, pays and mines from several goroutines at once. The payers' 12 fundings
// and 12 spends may all have to wait for one block: they stay under the 25 that may depend on
// each other.
func TestTogether(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 3 {
					coin, err := w.Fund(ctx, anyoneOutput(), 100_000)
					if err != nil {
						t.Error(err)
						return
					}
					_, err = w.Broadcast(ctx, anchor(coin, []byte("payload"), 99_000).Bytes())
					if err != nil {
						t.Error(err)
					}
				}
			})
			group.Go(func() {
				f, err := chain.Follow(w)
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					if _, err := f.Sync(ctx); err != nil {
						t.Error(err)
					}
					if _, err := w.Mine(ctx, 1, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if height := mustTip(t, w); height != 101+4*3 {
			t.Errorf("tip at %d", height)
		}
	})
}

// BenchmarkOpenNew is the start of a sandbox: a new chain of 101 blocks.
func BenchmarkOpenNew(b *testing.B) {
	for b.Loop() {
		mustClose(b, mustOpen(b, b.TempDir(), suiteTime))
	}
}
