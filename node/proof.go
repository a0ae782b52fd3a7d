package node

import (
	"context"
	"encoding/hex"
	"fmt"

	"seyfert/chain"
	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/spv"
	"seyfert/wire"
)

// placed is a record of the journal and what the state holds of its way to a block. Its parts
// are of one cut, so that they fit together.
type placed struct {
	what   string // what the record is of, for people
	record core.LeafRow
	leaf   int64
	node   core.NodeRow
	day    core.DayRow
	anchor core.ChainRow
	path   []merkle.Hash
}

// evidence is everything about one cleared transfer that the state holds.
type evidence struct {
	placed
	transfer core.TransferRow
	peer     core.PeerRow
	received [2]string
}

// Bundle makes the offline proof of a cleared transfer, once its day's anchor is in a block. It
// is built from the chain as it stands, so a reorganisation never leaves a stale proof behind.
func (n *Node) Bundle(ctx context.Context, by Caller, transfer string) ([]byte, error) {
	var id clearing.TransferID
	if err := parseID("transfer", transfer, &id); err != nil {
		return nil, err
	}
	e, err := n.evidence(by, id)
	if err != nil {
		return nil, err
	}
	statements, err := n.statements(e)
	if err != nil {
		return nil, err
	}
	return n.bundle(ctx, e.placed, &statements)
}

// EntryBundle makes the offline proof of one entry of history by its number: a leg that was
// posted or a change of a hold, on the terms of Bundle. The bundle shows both accounts with their
// balances after the entry, which is why only the operator may have it when each account is
// another one's.
func (n *Node) EntryBundle(ctx context.Context, by Caller, number uint64) ([]byte, error) {
	var p placed
	var err error
	n.state.Read(func(v core.View) {
		if err = mayProveEntry(v, by, number); err == nil {
			row, leaf := v.RecordLeaf(number)
			p, err = place(v, "entry", row, leaf)
		}
	})
	if err != nil {
		return nil, err
	}
	return n.bundle(ctx, p, nil)
}

// bundle leads from a placed record to its block as the chain stands.
func (n *Node) bundle(ctx context.Context, p placed, s *proof.Statements) ([]byte, error) {
	anchor, err := n.anchorProof(ctx, p)
	if err != nil {
		return nil, err
	}
	path := make([]wire.Digest, len(p.path))
	for i, hash := range p.path {
		path[i] = wire.Digest(hash)
	}
	return proof.Bundle{
		Format: proof.Format, Network: p.node.Network, Descriptor: p.node.Descriptor,
		Record:     proof.NewRecord(p.record.Kind, p.record.Salt, p.record.Data),
		Statements: s,
		Position:   proof.Position{Leaf: p.leaf, Proof: path},
		Checkpoint: p.day.Note,
		Day:        proof.Day{Number: p.day.Day},
		Anchor:     anchor,
	}.Encode()
}

// evidence reads one cut of the state, so that its parts fit together.
func (n *Node) evidence(by Caller, id clearing.TransferID) (e evidence, err error) {
	n.state.Read(func(v core.View) {
		row, exists := v.Transfer(id)
		if !exists || !n.mayProve(v, by, row) {
			err = fault.New(fault.NotFound, "transfer", "There is no such transfer.")
			return
		}
		if row.State != core.TransferCleared {
			err = fault.New(fault.Refused, "transfer", "The transfer is not cleared.")
			return
		}
		e, err = n.readEvidence(v, row)
	})
	return e, err
}

func (n *Node) readEvidence(v core.View, row core.TransferRow) (e evidence, err error) {
	leaf, _ := v.Leaf(row.Leaf)
	if e.placed, err = place(v, "transfer", leaf, row.Leaf); err != nil {
		return e, err
	}
	e.transfer = row
	e.peer, _ = v.Peer(row.Peer)
	if row.Direction == core.Outgoing {
		fulfil, _ := v.Received(row.Peer, row.FulfilSeq)
		e.received[0] = fulfil.JWS
	} else {
		prepare, _ := v.Received(row.Peer, row.PrepareSeq)
		ack, _ := v.Received(row.Peer, row.AckSeq)
		e.received = [2]string{prepare.JWS, ack.JWS}
	}
	return e, nil
}

// place finds a record's way from its leaf to the transaction that anchors it, which must be in
// a block.
func place(v core.View, what string, record core.LeafRow, leaf int64) (p placed, err error) {
	p = placed{what: what, record: record, leaf: leaf, node: v.Node()}
	covered := false
	if p.day, covered = v.DayCovering(leaf); !covered || p.day.Note == "" {
		return p, fault.New(fault.Refused, what,
			"The %s is in the journal; its day is not closed yet.", what)
	}
	if p.anchor, _ = v.ChainRow(p.day.Row); p.anchor.State != core.ChainConfirmed {
		return p, fault.New(fault.Refused, what,
			"The day is closed; its anchor is not in a block yet.")
	}
	p.path, err = v.Prove(leaf, int64(p.day.Size))
	return p, err
}

