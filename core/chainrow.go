package core

import (
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
)

// startChain commits that an attempt to write a row begins. Whoever leads after a crash sees
// that an attempt is open and asks the signer's journal for its bytes instead of making others.
func startChain(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[StartChain](c)
	if refused != nil {
		return nil, refused
	}
	row, refused := s.chainOf(c, body.Row)
	if refused != nil {
		return nil, refused
	}
	if row.State != ChainReady && row.State != ChainStarted {
		return nil, fault.New(fault.Conflict, "row", "The row has been sent.")
	}
	if row.State == ChainStarted && s.now < row.Lease {
		return nil, fault.New(fault.Conflict, "row", "Another attempt has the lease.")
	}
	if row.State == ChainReady {
		row.From = s.node.TipHeight
	}
	row.State, row.Lease = ChainStarted, body.Lease
	row.Attempts++
	put(s, s.tables.chain, row.ID, row)
	return row, nil
}

// sentChain keeps the transaction that carries a row. A row has one transaction for ever in
// this release (fees are not bumped), so other bytes are a fault of ours.
func sentChain(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SentChain](c)
	if refused != nil {
		return nil, refused
	}
	row, refused := s.chainOf(c, body.Row)
	if refused != nil {
		return nil, refused
	}
	if row.State == ChainSent || row.State == ChainConfirmed {
		if row.TxID != body.TxID {
			panic("core: two transactions for chain row " + row.ID)
		}
		return row, nil
	}
	row.State, row.Raw, row.TxID, row.Outpoint = ChainSent, body.Raw, body.TxID, body.Outpoint
	// Of a lost attempt nobody knows whether its bytes left: they may be in a block already.
	row.Search = row.Attempts > 1
	put(s, s.tables.chain, row.ID, row)
	s.event(EventRow{Kind: "chain sent", Subject: row.ID, Peer: row.Peer})
	return row, nil
}

// seeChain notes a new tip and where rows stand in its branch. A reorganisation moves a row or
// takes its confirmation back; nothing else follows from either here.
func seeChain(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SeeChain](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	if len(body.Seen) > SeenMax || body.Height < 0 {
		return nil, fault.New(fault.Invalid, "seen", "At most %d rows are reported.", SeenMax)
	}
	s.node.TipHeight, s.node.TipHash = body.Height, body.Hash
	for _, seen := range body.Seen {
		row, refused := s.chainOf(c, seen.Row)
		if refused != nil {
			return nil, refused
		}
		row.Height, row.Block, row.Search = seen.Height, seen.Block, false
		row.State = ChainConfirmed
		if seen.Height == 0 {
			row.State = ChainSent
		}
		put(s, s.tables.chain, row.ID, row)
		s.event(EventRow{
			Kind: "chain " + row.State, Subject: row.ID, Peer: row.Peer,
			Offer: fmt.Sprintf("%d", row.Height),
		})
	}
	return s.node.TipHeight, nil
}

func (s *step) chainOf(c journal.Command, id string) (ChainRow, *fault.Error) {
	if c.Principal.Kind != journal.System {
		return ChainRow{}, denied()
	}
	row, exists := get(s, s.tables.chain, id)
	if !exists {
		return ChainRow{}, fault.New(fault.NotFound, "row", "There is no such chain row.")
	}
	return row, nil
}
