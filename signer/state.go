package signer

import (
	"errors"
	"fmt"

	"seyfert/wire"
)

// record is one entry of the signer journal; exactly one field is set. Fields are added, never
// reused: an old journal must replay for ever.
type record struct {
	Node       *nodeOpened       `cbor:"1,keyasint,omitempty"`
	Message    *signedMessage    `cbor:"2,keyasint,omitempty"`
	Offer      *signedOffer      `cbor:"3,keyasint,omitempty"`
	Descriptor *signedDescriptor `cbor:"4,keyasint,omitempty"`
	Checkpoint *signedCheckpoint `cbor:"5,keyasint,omitempty"`
	Lane       *laneOpened       `cbor:"6,keyasint,omitempty"`
	Spend      *signedAnchor     `cbor:"7,keyasint,omitempty"`
	Destroyed  string            `cbor:"8,keyasint,omitempty"`
}

// nodeOpened says whose journal it is; it is the first record.
type nodeOpened struct {
	DID     string `cbor:"1,keyasint"`
	Network string `cbor:"2,keyasint"`
	KeyID   string `cbor:"3,keyasint"`
}

// ref is where a record stands: its frame's offset and its place in it.
type ref struct {
	offset int64
	index  int
}

// state is what the journal's records say, kept small: bodies are read back from the file.
type state struct {
	node      *nodeOpened
	channels  map[string]*channel
	offers    map[string]kept
	latest    *signedDescriptor
	documents map[uint32]kept
	trees     map[uint64]*tree
	treeLast  uint64
	lanes     map[int]*lane
	rows      map[string]kept
	destroyed map[string]bool
}

// kept is a signed thing: the hash of what was asked, and where the answer stands.
type kept struct {
	hash [32]byte
	at   ref
}

func newState() *state {
	return &state{
		channels: map[string]*channel{}, offers: map[string]kept{},
		documents: map[uint32]kept{}, trees: map[uint64]*tree{},
		lanes: map[int]*lane{}, rows: map[string]kept{}, destroyed: map[string]bool{},
	}
}

// apply enters a durable record. It is the same for a record just written and a replayed one;
// an error means that the journal contradicts itself.
func (st *state) apply(r record, at ref) error {
	if (st.node == nil) != (r.Node != nil) {
		return errors.New("the first record, and no other, must name the node")
	}
	switch {
	case r.Node != nil:
		st.node = r.Node
	case r.Message != nil:
		return st.applyMessage(*r.Message, at)
	case r.Offer != nil:
		st.offers[r.Offer.ID] = kept{hash: r.Offer.Hash, at: at}
	case r.Descriptor != nil:
		st.latest = r.Descriptor
		st.documents[r.Descriptor.Serial] = kept{hash: r.Descriptor.Hash, at: at}
	case r.Checkpoint != nil:
		st.applyCheckpoint(*r.Checkpoint, at)
	case r.Lane != nil:
		st.lanes[r.Lane.N] = &lane{first: r.Lane.First, current: r.Lane.First}
	case r.Spend != nil:
		return st.applySpend(*r.Spend, at)
	case r.Destroyed != "":
		st.destroyed[r.Destroyed] = true
	default:
		return errors.New("a record says nothing")
	}
	return nil
}

// replay enters one frame of the journal that was not written by this Signer.
func (s *Signer) replay(offset int64, payload []byte) error {
	var records []record
	if err := wire.Unmarshal(payload, &records); err != nil {
		return err
	}
	for i, r := range records {
		if err := s.state.apply(r, ref{offset: offset, index: i}); err != nil {
			return err
		}
		if r.Destroyed != "" {
			s.gone = append(s.gone, r.Destroyed)
		}
	}
	return nil
}

// write makes records durable in one frame and enters them. After an error nothing may leave
// that depends on them. The caller holds mu.
func (s *Signer) write(records ...record) error {
	payload, err := wire.Marshal(records)
	if err != nil {
		return fmt.Errorf("signer journal: %w", err)
	}
	offset, err := s.journal.append(payload)
	if err != nil {
		return err
	}
	for i, r := range records {
		if err := s.state.apply(r, ref{offset: offset, index: i}); err != nil {
			panic("signer: a checked record does not fit: " + err.Error())
		}
	}
	return nil
}

// read fetches a record that was written before. The caller holds mu.
func (s *Signer) read(at ref) (record, error) {
	payload, err := s.journal.read(at.offset)
	if err != nil {
		return record{}, err
	}
	var records []record
	if err := wire.Unmarshal(payload, &records); err != nil {
		return record{}, fmt.Errorf("signer journal at byte %d: %w", at.offset, err)
	}
	if at.index >= len(records) {
		return record{}, fmt.Errorf("signer journal at byte %d: no record %d", at.offset, at.index)
	}
	return records[at.index], nil
}
