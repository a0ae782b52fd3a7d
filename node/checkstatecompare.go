package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"seyfert/core"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/table"
	"seyfert/wire"
)

// side is one of the two states that are compared.
type side struct {
	store  *Store
	core   *core.Core
	frozen *core.Frozen
}

// comparison holds the live state against the replayed one.
type comparison struct {
	tell           func(format string, args ...any)
	told           func(step string)
	done           *Checked
	live, replayed side
	// from is where the replay began.
	from core.Cursor
}

// all compares everything. The ledger comes before the history that follows from it.
func (c *comparison) all(ctx context.Context) error {
	for _, s := range []*side{&c.live, &c.replayed} {
		s.frozen = s.core.Freeze()
		defer s.core.Thaw(s.frozen, false)
	}
	c.done.Index = c.live.core.Applied()
	for _, step := range []func(ctx context.Context) error{
		c.lengths, c.ledger, c.files, c.rows, c.hashes, c.totals, c.balances, c.oldLeaves,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// differs names a difference. What of it was there at the cut that the replay began at cannot be
// made from the journal.
func (c *comparison) differs(old bool, live, replayed any, what string, args ...any) error {
	dir := c.live.store.dir
	do := fmt.Sprintf("Stop the node, move %s away and start it: the journal makes the state "+
		"anew. Look at the disk.", dir)
	switch {
	case old:
		do = fmt.Sprintf("The journal begins behind it, so it can't make it anew: stop the node "+
			"and restore a backup that --check passes, or let another replica replace this "+
			"one. Keep %s for whoever looks into it.", dir)
	case c.from.Index > 0:
		do = fmt.Sprintf("Stop the node, remove the cuts in %s that are newer than %s, and start "+
			"it: it then replays the journal from there. Look at the disk. If it is found "+
			"again, restore a backup.",
			filepath.Join(dir, "cuts"), cutName(c.from.Index))
	}
	return &Difference{
		What: fmt.Sprintf(what, args...), Live: fmt.Sprint(live), Replayed: fmt.Sprint(replayed),
		Do: do,
	}
}

// lengths compares how far both have come.
func (c *comparison) lengths(context.Context) error {
	live, replayed := c.live.core.View().Cursor(), c.replayed.core.View().Cursor()
	c.done.Records, c.done.Leaves, c.done.Lines = live.Records, live.Leaves, live.Lines
	for _, count := range []struct {
		name           string
		live, replayed uint64
	}{
		{"history records", live.Records, replayed.Records},
		{"leaves of the journal tree", uint64(live.Leaves), uint64(replayed.Leaves)},
		{"entry lines", live.Lines, replayed.Lines},
	} {
		if count.live != count.replayed {
			return c.differs(false, count.live, count.replayed, "the number of %s", count.name)
		}
	}
	return nil
}

// files compares the files that only grow, record by record.
func (c *comparison) files(ctx context.Context) error {
	for _, f := range []struct {
		name, one      string
		size           int
		live, replayed table.Records
	}{
		{"entry lines", "entry line", core.LineSize, c.live.store.lines, c.replayed.store.lines},
		{
			"history", "history record", ledger.RecordSize, c.live.store.history,
			c.replayed.store.history,
		},
		{
			"hashes of the journal tree", "tree hash", merkle.HashSize, c.live.store.hashes,
			c.replayed.store.hashes,
		},
	} {
		c.told("compares the " + f.name)
		if err := c.records(ctx, f.one, f.size, f.live, f.replayed); err != nil {
			return err
		}
	}
	return nil
}

// recordsCompared is how many records are read at a time.
const recordsCompared = 256

func (c *comparison) records(
	ctx context.Context, one string, size int, live, replayed table.Records,
) error {
	mine, theirs := make([]byte, recordsCompared*size), make([]byte, recordsCompared*size)
	for number := uint64(1); number <= replayed.Len(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		count, err := replayed.Read(number, theirs)
		if err != nil {
			return fmt.Errorf("read the scratch state: %w", err)
		}
		_, err = live.Read(number, mine[:count*size])
		if err != nil || !bytes.Equal(mine[:count*size], theirs[:count*size]) {
			return c.firstRecord(one, number, count, live, replayed)
		}
		number += uint64(count)
		c.tell("%s %d of %d", one, number-1, replayed.Len())
	}
	return nil
}

// firstRecord names the first of some records that differs.
func (c *comparison) firstRecord(one string, from uint64, count int, live, replayed table.Records,
) error {
	for number := from; number < from+uint64(count); number++ {
		want, err := replayed.At(number)
		if err != nil {
			return fmt.Errorf("read the scratch state: %w", err)
		}
		got, err := live.At(number)
		if err != nil {
			return c.differs(false, err, "a sound one", "%s %d", one, number)
		}
		if !bytes.Equal(got, want) {
			mine, theirs := fromFirst(got, want)
			return c.differs(false, mine, theirs, "%s %d", one, number)
		}
	}
	return errors.New("records that differed when many were read are equal one by one: the disk " +
		"does not give the same bytes twice")
}

// shownBytes is how much is shown of what differs.
const shownBytes = 16

// fromFirst shows two texts of bytes from the first byte on that differs.
func fromFirst(got, want []byte) (mine, theirs string) {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	show := func(data []byte) string {
		return fmt.Sprintf("%x at byte %d of %d", data[at:min(len(data), at+shownBytes)], at,
			len(data))
	}
	return show(got), show(want)
}

// rows compares the tables row by row, with the ids that are still in RAM in their places.
func (c *comparison) rows(ctx context.Context) error {
	c.told("compares the rows of the tables")
	var failed [2]error
	live, stop := iter.Pull2(c.live.rows(&failed[0]))
	defer stop()
	replayed, end := iter.Pull2(c.replayed.rows(&failed[1]))
	defer end()
	for {
		key, value, more := live()
		if failed[0] != nil {
			return c.differs(false, failed[0], "rows that can be read", "the tables")
		}
		wantKey, want, wanted := replayed()
		if failed[1] != nil {
			return fmt.Errorf("read the scratch state: %w", failed[1])
		}
		switch order := bytes.Compare(key, wantKey); {
		case !more && !wanted:
			return ctx.Err()
		case !wanted || more && order < 0:
			return c.differs(false, "a row", "no such row", "%s", rowName(key))
		case !more || order > 0:
			return c.differs(false, "no such row", "a row", "%s", rowName(wantKey))
		case !bytes.Equal(value, want):
			mine, theirs := fromFirst(value, want)
			return c.differs(false, mine, theirs, "%s", rowName(key))
		}
		if c.done.Rows++; ctx.Err() != nil {
			return ctx.Err()
		}
		c.tell("row %d", c.done.Rows)
	}
}

// cursorTable is the prefix of the one row that says where the state stands, hash included. It
// is compared in the end, in words.
const cursorTable = 2

// rowName names a row by its table's number (core/schema.go) and its key.
func rowName(key []byte) string {
	return fmt.Sprintf("the row of table %d with key %q", key[0], key[1:])
}

// rows gives the rows of the tables in order, the ids in RAM among them. Key and value are valid
// until the next one is asked for.
func (s *side) rows(failed *error) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		id, stop := iter.Pull2(s.frozen.IDs())
		defer stop()
		idKey, number, more := id()
		going := true
		err := s.store.tables.Scan(nil, nil, func(key, value []byte) bool {
			if key[0] == cursorTable {
				return true
			}
			for more && going && bytes.Compare(idKey, key) <= 0 {
				same := bytes.Equal(idKey, key)
				going = yield(idKey, number)
				if idKey, number, more = id(); same {
					return going
				}
			}
			going = going && yield(key, value)
			return going
		})
		for more && going && err == nil {
			going = yield(idKey, number)
			idKey, number, more = id()
		}
		if *failed = err; err != nil && going {
			yield(nil, nil) // whoever pulls looks at failed first
		}
	}
}

