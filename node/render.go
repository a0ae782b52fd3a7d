package node

import (
	"encoding/hex"
	"errors"
	"time"

	"seyfert/core"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/signer"
	"seyfert/spv"
	"seyfert/wire"
)

// proof states of a payment, in the order that they are reached.
const (
	ProofNone       = "none"
	ProofJournal    = "journal"
	ProofCheckpoint = "checkpoint"
	ProofAnchored   = "anchored"
	ProofConfirmed  = "confirmed"
)

// ConfirmationsFinal is how many blocks, the anchor's own included, make an anchor final:
// D = 5 blocks on top (protocol.md B1).
const ConfirmationsFinal = 6

func companyView(row core.CompanyRow) Company {
	return Company{
		ID: row.ID.String(), Name: row.Name, Alias: row.Alias, Created: milli(row.Created),
	}
}

func (n *Node) memberView(row core.MemberRow) (Member, error) {
	name, err := n.cfg.Signer.OpenName(row.ID.String(), row.SealedName)
	if errors.Is(err, signer.ErrLocked) {
		name, err = "", nil // a restored copy has the sealed name alone
	}
	if err != nil {
		return Member{}, err
	}
	return Member{ID: row.ID.String(), Name: name, Created: milli(row.Created)}, nil
}

func virtualView(row core.VirtualRow) VirtualAccount {
	return VirtualAccount{
		Rail: row.Rail, Bank: row.Bank, Number: row.Number, Currency: row.Currency.Code(),
		Owner: row.Owner, Account: row.Account.String(), Created: milli(row.Created),
	}
}

func depositView(v core.View, row core.DepositRow) Deposit {
	d := Deposit{
		ID: row.ID.String(), Rail: row.Rail, Notice: row.Notice, Amount: row.Amount,
		Owner: row.Owner, Created: milli(row.At),
	}
	records, _ := v.FindTransfer(row.Transfer)
	d.Entry = records[0].Number
	_, leaf := v.RecordLeaf(d.Entry)
	d.Proof, d.Anchor = proofOfLeaf(v, leaf)
	return d
}

func entryView(id ledger.AccountID, line core.Entry) Entry {
	r := line.Record
	e := Entry{
		Number: r.Number, Account: id.String(), Kind: r.Kind.String(), Side: "credit",
		Amount: r.Amount, At: milli(r.Time), Code: r.Code,
		Balance: money.Signed{Amount: r.CreditBalance, Negative: r.CreditNegative},
	}
	if line.Debit {
		e.Side = "debit"
		e.Balance = money.Signed{Amount: r.DebitBalance, Negative: r.DebitNegative}
	}
	if r.Kind.Moves() {
		e.Effective = effectiveOf(r)
	}
	if !r.Transfer.IsZero() {
		e.Transfer = r.Transfer.String()
	}
	if !r.Hold.IsZero() {
		e.Hold = r.Hold.String()
	}
	return e
}

// offerView is what everyone may see of an offer. It leaves the basket out, for the payer's node
// is one of those who ask.
func (n *Node) offerView(row core.OfferRow) Offer {
	o := Offer{
		ID: row.ID.String(), Company: row.Company.String(), Amount: row.Amount, JWS: row.JWS,
		Hash: hex.EncodeToString(row.Hash[:]), State: row.State, Created: milli(row.Created),
		Expires: time.Unix(row.Expires, 0).UTC(),
	}
	// A claim under way is decided between the nodes, not by a clock.
	if row.State == core.OfferOpen && !n.cfg.Now().Before(o.Expires) {
		o.State = "expired"
	}
	if jws, err := wire.ParseJWS(row.JWS); err == nil {
		if offer, err := payment.ParseOffer(jws.Payload); err == nil {
			o.Name, o.Alias, o.ReturnURL = offer.Name, offer.Alias, offer.ReturnURL
		}
	}
	return o
}

// pageOffer is an offer as its checkout page shows it: with the basket, without the salt.
func (n *Node) pageOffer(row core.OfferRow) Offer {
	o := n.offerView(row)
	for _, line := range row.Basket {
		value, err := money.ParseMinor(row.Amount.Currency(), line.Value)
		if err != nil {
			panic("node: core holds a basket line without a value: " + err.Error())
		}
		o.Basket = append(o.Basket, Line{Text: line.Text, Amount: value})
	}
	return o
}

// ownOffer is an offer as its company sees it: with all that proves what was sold.
func (n *Node) ownOffer(row core.OfferRow) Offer {
	o := n.pageOffer(row)
	if len(row.Basket) > 0 {
		o.Salt = hex.EncodeToString(row.Salt[:])
	}
	return o
}

func offerTerms(offer payment.Offer, verified bool) OfferTerms {
	return OfferTerms{
		ID: offer.ID.String(), Node: offer.Issuer, Name: offer.Name, Amount: offer.Total(),
		ReturnURL: offer.ReturnURL, Expires: time.Unix(offer.Expires, 0).UTC(),
		Verified: verified,
	}
}

