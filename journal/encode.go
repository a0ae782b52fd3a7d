package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// An entry's bytes are deterministic CBOR (RFC 8949 section 4.2.1), the same that the wire room
// writes for these types; they are written and read by hand here, as every command passes
// through. A fuzz test holds both to one another.

// CBOR major types (RFC 8949 section 3.1).
const (
	majorUnsigned = 0
	majorNegative = 1
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorMap      = 5
)

// appendHead appends an item's head in its shortest form.
func appendHead(buf []byte, major byte, value uint64) []byte {
	major <<= 5
	switch {
	case value < 24:
		return append(buf, major|byte(value))
	case value < 1<<8:
		return append(buf, major|24, byte(value))
	case value < 1<<16:
		return binary.BigEndian.AppendUint16(append(buf, major|25), uint16(value))
	case value < 1<<32:
		return binary.BigEndian.AppendUint32(append(buf, major|26), uint32(value))
	}
	return binary.BigEndian.AppendUint64(append(buf, major|27), value)
}

// appendPair appends a small key and the head of its value.
func appendPair(buf []byte, key, major byte, value uint64) []byte {
	return appendHead(append(buf, key), major, value)
}

func appendInt(buf []byte, key byte, value int64) []byte {
	if value < 0 {
		return appendPair(buf, key, majorNegative, uint64(^value))
	}
	return appendPair(buf, key, majorUnsigned, uint64(value))
}

func (e *Entry) append(buf []byte) []byte {
	h := &e.Header
	buf = appendHead(buf, majorMap, 2)
	buf = appendPair(buf, 1, majorMap, 5)
	buf = appendPair(buf, 1, majorUnsigned, uint64(h.Format))
	buf = append(appendPair(buf, 2, majorText, uint64(len(h.Node))), h.Node...)
	buf = appendInt(buf, 3, h.Time)
	buf = appendPair(buf, 4, majorUnsigned, uint64(h.Rule))
	buf = append(appendPair(buf, 5, majorBytes, uint64(len(h.Seed))), h.Seed[:]...)
	buf = appendPair(buf, 2, majorArray, uint64(len(e.Commands)))
	for i := range e.Commands {
		buf = e.Commands[i].append(buf)
	}
	return buf
}

func (c *Command) append(buf []byte) []byte {
	pairs := uint64(3)
	for _, there := range []bool{c.hasID(), c.hasRequestHash(), len(c.Body) > 0} {
		if there {
			pairs++
		}
	}
	buf = appendHead(buf, majorMap, pairs)
	buf = appendPair(buf, 1, majorUnsigned, uint64(c.Kind))
	buf = appendPair(buf, 2, majorUnsigned, uint64(c.Version))
	buf = c.Principal.append(append(buf, 3))
	if c.hasID() {
		buf = append(appendPair(buf, 4, majorBytes, uint64(len(c.ID))), c.ID[:]...)
	}
	if c.hasRequestHash() {
		buf = appendPair(buf, 5, majorBytes, uint64(len(c.RequestHash)))
		buf = append(buf, c.RequestHash[:]...)
	}
	if len(c.Body) > 0 {
		buf = append(appendPair(buf, 6, majorBytes, uint64(len(c.Body))), c.Body...)
	}
	return buf
}

func (c *Command) hasID() bool          { return c.ID != [16]byte{} }
func (c *Command) hasRequestHash() bool { return c.RequestHash != [32]byte{} }

func (p *Principal) append(buf []byte) []byte {
	pairs := uint64(1)
	if p.ID != "" {
		pairs++
	}
	if p.Key != "" {
		pairs++
	}
	buf = appendHead(buf, majorMap, pairs)
	buf = appendPair(buf, 1, majorUnsigned, uint64(p.Kind))
	if p.ID != "" {
		buf = append(appendPair(buf, 2, majorText, uint64(len(p.ID))), p.ID...)
	}
	if p.Key != "" {
		buf = append(appendPair(buf, 3, majorText, uint64(len(p.Key))), p.Key...)
	}
	return buf
}

// cursor reads an entry's bytes from the front. After the first fault it reads zeros.
type cursor struct {
	rest []byte
	err  error
}

var (
	errForm = errors.New("not the one form of an entry")
	errEnds = errors.New("ends early")
)

func (r *cursor) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

