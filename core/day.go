package core

import (
	"encoding/binary"
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/merkle"
	"seyfert/wire"
)

// closeDay fixes the checkpoint of the journal tree as it stood before this entry, and the row
// that will anchor it. A day is closed once and days only rise.
func closeDay(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[CloseDay](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if old, closed := get(s, s.tables.days, body.Day); closed {
		return old, nil
	}
	size := uint64(s.core.tree.Size())
	if today := uint32(s.now / (24 * 60 * 60 * 1000)); body.Day > today+DaysAheadMax {
		return nil, fault.New(fault.Refused, "day", "A day is closed at most %d days ahead.",
			DaysAheadMax)
	}
	if body.Day <= s.node.LastDay {
		return nil, fault.New(fault.Refused, "day", "A later day is closed already.")
	}
	if size <= s.node.LastSize {
		return nil, fault.New(fault.Refused, "day", "Nothing happened since the last close.")
	}
	row := DayRow{
		Day: body.Day, Size: size, Root: s.core.tree.Root(), Closed: s.now,
		Origin: Origin(s.node.DID), Row: fmt.Sprintf("day:%d", body.Day),
	}
	s.node.LastDay, s.node.LastSize = row.Day, row.Size
	put(s, s.tables.days, row.Day, row)
	inner := merkle.DayRoot(row.Origin, row.Size, row.Root, [32]byte{})
	anchor, err := wire.DailyRoot(s.node.Network, wire.DIDHash(s.node.DID), row.Day, inner)
	check(err)
	s.chainRow(ChainRow{
		ID: row.Row, Type: wire.RecordDaily, Plain: anchor[:], Day: row.Day,
	})
	s.event(EventRow{Kind: "day closed", Subject: row.Row})
	return row, nil
}

// Origin is the name of the node's journal tree in signed checkpoints (protocol.md B5). The
// number rises only when a node goes on after losing its journal.
func Origin(did string) string { return did + "/journal/0" }

// signCheckpoint keeps the signed note of a closed day. The note must say what this state says:
// a replica that computes another root stops here.
func signCheckpoint(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[SignCheckpoint](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	row, closed := get(s, s.tables.days, body.Day)
	if !closed {
		return nil, fault.New(fault.NotFound, "day", "The day is not closed.")
	}
	if row.Note == body.Note {
		return row, nil
	}
	want := merkle.Checkpoint{Origin: row.Origin, Size: int64(row.Size), Root: row.Root}.Text()
	if row.Note != "" || len(body.Note) <= len(want) || body.Note[:len(want)] != want {
		panic("core: a signed checkpoint differs from the one computed here")
	}
	row.Note = body.Note
	put(s, s.tables.days, row.Day, row)
	s.event(EventRow{Kind: "checkpoint signed", Subject: row.Row})
	return row, nil
}

// chainRow adds a row to the chain's outbox.
func (s *step) chainRow(row ChainRow) {
	if _, exists := get(s, s.tables.chain, row.ID); exists {
		panic("core: chain row " + row.ID + " is made twice")
	}
	s.node.ChainSeq++
	row.Seq, row.State, row.Created = s.node.ChainSeq, ChainReady, s.now
	put(s, s.tables.chain, row.ID, row)
	content := binary.BigEndian.AppendUint64(row.Plain, row.Seq)
	s.state("chain row", row.ID, content)
}
