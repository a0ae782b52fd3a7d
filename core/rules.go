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
		panic(fmt.Sprintf("core: entry %d activates rule version %d, this program knows up to %d: "+
			"run a newer version", s.index, body.Rule, RuleVersion))
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
	own := s.core.hashes[body.Index%HashesKept]
	known := body.Index < s.index && s.index-body.Index < HashesKept && own != [32]byte{}
	if known && own != body.Hash {
		panic(fmt.Sprintf("core: after entry %d this replica's state hash is %x, the leader's %x: "+
			"this replica has diverged; stop it and replace its state by a copy", body.Index,
			own, body.Hash))
	}
	return nil, nil
}
