package journal

import (
	"fmt"
	"unicode/utf8"

	"seyfert/fault"
)

// Format is the version of an entry's layout, which stands in each header. A change of the
// layout takes the next number, and the old one is read for ever.
const Format = 1

// Encoded sizes beside the texts and bodies themselves, rounded up; a test holds them.
const (
	headerBytesMax  = 128 // an entry without node name and commands
	commandBytesMax = 128 // a command without body and principal texts
)

// Header opens an entry. The field numbers of all types here are part of the format.
type Header struct {
	// Format is the layout's version, always Format.
	Format uint16 `cbor:"1,keyasint"`
	// Node names the node whose journal this is.
	Node string `cbor:"2,keyasint"`
	// Time is the leader's clock in Unix milliseconds when it made the entry.
	Time int64 `cbor:"3,keyasint"`
	// Rule is the newest rule version that the leader's program knew. Which one is in force the
	// machine's own state says.
	Rule uint16 `cbor:"4,keyasint"`
	// Seed is 32 random bytes from which ids and salts made inside the machine derive.
	Seed [32]byte `cbor:"5,keyasint"`
}

// PrincipalKind says what kind of party stands behind a command.
type PrincipalKind uint8

// The kinds of principals. The numbers are part of the format.
const (
	// System is the node itself: ticks, outcomes of its own work.
	System PrincipalKind = 1
	// Operator is a person who runs the node.
	Operator PrincipalKind = 2
	// Company is a business hosted on the node, by its API key.
	Company PrincipalKind = 3
	// Member is an owner of wallets on the node, by a session.
	Member PrincipalKind = 4
	// Peer is another node, by its signed message.
	Peer PrincipalKind = 5
	// Rail is a connection to outside money, by its notice.
	Rail PrincipalKind = 6
	// Public is anyone who proved nothing, such as the holder of a link.
	Public PrincipalKind = 7
)

// Principal is who a command comes from, as verified before it was proposed.
type Principal struct {
	// Kind is the kind of party.
	Kind PrincipalKind `cbor:"1,keyasint"`
	// ID names the party: a company's or member's id, a peer's did; empty if it has none.
	ID string `cbor:"2,keyasint,omitempty"`
	// Key names the API key, session or signing key that was used; empty if there was none.
	Key string `cbor:"3,keyasint,omitempty"`
}

// Command is one request for a change, with the facts that were verified around it.
type Command struct {
	// Kind and Version say which command this is, and in which shape its body is. Zero is
	// neither.
	Kind    uint16 `cbor:"1,keyasint"`
	Version uint16 `cbor:"2,keyasint"`
	// Principal is who asks.
	Principal Principal `cbor:"3,keyasint"`
	// ID is the caller's idempotency id; all zero means none.
	ID [16]byte `cbor:"4,keyasint,omitzero"`
	// RequestHash binds ID to what was asked; all zero means none.
	RequestHash [32]byte `cbor:"5,keyasint,omitzero"`
	// Body is the command's content, encoded by its owner; at most BodyBytesMax.
	Body []byte `cbor:"6,keyasint,omitempty"`
}

// Entry is what the journal keeps: the commands that were written together, under one header.
type Entry struct {
	// Header is the same for all commands.
	Header Header `cbor:"1,keyasint"`
	// Commands are carried out in this order; there is at least one.
	Commands []Command `cbor:"2,keyasint"`
}

// Encode returns the entry's bytes, deterministic CBOR (RFC 8949 section 4.2.1). An entry that
// DecodeEntry would refuse is a fault of the program and panics.
func (e Entry) Encode() []byte {
	if err := e.validate(); err != nil {
		panic(err)
	}
	return e.append(make([]byte, 0, e.size()))
}

// DecodeEntry reads the bytes that Encode returns and nothing else: another format, a number
// of commands or a size over its limit, or any other form of the same entry is an error. The
// bodies are parts of data, which must not change afterwards.
func DecodeEntry(data []byte) (Entry, error) {
	if len(data) > EntryBytesMax {
		return Entry{}, fmt.Errorf("journal entry of %d bytes: over the limit", len(data))
	}
	r := cursor{rest: data}
	e := r.entry()
	if r.err != nil {
		return Entry{}, fmt.Errorf("journal entry: %w", r.err)
	}
	if err := e.validate(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

func (e Entry) validate() error {
	if e.Header.Format != Format {
		return fmt.Errorf("journal entry: format %d is not known", e.Header.Format)
	}
	if e.Header.Node == "" || !shortText(e.Header.Node, NodeTextMax) || e.Header.Rule == 0 {
		return fmt.Errorf("journal entry: header without node or rule")
	}
	if len(e.Commands) == 0 || len(e.Commands) > EntryCommandsMax {
		return fmt.Errorf("journal entry: %d commands", len(e.Commands))
	}
	for i := range e.Commands {
		if refused := e.Commands[i].validate(); refused != nil {
			return fmt.Errorf("journal entry: command %d: %w", i, refused)
		}
	}
	if size := e.size(); size > EntryBytesMax {
		return fmt.Errorf("journal entry: up to %d bytes: over the limit", size)
	}
	return nil
}

// size bounds the entry's encoded length from above.
func (e *Entry) size() int {
	size := headerBytesMax + len(e.Header.Node)
	for i := range e.Commands {
		size += e.Commands[i].size()
	}
	return size
}

// validate says why a command cannot be written, naming the field.
func (c *Command) validate() *fault.Error {
	switch {
	case c.Kind == 0:
		return fault.New(fault.Invalid, "kind", "the command has no kind")
	case c.Version == 0:
		return fault.New(fault.Invalid, "version", "the command has no version")
	case c.Principal.Kind < System || c.Principal.Kind > Public:
		return fault.New(fault.Invalid, "principal", "the principal's kind is not known")
	case !shortText(c.Principal.ID, PrincipalTextMax):
		return fault.New(fault.Invalid, "principal", "the principal's id is not a short text")
	case !shortText(c.Principal.Key, PrincipalTextMax):
		return fault.New(fault.Invalid, "principal", "the principal's key is not a short text")
	case len(c.Body) > BodyBytesMax:
		return fault.New(fault.TooLarge, "body", "the command is over %d bytes", BodyBytesMax)
	}
	return nil
}

func shortText(s string, bytesMax int) bool {
	return len(s) <= bytesMax && utf8.ValidString(s)
}

// size bounds the command's encoded length from above.
func (c *Command) size() int {
	return commandBytesMax + len(c.Principal.ID) + len(c.Principal.Key) + len(c.Body)
}

// normal returns the command as it will read from the journal: an empty body is nil.
func (c Command) normal() Command {
	if len(c.Body) == 0 {
		c.Body = nil
	}
	return c
}
