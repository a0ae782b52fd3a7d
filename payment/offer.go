// Package payment decides push payments: what an offer, an order, a receipt and a claim are,
// and whether they agree.
//
// It is pure. It never touches storage, keys, the clock or the network: signatures are checked
// and receipts opened by the shell, which hands the verified facts in; the core keeps the rows.
// The data flow of one payment is offer -> order (hold) -> sealed receipt -> claim -> Match.
package payment

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Limits of an offer, each checked by Validate.
const (
	// OfferBytesMax bounds the canonical payload of an offer.
	OfferBytesMax = 4096
	// OfferSecondsMax is the longest life of an offer.
	OfferSecondsMax = 24 * 60 * 60
	// OfferOriginsMax is the number of web origins that an offer may name.
	OfferOriginsMax = 8
	// TextMax bounds each free text of an offer or a basket, in bytes.
	TextMax = 512
	// NameMax bounds the company's name, in bytes.
	NameMax = 256
)

// timeMax is the last second of the year 9998, so that every time of an offer can be written.
const timeMax = 253370764799

// clockSkewSeconds is how far the clocks of two nodes may lie apart.
const clockSkewSeconds = 300

// OfferType is the JWS typ of a signed offer.
const OfferType = wire.TypOffer

type (
	offerKind struct{}
	orderKind struct{}
	claimKind struct{}
)

func (offerKind) Prefix() string { return "off" }
func (orderKind) Prefix() string { return "ord" }
func (claimKind) Prefix() string { return "clm" }

type (
	// OfferID names an offer.
	OfferID = wire.ID[offerKind]
	// OrderID names an order of a member.
	OrderID = wire.ID[orderKind]
	// ClaimID names a claim; the shop chooses it and it is the claim's idempotency key.
	ClaimID = wire.ID[claimKind]
)

// Offer is what a shop asks for, in the canonical form that its node signs (design section 4,
// step 1). Times are Unix seconds. It names no payer, so any wallet may answer it, and of what is
// bought only the salted hash, so that the payer's node does not learn it.
type Offer struct {
	Issuer     string             `json:"iss"`
	ID         OfferID            `json:"jti"`
	Company    string             `json:"company"`
	Name       string             `json:"name"`
	PayeeKey   string             `json:"payee_key"`
	Alias      string             `json:"payee_alias"`
	Origins    []string           `json:"origins"`
	ReturnURL  string             `json:"return_url"`
	Amount     wire.MessageAmount `json:"amount"`
	BasketHash string             `json:"basket_hash"` // hexadecimal; empty: no basket
	Uses       string             `json:"uses"`
	IssuedAt   int64              `json:"iat"`
	Expires    int64              `json:"exp"`
}

// UsesOnce marks an offer that one order can answer.
const UsesOnce = "once"

// ParseOffer reads the canonical payload of an offer and checks every field.
func ParseOffer(payload []byte) (Offer, error) {
	if len(payload) > OfferBytesMax {
		return Offer{}, fault.New(fault.TooLarge, "offer", "An offer has at most %d bytes.",
			OfferBytesMax)
	}
	var o Offer
	if err := wire.UnmarshalJCS(payload, &o); err != nil {
		return Offer{}, fault.New(fault.Invalid, "offer", "The offer is not in canonical form.")
	}
	if err := o.Validate(); err != nil {
		return Offer{}, err
	}
	return o, nil
}

// Validate checks the offer by itself: form, limits and that its parts agree. It does not judge
// the time or the signature.
func (o Offer) Validate() error {
	amount, err := Money(o.Amount)
	if err != nil {
		return err
	}
	switch {
	case !strings.HasPrefix(o.Issuer, "did:web:") || len(o.Issuer) > TextMax:
		return fault.New(fault.Invalid, "offer.iss", "The issuer is not a did:web name.")
	case o.ID.IsZero():
		return fault.New(fault.Invalid, "offer.jti", "The offer has no id.")
	case o.Company == "" || len(o.Company) > TextMax:
		return fault.New(fault.Invalid, "offer.company", "The company is missing or too long.")
	case !wire.PlainText(o.Name, NameMax):
		return fault.New(fault.Invalid, "offer.name",
			"A name is plain text of 1 to %d bytes that can be seen.", NameMax)
	case o.Alias == "" || len(o.Alias) > TextMax:
		return fault.New(fault.Invalid, "offer.payee_alias", "The payee alias is missing.")
	case amount.IsZero():
		return fault.New(fault.Invalid, "offer.amount", "The amount is zero.")
	case o.Uses != UsesOnce:
		return fault.New(fault.Invalid, "offer.uses", "The only use known is %q.", UsesOnce)
	case o.IssuedAt < 0 || o.IssuedAt > timeMax:
		return fault.New(fault.Invalid, "offer.iat", "The time of issue is out of range.")
	case o.Expires <= o.IssuedAt || o.Expires-o.IssuedAt > OfferSecondsMax:
		return fault.New(fault.Invalid, "offer.exp", "An offer lives from 1 to %d seconds.",
			OfferSecondsMax)
	}
	if _, err := o.Key(); err != nil {
		return err
	}
	if err := o.validateReturn(); err != nil {
		return err
	}
	return o.validateBasketHash()
}

