package mirror

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"seyfert/wire"
)

// A leader compares its members' keys with each other replica's once, page by page: it shows the
// ids that it has and a digest of each one's keys, and is told what the other has more and less
// of. What it learns it keeps and owes to the rest. So after a majority was compared it holds
// every key that a majority ever had, and what is new reaches everybody as it comes.

// pages is how far a comparison is. Mirror.mu guards it.
type pages struct {
	listed bool
	ids    []string // this replica's members when it began, in order
	after  string
	done   bool
}

// nextPage shows a replica the next members.
func (m *Mirror) nextPage(p *peer) (q Request, found bool, err error) {
	m.mu.Lock()
	at := p.pages
	m.mu.Unlock()
	if !at.listed {
		if at.ids, err = m.names.List(); err != nil {
			return q, false, err
		}
		at.listed = true
		m.mu.Lock()
		p.pages = at
		m.mu.Unlock()
	}
	from, there := slices.BinarySearch(at.ids, at.after)
	if there {
		from++
	}
	to := min(from+NamesMax, len(at.ids))
	q = Request{Kind: AskNames, After: at.after, Last: to == len(at.ids)}
	for _, id := range at.ids[from:to] {
		keys, gone, err := m.names.held(id)
		if err != nil {
			return q, false, err
		}
		if len(keys) > 0 && !gone {
			q.Members = append(q.Members, Member{ID: id, Digest: digest(keys)})
		}
	}
	if len(q.Members) == 0 && !q.Last {
		// All of them were destroyed meanwhile: their page is as good as shown.
		q.Members = []Member{{ID: at.ids[to-1]}}
	}
	return q, true, nil
}

// paged takes what a replica says about a page.
func (m *Mirror) paged(l *lead, p *peer, q Request, a Answer) error {
	next := a.Until
	if next == "" && len(q.Members) > 0 {
		next = q.Members[len(q.Members)-1].ID
	}
	if !a.Taken || next <= q.After && !(q.Last && a.Until == "") {
		return errors.New("mirror: a replica compares no keys")
	}
	for _, member := range a.Members {
		fresh, err := m.names.keep(member.ID, member.Keys)
		if err != nil {
			return err
		}
		if fresh {
			m.mu.Lock()
			l.owe(member.ID, p)
			m.mu.Unlock()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range a.Wants {
		l.owed++
		p.owe(id, l.owed)
	}
	if p.pages.after == q.After && p.pages.listed { // owe may have begun it anew
		p.pages.after = next
		p.pages.done = q.Last && a.Until == ""
	}
	if p.pages.done {
		p.pages.ids = nil
	}
	l.wake()
	return nil
}

// compare answers AskNames.
func (n *names) compare(q Request) (Answer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if q.After == "" || n.listing == nil {
		ids, err := n.own.List()
		if err != nil {
			return Answer{}, err
		}
		n.listing = ids
	}
	shown := q.Members
	end, _ := slices.BinarySearchFunc(n.listing, q, func(id string, q Request) int {
		if q.Last || len(q.Members) > 0 && id <= q.Members[len(q.Members)-1].ID {
			return -1
		}
		return 1
	})
	begin, there := slices.BinarySearch(n.listing, q.After)
	if there {
		begin++
	}
	a := Answer{Taken: true}
	for _, id := range n.listing[min(begin, end):end] {
		for len(shown) > 0 && shown[0].ID < id {
			n.want(&a, shown[0])
			shown = shown[1:]
		}
		var theirs []byte
		if len(shown) > 0 && shown[0].ID == id {
			theirs, shown = shown[0].Digest, shown[1:]
		}
		if err := n.differ(&a, id, theirs); err != nil {
			return Answer{}, err
		}
		if len(a.Members) == NamesMax {
			a.Until = id
			return a, nil
		}
	}
	for _, m := range shown {
		n.want(&a, m)
	}
	if q.Last {
		n.listing = nil
	}
	return a, nil
}

// want asks for the keys of a member that is not here. The caller holds mu.
func (n *names) want(a *Answer, m Member) {
	if len(m.Digest) > 0 && !n.gone[m.ID] {
		a.Wants = append(a.Wants, m.ID)
	}
}

// differ compares a member that was listed here. The caller holds mu.
func (n *names) differ(a *Answer, id string, theirs []byte) error {
	keys, err := n.own.Keys(id)
	if err != nil {
		return err
	}
	switch {
	case len(keys) == 0 && len(theirs) > 0:
		n.want(a, Member{ID: id, Digest: theirs})
	case len(keys) > 0 && !bytes.Equal(theirs, digest(keys)):
		a.Members = append(a.Members, Member{ID: id, Keys: keys})
		if len(theirs) > 0 {
			a.Wants = append(a.Wants, id)
		}
	}
	return nil
}

// digest names a set of keys, in whatever order they came.
func digest(keys [][32]byte) []byte {
	sorted := slices.SortedFunc(slices.Values(keys), func(a, b [32]byte) int {
		return strings.Compare(string(a[:]), string(b[:]))
	})
	parts := make([][]byte, len(sorted))
	for i := range sorted {
		parts[i] = sorted[i][:]
	}
	sum := wire.Hash("member keys", parts...)
	return sum[:digestBytes]
}
