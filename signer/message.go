package signer

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"seyfert/fault"
	"seyfert/wire"
)

// Limits of one SignMessages call: what one POST carries (protocol.md A3).
const (
	// MessagesMax is the number of messages.
	MessagesMax = wire.MessageBatchMax
	// MessagesBytesMax is the sum of their payloads, in bytes.
	MessagesBytesMax = wire.BatchBytesMax
	// transferBytesMax is the longest transfer id.
	transferBytesMax = 64
)

// signedMessage is the journal's record of a message (protocol.md B5.1).
type signedMessage struct {
	Peer     string    `cbor:"1,keyasint"`
	Seq      uint64    `cbor:"2,keyasint"`
	Epoch    uint32    `cbor:"3,keyasint"`
	ID       wire.UUID `cbor:"4,keyasint"`
	Hash     [32]byte  `cbor:"5,keyasint"`
	Type     string    `cbor:"6,keyasint,omitempty"`
	Transfer string    `cbor:"7,keyasint,omitempty"`
	Body     [32]byte  `cbor:"8,keyasint"`
	JWS      string    `cbor:"9,keyasint"`
}

// channel is everything signed to one peer; sent[i] has seq i+1.
type channel struct {
	epoch    uint32
	sent     []kept
	ids      map[wire.UUID]bool
	promises map[promise][32]byte
}

// promise is a statement of one type about one transfer; its body may be said once.
type promise struct {
	transfer, kind string
}

// promiseKinds are the message types that are promises, each with the types that contradict it
// about the same transfer (protocol.md B3.2, B3.3): a reject or cancel is final, a payer never
// voids after its ack and never acks after it voided.
func promiseKinds(kind string) (contradicting []string, ok bool) {
	switch kind {
	case "transfer.prepare":
		return nil, true
	case "transfer.accept":
		return []string{"transfer.reject"}, true
	case "transfer.fulfil":
		return []string{"transfer.reject", "transfer.cancel"}, true
	case "transfer.reject":
		return []string{"transfer.accept", "transfer.fulfil", "transfer.cancel"}, true
	case "transfer.cancel":
		return []string{"transfer.fulfil", "transfer.reject"}, true
	case "transfer.ack":
		return []string{"transfer.voided"}, true
	case "transfer.voided":
		return []string{"transfer.ack"}, true
	}
	return nil, false
}

func (st *state) applyMessage(m signedMessage, at ref) error {
	c := st.channels[m.Peer]
	if c == nil {
		c = newChannel(m.Epoch)
		st.channels[m.Peer] = c
	}
	if m.Seq != uint64(len(c.sent))+1 {
		return fmt.Errorf("message %d to %s follows message %d", m.Seq, m.Peer, len(c.sent))
	}
	c.sent = append(c.sent, kept{hash: m.Hash, at: at})
	c.ids[m.ID] = true
	if m.Transfer != "" {
		c.promises[promise{m.Transfer, m.Type}] = m.Body
	}
	return nil
}

func newChannel(epoch uint32) *channel {
	return &channel{
		epoch: epoch, ids: map[wire.UUID]bool{}, promises: map[promise][32]byte{},
	}
}

// SignMessage signs one message payload, the JCS form of a wire.Message, and returns the
// compact JWS. It is SignMessages for one.
func (s *Signer) SignMessage(payload []byte) (string, error) {
	signed, err := s.SignMessages([][]byte{payload})
	if err != nil {
		return "", err
	}
	return signed[0], nil
}

// SignMessages signs up to MessagesMax message payloads in order, all or none, with one fsync.
// A payload that was signed before gives the bytes that were signed then. Errors: invalid for
// a payload that is no message of this node; conflict, naming seq, prev, epoch, id or
// body.transferId, for one that contradicts what was signed to that peer; too_large.
func (s *Signer) SignMessages(payloads [][]byte) ([]string, error) {
	if err := checkBatch(payloads); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	b := batch{signer: s, channels: map[string]*draft{}}
	signed := make([]string, len(payloads))
	for i, payload := range payloads {
		jws, err := b.sign(payload)
		if err != nil {
			return nil, fmt.Errorf("message %d of %d: %w", i+1, len(payloads), err)
		}
		signed[i] = jws
	}
	if len(b.records) > 0 {
		if err := s.write(b.records...); err != nil {
			return nil, err
		}
	}
	return signed, nil
}