// ledger compares the ledger's images, and its accounts and holds one by one if they differ.
func (c *comparison) ledger(context.Context) error {
	c.told("compares the ledger")
	var images [2][32]byte
	for i, s := range []side{c.live, c.replayed} {
		hash := sha256.New()
		if _, err := s.frozen.Book.WriteTo(hash); err != nil {
			return err
		}
		images[i] = [32]byte(hash.Sum(nil))
	}
	c.done.Accounts, c.done.Holds = c.replayed.core.View().LedgerSize()
	if images[0] == images[1] {
		return nil
	}
	live, replayed := c.live.core.View(), c.replayed.core.View()
	err := firstOf(c, "account", live.EachAccount, replayed.EachAccount,
		func(a ledger.Account) string { return a.ID.String() })
	if err == nil {
		err = firstOf(c, "hold", live.EachHold, replayed.EachHold,
			func(h ledger.Hold) string { return h.ID.String() })
	}
	if err == nil {
		err = c.differs(false, wire.Digest(images[0]), wire.Digest(images[1]),
			"the ledger's image")
	}
	return err
}

// firstOf names the first of two sequences that differs, or returns nil.
func firstOf[T comparable](c *comparison, what string, live, replayed func(func(T) bool),
	name func(T) string,
) error {
	other, stop := iter.Pull(iter.Seq[T](replayed))
	defer stop()
	for got := range iter.Seq[T](live) {
		want, ok := other()
		if !ok {
			return c.differs(false, fmt.Sprintf("%+v", got), "none", "%s %s", what, name(got))
		}
		if got != want {
			return c.differs(false, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want), "%s %s",
				what, name(want))
		}
	}
	if want, ok := other(); ok {
		return c.differs(false, "none", fmt.Sprintf("%+v", want), "%s %s", what, name(want))
	}
	return nil
}
