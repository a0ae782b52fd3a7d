package signer

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"seyfert/fault"
	"seyfert/wire"
)

// Limits of lanes.
const (
	// LanesMax is the number of lanes that a node can have.
	LanesMax = wire.LanesMax
	// RowBytesMax is the longest id of a chain row.
	RowBytesMax = 128
)

// Lane is one chain of anchor coins: a coin of it, and the coin's value in satoshi.
type Lane struct {
	N        int
	Outpoint wire.Outpoint
	Value    uint64
}

// AnchorRequest asks for the transaction of one chain row. Exactly one of Payload and Record
// is set.
type AnchorRequest struct {
	// Row is the row's id, at most RowBytesMax bytes. A row gets one transaction for ever.
	Row string
	// Lane is the lane whose next coin is spent.
	Lane int
	// Payload is an open OP_RETURN content (types 4 to 9 of protocol.md B7).
	Payload []byte
	// Record is sealed to the coin that is spent (types 1 to 3).
	Record *AnchorRecord
	// FeeRate is in satoshi per 1000 virtual bytes, raised to FeeRateMin. A repeated row keeps
	// the transaction that it has, whatever the rate.
	FeeRate uint64
}

// AnchorRecord is a record and the channel that it is sealed to. This node must be the payer
// of types 1 and 2 and the payee of type 3.
type AnchorRecord struct {
	Channel wire.Channel
	Record  wire.Record
}

// AnchorTx is a signed anchor transaction.
type AnchorTx struct {
	// Raw is the transaction with its witness.
	Raw []byte
	// TxID is its id in wire order.
	TxID [32]byte
	// Outpoint is the lane's coin that input 0 spends.
	Outpoint wire.Outpoint
	// Payload is the OP_RETURN content of output 0.
	Payload []byte
	// Fee is in satoshi.
	Fee uint64
	// Next is output 1: the lane's next coin.
	Next Lane
}

// laneOpened is the journal's record of a lane's first coin.
type laneOpened struct {
	N     int  `cbor:"1,keyasint"`
	First coin `cbor:"2,keyasint"`
}

// signedAnchor is the journal's record of an anchor transaction (protocol.md B5.1).
type signedAnchor struct {
	Row     string        `cbor:"1,keyasint"`
	Request [32]byte      `cbor:"2,keyasint"`
	Lane    int           `cbor:"3,keyasint"`
	Spent   wire.Outpoint `cbor:"4,keyasint"`
	Raw     []byte        `cbor:"5,keyasint"`
	TxID    [32]byte      `cbor:"6,keyasint"`
	Payload []byte        `cbor:"7,keyasint"`
	Fee     uint64        `cbor:"8,keyasint"`
	Next    coin          `cbor:"9,keyasint"`
}

// lane is a lane's first coin, which is published, and the one to spend next.
type lane struct {
	first, current coin
}

func (st *state) applySpend(a signedAnchor, at ref) error {
	l := st.lanes[a.Lane]
	if l == nil || l.current.Outpoint != a.Spent {
		return fmt.Errorf("row %q spends a coin that is not the next of lane %d", a.Row, a.Lane)
	}
	l.current = a.Next
	st.rows[a.Row] = kept{hash: a.Request, at: at}
	return nil
}

// LaneScript returns the P2TR output script of lane n, 34 bytes, or nil when n is not in
// 0..LanesMax-1 or the signer has no keys.
func (s *Signer) LaneScript(n int) []byte {
	if s.locked() {
		return nil
	}
	key, err := s.keys.lanes.key(n)
	if err != nil {
		return nil
	}
	return slices.Clone(key.script)
}