func checkBatch(payloads [][]byte) error {
	if len(payloads) == 0 || len(payloads) > MessagesMax {
		return fault.New(fault.TooLarge, "messages", "not 1 to %d messages at once", MessagesMax)
	}
	size := 0
	for _, p := range payloads {
		size += len(p)
	}
	if size > MessagesBytesMax {
		return fault.New(fault.TooLarge, "messages", "over %d bytes at once", MessagesBytesMax)
	}
	return nil
}

// SignedMessages returns at most countMax messages to peer as they were signed, from seq from
// on, for a peer that catches up (protocol.md A3) and for a restore (B5.1).
func (s *Signer) SignedMessages(peer string, from uint64, countMax int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.readable(); err != nil {
		return nil, err
	}
	if countMax < 1 || countMax > MessagesMax {
		return nil, fault.New(fault.Invalid, "count", "not 1 to %d messages", MessagesMax)
	}
	c := s.state.channels[peer]
	if c == nil || from == 0 || from > uint64(len(c.sent)) {
		return nil, nil
	}
	var signed []string
	for _, k := range c.sent[from-1 : min(from-1+uint64(countMax), uint64(len(c.sent)))] {
		r, err := s.readMessage(k.at)
		if err != nil {
			return nil, err
		}
		signed = append(signed, r.JWS)
	}
	return signed, nil
}

// Peers lists the nodes that messages were signed to, in order.
func (s *Signer) Peers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.state.channels))
}

