package wire

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// UUID is a version 7 UUID (RFC 9562 section 5.7) whose text is the canonical lower-case form.
// Nodes name messages, threads and transfers by it.
type UUID [16]byte

// Kind is the phantom type that makes an ID of one entity a Go type of its own. An
// implementation is an empty struct whose Prefix is a constant of lower-case letters.
type Kind interface {
	// Prefix is the word before the underscore in the id's text, such as "acc".
	Prefix() string
}

// ID names one entity of kind K. Its bytes are a version 7 UUID; its text is the kind's prefix,
// an underscore and 26 upper-case characters of Crockford's base 32, as in a ULID. The zero ID
// names nothing. CBOR carries the 16 bytes.
type ID[K Kind] [16]byte

// crockford is the alphabet of Crockford's base 32: no I, L, O or U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// noDigit is what digitOf gives for a byte that is none.
const noDigit = 0xff

// letterDigits are the digits that the letters A to Z stand for.
const letterDigits = "\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\xff\x12\x13\xff\x14" +
	"\x15\xff\x16\x17\x18\x19\x1a\xff\x1b\x1c\x1d\x1e\x1f"

// digitOf is the way back from the alphabet, without a search: ids are most of what a request
// that moves money says.
func digitOf(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c-'A' < byte(len(letterDigits)):
		return letterDigits[c-'A']
	}
	return noDigit
}

// idTextLength is the number of base 32 characters that 128 bits take.
const idTextLength = 26

// unixMilliMax is the last time that a version 7 UUID can carry.
const unixMilliMax = 1<<48 - 1

// NewUUID makes a UUID from a time in Unix milliseconds and random bytes, of which 74 bits are
// used. A time outside 0 to 2^48-1 is a programmer error and panics.
func NewUUID(unixMilli int64, random [10]byte) UUID {
	if unixMilli < 0 || unixMilli > unixMilliMax {
		panic(fmt.Sprintf("wire: uuid time %d is out of range", unixMilli))
	}
	var u UUID
	for i := range 6 {
		u[i] = byte(unixMilli >> (40 - 8*i))
	}
	copy(u[6:], random[:])
	u[6] = 0x70 | u[6]&0x0f
	u[8] = 0x80 | u[8]&0x3f
	return u
}

// ParseUUID reads the canonical text of a version 7 UUID: lower case, hyphens in place.
func ParseUUID(s string) ([16]byte, error) {
	var u UUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, errors.New("uuid: not in canonical form")
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, errors.New("uuid: not hexadecimal")
	}
	if u.String() != s {
		return UUID{}, errors.New("uuid: not in lower case")
	}
	if !isVersion7(u) {
		return UUID{}, errors.New("uuid: not of version 7")
	}
	return u, nil
}

// String is the canonical lower-case text.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// IsVersion7 says whether u has the form of a version 7 UUID.
func (u UUID) IsVersion7() bool { return isVersion7(u) }

// IsZero says whether u names nothing.
func (u UUID) IsZero() bool { return u == UUID{} }

// UnixMilli is the time in u, in Unix milliseconds.
func (u UUID) UnixMilli() int64 { return unixMilliOf(u) }

// MarshalText implements encoding.TextMarshaler; a zero or foreign value is an error.
func (u UUID) MarshalText() ([]byte, error) {
	if !isVersion7(u) {
		return nil, errors.New("uuid: not of version 7")
	}
	return []byte(u.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler as strictly as ParseUUID.
func (u *UUID) UnmarshalText(text []byte) error {
	parsed, err := ParseUUID(string(text))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}

// NewID makes an ID from a time in Unix milliseconds and random bytes, as NewUUID does.
func NewID[K Kind](unixMilli int64, random [10]byte) ID[K] {
	return ID[K](NewUUID(unixMilli, random))
}

// ParseID reads the text of an ID of kind K. Only the text that String writes is accepted.
func ParseID[K Kind](s string) (ID[K], error) {
	var kind K
	text, ok := strings.CutPrefix(s, kind.Prefix())
	if !ok || len(text) != 1+idTextLength || text[0] != '_' {
		return ID[K]{}, fmt.Errorf("id: want %q_ and %d characters", kind.Prefix(), idTextLength)
	}
	text = text[1:]
	if text[0] > '7' {
		return ID[K]{}, errors.New("id: more than 128 bits")
	}
	// The digit in the middle has bits of both halves.
	const half = idTextLength / 2
	var hi, lo uint64
	wrong := byte(0)
	for i := range half {
		first, second := digitOf(text[i]), digitOf(text[half+i])
		wrong |= first | second
		hi, lo = hi<<5|uint64(first&31), lo<<5|uint64(second&31)
	}
	if wrong > 31 {
		return ID[K]{}, errors.New("id: not in upper-case base 32")
	}
	var id ID[K]
	binary.BigEndian.PutUint64(id[:8], hi<<1|uint64(digitOf(text[half])>>4))
	binary.BigEndian.PutUint64(id[8:], lo)
	if !isVersion7(id) {
		return ID[K]{}, errors.New("id: not a version 7 UUID")
	}
	return id, nil
}

// String is the id's text, also for the zero ID, whose text no parser accepts.
func (id ID[K]) String() string {
	return string(id.Append(make([]byte, 0, 2*idTextLength)))
}

// Append appends what String writes.
func (id ID[K]) Append(buf []byte) []byte {
	var kind K
	buf = append(append(buf, kind.Prefix()...), '_')
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var text [idTextLength]byte
	// 13 digits of five bits for either half: the first one has two bits of zeros before the
	// halves, the last bit of hi stands in the middle digit with four of lo.
	high, low := hi>>1, lo
	for i := idTextLength/2 - 1; i > 0; i-- {
		text[i], text[idTextLength/2+i] = crockford[high&31], crockford[low&31]
		high, low = high>>5, low>>5
	}
	text[0], text[idTextLength/2] = crockford[high&31], crockford[low|hi&1<<4]
	return append(buf, text[:]...)
}

// UUID is the same id as canonical lower-case UUID text.
func (id ID[K]) UUID() string { return UUID(id).String() }

// UnixMilli is the time in the id, in Unix milliseconds.
func (id ID[K]) UnixMilli() int64 { return unixMilliOf(id) }

// IsZero says whether the id names nothing.
func (id ID[K]) IsZero() bool { return id == ID[K]{} }

// MarshalText implements encoding.TextMarshaler. The zero ID has no text: a JSON field that may
// be without an id says omitzero.
func (id ID[K]) MarshalText() ([]byte, error) {
	if !isVersion7(id) {
		return nil, errors.New("id: not a version 7 UUID")
	}
	return []byte(id.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler as strictly as ParseID.
func (id *ID[K]) UnmarshalText(text []byte) error {
	parsed, err := ParseID[K](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

func isVersion7(u [16]byte) bool { return u[6]>>4 == 7 && u[8]>>6 == 2 }

func unixMilliOf(u [16]byte) int64 {
	var t int64
	for _, b := range u[:6] {
		t = t<<8 | int64(b)
	}
	return t
}
