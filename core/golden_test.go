package core_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/journal"
)

// update writes the golden journals anew. It is for the time before a release alone: a journal
// that a released program wrote must replay for ever, so its file stays and a new one is added.
var update = flag.Bool("update", false, "write testdata/*.journal anew")

// golden is the file of a node's journal: a line of base64 per entry, and the state at the end.
func golden(name string) string { return "testdata/" + name + ".journal" }

// goldens are the journals kept, one for each side of a payment.
func goldens(s *script) map[string]*machine {
	return map[string]*machine{"golden": s.seoul, "golden-payee": s.tokyo}
}

func writeGolden(t *testing.T, name string, m *machine) {
	t.Helper()
	var text strings.Builder
	for _, data := range m.entries {
		fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(data))
	}
	fmt.Fprintf(&text, "state %x\n", m.core.StateHash())
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(golden(name), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readGolden returns the entries and the state hash that they must lead to.
func readGolden(t testing.TB, name string) (entries [][]byte, state string) {
	t.Helper()
	text, err := os.ReadFile(golden(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if hash, last := strings.CutPrefix(line, "state "); last {
			return entries, hash
		}
		data, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, data)
	}
	t.Fatalf("%s does not end with a state", golden(name))
	return nil, ""
}

// TestGolden: journals written once lead to the same state for ever.
func TestGolden(t *testing.T) {
	if *update {
		for name, m := range goldens(play(t)) {
			writeGolden(t, name, m)
		}
	}
	for name := range goldens(&script{}) {
		t.Run(name, func(t *testing.T) {
			entries, want := readGolden(t, name)
			m := &machine{t: t, entries: entries}
			if got := hexText(m.replay().core.StateHash()); got != want {
				t.Errorf("the journal leads to state %s, not to %s", got, want)
			}
		})
	}
}

// TestGoldenHasEverything: every kind of command and of message is in a golden journal.
func TestGoldenHasEverything(t *testing.T) {
	kinds, outcomes := map[uint16]bool{}, map[string]bool{}
	for _, name := range []string{"golden", "golden-payee", "golden-passkeys"} {
		entries, _ := readGolden(t, name)
		m := (&machine{t: t, entries: entries}).replay()
		for _, data := range entries {
			e, err := journal.DecodeEntry(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range e.Commands {
				kinds[c.Kind] = true
			}
		}
		for _, e := range m.core.View().Events(0, core.PageMax) {
			outcomes[e.Kind] = true
		}
	}
	for _, kind := range allKinds() {
		if !kinds[kind] {
			t.Errorf("no command of kind %d", kind)
		}
	}
	for _, want := range []string{
		"deposit", "order held", "order bound", "order paid", "order expired", "order void",
		"claim pending", "claim paid", "claim refused", "transfer prepared",
		"transfer fulfilled", "transfer cleared", "transfer void", "transfer rejected",
		"received claim.present", "received transfer.prepare", "received transfer.accept",
		"received transfer.reject", "received transfer.fulfil", "received transfer.ack",
		"received claim.result", "day closed", "checkpoint signed", "chain sent",
		"chain confirmed",
	} {
		if !outcomes[want] {
			t.Errorf("no event %q", want)
		}
	}
}

func allKinds() []uint16 {
	return []uint16{
		core.KindConfigure, core.KindDescribe, core.KindTick, core.KindAddCompany,
		core.KindAddMember, core.KindAddCredential, core.KindEndCredential,
		core.KindRedeemCode, core.KindOpenVirtual, core.KindDeposit, core.KindCreateOffer,
		core.KindApproveOrder, core.KindSubmitClaim, core.KindAddPeer, core.KindReceive,
		core.KindDelivered, core.KindCloseDay, core.KindSignCheckpoint, core.KindStartChain,
		core.KindSentChain, core.KindSeeChain, core.KindOpenAccounts, core.KindSetAccount,
		core.KindPost, core.KindAnnotate, core.KindActivate, core.KindCompare,
		core.KindSignUp, core.KindAddPasskey, core.KindRemovePasskey, core.KindUsePasskey,
		core.KindSetRecovery, core.KindUseRecovery, core.KindEndSessions, core.KindPasskeyOrder,
	}
}
