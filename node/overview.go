package node

import (
	"context"
	"encoding/hex"
	"slices"

	"seyfert/core"
	"seyfert/merkle"
)

// Peers lists the peers and what stands between the node and each. For the operator.
func (n *Node) Peers(by Caller) ([]Peer, error) {
	if !isOperator(by) {
		return nil, forbidden()
	}
	peers := []Peer{}
	n.state.Read(func(v core.View) {
		for _, row := range v.Peers() {
			peers = append(peers, peerView(v, row))
		}
	})
	return peers, nil
}

// Days lists the newest closed days, oldest of them first. Anyone may know them: they are on
// the chain.
func (n *Node) Days() []Day {
	days := []Day{}
	n.state.Read(func(v core.View) {
		for _, row := range slices.Backward(v.Days(core.PageMax)) {
			days = append(days, n.dayView(v, row))
		}
	})
	return days
}

// ChainRows lists what the node has written on the chain, oldest first. For the operator.
func (n *Node) ChainRows(by Caller) ([]ChainRow, error) {
	if !isOperator(by) {
		return nil, forbidden()
	}
	rows := []ChainRow{}
	n.state.Read(func(v core.View) {
		for _, row := range v.ChainRows(0, core.PageMax) {
			rows = append(rows, chainView(v, row))
		}
	})
	return rows, nil
}

// Companies and Members list who lives on the node. For the operator.
func (n *Node) Companies(by Caller) ([]Company, error) {
	if !isOperator(by) {
		return nil, forbidden()
	}
	companies := []Company{}
	for _, row := range read(n.state, core.View.Companies) {
		companies = append(companies, companyView(row))
	}
	return companies, nil
}

// Members lists the members. For the operator.
func (n *Node) Members(by Caller) ([]Member, error) {
	if !isOperator(by) {
		return nil, forbidden()
	}
	members := []Member{}
	for _, row := range read(n.state, core.View.Members) {
		member, err := n.memberView(row)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

// Member reads one member, for itself or the operator.
func (n *Node) Member(by Caller, id string) (Member, error) {
	var member core.MemberID
	if err := parseID("member", id, &member); err != nil {
		return Member{}, err
	}
	var row core.MemberRow
	var exists bool
	n.state.Read(func(v core.View) { row, exists = v.Member(member) })
	if !exists || !owns(by, id) {
		return Member{}, notFound("member")
	}
	return n.memberView(row)
}

// Events lists what happened, oldest first, from a number on: everything for the operator,
// their own for others.
func (n *Node) Events(by Caller, from uint64, limit int) ([]Event, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	events := []Event{}
	rows := read(n.state, func(v core.View) []core.EventRow {
		if isOperator(by) {
			return v.Events(from, limit)
		}
		return v.EventsOf(by.ID, from, limit)
	})
	for _, row := range rows {
		events = append(events, eventView(row))
	}
	return events, nil
}

// WaitEvents is Events, but waits for the first one, at most until ctx ends.
func (n *Node) WaitEvents(ctx context.Context, by Caller, from uint64, limit int) ([]Event, error) {
	for {
		changed := n.state.Changed()
		events, err := n.Events(by, from, limit)
		if err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-changed:
		case <-n.ended:
			return events, nil
		case <-ctx.Done():
			return events, nil
		}
	}
}

// Status is the node at a glance. For the operator.
func (n *Node) Status(by Caller) (Status, error) {
	if !isOperator(by) {
		return Status{}, forbidden()
	}
	var status Status
	n.state.Read(func(v core.View) {
		cursor, row := v.Cursor(), v.Node()
		status = Status{
			DID: row.DID, Network: row.Network, Thumbprint: n.cfg.Signer.KeyID(),
			Index: cursor.Index, StateHash: hex.EncodeToString(cursor.StateHash[:]),
			Leaves: cursor.Leaves, Time: milli(cursor.Time), TipHeight: row.TipHeight,
			Currencies: []string{},
		}
		for _, currency := range row.Currencies {
			status.Currencies = append(status.Currencies, currency.Code())
		}
		if days := v.Days(1); len(days) > 0 {
			last := n.dayView(v, days[0])
			status.LastDay = &last
		}
	})
	return status, nil
}

// Tile reads a C2SP tile of the journal tree, public like the checkpoints.
func (n *Node) Tile(path string) ([]byte, error) {
	tile, err := merkle.ParseTilePath(path)
	if err != nil {
		return nil, notFound("tile")
	}
	var data []byte
	n.state.Read(func(v core.View) {
		if len(v.Days(1)) == 0 {
			err = notFound("tile")
			return
		}
		data, err = v.Tile(tile)
	})
	if err != nil {
		return nil, notFound("tile")
	}
	return data, nil
}

// Checkpoint is the newest signed checkpoint of the journal tree.
func (n *Node) Checkpoint() (string, error) {
	for _, day := range read(n.state, func(v core.View) []core.DayRow { return v.Days(2) }) {
		if day.Note != "" {
			return day.Note, nil
		}
	}
	return "", notFound("checkpoint")
}