// LastMessage returns seq and hash of the last message signed to peer; 0 and zeros if none.
func (s *Signer) LastMessage(peer string) (seq uint64, hash [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.state.channels[peer]
	if c == nil {
		return 0, hash
	}
	return uint64(len(c.sent)), c.sent[len(c.sent)-1].hash
}

func (s *Signer) readMessage(at ref) (*signedMessage, error) {
	r, err := s.read(at)
	if err == nil && r.Message == nil {
		err = errKind(at)
	}
	return r.Message, err
}

// batch collects what one SignMessages call adds; nothing reaches the state before the fsync.
type batch struct {
	signer   *Signer
	channels map[string]*draft
	records  []record
}

// draft is a channel with what the batch adds to it: records holds the batch's messages to
// this peer, base what was signed before.
type draft struct {
	base  *channel
	added []*signedMessage
	more  *channel
}

func (b *batch) draft(m wire.Message) *draft {
	d := b.channels[m.To]
	if d == nil {
		base := b.signer.state.channels[m.To]
		if base == nil {
			base = newChannel(m.Epoch)
		}
		d = &draft{base: base, more: newChannel(m.Epoch)}
		b.channels[m.To] = d
	}
	return d
}

// sign checks one payload and returns its JWS, which must not leave before the batch is
// written.
func (b *batch) sign(payload []byte) (string, error) {
	m, err := wire.ParseMessage(payload)
	if err != nil {
		return "", fault.New(fault.Invalid, "message", "%v", err)
	}
	if m.From != b.signer.keys.did {
		return "", fault.New(fault.Invalid, "from", "the message is not from this node")
	}
	d := b.draft(m)
	hash := wire.MessageHash(payload)
	if m.Seq <= uint64(len(d.base.sent)) {
		before := d.base.sent[m.Seq-1]
		if before.hash != hash {
			return "", forked(m.Seq, before.hash, hash)
		}
		r, err := b.signer.readMessage(before.at)
		if err != nil {
			return "", err
		}
		return r.JWS, nil
	}
	if at := m.Seq - uint64(len(d.base.sent)) - 1; at < uint64(len(d.added)) {
		if d.added[at].Hash != hash {
			return "", forked(m.Seq, d.added[at].Hash, hash)
		}
		return d.added[at].JWS, nil
	}
	r, err := d.add(m, hash)
	if err != nil {
		return "", err
	}
	r.JWS = b.signer.jws(wire.TypMessage, payload)
	b.records = append(b.records, record{Message: r})
	return r.JWS, nil
}

// add checks a new message against everything signed to its peer and takes it into the draft.
func (d *draft) add(m wire.Message, hash [32]byte) (*signedMessage, error) {
	last, previous := d.last()
	if m.Seq != last+1 {
		return nil, fault.New(fault.Conflict, "seq", "seq %d does not follow seq %d", m.Seq, last)
	}
	if m.Prev != previous {
		return nil, fault.New(fault.Conflict, "prev",
			"prev is not the hash %x of the message before", previous)
	}
	if m.Epoch != d.base.epoch {
		return nil, fault.New(fault.Conflict, "epoch", "the channel is in epoch %d", d.base.epoch)
	}
	if d.base.ids[m.ID] || d.more.ids[m.ID] {
		return nil, fault.New(fault.Conflict, "id", "another message to this peer has this id")
	}
	record := &signedMessage{
		Peer: m.To, Seq: m.Seq, Epoch: m.Epoch, ID: m.ID, Hash: hash, Type: m.Type,
		Body: wire.BodyHash(m.Body),
	}
	var err error
	if record.Transfer, err = d.checkPromise(m, record.Body); err != nil {
		return nil, err
	}
	d.added = append(d.added, record)
	d.more.ids[m.ID] = true
	if record.Transfer != "" {
		d.more.promises[promise{record.Transfer, m.Type}] = record.Body
	}
	return record, nil
}

// last returns seq and hash of the last message to the peer, the batch's own included.
func (d *draft) last() (uint64, [32]byte) {
	seq := uint64(len(d.base.sent) + len(d.added))
	switch {
	case len(d.added) > 0:
		return seq, d.added[len(d.added)-1].Hash
	case len(d.base.sent) > 0:
		return seq, d.base.sent[len(d.base.sent)-1].hash
	}
	return seq, [32]byte{}
}

// checkPromise refuses a second body for a promise about a transfer, and a promise that an
// earlier one rules out: both would be evidence against this node (protocol.md B3.4). It
// returns the transfer's id, or nothing for a message that is no promise.
func (d *draft) checkPromise(m wire.Message, body [32]byte) (string, error) {
	contradicting, ok := promiseKinds(m.Type)
	if !ok {
		return "", nil
	}
	transfer, err := transferOf(m.Body)
	if err != nil {
		return "", fault.New(fault.Invalid, "body.transferId", "%v", err)
	}
	// voided is information only and names the header that was read, so it may be said anew.
	before, said := d.promised(promise{transfer, m.Type})
	if said && before != body && m.Type != "transfer.voided" {
		return "", fault.New(fault.Conflict, "body.transferId",
			"a %s with other content was signed for this transfer", m.Type)
	}
	for _, kind := range contradicting {
		if _, said := d.promised(promise{transfer, kind}); said {
			return "", fault.New(fault.Conflict, "body.transferId",
				"a %s was signed for this transfer, so no %s may follow", kind, m.Type)
		}
	}
	return transfer, nil
}

func (d *draft) promised(p promise) (body [32]byte, ok bool) {
	if body, ok = d.more.promises[p]; ok {
		return body, true
	}
	body, ok = d.base.promises[p]
	return body, ok
}

// transferOf reads a body's transferId by its exact name; encoding/json's own matching of
// struct fields would also take TRANSFERID.
func transferOf(body []byte) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return "", err
	}
	var transfer string
	if err := json.Unmarshal(members["transferId"], &transfer); err != nil ||
		transfer == "" || len(transfer) > transferBytesMax {
		return "", errors.New("a promise about a transfer names none")
	}
	return transfer, nil
}

func forked(seq uint64, before, now [32]byte) error {
	return fault.New(fault.Conflict, "seq",
		"another message with seq %d was signed: %x, not %x", seq, before, now)
}

// jws signs a checked payload.
func (s *Signer) jws(typ string, payload []byte) string {
	input := wire.JWSInput(typ, s.keyID, payload)
	return wire.JWS{
		Typ: typ, KeyID: s.keyID, Payload: payload,
		Signature: ed25519.Sign(s.keys.identity, input),
	}.Compact()
}
