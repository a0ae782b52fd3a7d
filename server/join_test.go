package server_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/server"
)

// host is a node of one replica that others may join.
func host(t *testing.T) (cfg server.Config, own journal.Replica) {
	t.Helper()
	blocks, err := chain.NewMemory(time.Now)
	must(t, err)
	cfg = server.Config{
		DID: "did:web:seoul.localhost", Dir: filepath.Join(t.TempDir(), "seoul"),
		Listen: port(t), Origin: "http://seoul.localhost:7401", Network: "regtest",
		Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
		Replica: server.ReplicaConfig{Listen: port(t)},
	}
	_, err = server.Init(cfg, rand.Reader)
	must(t, err)
	running, err := server.Start(t.Context(), cfg, server.Parts{Chain: blocks},
		slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, running.Close()) })
	answer, err := server.OrderReplicas(t.Context(), cfg, server.ReplicaOrder{Do: server.ReplicaList})
	must(t, err)
	if len(answer.Replicas) != 1 || !answer.Replicas[0].Leads || !answer.Replicas[0].Votes {
		t.Fatalf("the replicas are %+v", answer.Replicas)
	}
	return cfg, journal.Replica{ID: answer.Replicas[0].ID, Address: cfg.Replica.Listen}
}

// TestJoin: who was not added waits, an interrupted join goes on with the same key, what it is
// given is for its user alone, and the recovery key is not among it.
func TestJoin(t *testing.T) {
	cfg, own := host(t)
	asks := server.JoinConfig{
		Dir: filepath.Join(t.TempDir(), "second"), Listen: port(t), ReplicaListen: port(t),
		Member: own, Every: 20 * time.Millisecond,
	}
	first := interrupted(t, asks)
	if again := interrupted(t, asks); again != first {
		t.Fatalf("the replica was %v, then %v", first, again)
	}
	add(t, cfg, first)
	joined, err := server.Join(t.Context(), asks, func(string) {})
	must(t, err)
	if joined.DID != cfg.DID {
		t.Errorf("joined %s", joined.DID)
	}
	var files []string
	must(t, filepath.WalkDir(asks.Dir, func(path string, entry fs.DirEntry, err error) error {
		must(t, err)
		info, err := entry.Info()
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		files = append(files, entry.Name())
		return nil
	}))
	for _, name := range []string{"identity.key", "signer.journal", "operator.key", "bank.secret"} {
		if !slices.Contains(files, name) {
			t.Errorf("%s is not there", name)
		}
	}
	if slices.Contains(files, "recovery.key") {
		t.Error("the recovery key was sent")
	}
	made, err := server.ReadConfig(joined.Config)
	must(t, err)
	if made.Listen != asks.Listen || made.Replica.Listen != asks.ReplicaListen ||
		made.Origin != cfg.Origin || made.Dir != asks.Dir {
		t.Errorf("the configuration is %+v", made)
	}
	_, err = server.Join(t.Context(), asks, func(string) {})
	wantSaid(t, err, "has joined already")
}

// interrupted joins until it waits to be added, and ends then.
func interrupted(t *testing.T, asks server.JoinConfig) (own journal.Replica) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := server.Join(ctx, asks, func(step string) {
		if _, after, found := strings.Cut(step, "replica add "); found {
			var err error
			own, err = server.ParseReplica(strings.Fields(after)[0])
			must(t, err)
		}
		if step == "waits until it is added" {
			cancel()
		}
	})
	wantSaid(t, err, "run the same command again")
	return own
}

func add(t *testing.T, cfg server.Config, r journal.Replica) {
	t.Helper()
	_, err := server.OrderReplicas(t.Context(), cfg, server.ReplicaOrder{
		Do: server.ReplicaAdd, ID: r.ID, Address: r.Address,
	})
	must(t, err)
}

func wantSaid(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("the error is %v, want %q", err, words)
	}
}