func (o Offer) validateReturn() error {
	if len(o.Origins) > OfferOriginsMax {
		return fault.New(fault.Invalid, "offer.origins", "An offer names at most %d origins.",
			OfferOriginsMax)
	}
	for _, origin := range o.Origins {
		if canonical, err := Origin(origin); err != nil || canonical != origin {
			return fault.New(fault.Invalid, "offer.origins",
				"%q is not a web origin such as https://shop.example.", origin)
		}
	}
	if o.ReturnURL == "" {
		return nil
	}
	origin, err := Origin(o.ReturnURL)
	if err != nil || len(o.ReturnURL) > TextMax {
		return fault.New(fault.Invalid, "offer.return_url", "The return address is not a URL.")
	}
	for _, allowed := range o.Origins {
		if allowed == origin {
			return nil
		}
	}
	return fault.New(fault.Invalid, "offer.return_url",
		"The return address is not at one of the offer's origins.")
}

func (o Offer) validateBasketHash() error {
	if o.BasketHash == "" {
		return nil
	}
	raw, err := hex.DecodeString(o.BasketHash)
	if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != o.BasketHash {
		return fault.New(fault.Invalid, "offer.basket_hash",
			"The basket's hash is not 64 hexadecimal digits.")
	}
	return nil
}

// Current says whether the offer is of now, in Unix milliseconds: issued, and not expired. It
// bounds how long a peer's offer can hold a customer's money, whatever the peer writes in it.
func (o Offer) Current(nowMilli int64) error {
	if o.Expires*1000 <= nowMilli {
		return fault.New(fault.Refused, "offer", "The offer has expired.")
	}
	if o.IssuedAt*1000 > nowMilli+clockSkewSeconds*1000 {
		return fault.New(fault.Refused, "offer", "The offer is from the future.")
	}
	return nil
}

// Key returns the payee key that claims of this offer must be signed with.
func (o Offer) Key() (ed25519.PublicKey, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(o.PayeeKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Invalid, "offer.payee_key",
			"The payee key is not a base64url Ed25519 public key.")
	}
	return ed25519.PublicKey(raw), nil
}

// Total returns the amount asked for. The offer must have passed Validate.
func (o Offer) Total() money.Amount {
	a, err := Money(o.Amount)
	if err != nil {
		panic("payment: total of an offer that was not validated")
	}
	return a
}

// Payload returns the canonical bytes that are signed and hashed.
func (o Offer) Payload() []byte {
	payload, err := wire.JCS(o)
	if err != nil {
		panic("payment: an offer of plain fields has no canonical form: " + err.Error())
	}
	return payload
}

// OfferHash is H("offer", payload): what order, receipt and claim bind to.
func OfferHash(payload []byte) [32]byte { return wire.Hash("offer", payload) }

// Money reads the integer form of amounts between nodes and checks its scale.
func Money(m wire.MessageAmount) (money.Amount, error) {
	currency, err := money.ParseCurrency(m.Currency)
	if err != nil {
		return money.Amount{}, fault.New(fault.Invalid, "amount.currency",
			"The currency is not known.")
	}
	if int(m.Scale) != currency.Digits() {
		return money.Amount{}, fault.New(fault.Invalid, "amount.scale",
			"%s has scale %d.", currency.Code(), currency.Digits())
	}
	a, err := money.ParseMinor(currency, m.Value)
	if err != nil {
		return money.Amount{}, fault.New(fault.Invalid, "amount.value",
			"The value is not a whole number of minor units.")
	}
	if minor, ok := a.Uint64(); !ok || minor >= 1<<63 {
		return money.Amount{}, fault.New(fault.Invalid, "amount.value",
			"An amount between nodes is below 2^63 minor units.")
	}
	return a, nil
}

// WireAmount writes an amount in the integer form of protocol.md A3.
func WireAmount(a money.Amount) wire.MessageAmount {
	return wire.MessageAmount{
		Value: a.Minor(), Currency: a.Currency().Code(), Scale: uint8(a.Currency().Digits()),
	}
}
