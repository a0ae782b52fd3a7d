package node

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// OfferTerm is the default life of an offer, that of a dynamic QR code.
const OfferTerm = 180 * time.Second

// OfferRequest is what a shop asks for.
type OfferRequest struct {
	Amount money.Amount
	// Basket says what is sold; its lines add up to Amount. Only its salted hash is signed.
	Basket []Line
	// PayeeKey is the shop's Ed25519 public key in base64url: claims must be signed with it.
	PayeeKey  string
	Origins   []string
	ReturnURL string
	// Life is how long the offer stands; zero means OfferTerm.
	Life time.Duration
}

// CreateOffer signs an offer of the caller's company. The answer shows basket and salt.
func (n *Node) CreateOffer(ctx context.Context, by Caller, r Request,
	o OfferRequest,
) (Offer, error) {
	if by.Kind != journal.Company {
		return Offer{}, forbidden()
	}
	var id core.CompanyID
	if err := parseID("company", by.ID, &id); err != nil {
		return Offer{}, err
	}
	var company core.CompanyRow
	var exists bool
	n.state.Read(func(v core.View) { company, exists = v.Company(id) })
	if !exists {
		return Offer{}, fault.New(fault.NotFound, "company", "There is no such company.")
	}
	body := core.CreateOffer{Company: company.ID}
	offer, err := n.draftOffer(company, o, &body)
	if err != nil {
		return Offer{}, err
	}
	body.JWS, err = n.cfg.Signer.SignOffer(offer.Payload())
	if err != nil {
		return Offer{}, n.signed(err)
	}
	row, _, err := propose[core.OfferRow](ctx, n, by, core.KindCreateOffer, r, body)
	if err != nil {
		return Offer{}, err
	}
	return n.ownOffer(row), nil
}

// draftOffer writes the offer to be signed, and puts into the command what is not in it: the
// basket's lines and their salt.
func (n *Node) draftOffer(company core.CompanyRow, o OfferRequest, body *core.CreateOffer) (
	payment.Offer, error,
) {
	life := o.Life
	if life == 0 {
		life = OfferTerm
	}
	now := n.cfg.Now()
	for _, line := range o.Basket {
		body.Basket = append(body.Basket, payment.Line{
			Text: line.Text, Value: line.Amount.Minor(),
		})
		if line.Amount.Currency() != o.Amount.Currency() {
			return payment.Offer{}, fault.New(fault.Invalid, "basket",
				"A basket has one currency.")
		}
	}
	offer := payment.Offer{
		Issuer: n.DID(), ID: newID[payment.OfferID](n), Company: company.ID.String(),
		Name: company.Name, PayeeKey: o.PayeeKey, Alias: company.Alias,
		Origins: slices.Clone(o.Origins), ReturnURL: o.ReturnURL,
		Amount: payment.WireAmount(o.Amount), Uses: payment.UsesOnce,
		IssuedAt: now.Unix(), Expires: now.Add(life).Unix(),
	}
	if offer.Origins == nil {
		offer.Origins = []string{}
	}
	if err := offer.Validate(); err != nil {
		return payment.Offer{}, err
	}
	if err := payment.CheckBasket(o.Amount, body.Basket); err != nil {
		return payment.Offer{}, err
	}
	if len(body.Basket) > 0 {
		n.random(body.Salt[:])
		hash := payment.BasketHash(body.Salt, body.Basket)
		offer.BasketHash = hex.EncodeToString(hash[:])
	}
	return offer, nil
}

// ReadOffer reads a signed offer for a wallet, and says whether its signature holds under the
// key that this node has pinned for the shop's node.
func (n *Node) ReadOffer(text string) (OfferTerms, error) {
	offer, verified, err := n.openOffer(text)
	if err != nil {
		return OfferTerms{}, err
	}
	return offerTerms(offer, verified), nil
}

// openOffer parses an offer and verifies it under its issuer's pinned key.
func (n *Node) openOffer(text string) (payment.Offer, bool, error) {
	jws, err := wire.ParseJWS(text)
	if err != nil || jws.Typ != payment.OfferType {
		return payment.Offer{}, false, fault.New(fault.Invalid, "offer",
			"This is not a signed offer.")
	}
	offer, err := payment.ParseOffer(jws.Payload)
	if err != nil {
		return payment.Offer{}, false, err
	}
	key, known := n.pinned(offer.Issuer)
	return offer, known && jws.Verify(key) == nil, nil
}

