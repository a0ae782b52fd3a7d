package verify

import (
	"fmt"
	"time"

	"seyfert/clearing"
	"seyfert/proof"
	"seyfert/wire"
)

// Types of the messages that a cleared transfer rests on (protocol.md B3.1).
const (
	typePrepare = "transfer.prepare"
	typeFulfil  = "transfer.fulfil"
	typeAck     = "transfer.ack"
)

// checkRecord reads the record; that it is the one in the journal is shown by its position.
func (i *inspection) checkRecord() Step {
	data, err := i.bundle.Record.Bytes()
	if err != nil {
		return failed("%v", err)
	}
	switch i.bundle.Record.Kind {
	case proof.KindCleared:
		return i.checkCleared(data)
	case proof.KindPosted, proof.KindHold:
		return i.checkEntry(data)
	}
	return failed("This program does not know records of kind %d.", i.bundle.Record.Kind)
}

// checkCleared reads the record of a transfer between two nodes.
func (i *inspection) checkCleared(data []byte) Step {
	r, err := clearing.ParseCleared(data)
	if err != nil {
		return failed("%s", reason(err))
	}
	if r.Self != i.node.descriptor.DID {
		return failed("The record was not made by the node of the descriptor.")
	}
	if other := i.peer.descriptor.DID; other != r.Payer && other != r.Payee {
		return failed("The other descriptor is not of the other node of the transfer.")
	}
	// The descriptor itself has to be that key's too. Otherwise anyone could put in one of his
	// own that lists the pinned key as an old one, under which the statements would hold.
	if i.peer.key != r.PeerKey {
		return failed("The descriptor of %s is signed by key %s; the signer of the record had "+
			"%s pinned.", i.peer.descriptor.DID, i.peer.key, r.PeerKey)
	}
	i.record, i.peer.bound = r, r.PeerKey
	return held("The record says: %s. Its signer had key %s of %s pinned.", i.debt(),
		r.PeerKey, i.peer.descriptor.DID)
}

// debt is the record in words.
func (i *inspection) debt() string {
	r := i.record
	return fmt.Sprintf("%s owes %s %s, due on %s (number %d for that date, %s)",
		r.Payer, r.Payee, r.Amount, civil(int64(r.Due)), r.ClearSeq, r.Transfer)
}

// civil writes days since 1970 as a date.
func civil(days int64) string {
	return time.Unix(days*24*60*60, 0).UTC().Format(time.DateOnly)
}

// checkStatements verifies the three signed messages, that they fit one another, and that the
// record says what they say. What happened inside one node rests on no messages.
func (i *inspection) checkStatements() Step {
	if i.ofOneNode() {
		return i.nobodyElse()
	}
	payer, payee := &i.node, &i.peer
	if i.record.Self == i.record.Payee {
		payer, payee = payee, payer
	}
	payerDID, payeeDID := payer.descriptor.DID, payee.descriptor.DID
	var p clearing.Prepare
	var f clearing.Fulfil
	var a clearing.Ack
	s := i.bundle.Statements
	for _, statement := range []struct {
		name, jws, kind, to string
		by                  *party
		hash                [32]byte
		body                any
	}{
		{"prepare", s.Prepare, typePrepare, payeeDID, payer, i.record.PrepareHash, &p},
		{"fulfil", s.Fulfil, typeFulfil, payerDID, payee, i.record.FulfilHash, &f},
		{"ack", s.Ack, typeAck, payeeDID, payer, i.record.AckHash, &a},
	} {
		m, err := statement.by.open(statement.jws, statement.kind, statement.to)
		if err != nil {
			return failed("The %s does not hold: %v.", statement.name, err)
		}
		if wire.BodyHash(m.Body) != statement.hash {
			return failed("The record was made for another %s.", statement.name)
		}
		if err := wire.UnmarshalJCS(m.Body, statement.body); err != nil {
			return failed("The %s can't be read: %v.", statement.name, err)
		}
	}
	if conflict := disagree(i.record, p, f, a); conflict != "" {
		return failed("%s", conflict)
	}
	return held("Prepare and ack carry the signature of %s, fulfil that of %s; they fit "+
		"one another, the preimage and the record.", payerDID, payeeDID)
}

// disagree says why the three bodies don't belong together (protocol.md B3.1) or why the record
// says something else than they do, or "".
func disagree(r clearing.Cleared, p clearing.Prepare, f clearing.Fulfil,
	a clearing.Ack,
) string {
	currency := r.Amount.Currency()
	units, small := r.Amount.Uint64()
	minor, err := p.Amount.Minor()
	for _, must := range []struct {
		hold bool
		text string
	}{
		{f.Fits(p), "The fulfil does not answer the prepare, or its preimage is wrong."},
		{a.Fits(p, f), "The ack does not answer the prepare and the fulfil."},
		{p.Transfer == r.Transfer, "The record is of another transfer than the prepare."},
		{
			err == nil && small && units == minor && p.Amount.Currency == currency.Code() &&
				int(p.Amount.Scale) == currency.Digits(),
			"The record and the prepare differ in the amount.",
		},
		{p.Due == r.Due, "The record and the prepare differ in the due date."},
		{a.ClearSeq == r.ClearSeq, "The record and the ack differ in the clearing number."},
	} {
		if !must.hold {
			return must.text
		}
	}
	return ""
}
