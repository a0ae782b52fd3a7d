package mirror

import (
	"errors"
	"fmt"

	"seyfert/signer"
	"seyfert/wire"
)

// Limits of what replicas say to each other.
const (
	// RequestBytesMax is the longest encoded Request.
	RequestBytesMax = signer.FrameBytesMax + 4<<20
	// AnswerBytesMax is the longest encoded Answer.
	AnswerBytesMax = RequestBytesMax
	// ChunkBytesMax is how much of the journal one request or answer carries, unless a single
	// frame is longer.
	ChunkBytesMax = 1 << 20
	// SpansMax is the number of terms in which a journal was written.
	SpansMax = 1 << 16
	// NamesMax is the number of members of one page.
	NamesMax = 1000

	// frameMax is a frame with its header.
	frameMax    = signer.FrameBytesMax + 64
	digestBytes = 8
)

// Kind says what a Request asks.
type Kind uint8

// The kinds of requests.
const (
	// AskPromise asks to take nothing of terms before Term any more.
	AskPromise Kind = 1
	// AskRead asks for the journal's bytes from At on.
	AskRead Kind = 2
	// AskAppend brings bytes that stand at At.
	AskAppend Kind = 3
	// AskKeys asks for the keys of members.
	AskKeys Kind = 4
	// AskSave brings keys of members.
	AskSave Kind = 5
	// AskNames shows a page of members and asks how the replica's own differ.
	AskNames Kind = 6
)

// Span is a run of the journal's bytes that one term's leader wrote; it ends where the next
// begins.
type Span struct {
	_     struct{} `cbor:",toarray"`
	Term  uint64
	Start int64
}

// Member is a member with the keys that a replica holds for it, or with their digest alone.
type Member struct {
	ID     string     `cbor:"1,keyasint"`
	Keys   [][32]byte `cbor:"2,keyasint,omitempty"`
	Digest []byte     `cbor:"3,keyasint,omitempty"`
}

// Request is what one replica asks of another.
type Request struct {
	Kind Kind `cbor:"1,keyasint"`
	// Term is the asking leader's; zero for keys, which know no terms.
	Term uint64 `cbor:"2,keyasint,omitempty"`
	// At is where Bytes stand, or where to read.
	At int64 `cbor:"3,keyasint,omitempty"`
	// Bytes are whole frames of the journal.
	Bytes []byte `cbor:"4,keyasint,omitempty"`
	// Spans and Size are the leader's whole journal; left out once the other has Term's span.
	Spans []Span `cbor:"5,keyasint,omitempty"`
	Size  int64  `cbor:"6,keyasint,omitempty"`
	// Settled is up to where the journal is known to be on a majority.
	Settled int64 `cbor:"7,keyasint,omitempty"`
	// Members are asked for, brought or shown. A page shown covers the ids after After up to its
	// last one, or up to the end if Last is set.
	Members []Member `cbor:"8,keyasint,omitempty"`
	After   string   `cbor:"9,keyasint,omitempty"`
	Last    bool     `cbor:"10,keyasint,omitempty"`
}

// Answer is what the other replica says.
type Answer struct {
	// Taken says that the request was carried out. Otherwise the rest tells why.
	Taken bool `cbor:"1,keyasint,omitempty"`
	// Promised is the newest term that the replica promised itself to.
	Promised uint64 `cbor:"2,keyasint,omitempty"`
	// Size is where its journal ends, and Marked says that it has a span of the request's Term.
	// Spans are all of them, left out after an AskAppend that was taken.
	Spans  []Span `cbor:"3,keyasint,omitempty"`
	Size   int64  `cbor:"4,keyasint,omitempty"`
	Marked bool   `cbor:"9,keyasint,omitempty"`
	// Bytes are whole frames.
	Bytes []byte `cbor:"5,keyasint,omitempty"`
	// Members are keys asked for, or what of a page it has more of.
	Members []Member `cbor:"6,keyasint,omitempty"`
	// Wants are the ids of a page that it has less of.
	Wants []string `cbor:"7,keyasint,omitempty"`
	// Until is the id up to which a page was looked at; empty when all of it was.
	Until string `cbor:"8,keyasint,omitempty"`
}

