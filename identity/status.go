package identity

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/ed25519"
	"io"
	"net/url"
	"strings"

	"seyfert/fault"
)

// Limits of a list of statuses.
const (
	// StatusEntriesMax bounds the credentials of one list.
	StatusEntriesMax = 1 << 20
	// StatusBytesMax bounds a list that is unpacked: 8 bits for each entry.
	StatusBytesMax = StatusEntriesMax
	// StatusTokenBytesMax bounds the signed text that carries one, packed.
	StatusTokenBytesMax = 256 << 10
	// StatusURIBytesMax bounds the address of a list.
	StatusURIBytesMax = 512
	// StatusLifeMax bounds the seconds from a list's issue to its end: how long a verifier may go
	// without hearing of a revocation.
	StatusLifeMax = 7 * 24 * 3600
)

// Status is what a list says of one credential (Token Status List draft 21 section 7.1).
type Status uint8

// The statuses that every list knows. Others are an application's own and never mean "valid".
const (
	StatusValid Status = iota
	// StatusInvalid is for ever.
	StatusInvalid
	// StatusSuspended may become valid again.
	StatusSuspended
)

// StatusAt is the place of one credential's status. Places are drawn at random: neighbours in
// a list would say who was issued together with whom.
type StatusAt struct {
	// URI is where the list is published.
	URI string
	// Index is the place in the list.
	Index int64
}

// Validate checks that the place can exist.
func (s StatusAt) Validate() error {
	if s.Index < 0 || s.Index >= StatusEntriesMax {
		return refused("The place in the list of statuses is out of range.")
	}
	return checkStatusURI(s.URI)
}

// checkStatusURI accepts https, and http for loopback hosts, which only a sandbox has.
func checkStatusURI(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > StatusURIBytesMax || u.String() != text || u.Host == "" ||
		u.User != nil || u.Fragment != "" {
		return refused("The address of the list of statuses is not one.")
	}
	host := u.Hostname()
	loopback := host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host == "127.0.0.1" || host == "::1"
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return refused("The address of the list of statuses is not https.")
	}
	return nil
}

// claim is the status as it stands in a credential (draft 21 section 6.2).
func (s StatusAt) claim() map[string]any {
	return map[string]any{"status_list": map[string]any{"idx": s.Index, "uri": s.URI}}
}

// statusAt reads it. A credential without a status has the zero value; one whose status we can't
// look up is refused, since it may be revoked.
func statusAt(payload map[string]any) (StatusAt, error) {
	value, there := payload["status"]
	if !there {
		return StatusAt{}, nil
	}
	claim, _ := value.(map[string]any)
	place, _ := claim["status_list"].(map[string]any)
	index, ok := readInteger(place["idx"])
	uri, _ := place["uri"].(string)
	if !ok {
		return StatusAt{}, refused("The credential's status can't be looked up.")
	}
	at := StatusAt{URI: uri, Index: index}
	return at, at.Validate()
}

// StatusList is the statuses of many credentials in 1, 2, 4 or 8 bits each (draft 21 section 4).
type StatusList struct {
	bits int
	data []byte
	uri  string // where it was published, if it was
}

// NewStatusList makes a list of at least the given number of valid entries.
func NewStatusList(bits, entries int) (StatusList, error) {
	if err := checkBits(bits); err != nil {
		return StatusList{}, err
	}
	if entries < 1 || entries > StatusEntriesMax {
		return StatusList{}, fault.New(fault.Invalid, "status",
			"A list has 1 to %d entries.", StatusEntriesMax)
	}
	return StatusList{bits: bits, data: make([]byte, (entries*bits+7)/8)}, nil
}

func checkBits(bits int) error {
	if bits != 1 && bits != 2 && bits != 4 && bits != 8 {
		return fault.New(fault.Invalid, "status", "A status has 1, 2, 4 or 8 bits.")
	}
	return nil
}

// Entries is the number of entries; bits that fill the last byte are entries as well.
func (l StatusList) Entries() int {
	if l.bits == 0 {
		return 0
	}
	return len(l.data) * 8 / l.bits
}

// Set changes an entry in place.
func (l StatusList) Set(index int64, s Status) error {
	if index < 0 || index >= int64(l.Entries()) || int(s) >= 1<<l.bits {
		return fault.New(fault.Invalid, "status", "The list has no such entry or status.")
	}
	at, shift, mask := l.place(index)
	l.data[at] = l.data[at]&^(mask<<shift) | byte(s)<<shift
	return nil
}

