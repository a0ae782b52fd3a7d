// Package bank reads what a bank tells a node: notices of money that arrived on one of the
// account numbers that the bank issued to it.
//
// A notice counts only if the bank signed it, within the last WindowSeconds, and if it has
// exactly one reading. The package never decides whose money it is, never touches the ledger,
// and keeps nothing: that a notice is booked once is the node's promise, by the notice's id.
package bank

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"seyfert/fault"
)

// Rail is the name of this rail in virtual accounts and deposits.
const Rail = "bank"

// The headers of a notice.
const (
	// HeaderTimestamp carries the time of signing in Unix seconds, as decimal digits.
	HeaderTimestamp = "X-Bank-Timestamp"
	// HeaderSignature carries HMAC-SHA256(secret, timestamp || "." || body) in lower-case
	// hexadecimal.
	HeaderSignature = "X-Bank-Signature"
)

const (
	// WindowSeconds is how far the bank's clock and the node's may be apart. A notice that is
	// repeated inside the window is harmless, because its id makes it happen once.
	WindowSeconds = 300
	// SecretBytesMin is the shortest secret that two parties may share.
	SecretBytesMin = 16
	// NoticeBytesMax bounds the body of a notice.
	NoticeBytesMax = 4 << 10
	// timestampDigitsMax bounds the text of a time in Unix seconds.
	timestampDigitsMax = 12
)

// Codec authenticates and reads notices of one bank. It is safe for concurrent use.
type Codec struct {
	secret []byte
	now    func() time.Time
}

// New makes a Codec for the secret that the bank and the node share. A secret shorter than
// SecretBytesMin is a programmer error and panics: the configuration checks it before.
func New(secret []byte, now func() time.Time) *Codec {
	if len(secret) < SecretBytesMin {
		panic("bank: secret too short")
	}
	return &Codec{secret: append([]byte(nil), secret...), now: now}
}

// Parse checks the bank's signature over a body and then reads the notice in it. Errors:
// fault.TooLarge, fault.Unauthenticated with the header's name, fault.Invalid with the field.
func (c *Codec) Parse(header http.Header, body []byte) (Notice, error) {
	if len(body) > NoticeBytesMax {
		return Notice{}, fault.New(fault.TooLarge, "body", "A notice has at most %d bytes.",
			NoticeBytesMax)
	}
	if err := c.authenticate(header, body); err != nil {
		return Notice{}, err
	}
	return ParseNotice(body)
}

// authenticate checks the time first, so that an old signature is never even compared.
func (c *Codec) authenticate(header http.Header, body []byte) error {
	timestamp, ok := single(header, HeaderTimestamp)
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if !ok || err != nil || len(timestamp) > timestampDigitsMax ||
		strconv.FormatInt(at, 10) != timestamp {
		return fault.New(fault.Unauthenticated, HeaderTimestamp,
			"The notice carries no time in Unix seconds.")
	}
	if apart := c.now().Unix() - at; apart > WindowSeconds || apart < -WindowSeconds {
		return fault.New(fault.Unauthenticated, HeaderTimestamp,
			"The notice was signed more than %d seconds away from now.", WindowSeconds)
	}
	refused := fault.New(fault.Unauthenticated, HeaderSignature,
		"The notice is not signed by the bank.")
	text, ok := single(header, HeaderSignature)
	if !ok || len(text) != hex.EncodedLen(sha256.Size) {
		return refused
	}
	got, err := hex.DecodeString(text)
	if err != nil || hex.EncodeToString(got) != text {
		return refused
	}
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	if !hmac.Equal(got, mac.Sum(nil)) {
		return refused
	}
	return nil
}

// single is a header that was sent exactly once.
func single(header http.Header, name string) (string, bool) {
	values := header.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