// head reads a head and refuses one that is longer than its value needs.
func (r *cursor) head() (major byte, value uint64) {
	if len(r.rest) == 0 {
		r.fail(errEnds)
		return 0, 0
	}
	major, info := r.rest[0]>>5, r.rest[0]&0x1f
	r.rest = r.rest[1:]
	if info < 24 {
		return major, uint64(info)
	}
	if info > 27 {
		r.fail(errForm)
		return 0, 0
	}
	width := 1 << (info - 24)
	if len(r.rest) < width {
		r.fail(errEnds)
		return 0, 0
	}
	var word [8]byte
	copy(word[8-width:], r.rest)
	value = binary.BigEndian.Uint64(word[:])
	least := uint64(24)
	if width > 1 {
		least = 1 << (4 * width)
	}
	if value < least {
		r.fail(errForm)
		return 0, 0
	}
	r.rest = r.rest[width:]
	return major, value
}

// count reads the head of a map, an array or a string.
func (r *cursor) count(major byte) int {
	have, value := r.head()
	if have != major || value > EntryBytesMax {
		r.fail(errForm)
		return 0
	}
	return int(value)
}

// key reads the key of the next pair.
func (r *cursor) key(want byte) {
	if len(r.rest) == 0 || r.rest[0] != want {
		r.fail(errForm)
		return
	}
	r.rest = r.rest[1:]
}

// has says whether the next pair has a key, and reads the key then.
func (r *cursor) has(key byte) bool {
	if len(r.rest) == 0 || r.rest[0] != key {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *cursor) unsigned(most uint64) uint64 {
	major, value := r.head()
	if major != majorUnsigned || value > most {
		r.fail(errForm)
		return 0
	}
	return value
}

func (r *cursor) signed() int64 {
	major, value := r.head()
	switch {
	case value >= 1<<63 || major > majorNegative:
		r.fail(errForm)
		return 0
	case major == majorNegative:
		return ^int64(value)
	}
	return int64(value)
}

// take reads a string's bytes, which stay those of the entry.
func (r *cursor) take(major byte) []byte {
	length := r.count(major)
	if length > len(r.rest) {
		r.fail(errEnds)
		return nil
	}
	out := r.rest[:length:length]
	r.rest = r.rest[length:]
	return out
}

func (r *cursor) text() string {
	data := r.take(majorText)
	if !utf8.Valid(data) {
		r.fail(errForm)
		return ""
	}
	return string(data)
}

// fixed reads a byte string of exactly the length of out.
func (r *cursor) fixed(out []byte) {
	data := r.take(majorBytes)
	if len(data) != len(out) {
		r.fail(errForm)
		return
	}
	copy(out, data)
}

func (r *cursor) entry() (e Entry) {
	if r.count(majorMap) != 2 {
		r.fail(errForm)
	}
	r.key(1)
	if r.count(majorMap) != 5 {
		r.fail(errForm)
	}
	h := &e.Header
	r.key(1)
	h.Format = uint16(r.unsigned(1<<16 - 1))
	r.key(2)
	h.Node = r.text()
	r.key(3)
	h.Time = r.signed()
	r.key(4)
	h.Rule = uint16(r.unsigned(1<<16 - 1))
	r.key(5)
	r.fixed(h.Seed[:])
	r.key(2)
	count := r.count(majorArray)
	if count > EntryCommandsMax {
		r.fail(fmt.Errorf("%d commands", count))
	}
	if r.err != nil {
		return Entry{}
	}
	e.Commands = make([]Command, count)
	for i := range e.Commands {
		r.command(&e.Commands[i])
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errors.New("bytes after the end"))
	}
	return e
}

func (r *cursor) command(c *Command) {
	pairs := r.count(majorMap) - 3
	r.key(1)
	c.Kind = uint16(r.unsigned(1<<16 - 1))
	r.key(2)
	c.Version = uint16(r.unsigned(1<<16 - 1))
	r.key(3)
	r.principal(&c.Principal)
	// A field stands there exactly if it is not empty: anything else would be a second form.
	if pairs > 0 && r.has(4) {
		r.fixed(c.ID[:])
		pairs--
		r.refuse(!c.hasID())
	}
	if pairs > 0 && r.has(5) {
		r.fixed(c.RequestHash[:])
		pairs--
		r.refuse(!c.hasRequestHash())
	}
	if pairs > 0 && r.has(6) {
		c.Body = r.take(majorBytes)
		pairs--
		r.refuse(len(c.Body) == 0)
	}
	r.refuse(pairs != 0)
}

func (r *cursor) principal(p *Principal) {
	pairs := r.count(majorMap) - 1
	r.key(1)
	p.Kind = PrincipalKind(r.unsigned(1<<8 - 1))
	if pairs > 0 && r.has(2) {
		p.ID = r.text()
		pairs--
		r.refuse(p.ID == "")
	}
	if pairs > 0 && r.has(3) {
		p.Key = r.text()
		pairs--
		r.refuse(p.Key == "")
	}
	r.refuse(pairs != 0)
}

func (r *cursor) refuse(wrong bool) {
	if wrong {
		r.fail(errForm)
	}
}
