package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/wire"
)

// Journaled is the journal as a check reads it.
type Journaled interface {
	Entries
	// FirstIndex returns the index of the first entry that is kept, or 0 if there is none.
	FirstIndex() uint64
	// LastIndex returns the index of the last entry, kept or not.
	LastIndex() uint64
}

// Check holds a node's state against its own journal: the journal is replayed into a scratch
// state beside it, and both are compared to the last byte. Every field is required.
type Check struct {
	State   *State
	Store   *Store
	Journal Journaled
	// Scratch is a directory that is made for the replay and removed in the end. It takes about
	// as much room as the state itself. What an interrupted check left there is removed.
	Scratch string
	// Told is called with each step, and while one takes long.
	Told func(step string)
	Log  *slog.Logger
}

// Checked says what a check compared.
type Checked struct {
	// From is the entry that the replay began behind: 0, or that of the oldest cut when the
	// journal has nothing older. Index is the last one.
	From, Index uint64
	Records     uint64
	Leaves      int64
	Lines, Rows uint64
	// Accounts and Holds are those of the ledger.
	Accounts, Holds int
	StateHash, Root wire.Digest
}

// Difference is the first thing in which a state is not what its journal leads to.
type Difference struct {
	// What names the thing. Live is what the node has there, Replayed what the journal says.
	What, Live, Replayed string
	// Do is what to do.
	Do string
}

// Error implements error.
func (d *Difference) Error() string {
	return fmt.Sprintf("the state differs from the journal: %s: the node has %s, the journal "+
		"leads to %s. %s", d.What, d.Live, d.Replayed, d.Do)
}

// Run checks. It returns a *Difference if there is one, and other errors when it can't compare.
// The state must not be in use: entries that arrive meanwhile wait until it is done. The journal
// is not shortened meanwhile, and not afterwards unless the check has passed: what is to be done
// about a difference needs the entries.
func (c Check) Run(ctx context.Context) (done Checked, err error) {
	c.Store.shelf.hold(0)
	c.State.alone(func(live *core.Core) {
		first := c.Journal.FirstIndex()
		done, err = c.run(ctx, live)
		if err != nil && c.Journal.FirstIndex() != first {
			// The journal was being shortened when the check began.
			done, err = c.run(ctx, live)
		}
	})
	if err == nil {
		c.Store.shelf.release(0)
	}
	return done, err
}

func (c Check) run(ctx context.Context, live *core.Core) (done Checked, err error) {
	if err := c.Store.wait(live); err != nil {
		return done, err
	}
	// The state shows an entry a moment before the journal does.
	for end := time.Now().Add(time.Second); c.Journal.LastIndex() < live.Applied() &&
		time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	from, err := c.from()
	if err != nil {
		return done, err
	}
	done.From = from
	if err := os.RemoveAll(c.Scratch); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.Scratch)) }()
	if err := c.begin(ctx, from); err != nil {
		return done, err
	}
	store, replayed, err := OpenStore(filepath.Join(c.Scratch, "state"), c.Log)
	if err != nil {
		return done, fmt.Errorf("open the scratch state: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if replayed.Applied() != from {
		return done, fmt.Errorf("the cut at entry %d can't be opened, the replay would begin at %d",
			from, replayed.Applied())
	}
	compare := comparison{
		tell: c.tellNow(), told: c.Told, done: &done, from: replayed.View().Cursor(),
		live: side{store: c.Store, core: live}, replayed: side{store: store, core: replayed},
	}
	if err := c.replay(ctx, store, replayed, live.Applied()); err != nil {
		return done, err
	}
	return done, compare.all(ctx)
}

// wait ends the cut that is under way, if there is one.
func (s *Store) wait(c *core.Core) error {
	if s.making == nil {
		return nil
	}
	<-s.making.done
	return s.settle(c)
}

// from is the entry that the replay begins behind.
func (c Check) from() (uint64, error) {
	first := c.Journal.FirstIndex()
	if first == 0 {
		first = c.Journal.LastIndex() + 1
	}
	if first <= 1 {
		return 0, nil
	}
	names, err := c.Store.finishedCuts()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		m, err := readManifest(filepath.Join(c.Store.dir, "cuts", name))
		if err == nil && m.Index+1 >= first {
			return m.Index, nil
		}
	}
	return 0, fmt.Errorf("the journal begins with entry %d and no cut reaches it: restore a backup",
		first)
}

// begin makes the scratch directory, with a cut in it if the replay begins behind one.
func (c Check) begin(ctx context.Context, from uint64) error {
	if err := os.Mkdir(c.Scratch, 0o700); err != nil {
		return err
	}
	if from == 0 {
		return nil
	}
	w := &backupWriter{dir: c.Scratch, told: c.Told}
	return copyState(ctx, w, c.Store.dir, from)
}

// replay applies the journal to the scratch state.
func (c Check) replay(ctx context.Context, store *Store, replayed *core.Core, last uint64) error {
	tell := c.tellNow()
	first := replayed.Applied() + 1
	if first > last {
		return nil
	}
	c.Told(fmt.Sprintf("replays the entries %d to %d", first, last))
	err := c.Journal.Read(first, func(index uint64, e journal.Entry) bool {
		replayed.Apply(index, e)
		store.Keep(replayed)
		tell("entry %d of %d", index, last)
		return index < last && ctx.Err() == nil
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return fmt.Errorf("replay the journal: %w", err)
	}
	if at := replayed.Applied(); at != last {
		return fmt.Errorf("the journal leads to entry %d, the state is at %d", at, last)
	}
	return store.wait(replayed)
}

// tellEvery is how often a long step says where it is.
const tellEvery = 2 * time.Second

// tellNow returns a function that tells at most every tellEvery.
func (c Check) tellNow() func(format string, args ...any) {
	next := time.Now().Add(tellEvery)
	return func(format string, args ...any) {
		if time.Now().Before(next) {
			return
		}
		next = time.Now().Add(tellEvery)
		c.Told(fmt.Sprintf(format, args...))
	}
}

// String says in words what was compared.
func (d Checked) String() string {
	begin := "the journal's first entry"
	if d.From > 0 {
		begin = fmt.Sprintf("the oldest cut, at entry %d,", d.From)
	}
	return fmt.Sprintf("the journal was replayed from %s to entry %d; equal are the state hash "+
		"%s, the root %s of the journal tree and its %d leaves, all %d history records and %d "+
		"entry lines byte by byte, all %d rows of the tables, the ledger's %d accounts and %d "+
		"holds with their balances, and in each currency the sum of all debits and that of all "+
		"credits",
		begin, d.Index, d.StateHash, d.Root, d.Leaves, d.Records, d.Lines, d.Rows, d.Accounts,
		d.Holds)
}