// pinned is the signing key that this node holds for a node.
func (n *Node) pinned(did string) (ed25519.PublicKey, bool) {
	if did == n.DID() {
		return n.cfg.Signer.Identity(), true
	}
	var row core.PeerRow
	var known bool
	n.state.Read(func(v core.View) { row, known = v.Peer(did) })
	return ed25519.PublicKey(row.Key), known
}

// Approve is the member's order: the money is held and the receipt sealed that the shop claims
// with. The receipt is made before the command, since sealing needs randomness.
func (n *Node) Approve(ctx context.Context, by Caller, r Request, text string) (Order, error) {
	order, offer, err := n.draftOrder(by, text)
	if err != nil {
		return Order{}, err
	}
	if err := n.sealOrder(&order, offer); err != nil {
		return Order{}, err
	}
	row, _, err := propose[core.OrderRow](ctx, n, by, core.KindApproveOrder, r, order)
	if err != nil {
		return Order{}, err
	}
	return read(n.state, func(v core.View) Order { return n.orderView(v, row) }), nil
}

// draftOrder is a member's order of a signed offer, without its receipt.
func (n *Node) draftOrder(by Caller, text string) (core.ApproveOrder, payment.Offer, error) {
	order := core.ApproveOrder{Offer: text}
	if by.Kind != journal.Member {
		return order, payment.Offer{}, forbidden()
	}
	if err := parseID("member", by.ID, &order.Member); err != nil {
		return order, payment.Offer{}, err
	}
	offer, verified, err := n.openOffer(text)
	if err != nil {
		return order, offer, err
	}
	if !verified {
		return order, offer, fault.New(fault.Refused, "offer",
			"The offer is not signed by a node that this one trades with.")
	}
	order.ID, order.Hold = newID[payment.OrderID](n), newID[ledger.HoldID](n)
	n.random(order.Handle[:])
	return order, offer, nil
}

// sealOrder seals the receipt of an order.
func (n *Node) sealOrder(order *core.ApproveOrder, offer payment.Offer) error {
	key, err := offer.Key()
	if err != nil {
		return err
	}
	sealed, err := n.cfg.Signer.SealReceipt(payment.Receipt{
		Handle: order.Handle, Amount: offer.Total(), PayeeKey: key,
		OfferHash: payment.OfferHash(offer.Payload()), Expires: offer.Expires,
	}.Encode())
	if err != nil {
		return err
	}
	order.Receipt = sealed.String()
	return nil
}

// ClaimRequest is a shop's claim. Signature is base64url of the payee key's Ed25519 signature
// over ClaimDigest.
type ClaimRequest struct {
	ID        string
	Receipt   string
	Offer     string
	Amount    money.Amount
	Signature string
}

// SubmitClaim takes a claim and, if the payer's node is another one, presents it there with a
// quote. It answers at once; WaitClaim waits for the end.
func (n *Node) SubmitClaim(ctx context.Context, by Caller, c ClaimRequest) (Claim, error) {
	if by.Kind != journal.Company {
		return Claim{}, forbidden()
	}
	var company core.CompanyID
	if err := parseID("company", by.ID, &company); err != nil {
		return Claim{}, err
	}
	var id payment.ClaimID
	if err := parseID("id", c.ID, &id); err != nil {
		return Claim{}, fault.New(fault.Invalid, "id", "A claim id is clm_ and 26 characters.")
	}
	offer, offerSigned, err := n.openOffer(c.Offer)
	if err != nil {
		return Claim{}, err
	}
	claim := payment.Claim{
		ID: id, Receipt: c.Receipt, Offer: c.Offer, Alias: offer.Alias,
		Amount: payment.WireAmount(c.Amount), Signature: c.Signature,
	}
	if _, err := payment.Money(claim.Amount); err != nil {
		return Claim{}, err
	}
	body := core.SubmitClaim{
		Company: company, Claim: claim, OfferSigned: offerSigned,
		KeySigned: claimSigned(claim, offer),
	}
	if err := n.direct(&body, offer); err != nil {
		return Claim{}, err
	}
	row, _, err := propose[core.ClaimRow](ctx, n, by, core.KindSubmitClaim, Request{}, body)
	if err != nil {
		return Claim{}, err
	}
	return claimView(row), nil
}

