// Package proof is the format in which a node's records are proven to others: what is hashed
// for an audit leaf, and the bundle that leads from one record to the Bitcoin block that
// commits to it.
//
// It only fixes bytes. It never touches a file, a clock or a network, and it judges nothing:
// the node makes bundles, package verify checks them, and neither needs the other.
package proof

import (
	"encoding/base64"
	"encoding/hex"

	"seyfert/fault"
	"seyfert/wire"
)

// Format names the only version of the bundle.
const Format = "seyfert-proof/1"

// Limits of a bundle, each held by Encode and ParseBundle alike.
const (
	// BundleBytesMax bounds the file.
	BundleBytesMax = wire.JCSBytesMax
	// SpendsMax bounds the transactions from a lane's first coin to the anchor.
	SpendsMax = 10_000
	// HashesMax bounds the hashes of each Merkle path.
	HashesMax = 64
	// StatementBytesMax bounds each JWS.
	StatementBytesMax = wire.CompactBytesMax
)

// hashDigits and headerDigits are the hexadecimal digits of a hash and of a block header.
const (
	hashDigits   = 2 * 32
	headerDigits = 2 * 80
)

// Bundle proves one record offline (design section 6). Its file is the JCS form (RFC 8785) and
// nothing else, so that no byte of it is idle: each is checked or feeds a hash that is checked.
// Bytes are lower-case hex unless said otherwise. The fields stand in the order of their JSON
// names, which makes JCS fast.
type Bundle struct {
	Anchor Anchor `json:"anchor"`
	// Checkpoint is the signed note over the journal tree (C2SP tlog-checkpoint).
	Checkpoint string `json:"checkpoint"`
	Day        Day    `json:"day"`
	// Descriptor is the signed descriptor of the node that made the record.
	Descriptor string `json:"descriptor"`
	// Format is the constant of that name.
	Format string `json:"format"`
	// Network names the Bitcoin network of the anchor and of every descriptor.
	Network  string   `json:"network"`
	Position Position `json:"position"`
	Record   Record   `json:"record"`
	// Statements are there for KindCleared and for no other kind: what happens inside one node
	// is signed by that node alone.
	Statements *Statements `json:"statements,omitempty"`
}

// Anchor leads from the node's lane to a block.
type Anchor struct {
	// Header is the block's header of 80 bytes.
	Header string `json:"header"`
	// Index and Siblings are the anchor's place in the block and its Merkle branch, from the
	// transaction upwards, in wire order.
	Index uint32 `json:"index"`
	// Lane is the number of the lane in the descriptor.
	Lane     uint32   `json:"lane"`
	Siblings []string `json:"siblings"`
	// Spends are transactions without witnesses, from the one that spends the lane's first
	// coin to the one that carries the anchor; each spends output 1 of the one before.
	Spends []string `json:"spends"`
}

// Day is what the daily anchor commits to beside the checkpoint: days since 1970, and the root
// of the totals, zeros in this version.
type Day struct {
	Number uint32      `json:"number"`
	Totals wire.Digest `json:"totals"`
}

// Position is the leaf's index in the journal tree and its inclusion proof (RFC 6962), from the
// leaf upwards. The tree's size stands in the checkpoint.
type Position struct {
	Leaf  int64         `json:"leaf"`
	Proof []wire.Digest `json:"proof"`
}

// Record is the audit record: the bytes that its kind says (base64url), the kind, and the salt of
// its leaf.
type Record struct {
	Data string      `json:"data"`
	Kind uint16      `json:"kind"`
	Salt wire.Digest `json:"salt"`
}

// Statements are the signed messages that a cleared transfer rests on, and the descriptor whose
// key the peer's are signed with. They are JWS in compact form.
type Statements struct {
	Ack            string `json:"ack"`
	Fulfil         string `json:"fulfil"`
	PeerDescriptor string `json:"peerDescriptor"`
	Prepare        string `json:"prepare"`
}

// Encode returns the bundle's file, or an error for a bundle that ParseBundle would refuse.
func (b Bundle) Encode() ([]byte, error) {
	if err := b.validate(); err != nil {
		return nil, err
	}
	return wire.JCS(b)
}

