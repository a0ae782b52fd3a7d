package core

import (
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
)

// HashesKept is the number of entries back for which a Compare can be answered.
const HashesKept = 4096

// activate brings the next rule version into force. A program that does not know it stops here,
// before it decides anything by older rules.
func activate(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Activate](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if body.Rule == s.node.Rule {
		return s.node, nil
	}
	if body.Rule != s.node.Rule+1 {
		return nil, fault.New(fault.Refused, "rule", "Rule version %d is in force: the next is %d.",
			s.node.Rule, s.node.Rule+1)
	}
	if body.Rule > RuleVersion {
		panic(&Halt{fmt.Sprintf("core: entry %d activates rule version %d, this program knows up "+
			"to %d: run a newer version", s.index, body.Rule, RuleVersion)})
	}
	s.node.Rule = body.Rule
	s.event(EventRow{Kind: "rule activated", Subject: fmt.Sprintf("rule:%d", body.Rule)})
	return s.node, nil
}

// compare holds the state hash after an entry against the leader's. Entries before the start of
// this process and those too far back are taken on trust: the chain of hashes brings an old
// difference into every later one.
func compare(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Compare](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	own, known := s.core.View().HashAfter(body.Index)
	if known && own != body.Hash {
		panic(&Halt{fmt.Sprintf("core: after entry %d this replica's state hash is %x, the "+
			"leader's %x: this replica has diverged; stop it and replace its state by a copy",
			body.Index, own, body.Hash)})
	}
	return nil, nil
}

// HashAfter returns the state hash as it was after an entry. ok is false for one that is not
// applied, was applied before the start of this process, or is too far back.
func (v View) HashAfter(index uint64) (hash [32]byte, ok bool) {
	at := v.c.cursor.Index
	hash = v.c.hashes[index%HashesKept]
	return hash, index <= at && at-index < HashesKept-1 && hash != [32]byte{}
}

// Halt is what the machine panics with when this replica must go no further, and nothing is wrong
// with the program: another version of it, or another state, is needed.
type Halt struct{ text string }

// Error implements error.
func (h *Halt) Error() string { return h.text }