// Get reads an entry; one beyond the list is an error, never "valid".
func (l StatusList) Get(index int64) (Status, error) {
	if index < 0 || index >= int64(l.Entries()) {
		return 0, refused("The list of statuses has no such entry.")
	}
	at, shift, mask := l.place(index)
	return Status(l.data[at] >> shift & mask), nil
}

// place is an entry's byte and bits: entries fill a byte from its lowest bit (section 4.1).
func (l StatusList) place(index int64) (at int64, shift int, mask byte) {
	bit := index * int64(l.bits)
	return bit / 8, int(bit % 8), byte(1<<l.bits - 1)
}

// Check refuses a credential whose status is not valid, or stands in another list.
func (l StatusList) Check(at StatusAt) error {
	if at.URI == "" || at.URI != l.uri {
		return refused("The status stands in another list.")
	}
	status, err := l.Get(at.Index)
	if err != nil {
		return err
	}
	switch status {
	case StatusValid:
		return nil
	case StatusSuspended:
		return refused("The credential is suspended.")
	}
	return refused("The credential is revoked.")
}

// Pack is the list compressed with zlib, in base64url. The same list may pack to other bytes in
// another version of the program; it always unpacks to the same list.
func (l StatusList) Pack() (string, error) {
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(l.data); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return encode64(packed.Bytes()), nil
}

// UnpackStatusList reads what Pack writes. Whatever the text says of itself, no more than
// StatusBytesMax is unpacked.
func UnpackStatusList(bits int, packed string) (StatusList, error) {
	if err := checkBits(bits); err != nil {
		return StatusList{}, err
	}
	raw, err := decode64(packed)
	if err != nil {
		return StatusList{}, unreadable("The list of statuses can't be read.")
	}
	source := bytes.NewReader(raw)
	r, err := zlib.NewReader(source)
	if err != nil {
		return StatusList{}, unreadable("The list of statuses can't be read.")
	}
	data, err := io.ReadAll(io.LimitReader(r, StatusBytesMax+1))
	if err != nil || source.Len() > 0 && len(data) <= StatusBytesMax {
		return StatusList{}, unreadable("The list of statuses can't be read.")
	}
	l := StatusList{bits: bits, data: data}
	if len(data) == 0 || l.Entries() > StatusEntriesMax {
		return StatusList{}, fault.New(fault.TooLarge, "status",
			"A list has 1 to %d entries.", StatusEntriesMax)
	}
	return l, nil
}

// Publish drafts the list's signed text for the address where it will stand, to hold from
// issuedAt to expires in Unix seconds (draft 21 section 5.1).
func (l StatusList) Publish(
	uri string, issuer ed25519.PublicKey, issuedAt, expires int64,
) (Draft, error) {
	if err := checkStatusURI(uri); err != nil {
		return Draft{}, err
	}
	if issuedAt < 0 || expires <= issuedAt || expires-issuedAt > StatusLifeMax {
		return Draft{}, fault.New(fault.Invalid, "status",
			"A list of statuses lives at most %d seconds.", StatusLifeMax)
	}
	packed, err := l.Pack()
	if err != nil {
		return Draft{}, err
	}
	d, err := newDraft(TypStatus, issuer, map[string]any{
		"sub": uri, "iat": issuedAt, "exp": expires, "ttl": expires - issuedAt,
		"status_list": map[string]any{"bits": l.bits, "lst": packed},
	})
	if err == nil && len(d.Input())+1+signatureText > StatusTokenBytesMax {
		return Draft{}, fault.New(fault.TooLarge, "status",
			"A signed list of statuses has at most %d bytes.", StatusTokenBytesMax)
	}
	return d, err
}

// OpenStatusList verifies a signed list that was fetched from uri (draft 21 section 8.3).
func OpenStatusList(
	text, uri string, issuer crypto.PublicKey, now int64,
) (StatusList, error) {
	t, err := parseToken(text, StatusTokenBytesMax)
	if err != nil {
		return StatusList{}, err
	}
	if err := t.verify(TypStatus, issuer); err != nil {
		return StatusList{}, err
	}
	if uri == "" || t.payload["sub"] != uri {
		return StatusList{}, refused("The list of statuses is of another address.")
	}
	if _, ok := readInteger(t.payload["iat"]); !ok {
		return StatusList{}, refused("The list of statuses does not say when it was made.")
	}
	if _, err := checkTimes(t.payload, now); err != nil {
		return StatusList{}, err
	}
	list, _ := t.payload["status_list"].(map[string]any)
	bits, ok := readInteger(list["bits"])
	packed, _ := list["lst"].(string)
	if !ok || bits > 8 {
		return StatusList{}, unreadable("The list of statuses can't be read.")
	}
	l, err := UnpackStatusList(int(bits), packed)
	l.uri = uri
	return l, err
}