func (n *Node) orderView(v core.View, row core.OrderRow) Order {
	o := Order{
		ID: row.ID.String(), Offer: row.Offer.String(), Payee: row.Payee,
		OfferHash: hex.EncodeToString(row.OfferHash[:]), PayeeNode: row.Issuer,
		Amount: row.Amount, State: row.State, Receipt: row.Receipt,
		Created: milli(row.Created), Changed: milli(row.Changed),
		Expires: time.Unix(row.Expires, 0).UTC(), Proof: ProofJournal,
	}
	if jws, err := wire.ParseJWS(row.OfferJWS); err == nil {
		if offer, err := payment.ParseOffer(jws.Payload); err == nil {
			o.ReturnURL = offer.ReturnURL
		}
	}
	if !row.Transfer.IsZero() {
		o.Transfer = row.Transfer.String()
		if transfer, exists := v.Transfer(row.Transfer); exists {
			var anchor *ChainRow
			o.Proof, anchor = proofOf(v, transfer)
			if anchor != nil {
				o.Confirmations = anchor.Confirmations
			}
		}
	}
	return o
}

func claimView(row core.ClaimRow) Claim {
	c := Claim{
		ID: row.ID.String(), Offer: row.Offer.String(), Amount: row.Amount, State: row.State,
		Created: milli(row.Created), Changed: milli(row.Changed),
	}
	if row.Offer.IsZero() {
		c.Offer = ""
	}
	if !row.Transfer.IsZero() {
		c.Transfer = row.Transfer.String()
	}
	return c
}

func (n *Node) transferView(v core.View, row core.TransferRow) Transfer {
	t := Transfer{
		ID: row.ID.String(), Direction: row.Direction, Peer: row.Peer, Amount: row.Amount,
		State: row.State, Offer: row.Offer.String(), Due: date(uint32(row.Prepare.Due)),
		ClearSeq: row.Ack.ClearSeq, Created: milli(row.Created),
	}
	if row.Cleared != 0 {
		cleared := milli(row.Cleared)
		t.Cleared = &cleared
	}
	if record, exists := v.ChainRow("record:" + row.ID.String()); exists {
		view := chainView(v, record)
		t.Record = &view
	}
	t.Proof, t.Anchor = proofOf(v, row)
	return t
}

// proofOf says how far the proof of a transfer has come, and the anchor that carries it.
func proofOf(v core.View, row core.TransferRow) (string, *ChainRow) {
	if row.State != core.TransferCleared {
		return ProofNone, nil
	}
	return proofOfLeaf(v, row.Leaf)
}

// proofOfLeaf is proofOf for any leaf of the journal.
func proofOfLeaf(v core.View, leaf int64) (string, *ChainRow) {
	day, covered := v.DayCovering(leaf)
	if !covered || day.Note == "" {
		return ProofJournal, nil
	}
	anchorRow, exists := v.ChainRow(day.Row)
	if !exists {
		return ProofCheckpoint, nil
	}
	anchor := chainView(v, anchorRow)
	switch {
	case anchorRow.State != core.ChainConfirmed:
		return ProofCheckpoint, &anchor
	case anchor.Confirmations < ConfirmationsFinal:
		return ProofAnchored, &anchor
	}
	return ProofConfirmed, &anchor
}

func chainView(v core.View, row core.ChainRow) ChainRow {
	at := v.Node()
	c := ChainRow{
		ID: row.ID, Kind: "record", State: row.State, Network: at.Network, Height: row.Height,
		Peer: row.Peer,
	}
	if row.Type == wire.RecordDaily {
		c.Kind, c.Day = "anchor", date(row.Day)
	}
	if len(row.Raw) > 0 {
		c.TxID = spv.HashString(row.TxID)
	}
	if row.State == core.ChainConfirmed {
		c.Block = spv.HashString(row.Block)
		c.Confirmations = max(0, at.TipHeight-row.Height+1)
	}
	return c
}

func (n *Node) dayView(v core.View, row core.DayRow) Day {
	anchor, _ := v.ChainRow(row.Row)
	return Day{
		Day: date(row.Day), Size: row.Size, Root: hex.EncodeToString(row.Root[:]),
		Checkpoint: row.Note, Closed: milli(row.Closed), Anchor: chainView(v, anchor),
	}
}

func peerView(v core.View, row core.PeerRow) Peer {
	channel, _ := v.Channel(row.DID)
	p := Peer{
		DID: row.DID, URL: row.URL, Thumbprint: row.KeyID, Books: []Position{},
		Sent: channel.SendSeq, Delivered: channel.Delivered, Received: channel.RecvSeq,
	}
	for _, books := range v.Books(row.DID) {
		position := Position{
			Currency: books.Currency.Code(), Payable: books.Payable,
			Receivable: books.Receivable, InFlight: books.InFlight,
		}
		for _, credit := range row.Credit {
			if credit.Limit.Currency() == books.Currency {
				position.Limit = &credit.Limit
			}
		}
		p.Books = append(p.Books, position)
	}
	return p
}

func eventView(row core.EventRow) Event {
	e := Event{
		Seq: row.Seq, At: milli(row.At), Kind: row.Kind, Subject: row.Subject,
		Offer: row.Offer, Peer: row.Peer,
	}
	if !row.Amount.IsZero() {
		e.Amount = &row.Amount
	}
	return e
}

// date writes days since 1970 as a date.
func date(days uint32) string {
	return time.Unix(int64(days)*24*60*60, 0).UTC().Format(time.DateOnly)
}
