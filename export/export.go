// Package export keeps copies of a node's books where other tools can read them: tables of a
// PostgreSQL database, or CSV files. It follows the node's change stream as any program may, with
// the key of the operator or of a company, and copies what that key sees.
//
// A copy says how far it has come in the same transaction, or the same file, as what it copied. So
// whatever ends the export, and whenever, the next one goes on exactly behind it: nothing is
// missing and nothing is there twice. It never writes to a node, and decides nothing.
//
// postgres.go opens a database and says whose it is, apply.go writes batches into it, run.go keeps
// it up to date; csv.go writes files.
package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seyfert/client"
	"seyfert/wire"
)

// Limits of an export.
const (
	// BatchMax bounds the lines of history that one transaction copies.
	BatchMax = 10_000
	// waitMax is the longest that an export waits for a line of history before it looks whether an
	// account was opened or metadata set.
	waitMax = 5 * time.Second
	// pauseMax is the longest pause between two tries to reach a node or database that does not
	// answer.
	pauseMax = 30 * time.Second
)

// ErrForeign is a place to export to that holds something else: tables that are not ours, another
// node's books, or a history that is not the node's.
var ErrForeign = errors.New("it is not a copy of these books")

// ErrNewer is a copy that a newer version of this program made.
var ErrNewer = errors.New("a newer version of seyfert made it")

// source is whose books are copied, and for whom.
type source struct {
	// node is the node's DID.
	node string
	// scope is the company whose key it is, or scopeAll for the operator's.
	scope string
}

// scopeAll is the scope of the operator's key.
const scopeAll = "all"

// identify asks a node who it is, and whose the key is.
func identify(ctx context.Context, c *client.Client) (source, error) {
	text, err := c.Descriptor(ctx)
	if err != nil {
		return source{}, fmt.Errorf("ask the node who it is: %w", err)
	}
	descriptor, _, err := wire.ParseDescriptor(text)
	if err != nil {
		return source{}, fmt.Errorf("ask the node who it is: %w", err)
	}
	s := source{node: descriptor.DID, scope: scopeAll}
	_, err = c.Status(ctx)
	if err == nil {
		return s, nil
	}
	if p, answered := errors.AsType[*client.Problem](err); !answered ||
		p.Code != client.CodeForbidden {
		return source{}, fmt.Errorf("ask the node whose the key is: %w", err)
	}
	wallet, err := c.Wallet(ctx)
	if err != nil {
		return source{}, fmt.Errorf("ask the node whose the key is: %w", err)
	}
	s.scope = wallet.Owner
	return s, nil
}

// batch is a run of history.
type batch struct {
	from    uint64
	changes []client.Change
	next    uint64 // history number to go on from
	// newest is that of the node's newest line.
	newest uint64
}

// behind says that there is more to be read at once.
func (b *batch) behind() bool { return b.next <= b.newest }

// read reads a batch from a number on. It waits for the first line at most so long, and for none
// after it.
func read(ctx context.Context, c *client.Client, from uint64, wait time.Duration) (*batch, error) {
	b := &batch{from: from, next: from}
	for {
		limit := min(client.ChangesMax, BatchMax-len(b.changes))
		page, err := c.Changes(ctx, b.next, limit, wait)
		if err != nil {
			return nil, fmt.Errorf("read changes from %d: %w", b.next, err)
		}
		if err := page.Follows(b.next); err != nil {
			return nil, err
		}
		b.changes = append(b.changes, page.Changes...)
		b.next, b.newest, wait = page.Next, page.Newest, 0
		if !b.behind() || len(b.changes) == BatchMax {
			return b, nil
		}
	}
}

// same says whether a node's history still has a line as it was copied. A node that was set up
// anew, or went back to a backup, may have another one.
func same(ctx context.Context, c *client.Client, number, index uint64, subject string) error {
	page, err := c.Changes(ctx, number, 1, 0)
	if err != nil {
		return fmt.Errorf("read change %d: %w", number, err)
	}
	if page.Newest < number {
		return fmt.Errorf("the node's history ends at %d, and %d was copied: %w",
			page.Newest, number, ErrForeign)
	}
	if len(page.Changes) != 1 || page.Changes[0].Number != number ||
		page.Changes[0].Index != index || subjectOf(&page.Changes[0]) != subject {
		return fmt.Errorf("change %d of the node is another than the one that was copied: %w",
			number, ErrForeign)
	}
	return nil
}

// subjectOf is the transfer of a line, or the hold where none was posted.
func subjectOf(c *client.Change) string {
	if c.Transfer != "" {
		return c.Transfer
	}
	return c.Hold
}