// direct finds the payer's node in the receipt and prepares what it needs: a quote for a peer,
// the opened receipt if it is this node.
func (n *Node) direct(body *core.SubmitClaim, offer payment.Offer) error {
	receipt, err := wire.ParseSealedReceipt(body.Claim.Receipt)
	if err != nil {
		return nil // an unreadable receipt has no payer and is refused by core like any other
	}
	body.Payer = receipt.Node
	if body.Payer == n.DID() {
		facts := n.claimFacts(body.Claim, offer, body.OfferSigned)
		body.Local = &facts
		return nil
	}
	var err2 error
	body.Quote, err2 = n.quote(body.Payer, body.Claim.Amount)
	return err2
}

// quote makes the terms under which a peer's money is accepted; the preimage that fulfils it
// follows from the quote and the node's secret and is not kept.
func (n *Node) quote(payer string, amount wire.MessageAmount) (clearing.Quote, error) {
	channel, known, err := n.channel(payer, n.DID())
	if err != nil || !known {
		return clearing.Quote{}, err
	}
	tip := read(n.state, core.View.Node).TipHeight
	if tip == 0 {
		return clearing.Quote{}, fault.New(fault.Unavailable, "",
			"The node has not read the chain yet; heights decide between nodes.")
	}
	hash := channel.Hash()
	q := clearing.Quote{
		ID: newID[clearing.QuoteID](n), Transfer: newID[clearing.TransferID](n),
		Channel: hex.EncodeToString(hash[:]), Amount: amount,
		Due:            uint16(n.today() + clearing.DueDays),
		CommitByHeight: tip + clearing.MarginQuote, ValidUntilHeight: tip + clearing.MarginPrepare,
	}
	preimage := n.cfg.Signer.Preimage(clearing.PreimageInput(q.Prepare()))
	q.Condition = clearing.Condition(preimage)
	return q, nil
}

// channel names one direction between this node and a peer (protocol.md B7).
func (n *Node) channel(payer, payee string) (wire.Channel, bool, error) {
	other := payer
	if other == n.DID() {
		other = payee
	}
	var row core.PeerRow
	var known bool
	n.state.Read(func(v core.View) { row, known = v.Peer(other) })
	if !known {
		return wire.Channel{}, false, nil
	}
	own, theirs := [32]byte(n.cfg.Signer.Sealing().Bytes()), [32]byte(row.SealKey)
	channel := wire.Channel{
		Network: n.cfg.Signer.Network(), Payer: payer, Payee: payee,
		PayerKey: own, PayeeKey: theirs, Epoch: keyEpoch,
	}
	if payee == n.DID() {
		channel.PayerKey, channel.PayeeKey = theirs, own
	}
	return channel, true, channel.Validate()
}

// keyEpoch counts changes of sealing keys since the contract; there are none in this release.
const keyEpoch = 1

// claimFacts verifies what core cannot: the bound key's signature, and the receipt's seal.
func (n *Node) claimFacts(c payment.Claim, offer payment.Offer, offerSigned bool) payment.Facts {
	facts := payment.Facts{
		KeySigned: claimSigned(c, offer), OfferSigned: offerSigned,
		Receipt: payment.Receipt{PayeeKey: []byte{}},
	}
	if digest, ok := claimDigest(c, offer); ok {
		facts.Digest = digest
	}
	sealed, err := wire.ParseSealedReceipt(c.Receipt)
	if err != nil || sealed.Node != n.DID() {
		return facts
	}
	plain, err := n.cfg.Signer.OpenReceipt(sealed)
	if err != nil {
		return facts
	}
	receipt, err := payment.ParseReceipt(plain)
	if err != nil {
		return facts
	}
	facts.Opened, facts.Receipt = true, receipt
	return facts
}

func claimDigest(c payment.Claim, offer payment.Offer) ([32]byte, bool) {
	amount, err := payment.Money(c.Amount)
	if err != nil {
		return [32]byte{}, false
	}
	hash := payment.OfferHash(offer.Payload())
	return payment.ClaimDigest(c.ID, c.Receipt, hash, c.Alias, amount), true
}

func claimSigned(c payment.Claim, offer payment.Offer) bool {
	digest, ok := claimDigest(c, offer)
	if !ok {
		return false
	}
	key, err := offer.Key()
	if err != nil {
		return false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(c.Signature)
	return err == nil && ed25519.Verify(key, digest[:], signature)
}
