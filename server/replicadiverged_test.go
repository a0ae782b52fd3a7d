package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seyfert/ledger"
	"seyfert/server"
	"seyfert/wire"
)

// bend changes an account in a replica's newest cut, and all that would tell: what it may do from
// then on.
func (m *member) bend(account string) {
	t := m.of.t
	t.Helper()
	cuts, err := filepath.Glob(filepath.Join(m.cfg.Dir, "state", "cuts", "*", "manifest.json"))
	must(t, err)
	cut := filepath.Dir(cuts[len(cuts)-1])
	image, err := os.ReadFile(filepath.Join(cut, "book"))
	must(t, err)
	book, err := ledger.DecodeBook(image)
	must(t, err)
	var id ledger.AccountID
	book.Accounts(func(a ledger.Account) bool {
		id = a.ID
		return id.String() != account
	})
	if id.String() != account {
		t.Fatalf("the cut does not hold %s", account)
	}
	draft := book.Begin(time.Now().UnixMilli())
	must(t, draft.SetFlags(id, ledger.NoOverdraft))
	draft.Commit(1, 1)
	image = book.Encode()
	must(t, os.WriteFile(filepath.Join(cut, "book"), image, 0o600))
	text, err := os.ReadFile(filepath.Join(cut, "manifest.json"))
	must(t, err)
	var fields map[string]json.RawMessage
	must(t, json.Unmarshal(text, &fields))
	fields["book_sha256"], err = json.Marshal(wire.Digest(sha256.Sum256(image)).String())
	must(t, err)
	text, err = json.Marshal(fields)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(cut, "manifest.json"), text, 0o600))
}

// TestFollowerDiverged: a replica whose ledger was changed behind its back stops, and says so; the
// others go on.
func TestFollowerDiverged(t *testing.T) {
	n := newTrio(t)
	l := n.load(2)
	wrong := n.follow()
	wrong.call(http.MethodGet, "/healthz", "", http.Header{"Seyfert-At-Least": {"now"}})
	wrong.close()
	wrong.bend(l.from)
	for _, m := range n.all {
		if m != wrong {
			m.close()
			m.compare = 100 * time.Millisecond
			m.start()
			n.lead()
		}
	}
	wrong.start()
	n.until("end of the replica", func() bool { return wrong.ended.Load() != nil })
	if said := *wrong.ended.Load(); !strings.Contains(said, "this replica has diverged") {
		t.Errorf("it says %q", said)
	}
	n.goOn(l, wrong)
}

// TestLeaderDiverged: a leader whose ledger was changed stops itself, as the others agree against
// it, and not the others.
func TestLeaderDiverged(t *testing.T) {
	n := newTrio(t)
	l := n.load(2)
	wrong := n.follow()
	wrong.call(http.MethodGet, "/healthz", "", http.Header{"Seyfert-At-Least": {"now"}})
	wrong.close()
	wrong.bend(l.from)
	wrong.compare = 100 * time.Millisecond
	wrong.start()
	var said error
	n.until("end of the replica while it leads", func() bool {
		if leader := n.lead(); leader != wrong {
			_, err := server.OrderReplicas(t.Context(), leader.cfg,
				server.ReplicaOrder{Do: server.ReplicaTransfer})
			must(t, err)
		}
		select {
		case said = <-wrong.running.Failed():
			return true
		case <-time.After(time.Second):
			return false
		}
	})
	if !strings.Contains(said.Error(), "this replica has diverged") {
		t.Errorf("it says %v", said)
	}
	n.goOn(l, wrong)
}

// goOn holds that the other replicas take changes without one.
func (n *trio) goOn(l *load, wrong *member) {
	t := n.t
	t.Helper()
	wrong.close()
	l.wait(20)
	l.stop.Store(true)
	l.running.Wait()
	for _, m := range n.all {
		if m != wrong && m.ended.Load() != nil {
			t.Errorf("another one says %q", *m.ended.Load())
		}
	}
}