// TestJoinIsPinned: a machine that has another key than the one that was named is told nothing,
// and a replica's own key brings the node's keys to nobody elsewhere.
func TestJoinIsPinned(t *testing.T) {
	cfg, own := host(t)
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	asks := server.JoinConfig{
		Dir: filepath.Join(t.TempDir(), "second"), Listen: port(t), ReplicaListen: port(t),
		Member: journal.Replica{ID: journal.IDOf(stranger), Address: own.Address},
		Every:  20 * time.Millisecond,
	}
	_, err = server.Join(t.Context(), asks, func(string) {})
	wantSaid(t, err, "there is another replica than")

	// The node's own replica votes: with its key at another place nothing is to be had.
	asks.Dir, asks.Member = filepath.Join(t.TempDir(), "third"), own
	must(t, os.MkdirAll(filepath.Join(asks.Dir, "keys"), 0o700))
	for _, name := range []string{"replica.key", "mirror.terms"} {
		data, err := os.ReadFile(filepath.Join(cfg.Dir, "keys", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(asks.Dir, "keys", name), data, 0o600))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = server.Join(ctx, asks, func(string) {})
	wantSaid(t, err, "ended before this replica was added")
	if _, err := os.Stat(filepath.Join(asks.Dir, "keys", "identity.key")); err == nil {
		t.Error("the node's keys were given away")
	}
}

// TestJoinOfVoter: a voter's key, which a thief may have, brings the node's keys to nobody.
func TestJoinOfVoter(t *testing.T) {
	n := newTrio(t)
	asks := server.JoinConfig{
		Dir: filepath.Join(t.TempDir(), "thief"), Listen: port(t), ReplicaListen: port(t),
		Member: n.all[0].self(), Every: 20 * time.Millisecond,
	}
	must(t, os.MkdirAll(filepath.Join(asks.Dir, "keys"), 0o700))
	for _, name := range []string{"replica.key", "mirror.terms"} {
		data, err := os.ReadFile(filepath.Join(n.all[1].cfg.Dir, "keys", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(asks.Dir, "keys", name), data, 0o600))
	}
	_, err := server.Join(t.Context(), asks, func(string) {})
	wantSaid(t, err, "this replica votes, so it has joined already")
	if _, err := os.Stat(filepath.Join(asks.Dir, "keys", "identity.key")); err == nil {
		t.Error("the node's keys were given away")
	}
}

// TestOrders: what an operator may get wrong is refused, and nothing changes.
func TestOrders(t *testing.T) {
	cfg, own := host(t)
	other, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	for _, c := range []struct {
		order server.ReplicaOrder
		want  string
	}{
		{server.ReplicaOrder{Do: "dance"}, "is no order"},
		{server.ReplicaOrder{Do: server.ReplicaAdd, ID: "x", Address: "a:1"}, "not a public key"},
		{
			server.ReplicaOrder{Do: server.ReplicaAdd, ID: journal.IDOf(other), Address: own.Address},
			"another replica has this address",
		},
		{server.ReplicaOrder{Do: server.ReplicaRemove, ID: own.ID}, "would be removed"},
		{
			server.ReplicaOrder{Do: server.ReplicaRemove, ID: journal.IDOf(other)},
			"no replica has this name",
		},
		{server.ReplicaOrder{Do: server.ReplicaTransfer}, "nobody to take over"},
	} {
		_, err := server.OrderReplicas(t.Context(), cfg, c.order)
		wantSaid(t, err, c.want)
	}
	elsewhere := cfg
	elsewhere.Dir = t.TempDir()
	_, err = server.OrderReplicas(t.Context(), elsewhere, server.ReplicaOrder{Do: server.ReplicaList})
	wantSaid(t, err, "is it running")
}

// TestOrdersOfOne: a node whose replica others can't reach says what to write into its
// configuration.
func TestOrdersOfOne(t *testing.T) {
	blocks, err := chain.NewMemory(time.Now)
	must(t, err)
	cfg := server.Config{
		DID: "did:web:seoul.localhost", Dir: filepath.Join(t.TempDir(), "seoul"),
		Listen: port(t), Origin: "http://seoul.localhost:7401", Network: "regtest",
		Currencies: []money.Currency{money.KRW}, Thresholds: []money.Amount{},
	}
	_, err = server.Init(cfg, rand.Reader)
	must(t, err)
	running, err := server.Start(t.Context(), cfg, server.Parts{Chain: blocks},
		slog.New(slog.DiscardHandler))
	must(t, err)
	_, err = server.OrderReplicas(t.Context(), cfg, server.ReplicaOrder{Do: server.ReplicaList})
	wantSaid(t, err, `"replica": {"listen": "HOST:PORT"}`)
	must(t, running.Close())
}
