package mirror

import (
	"errors"

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
	// Spans and Size describe its journal; for an AskAppend that was taken Spans is only the last.
	Spans []Span `cbor:"3,keyasint,omitempty"`
	Size  int64  `cbor:"4,keyasint,omitempty"`
	// Settled is up to where it knows that the journal is on a majority.
	Settled int64 `cbor:"5,keyasint,omitempty"`
	// Bytes are whole frames.
	Bytes []byte `cbor:"6,keyasint,omitempty"`
	// Members are keys asked for, or what of a page it has more of.
	Members []Member `cbor:"7,keyasint,omitempty"`
	// Wants are the ids of a page that it has less of.
	Wants []string `cbor:"8,keyasint,omitempty"`
}

// Encode returns the bytes of a request, which travel between replicas.
func (q Request) Encode() ([]byte, error) { return wire.Marshal(q) }

// DecodeRequest reads what Request.Encode wrote, and refuses anything over a limit.
func DecodeRequest(data []byte) (Request, error) { return Request{}, errors.New("not yet") }

// Encode returns the bytes of an answer.
func (a Answer) Encode() ([]byte, error) { return wire.Marshal(a) }

// DecodeAnswer reads what Answer.Encode wrote, and refuses anything over a limit.
func DecodeAnswer(data []byte) (Answer, error) { return Answer{}, errors.New("not yet") }
