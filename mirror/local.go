package mirror

import (
	"fmt"
	"slices"
	"sync/atomic"

	"seyfert/signer"
)

// local is this replica's own journal with its terms. Mirror.disk guards it.
type local struct {
	file    signer.JournalFile
	keep    TermFile
	terms   terms
	size    int64
	settled *atomic.Int64 // the mirror's
	broken  error         // why nothing can be written any more
}

// openLocal reads the terms and cuts what an interrupted take left.
func openLocal(
	file signer.JournalFile, keep TermFile, settled *atomic.Int64,
) (*local, error) {
	data, err := keep.Load()
	if err != nil {
		return nil, fmt.Errorf("mirror: terms: %w", err)
	}
	if data == nil {
		return nil, fmt.Errorf("%w: its terms are lost: %s", signer.ErrCorrupt, advice)
	}
	t, err := decodeTerms(data)
	if err != nil {
		return nil, err
	}
	l := &local{file: file, keep: keep, terms: t, settled: settled}
	settled.Store(t.Settled)
	if l.size, err = file.Size(); err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	if err := l.whole(l.size); err != nil {
		return nil, err
	}
	if t.Cut == 0 {
		return l, nil
	}
	if err := l.cut(t.Cut); err != nil {
		return nil, err
	}
	t.Cut = 0
	return l, l.save(t)
}

// whole refuses a journal that would end at size, before what it once held durably.
func (l *local) whole(size int64) error {
	err := checkSpans(l.terms.Spans, size)
	if err == nil && size < max(l.settled.Load(), l.terms.Cut) {
		err = fmt.Errorf("%d bytes were durable", max(l.settled.Load(), l.terms.Cut))
	}
	if err != nil {
		return fmt.Errorf("%w: it ends at byte %d: %w: %s", signer.ErrCorrupt, size, err, advice)
	}
	return nil
}

// fail notes that the disk did not do what it was asked. What it holds now is not known.
func (l *local) fail(what string, err error) error {
	l.broken = fmt.Errorf("%w: %s: %w", ErrBroken, what, err)
	return l.broken
}

// save makes t the terms.
func (l *local) save(t terms) error {
	if l.broken != nil {
		return l.broken
	}
	t.Settled = l.settled.Load()
	if err := l.keep.Save(t.encode()); err != nil {
		return l.fail("terms", err)
	}
	l.terms = t
	return nil
}

// promise promises this replica to the leader of a term. It refuses a term before the last, and
// another leader of the same one.
func (l *local) promise(term uint64, to string) (ok bool, err error) {
	if l.broken != nil {
		return false, l.broken
	}
	if term <= l.terms.Promised {
		return term == l.terms.Promised && to == l.terms.To, nil
	}
	next := l.terms
	next.Promised, next.To = term, to
	return true, l.save(next)
}

// begin opens the span of the term that this replica leads.
func (l *local) begin(term uint64) error {
	next := l.terms
	if last(next.Spans).Term == term {
		return nil
	}
	next.Spans = begun(next.Spans, term, l.size)
	if len(next.Spans) > SpansMax {
		return fmt.Errorf("mirror: the journal was written in %d terms, it takes no more", SpansMax)
	}
	return l.save(next)
}

// cut cuts the file to size bytes.
func (l *local) cut(size int64) error {
	if size >= l.size {
		return nil
	}
	if err := l.file.Truncate(size); err != nil {
		return l.fail("cut", err)
	}
	l.size = size
	return nil
}

// add makes bytes durable at the end.
func (l *local) add(p []byte) error {
	if l.broken != nil {
		return l.broken
	}
	if err := l.file.Append(p); err != nil {
		return l.fail("append", err)
	}
	l.size += int64(len(p))
	return nil
}

// take makes the journal the first bytes of another one: its own up to begin, where both are the
// same, then p. spans are the other's. A crash leaves all of p or nothing.
func (l *local) take(begin int64, spans []Span, p []byte) error {
	if l.broken != nil {
		return l.broken
	}
	if begin == 0 || begin < l.settled.Load() || begin > l.size {
		return fmt.Errorf("mirror: a leader's journal is the same only up to byte %d, and %d bytes "+
			"are settled here: %s", begin, l.settled.Load(), advice)
	}
	if count, size := signer.Frames(p, begin); size != int64(len(p)) {
		return fmt.Errorf("mirror: %d bytes after %d frames are none", int64(len(p))-size, count)
	} else if count == 1 && begin == l.size &&
		slices.Equal(l.terms.Spans, until(spans, begin+size)) {
		return l.add(p) // a torn frame is cut by the signer
	}
	next := l.terms
	next.Spans, next.Cut = until(spans, begin), begin
	if begin < l.size || len(p) > 0 {
		if err := l.save(next); err != nil {
			return err
		}
		if err := l.cut(begin); err != nil {
			return err
		}
		if len(p) > 0 {
			if err := l.add(p); err != nil {
				return err
			}
		}
	}
	next.Spans, next.Cut = until(spans, begin+int64(len(p))), 0
	if slices.Equal(l.terms.Spans, next.Spans) && l.terms.Cut == 0 {
		return nil
	}
	return l.save(next)
}

// read returns whole frames from at on, no more than a chunk of them or one.
func (l *local) read(at int64) ([]byte, error) {
	for _, room := range []int64{ChunkBytesMax, frameMax} {
		p := make([]byte, min(room, l.size-at))
		if len(p) == 0 {
			return nil, nil
		}
		if _, err := l.file.ReadAt(p, at); err != nil {
			return nil, fmt.Errorf("mirror: read: %w", err)
		}
		if _, size := signer.Frames(p, at); size > 0 {
			return p[:size], nil
		}
	}
	return nil, fmt.Errorf("%w: no whole record stands at byte %d: %s", signer.ErrCorrupt, at, advice)
}
