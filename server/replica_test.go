package server_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"seyfert/server"
)

// TestReplicas: whatever replica is asked, a change is made once, by the leader, and can be read
// at once where it was asked for; the leader alone works towards the outside.
func TestReplicas(t *testing.T) {
	n := newTrio(t)
	leader := n.lead()
	for _, m := range n.all {
		company, err := m.client().CreateCompany(t.Context(), "가게")
		must(t, err)
		found, err := m.client().Companies(t.Context())
		must(t, err)
		if len(found) == 0 || found[len(found)-1].ID != company.Company.ID {
			t.Errorf("what was written here is not read here: %+v", found)
		}
		answer, _ := m.call(http.MethodGet, "/v1/companies", "", nil)
		index, err := strconv.ParseUint(answer.Header.Get("Seyfert-Index"), 10, 64)
		must(t, err)
		for _, other := range n.all {
			for _, least := range []string{strconv.FormatUint(index, 10), "now"} {
				answer, text := other.call(http.MethodGet, "/v1/companies", "",
					http.Header{"Seyfert-At-Least": {least}})
				got, err := strconv.ParseUint(answer.Header.Get("Seyfert-Index"), 10, 64)
				if err != nil || got < index || answer.StatusCode != http.StatusOK {
					t.Errorf("at least %s: %d at %d, %s", least, answer.StatusCode, got, text)
				}
			}
		}
	}
	if _, err := n.client().CloseDay(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	n.until("anchor", func() bool { return leader.chain.sent.Load() > 0 })
	for _, m := range n.all {
		if m != leader && m.chain.sent.Load() > 0 {
			t.Error("a replica that follows writes on the chain")
		}
	}
}

// TestReplicaTools: a backup of a replica that follows, and a check of one while the others write.
func TestReplicaTools(t *testing.T) {
	n := newTrio(t)
	l := n.load(2)
	l.wait(20)
	follower := n.follow()
	to := filepath.Join(t.TempDir(), "backup")
	made, err := server.Backup(t.Context(), follower.cfg, to, func(string) {})
	must(t, err)
	if made.Index == 0 {
		t.Errorf("%+v", made)
	}
	follower.close()
	l.wait(20)
	var said notes
	follower.check = func(step string) { _, _ = said.Write([]byte(step + "\n")) }
	follower.start()
	if !said.has("passed: ") {
		t.Errorf("the check said %s", said.all())
	}
	l.end()
}

// TestFullLeader: a leader whose disk is full lets another one lead.
func TestFullLeader(t *testing.T) {
	n := newTrio(t)
	full := n.lead()
	full.free.Store(1)
	n.until("another leader", func() bool { return !full.takes() && n.lead() != full })
	if _, err := full.client().CreateCompany(t.Context(), "Kanda"); err != nil {
		t.Error(err)
	}
}

// TestCutOff: a replica that is cut off tells the proxy before it, shows nothing old for ever, and
// when it is back nothing older than what was acknowledged meanwhile.
func TestCutOff(t *testing.T) {
	n := newTrio(t)
	m := n.follow()
	m.line.tear()
	n.until("503 of one that is cut off", func() bool {
		health, text := m.call(http.MethodGet, "/healthz", "", nil)
		if health.StatusCode != http.StatusOK && !strings.Contains(text, "no_leader") {
			t.Errorf("%d %s", health.StatusCode, text)
		}
		return health.StatusCode == http.StatusServiceUnavailable
	})
	if answer, text := m.call(http.MethodGet, "/v1/companies", "", nil); answer.StatusCode !=
		http.StatusServiceUnavailable {
		t.Errorf("a read: %d %s", answer.StatusCode, text)
	}
	if answer, text := n.lead().call(http.MethodGet, "/healthz", "", nil); answer.StatusCode !=
		http.StatusOK {
		t.Errorf("the leader: %d %s", answer.StatusCode, text)
	}
	_, err := n.lead().client().CreateCompany(t.Context(), "Later")
	must(t, err)
	m.line.mend()
	n.until("read", func() bool {
		answer, text := m.call(http.MethodGet, "/v1/companies", "", nil)
		if answer.StatusCode == http.StatusOK && !strings.Contains(text, "Later") {
			t.Errorf("it shows what is old: %s", text)
		}
		return answer.StatusCode == http.StatusOK
	})
}