// ParseBundle reads a bundle's file: canonical, no unknown field, within limits. What the
// fields say is for package verify to check. Errors are *fault.Error and name the field.
func ParseBundle(data []byte) (Bundle, error) {
	if len(data) > BundleBytesMax {
		return Bundle{}, fault.New(fault.TooLarge, "bundle", "A bundle has at most %d bytes.",
			BundleBytesMax)
	}
	var b Bundle
	if err := wire.UnmarshalJCS(data, &b); err != nil {
		return Bundle{}, fault.New(fault.Invalid, "bundle",
			"The file is not a proof bundle in canonical form.")
	}
	if err := b.validate(); err != nil {
		return Bundle{}, err
	}
	return b, nil
}

func (b Bundle) validate() error {
	if b.Format != Format {
		return fault.New(fault.Invalid, "format", "The format is not %q.", Format)
	}
	if raw, err := b.Record.Bytes(); err != nil || len(raw) == 0 {
		return fault.New(fault.Invalid, "record.data", "The record is not base64url.")
	}
	if err := b.validateSigned(); err != nil {
		return err
	}
	if len(b.Position.Proof) > HashesMax {
		return fault.New(fault.TooLarge, "position.proof", "A path has at most %d hashes.",
			HashesMax)
	}
	// An empty path has one spelling: without this, null could stand for [].
	if b.Position.Proof == nil || b.Anchor.Siblings == nil {
		return fault.New(fault.Invalid, "bundle", "A path is null.")
	}
	return b.Anchor.validate()
}

// validateSigned holds the signed texts to their limit, and the statements to the one kind that
// rests on them: each kind of record has one form of bundle.
func (b Bundle) validateSigned() error {
	cleared := b.Record.Kind == KindCleared
	if cleared && b.Statements == nil {
		return fault.New(fault.Invalid, "statements",
			"The statements that a transfer between two nodes rests on are missing.")
	}
	if !cleared && b.Statements != nil {
		return fault.New(fault.Invalid, "statements",
			"Only a transfer between two nodes rests on statements; this is record kind %d.",
			b.Record.Kind)
	}
	texts := []string{b.Descriptor}
	if s := b.Statements; s != nil {
		texts = append(texts, s.PeerDescriptor, s.Prepare, s.Fulfil, s.Ack)
	}
	for _, jws := range texts {
		if len(jws) > StatementBytesMax {
			return fault.New(fault.TooLarge, "statements",
				"A signed statement has at most %d bytes.", StatementBytesMax)
		}
	}
	return nil
}

func (a Anchor) validate() error {
	if len(a.Spends) == 0 || len(a.Spends) > SpendsMax {
		return fault.New(fault.TooLarge, "anchor.spends", "Want 1 to %d transactions.", SpendsMax)
	}
	for _, spend := range a.Spends {
		if spend == "" || !isHex(spend) {
			return fault.New(fault.Invalid, "anchor.spends",
				"A transaction is not lower-case hex.")
		}
	}
	if len(a.Siblings) > HashesMax {
		return fault.New(fault.TooLarge, "anchor.siblings", "A path has at most %d hashes.",
			HashesMax)
	}
	for _, sibling := range a.Siblings {
		if len(sibling) != hashDigits || !isHex(sibling) {
			return fault.New(fault.Invalid, "anchor.siblings",
				"A sibling is not 32 bytes of lower-case hex.")
		}
	}
	if len(a.Header) != headerDigits || !isHex(a.Header) {
		return fault.New(fault.Invalid, "anchor.header",
			"The header is not 80 bytes of lower-case hex.")
	}
	return nil
}

// NewRecord packs an audit record.
func NewRecord(kind uint16, salt [32]byte, data []byte) Record {
	return Record{
		Kind: kind, Salt: wire.Digest(salt), Data: base64.RawURLEncoding.EncodeToString(data),
	}
}

// Bytes returns the record's bytes, those that its leaf hashes. Only the text that NewRecord
// writes is read: the decoder alone would let line breaks through.
func (r Record) Bytes() ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(r.Data)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != r.Data {
		return nil, fault.New(fault.Invalid, "record.data", "The record is not base64url.")
	}
	return raw, nil
}

func isHex(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && hex.EncodeToString(raw) == text
}