// SetLanes tells the first coins of lanes, with values as the chain shows them. A lane that is
// known already must come with the same first coin; lanes may be added at any time. Errors:
// invalid, and conflict for another coin or value, or for a coin that differs from the newest
// descriptor's.
func (s *Signer) SetLanes(lanes []Lane) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	var records []record
	added := map[int]coin{}
	for _, l := range lanes {
		if l.N < 0 || l.N >= LanesMax {
			return fault.New(fault.Invalid, "lane", "the lane is not in 0..%d", LanesMax-1)
		}
		if l.Value < LaneValueMin || l.Value > satoshiMax {
			return fault.New(fault.Invalid, "value", "the coin is not %d to %d satoshi",
				LaneValueMin, satoshiMax)
		}
		first := coin{Outpoint: l.Outpoint, Value: l.Value}
		if err := s.checkFirst(l.N, first, added); err != nil {
			return err
		}
		if _, twice := added[l.N]; !twice && s.state.lanes[l.N] == nil {
			added[l.N] = first
			records = append(records, record{Lane: &laneOpened{N: l.N, First: first}})
		}
	}
	if len(records) == 0 {
		return nil
	}
	return s.write(records...)
}

// checkFirst compares a lane's first coin with what is known, published or just added.
func (s *Signer) checkFirst(n int, first coin, added map[int]coin) error {
	known, ok := added[n]
	if l := s.state.lanes[n]; l != nil {
		known, ok = l.first, true
	}
	if ok && known != first {
		return fault.New(fault.Conflict, "lane", "lane %d begins with another coin", n)
	}
	if d := s.state.latest; d != nil && n < len(d.Lanes) && d.Lanes[n] != first.Outpoint {
		return fault.New(fault.Conflict, "lane", "the descriptor begins lane %d with coin %s",
			n, d.Lanes[n])
	}
	return nil
}

// Lanes returns each known lane with the coin that it will spend next, by number.
func (s *Signer) Lanes() []Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lanes []Lane
	for n := range LanesMax {
		if l := s.state.lanes[n]; l != nil {
			lanes = append(lanes, Lane{N: n, Outpoint: l.current.Outpoint, Value: l.current.Value})
		}
	}
	return lanes
}

// Rows lists the chain rows that a transaction was signed for, in the order of their ids.
func (s *Signer) Rows() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.state.rows))
}

