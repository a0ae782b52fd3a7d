package wire

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// MessageVersion is the v of every message of protocol version 1.
const MessageVersion = 1

// Limits of messages and of the batches that carry them.
const (
	// MessageBytesMax bounds a message's JCS payload.
	MessageBytesMax = 64 << 10
	// BodyBytesMax bounds the body inside it.
	BodyBytesMax = 60 << 10
	// MessageBatchMax bounds the messages of one POST.
	MessageBatchMax = 256
	// BatchBytesMax bounds the body of that POST.
	BatchBytesMax = JCSBytesMax
	// messageTypeBytesMax bounds a message's type.
	messageTypeBytesMax = 32
)

// Message is one signed statement of a node to a peer (A3). Everything in it is fixed when it is
// decided; sending only adds the signature.
type Message struct {
	// The fields stand in the order of their JSON names, which makes JCS fast.

	// Ack is the last message that the sender has accepted from the receiver.
	Ack MessageAck `json:"ack"`
	// Body is the JCS text of an object; each family's owner says what is in it.
	Body json.RawMessage `json:"body"`
	// CreatedAt is Unix milliseconds. Neither time ever decides about money.
	CreatedAt int64 `json:"createdAt"`
	// Epoch is the channel's epoch; it rises by one at each resync (B5.4).
	Epoch uint32 `json:"epoch"`
	// ExpiresAt is when the sender stops waiting, in Unix milliseconds; it ends nothing by
	// itself.
	ExpiresAt int64 `json:"expiresAt"`
	// From is the DID of the sender.
	From string `json:"from"`
	// ID names the message; the same id with other bytes is evidence against the sender.
	ID UUID `json:"id"`
	// Prev is the Hash of the sender's message with the seq before, zero for the first.
	Prev Digest `json:"prev"`
	// Seq counts the sender's messages to this peer from 1, without gaps.
	Seq uint64 `json:"seq"`
	// Thread groups the messages about one thing; a refusal stops only its own thread.
	Thread UUID `json:"thread"`
	// To is the DID of the receiver.
	To string `json:"to"`
	// Type is the statement's kind, such as "transfer.prepare"; it says what Body is.
	Type string `json:"type"`
	// Version is MessageVersion.
	Version int `json:"v"`
}

// MessageAck points at the last accepted message of the other direction; zero values before
// the first.
type MessageAck struct {
	Hash Digest `json:"hash"`
	Seq  uint64 `json:"seq"`
}

// Encode returns the message's payload: the JCS text that is signed and hashed. A message that
// Validate refuses has none; Body is brought into canonical form on the way.
func (m Message) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	payload, err := JCS(m)
	if err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	if len(payload) > MessageBytesMax {
		return nil, fmt.Errorf("message: %d bytes, more than %d", len(payload), MessageBytesMax)
	}
	return payload, nil
}

