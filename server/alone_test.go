package server_test

import (
	"log/slog"
	"strings"
	"testing"

	"seyfert/server"
)

// TestAloneWhileOthersLive: a replica does not go on alone while another one answers, also one
// that lets nobody in; when none does, it says who may never come back.
func TestAloneWhileOthersLive(t *testing.T) {
	n := newTrio(t)
	n.lead()
	first, second, third := n.all[0], n.all[1], n.all[2]
	first.close()
	second.close()
	alone := func() (*server.Server, error) {
		return server.Start(t.Context(), first.cfg, server.Parts{
			Chain: first.chain, Pace: replicaPace, Alone: true,
		}, slog.New(slog.NewTextHandler(&first.log, nil)))
	}
	running, err := alone()
	if err == nil {
		must(t, running.Close())
	}
	wantSaid(t, err, "--alone: replica "+string(third.id)+" at "+third.cfg.Replica.Listen+
		" answers, so it is not lost: two nodes would sign against each other. Nothing was "+
		"changed. Start the others, or run seyfert join if this machine was removed")
	first.start() // a replica of three as before
	n.lead()
	if got := len(n.list(first).Replicas); got != 3 {
		t.Errorf("there are %d replicas", got)
	}
	first.close()
	third.close()
	running, err = alone()
	must(t, err)
	if !running.Leads() {
		t.Error("the only replica does not lead")
	}
	must(t, running.Close())
	said := first.log.all()
	for _, other := range []*member{second, third} {
		if !strings.Contains(said, string(other.id)+" at "+other.cfg.Replica.Listen) ||
			!strings.Contains(said, "none of the others may ever be started again") {
			t.Errorf("it does not name %s: %s", other.id, said)
		}
	}
}

// TestCheckWithoutMajority: a replica whose others are away checks what it holds.
func TestCheckWithoutMajority(t *testing.T) {
	n := newTrio(t)
	left := n.follow()
	_, err := left.client().CreateCompany(t.Context(), "Kanda") // waits until it is seen here
	must(t, err)
	for _, m := range n.all {
		m.close()
	}
	var said strings.Builder
	left.check = func(step string) { said.WriteString(step + "\n") }
	left.start()
	if !strings.Contains(said.String(), "passed: ") {
		t.Errorf("the check says %s", said.String())
	}
}
