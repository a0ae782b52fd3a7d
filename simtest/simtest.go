// Package simtest drives whole nodes in one thread from one seed: N nodes, the network between
// them and a Bitcoin chain, with messages lost, repeated and out of order, blocks reorganised,
// and processes that end between any two of their dealings with the outside.
//
// The same Config gives the same trace and the same states, so a seed that failed is the whole
// bug report. The nodes are the real ones: node, core, signer and clearing as they stand, over
// the memory journal, tables and chain. It never touches a clock, files, goroutines or keys of
// a real node.
//
// After every step it checks (check.go): per node and currency debits equal credits, and what
// the node holds equals what it owes; over all nodes no unit of money came or went but by
// deposits; two nodes' books differ by exactly the acknowledgements under way; the books that
// companies keep by batches are what a model makes of the acknowledged ones, each counted once.
// Now and then, and at the end, all faults are healed: then books are equal, no claim waits, and
// each receipt was paid at most once. After each crash, and at the end from the first entry on, a
// replay gives the same state hash; at the end every anchor is in a block and payments are proven
// offline.
package simtest

import (
	"errors"
	"fmt"
	"io"
)

// Limits of a run.
const (
	// NodesMax is the largest number of nodes.
	NodesMax = 8
	// StepsMax bounds a run; every entry of it is kept in memory.
	StepsMax = 100_000_000
	// RestEvery is the number of steps after which all faults are healed once.
	RestEvery = 1000
)

// Config says what to simulate.
type Config struct {
	// Seed decides everything that happens.
	Seed uint64
	// Steps is the number of steps, 1 to StepsMax.
	Steps int
	// Nodes is the number of nodes, 2 to NodesMax; zero means 2.
	Nodes int
	// Trace, if set, gets one line per step.
	Trace io.Writer
}

func (c Config) validate() error {
	if c.Steps < 1 || c.Steps > StepsMax {
		return fmt.Errorf("simtest: %d steps, want 1 to %d", c.Steps, StepsMax)
	}
	if c.Nodes < 2 || c.Nodes > NodesMax {
		return fmt.Errorf("simtest: %d nodes, want 2 to %d", c.Nodes, NodesMax)
	}
	return nil
}

// Report says what a run did. Two runs of one Config give equal reports.
type Report struct {
	Seed  uint64
	Steps int
	// Trace is the hash over every line of the trace, with the nodes' state hashes in it.
	Trace [32]byte
	// Nodes is how each node ended.
	Nodes []NodeReport
	// Counts is what happened on the way.
	Counts Counts
}

// NodeReport is how one node ended.
type NodeReport struct {
	DID       string
	Entries   uint64
	StateHash [32]byte
}

// Counts says how often things happened, so that a run that tried little can be told from one
// that tried much.
type Counts struct {
	Deposits, Offers, Orders, Claims        int
	Paid, Refused, Conflicts, Expired, Void int
	Posts, Lost, Late, Repeated, Cut        int
	Crashes, Replayed, Torn, Rests          int
	Blocks, Reorgs, Days, Proofs            int
	Batches, Posted, Denied, Again          int
}

// Run simulates until the steps are done or a check fails. The error of a failed check names
// the seed and the step.
func Run(c Config) (report Report, err error) {
	if c.Nodes == 0 {
		c.Nodes = 2
	}
	if err := c.validate(); err != nil {
		return Report{}, err
	}
	w := &world{config: c, doing: "set up"}
	defer func() {
		if broken := recover(); broken != nil {
			// The seed is all that is needed to see this panic again.
			panic(fmt.Sprintf("simtest: %s: %v", w.place(), broken))
		}
	}()
	err = w.run()
	report = w.report()
	if err != nil {
		return report, fmt.Errorf("simtest: %s: %w", w.place(), err)
	}
	return report, nil
}

// run is set-up, the steps, and the end.
func (w *world) run() error {
	if err := w.setUp(); err != nil {
		return err
	}
	for w.step = 1; w.step <= w.config.Steps; w.step++ {
		if err := w.one(); err != nil {
			return err
		}
		if w.step%RestEvery == 0 {
			if err := w.rest(); err != nil {
				return err
			}
		}
	}
	if err := w.finish(); err != nil {
		return err
	}
	for _, h := range w.hosts {
		if err := w.replayWhole(h); err != nil {
			return err
		}
	}
	return nil
}

// one does one random step and everything that is checked after it.
func (w *world) one() error {
	a := w.choose()
	w.doing = a.name
	err := a.do(w)
	if err != nil && !errors.Is(err, errCrashed) {
		return err
	}
	if err := w.restartCrashed(); err != nil {
		return err
	}
	w.line()
	return w.check()
}

func (w *world) place() string {
	return fmt.Sprintf("seed %d, step %d (%s)", w.config.Seed, w.step, w.doing)
}

func (w *world) report() Report {
	r := Report{
		Seed: w.config.Seed, Steps: min(w.step, w.config.Steps), Trace: w.trace, Counts: w.counts,
	}
	for _, h := range w.hosts {
		r.Nodes = append(r.Nodes, NodeReport{
			DID: h.did, Entries: h.process.state.Applied(),
			StateHash: h.process.state.StateHash(),
		})
	}
	return r
}