// ParseMessage reads a payload as strictly as Encode writes it.
func ParseMessage(payload []byte) (Message, error) {
	if len(payload) > MessageBytesMax {
		return Message{}, fmt.Errorf(
			"message: %d bytes, more than %d", len(payload), MessageBytesMax)
	}
	var m Message
	if err := UnmarshalJCS(payload, &m); err != nil {
		return Message{}, fmt.Errorf("message: %w", err)
	}
	if err := m.Validate(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// Hash is SHA-256 of the payload, without the signature, so that the chain of messages can be
// computed without a key. A message without an encoding is a programmer error and panics.
func (m Message) Hash() [32]byte {
	payload, err := m.Encode()
	if err != nil {
		panic(err)
	}
	return MessageHash(payload)
}

// MessageHash is Hash for a payload at hand: the value that Prev and Ack carry.
func MessageHash(payload []byte) [32]byte { return sha256.Sum256(payload) }

// BodyHash is SHA-256 of a message's JCS body: prepareHash and fulfilHash of B3.1.
func BodyHash(body []byte) [32]byte { return sha256.Sum256(body) }

// Validate checks what a message alone can show: version, names, ids, the ends of its chain and
// the size of its body.
func (m Message) Validate() error {
	if m.Version != MessageVersion {
		return fmt.Errorf("message: version %d", m.Version)
	}
	if err := checkMessageType(m.Type); err != nil {
		return err
	}
	if !isVersion7(m.ID) || !isVersion7(m.Thread) {
		return errors.New("message: id or thread is not a version 7 UUID")
	}
	if err := CheckDID(m.From); err != nil {
		return fmt.Errorf("message: from: %w", err)
	}
	if err := CheckDID(m.To); err != nil {
		return fmt.Errorf("message: to: %w", err)
	}
	if m.From == m.To {
		return errors.New("message: from and to are one node")
	}
	if m.Seq == 0 || m.Seq > JCSIntegerMax || m.Ack.Seq > JCSIntegerMax {
		return errors.New("message: seq out of range")
	}
	if (m.Seq == 1) != m.Prev.IsZero() || (m.Ack.Seq == 0) != m.Ack.Hash.IsZero() {
		return errors.New("message: hash and seq do not go together")
	}
	if m.CreatedAt < 0 || m.ExpiresAt < m.CreatedAt || m.ExpiresAt > unixMilliMax {
		return errors.New("message: times out of order")
	}
	if len(m.Body) > BodyBytesMax {
		return fmt.Errorf("message: body of %d bytes, more than %d", len(m.Body), BodyBytesMax)
	}
	if len(m.Body) < 2 || m.Body[0] != '{' {
		return errors.New("message: body is not an object")
	}
	return nil
}

// checkMessageType accepts lower-case words joined by dots.
func checkMessageType(name string) error {
	if len(name) == 0 || len(name) > messageTypeBytesMax {
		return errors.New("message: type is empty or too long")
	}
	letterBefore := false
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (c != '.' || !letterBefore) {
			return errors.New("message: type is not lower-case words joined by dots")
		}
		letterBefore = letter
	}
	if !letterBefore {
		return errors.New("message: type ends with a dot")
	}
	return nil
}

// MessageAmount is an amount between nodes (A3): whole minor units as a decimal string, below
// 2^63 because the chain must carry it (B7).
type MessageAmount struct {
	// Value is the minor units without sign or leading zeros.
	Value string `json:"value"`
	// Currency is the code, such as "KRW".
	Currency string `json:"currency"`
	// Scale is the number of decimals that the minor unit stands for.
	Scale uint8 `json:"scale"`
}

// amountMax is the largest amount that a record can carry.
const amountMax = 1<<63 - 1

// scaleMax bounds MessageAmount.Scale; bitcoin's 8 is the largest in use.
const scaleMax = 18

// NewMessageAmount writes minor units of a currency with the given scale.
func NewMessageAmount(minor uint64, currency string, scale uint8) MessageAmount {
	return MessageAmount{
		Value: strconv.FormatUint(minor, 10), Currency: currency, Scale: scale,
	}
}

// Minor is the amount in minor units; a text that NewMessageAmount does not write, or one of
// 2^63 and above, is an error.
func (a MessageAmount) Minor() (uint64, error) {
	minor, err := strconv.ParseUint(a.Value, 10, 64)
	if err != nil || strconv.FormatUint(minor, 10) != a.Value || minor > amountMax {
		return 0, errors.New("amount: value is not whole minor units below 2^63")
	}
	if err := checkCurrencyCode(a.Currency); err != nil {
		return 0, err
	}
	if a.Scale > scaleMax {
		return 0, fmt.Errorf("amount: scale above %d", scaleMax)
	}
	return minor, nil
}

// checkCurrencyCode accepts three upper-case letters (ISO 4217, and BTC).
func checkCurrencyCode(code string) error {
	if len(code) != 3 {
		return errors.New("currency: want three letters")
	}
	for _, c := range []byte(code) {
		if c < 'A' || c > 'Z' {
			return errors.New("currency: want upper-case letters")
		}
	}
	return nil
}

// batch is the body of a POST of messages.
type batch struct {
	Messages []string `json:"messages"`
}

// EncodeBatch writes the body of one POST: {"messages":[compact JWS, ...]}, 1 to
// MessageBatchMax of them in order.
func EncodeBatch(compact []string) ([]byte, error) {
	if err := checkBatch(len(compact)); err != nil {
		return nil, err
	}
	body, err := JCS(batch{Messages: compact})
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return body, nil
}

// ParseBatch reads such a body. The texts in it are not parsed yet: a bad one is refused alone.
func ParseBatch(body []byte) ([]string, error) {
	if len(body) > BatchBytesMax {
		return nil, fmt.Errorf("batch: %d bytes, more than %d", len(body), BatchBytesMax)
	}
	var b batch
	if err := UnmarshalJCS(body, &b); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if err := checkBatch(len(b.Messages)); err != nil {
		return nil, err
	}
	return b.Messages, nil
}

func checkBatch(count int) error {
	if count < 1 || count > MessageBatchMax {
		return fmt.Errorf("batch: %d messages, want 1 to %d", count, MessageBatchMax)
	}
	return nil
}
