package journal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/fault"
	"seyfert/journal"
)

// refusedKind is the command kind that a tape refuses.
const refusedKind = 666

// tape is a machine that notes every entry and answers each command with its own body.
type tape struct {
	// hold, if set, is received from before each entry is noted, so that a test can make
	// entries wait.
	hold chan struct{}

	state   sync.Mutex // guards all below
	first   uint64     // index of the first entry it was given
	entries []journal.Entry
}

func (m *tape) Apply(index uint64, e journal.Entry) []journal.Result {
	if m.hold != nil {
		<-m.hold
	}
	m.state.Lock()
	defer m.state.Unlock()
	if len(m.entries) == 0 {
		m.first = index
	}
	if want := m.first + uint64(len(m.entries)); index != want {
		panic(fmt.Sprintf("entry %d where %d was due", index, want))
	}
	m.entries = append(m.entries, e)
	results := make([]journal.Result, len(e.Commands))
	for i, c := range e.Commands {
		results[i].Body = c.Body
		if c.Kind == refusedKind {
			results[i].Fault = fault.New(fault.Refused, "kind", "not today")
		}
	}
	return results
}

// seen returns the entries so far.
func (m *tape) seen() []journal.Entry {
	m.state.Lock()
	defer m.state.Unlock()
	return append([]journal.Entry(nil), m.entries...)
}

// bodies returns the bodies of all commands so far, in order.
func (m *tape) bodies() []string {
	var bodies []string
	for _, e := range m.seen() {
		for _, c := range e.Commands {
			bodies = append(bodies, string(c.Body))
		}
	}
	return bodies
}

func command(body string) journal.Command {
	return journal.Command{
		Kind:    1,
		Version: 1,
		Principal: journal.Principal{
			Kind: journal.Company, ID: "com_01", Key: "key_01",
		},
		Body: []byte(body),
	}
}

func mustPropose(tb testing.TB, j log, bodies ...string) {
	tb.Helper()
	for _, body := range bodies {
		result, err := j.Propose(tb.Context(), command(body))
		if err != nil {
			tb.Fatal(err)
		}
		if string(result.Body) != body || result.Fault != nil {
			tb.Fatalf("%q was answered with %+v", body, result)
		}
	}
}

func mustClose(tb testing.TB, j log) {
	tb.Helper()
	if err := j.Close(); err != nil {
		tb.Fatal(err)
	}
}

func wantBodies(tb testing.TB, m *tape, want ...string) {
	tb.Helper()
	if diff := cmp.Diff(want, m.bodies()); diff != "" {
		tb.Fatalf("bodies differ (-want +got):\n%s", diff)
	}
}

func wantFault(tb testing.TB, err error, code fault.Code, field string) {
	tb.Helper()
	if f, ok := fault.Of(err); !ok || f.Code != code || f.Field != field {
		tb.Fatalf("got %v, want %s about %q", err, code, field)
	}
}