// mayProveEntry says why a caller may not have the proof of an entry, if so. It is not found
// unless one of its accounts is the caller's.
func mayProveEntry(v core.View, by Caller, number uint64) error {
	if number == 0 || number > v.Cursor().Records {
		return notFound("entry")
	}
	if isOperator(by) {
		return nil
	}
	r := v.Record(number)
	debit, _ := v.Account(r.Debit)
	credit, _ := v.Account(r.Credit)
	if !owns(by, debit.Owner) && !owns(by, credit.Owner) {
		return notFound("entry")
	}
	for _, row := range []core.AccountRow{debit, credit} {
		if !owns(by, row.Owner) && row.Owner != core.OwnerNode {
			return fault.New(fault.Forbidden, "entry", "The proof would show the balance of "+
				"another's account; the node's operator can make it.")
		}
	}
	return nil
}

// mayProve lets the operator export any proof, a member that of her own payment and a company
// that of what it was paid.
func (n *Node) mayProve(v core.View, by Caller, row core.TransferRow) bool {
	if isOperator(by) || by.ID == row.Company.String() {
		return true
	}
	order, exists := v.Order(row.Order)
	return exists && order.Member.String() == by.ID
}

// statements collects the signed messages: ours from the signer's journal, theirs as received.
func (n *Node) statements(e evidence) (proof.Statements, error) {
	row := e.transfer
	s := proof.Statements{PeerDescriptor: e.peer.Descriptor}
	if row.Direction == core.Outgoing {
		prepare, err := n.signedMessage(row.Peer, row.PrepareSeq)
		if err != nil {
			return s, err
		}
		ack, err := n.signedMessage(row.Peer, row.AckSeq)
		s.Prepare, s.Fulfil, s.Ack = prepare, e.received[0], ack
		return s, err
	}
	fulfil, err := n.signedMessage(row.Peer, row.FulfilSeq)
	s.Prepare, s.Fulfil, s.Ack = e.received[0], fulfil, e.received[1]
	return s, err
}

func (n *Node) signedMessage(peer string, seq uint64) (string, error) {
	signed, err := n.cfg.Signer.SignedMessages(peer, seq, 1)
	if err != nil {
		return "", fmt.Errorf("find message %d to %s: %w", seq, peer, err)
	}
	if len(signed) != 1 {
		return "", fmt.Errorf("message %d to %s is not in the signer journal", seq, peer)
	}
	return signed[0], nil
}

// anchorProof walks the lane from its first coin to the anchor and finds the anchor's place in
// its block.
func (n *Node) anchorProof(ctx context.Context, p placed) (proof.Anchor, error) {
	descriptor, _, err := wire.ParseDescriptor(p.node.Descriptor)
	if err != nil {
		return proof.Anchor{}, fmt.Errorf("read our own descriptor: %w", err)
	}
	if len(descriptor.Chain.Lanes) <= anchorLane {
		return proof.Anchor{}, fmt.Errorf("our descriptor has no lane %d", anchorLane)
	}
	spends, err := n.walk(descriptor.Chain.Lanes[anchorLane].Coin, p.anchor.ID)
	if err != nil {
		return proof.Anchor{}, err
	}
	found, ok, err := chain.LocateNear(ctx, n.cfg.Chain, p.anchor.TxID, p.anchor.Height)
	if err != nil {
		return proof.Anchor{}, err
	}
	if !ok {
		return proof.Anchor{}, fault.New(fault.Unavailable, p.what,
			"The chain is being reorganised; the proof can be made when it has settled.")
	}
	anchor := proof.Anchor{
		Lane: anchorLane, Spends: spends, Index: found.Branch.Index,
		Siblings: []string{}, Header: hex.EncodeToString(found.Header),
	}
	for _, sibling := range found.Branch.Siblings {
		anchor.Siblings = append(anchor.Siblings, hex.EncodeToString(sibling[:]))
	}
	return anchor, nil
}

// walk follows the lane's coins through our transactions, each spending output 1 of the one
// before, up to and including the row's. A row's transaction never changes once it has one, so
// that each is read by itself and no other command waits for the whole lane.
func (n *Node) walk(first wire.Outpoint, to string) ([]string, error) {
	coin := [36]byte(first)
	var spends []string
	for len(spends) < proof.SpendsMax {
		var row core.ChainRow
		var spent bool
		n.state.Read(func(v core.View) { row, spent = v.Spend(coin) })
		if !spent {
			return nil, fmt.Errorf("the lane ends before %s", to)
		}
		tx, err := spv.ParseTx(row.Raw)
		if err != nil {
			return nil, fmt.Errorf("read transaction of %s: %w", row.ID, err)
		}
		spends = append(spends, hex.EncodeToString(tx.Stripped()))
		if row.ID == to {
			return spends, nil
		}
		copy(coin[:32], row.TxID[:])
		copy(coin[32:], []byte{1, 0, 0, 0})
	}
	return nil, fmt.Errorf("%s is over %d transactions into the lane", to, proof.SpendsMax)
}

// HeadersMax is how many block headers one read gives.
const HeadersMax = 10_000

// Headers returns up to count of the chain's headers, 80 bytes each, from a height on, as this
// node has checked them itself; there are none above its tip.
func (n *Node) Headers(from int64, count int) ([]byte, error) {
	if from < 0 {
		return nil, fault.New(fault.Invalid, "from", "A height is a whole number from 0.")
	}
	if count < 1 || count > HeadersMax {
		return nil, fault.New(fault.Invalid, "count", "One page has 1 to %d headers.", HeadersMax)
	}
	return n.follower.Headers(from, count), nil
}