// Encode returns the bytes of a request, which travel between replicas.
func (q Request) Encode() ([]byte, error) { return wire.Marshal(q) }

// DecodeRequest reads what Request.Encode wrote, and refuses anything over a limit.
func DecodeRequest(data []byte) (Request, error) {
	var q Request
	if len(data) > RequestBytesMax {
		return q, fmt.Errorf("mirror: a request of %d bytes", len(data))
	}
	if err := wire.Unmarshal(data, &q); err != nil {
		return Request{}, fmt.Errorf("mirror: request: %w", err)
	}
	if err := q.check(); err != nil {
		return Request{}, fmt.Errorf("mirror: request: %w", err)
	}
	return q, nil
}

func (q Request) check() error {
	if q.Kind < AskPromise || q.Kind > AskNames {
		return fmt.Errorf("kind %d is not known", q.Kind)
	}
	if q.At < 0 || q.Size < 0 || q.Settled < 0 || len(q.Bytes) > frameMax {
		return errors.New("a place or a length is out of range")
	}
	if q.Kind == AskPromise || q.Kind == AskRead || q.Kind == AskAppend {
		if q.Term == 0 {
			return errors.New("a leader without a term")
		}
	}
	if len(q.Spans) > 0 {
		if err := checkSpans(q.Spans, q.Size); err != nil {
			return err
		}
		if last(q.Spans).Term != q.Term || q.At+int64(len(q.Bytes)) > q.Size {
			return errors.New("a journal that is not the leader's")
		}
	}
	if q.After != "" && signer.CheckMember(q.After) != nil {
		return errors.New("a page after no member")
	}
	return checkMembers(q.Members)
}

// Encode returns the bytes of an answer.
func (a Answer) Encode() ([]byte, error) { return wire.Marshal(a) }

// DecodeAnswer reads what Answer.Encode wrote, and refuses anything over a limit.
func DecodeAnswer(data []byte) (Answer, error) {
	var a Answer
	if len(data) > AnswerBytesMax {
		return a, fmt.Errorf("mirror: an answer of %d bytes", len(data))
	}
	if err := wire.Unmarshal(data, &a); err != nil {
		return Answer{}, fmt.Errorf("mirror: answer: %w", err)
	}
	if err := a.check(); err != nil {
		return Answer{}, fmt.Errorf("mirror: answer: %w", err)
	}
	return a, nil
}

func (a Answer) check() error {
	if a.Size < 0 || len(a.Bytes) > frameMax || len(a.Wants) > NamesMax {
		return errors.New("a length is out of range")
	}
	if len(a.Spans) > 0 {
		if err := checkSpans(a.Spans, a.Size); err != nil {
			return err
		}
	}
	for _, id := range a.Wants {
		if err := signer.CheckMember(id); err != nil {
			return err
		}
	}
	if a.Until != "" && signer.CheckMember(a.Until) != nil {
		return errors.New("a page until no member")
	}
	return checkMembers(a.Members)
}

// checkMembers keeps ids to what is safe in a file's name, in order and each one once.
func checkMembers(members []Member) error {
	if len(members) > NamesMax {
		return fmt.Errorf("%d members", len(members))
	}
	for i, m := range members {
		if err := signer.CheckMember(m.ID); err != nil {
			return err
		}
		if i > 0 && m.ID <= members[i-1].ID {
			return errors.New("members out of order")
		}
		if len(m.Keys) > signer.NameKeysMax || len(m.Digest) != 0 && len(m.Digest) != digestBytes {
			return fmt.Errorf("member %s: %d keys, a digest of %d bytes", m.ID, len(m.Keys),
				len(m.Digest))
		}
	}
	return nil
}
