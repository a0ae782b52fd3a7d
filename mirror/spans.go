package mirror

import (
	"errors"
	"fmt"
)

// The spans of a journal begin at 0 with term 0, the time before the node had several replicas;
// terms and starts rise. The last one may be empty still: it marks that its leader's journal
// begins with all that stands before it.

// checkSpans refuses spans that no journal of size bytes can have.
func checkSpans(spans []Span, size int64) error {
	if len(spans) == 0 || len(spans) > SpansMax || spans[0].Start != 0 {
		return fmt.Errorf("%d terms, or none at byte 0", len(spans))
	}
	for i, s := range spans[1:] {
		if s.Term <= spans[i].Term || s.Start <= spans[i].Start {
			return errors.New("the terms of a journal do not rise")
		}
	}
	if last := spans[len(spans)-1]; last.Start > size {
		return fmt.Errorf("term %d begins at byte %d, the journal ends at %d", last.Term,
			last.Start, size)
	}
	return nil
}

// last is the newest term of a journal, also one without bytes yet.
func last(spans []Span) Span { return spans[len(spans)-1] }

// holder returns the span of the byte before end, which is not 0.
func holder(spans []Span, end int64) Span {
	i := len(spans) - 1
	for i > 0 && spans[i].Start >= end {
		i--
	}
	return spans[i]
}

// common returns how long the beginning is that two journals share: up to the last byte that
// both have from one term, since the leader of a term wrote behind one beginning only.
func common(a []Span, aSize int64, b []Span, bSize int64) int64 {
	end := min(aSize, bSize)
	for end > 0 {
		x, y := holder(a, end), holder(b, end)
		if x.Term == y.Term {
			return end
		}
		end = max(x.Start, y.Start)
	}
	return 0
}

// until returns the spans of a journal's first end bytes.
func until(spans []Span, end int64) []Span {
	n := len(spans)
	for n > 1 && spans[n-1].Start > end {
		n--
	}
	return append([]Span(nil), spans[:n]...)
}

// begun returns spans with a new term that begins at start. It takes the place of a term that
// never wrote a byte.
func begun(spans []Span, term uint64, start int64) []Span {
	n := len(spans)
	if last(spans).Start == start {
		n--
	}
	return append(append([]Span(nil), spans[:n]...), Span{Term: term, Start: start})
}

// newer tells whether a journal is to be preferred to another: a later last term, or the same
// and more bytes.
func newer(a []Span, aSize int64, b []Span, bSize int64) bool {
	if x, y := last(a).Term, last(b).Term; x != y {
		return x > y
	}
	return aSize > bSize
}