// SpendLane makes the anchor transaction of a row: it takes the lane's next coin, seals the
// record to it, builds and signs the transaction, and journals it before it returns. The same
// row again returns the same transaction. Errors: invalid; conflict for a row that asked for
// something else before; refused for a fee over FeeMax or a coin that is used up.
func (s *Signer) SpendLane(r AnchorRequest) (AnchorTx, error) {
	if err := s.checkAnchor(r); err != nil {
		return AnchorTx{}, err
	}
	request, err := r.hash()
	if err != nil {
		return AnchorTx{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return AnchorTx{}, err
	}
	if before, ok := s.state.rows[r.Row]; ok {
		return s.repeatAnchor(before, request)
	}
	l := s.state.lanes[r.Lane]
	if l == nil {
		return AnchorTx{}, fault.New(fault.Refused, "lane", "lane %d has no coin yet", r.Lane)
	}
	payload, err := s.anchorPayload(r, l.current.Outpoint)
	if err != nil {
		return AnchorTx{}, err
	}
	key, err := s.keys.lanes.key(r.Lane)
	if err != nil {
		return AnchorTx{}, err
	}
	spend, err := spendCoin(key, l.current, payload, r.FeeRate)
	if err != nil {
		return AnchorTx{}, err
	}
	anchor := signedAnchor{
		Row: r.Row, Request: request, Lane: r.Lane, Spent: l.current.Outpoint, Raw: spend.raw,
		TxID: spend.txid, Payload: payload, Fee: spend.fee, Next: spend.next,
	}
	if err := s.write(record{Spend: &anchor}); err != nil {
		return AnchorTx{}, err
	}
	return anchor.answer(), nil
}

// repeatAnchor answers a row that has its transaction. The caller holds mu.
func (s *Signer) repeatAnchor(before kept, request [32]byte) (AnchorTx, error) {
	if before.hash != request {
		return AnchorTx{}, fault.New(fault.Conflict, "row",
			"the row has a transaction with other content or on another lane")
	}
	r, err := s.read(before.at)
	if err != nil {
		return AnchorTx{}, err
	}
	if r.Spend == nil {
		return AnchorTx{}, errKind(before.at)
	}
	return r.Spend.answer(), nil
}

func (a signedAnchor) answer() AnchorTx {
	return AnchorTx{
		Raw: a.Raw, TxID: a.TxID, Outpoint: a.Spent, Payload: a.Payload, Fee: a.Fee,
		Next: Lane{N: a.Lane, Outpoint: a.Next.Outpoint, Value: a.Next.Value},
	}
}

// checkAnchor refuses requests that no state of the lanes could make good.
func (s *Signer) checkAnchor(r AnchorRequest) error {
	if r.Row == "" || len(r.Row) > RowBytesMax {
		return fault.New(fault.Invalid, "row", "the row's id is not 1 to %d bytes", RowBytesMax)
	}
	if r.Lane < 0 || r.Lane >= LanesMax {
		return fault.New(fault.Invalid, "lane", "the lane is not in 0..%d", LanesMax-1)
	}
	if (r.Record == nil) == (len(r.Payload) == 0) {
		return fault.New(fault.Invalid, "payload", "want either a payload or a record")
	}
	if r.Record != nil {
		return s.checkAnchorRecord(*r.Record)
	}
	payload, err := wire.ParsePayload(r.Payload)
	if err != nil {
		return fault.New(fault.Invalid, "payload", "%v", err)
	}
	if payload.Type.Sealed() {
		return fault.New(fault.Invalid, "payload",
			"a sealed record cannot come as bytes: it is bound to the coin that is spent")
	}
	if payload.Type == wire.RecordDescriptor && !s.describes(payload.Hash) {
		return fault.New(fault.Refused, "payload", "no descriptor with this hash was signed")
	}
	return nil
}

// checkAnchorRecord makes sure that the record is this node's to write: payers admit with
// types 1 and 2, payees claim with type 3 (protocol.md B4).
func (s *Signer) checkAnchorRecord(r AnchorRecord) error {
	if err := r.Record.Validate(); err != nil {
		return fault.New(fault.Invalid, "record", "%v", err)
	}
	if err := r.Channel.Validate(); err != nil {
		return fault.New(fault.Invalid, "channel", "%v", err)
	}
	if r.Channel.Network != s.keys.network {
		return fault.New(fault.Invalid, "channel", "the channel is on another network")
	}
	did, key := r.Channel.Payer, r.Channel.PayerKey
	if r.Record.Type == wire.RecordCounter {
		did, key = r.Channel.Payee, r.Channel.PayeeKey
	}
	if did != s.keys.did || key != [32]byte(s.Sealing().Bytes()) {
		return fault.New(fault.Invalid, "channel",
			"this node and its key are not on the side of the channel that writes this record")
	}
	return nil
}

// describes tells whether a descriptor with this hash was signed.
func (s *Signer) describes(hash [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.state.documents {
		if d.hash == hash {
			return true
		}
	}
	return false
}

// anchorPayload returns the OP_RETURN content, sealed to the coin where it is a record.
func (s *Signer) anchorPayload(r AnchorRequest, at wire.Outpoint) ([]byte, error) {
	if r.Record == nil {
		return r.Payload, nil
	}
	peer := r.Record.Channel.PayeeKey
	if r.Record.Record.Type == wire.RecordCounter {
		peer = r.Record.Channel.PayerKey
	}
	shared, err := s.ChannelShared(peer[:])
	if err != nil {
		return nil, err
	}
	root, err := r.Record.Channel.Root(shared)
	if err != nil {
		return nil, fmt.Errorf("seal record: %w", err)
	}
	cycle := root.Cycle(r.Record.Record.Due)
	payload, err := cycle.Seal(s.keys.network, at, r.Record.Record)
	if err != nil {
		return nil, fmt.Errorf("seal record: %w", err)
	}
	return payload.Bytes(), nil
}

// hash names what a row asks for, the fee apart.
func (r AnchorRequest) hash() ([32]byte, error) {
	number := binary.BigEndian.AppendUint32(nil, uint32(r.Lane))
	if r.Record == nil {
		return wire.Hash("anchor", number, r.Payload), nil
	}
	plain, err := r.Record.Record.Plain()
	if err != nil {
		return [32]byte{}, fault.New(fault.Invalid, "record", "%v", err)
	}
	channel := r.Record.Channel.Hash()
	return wire.Hash("anchor", number, channel[:], []byte{byte(r.Record.Record.Type)}, plain), nil
}
