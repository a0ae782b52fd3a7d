package web

import (
	"encoding/hex"
	"net/http"
	"net/url"

	"seyfert/egress"
	"seyfert/fault"
	"seyfert/node"
	"seyfert/payment"
)

// nonceLength is the length of the number that makes a form's order happen once: 16 bytes in
// hexadecimal.
const nonceLength = 32

// showApprove fetches the offer that a link names and shows what it asks for.
func (p *NodePages) showApprove(w http.ResponseWriter, r *http.Request, who visitor) error {
	if wait, ok := p.offers.Take(who.ID, p.cfg.Now()); !ok {
		return trouble{status: http.StatusTooManyRequests, title: "toomany", retry: wait}
	}
	text, err := p.fetchOffer(r)
	if err != nil {
		return err
	}
	terms, err := p.terms(text)
	if err != nil {
		return err
	}
	if order, exists, err := p.ordered(who, terms); err != nil {
		return err
	} else if exists {
		http.Redirect(w, r, orderURL(order), http.StatusSeeOther)
		return nil
	}
	return p.renderApprove(w, r, http.StatusOK, who, text, terms)
}

// fetchOffer gets the signed offer from the shop's node.
func (p *NodePages) fetchOffer(r *http.Request) (string, error) {
	address := r.URL.Query().Get("offer")
	id, err := offerAddress(address, p.cfg.Demo)
	if err != nil {
		return "", trouble{status: http.StatusBadRequest, title: "offer"}
	}
	status, body, err := p.cfg.Fetch(r.Context(), address)
	switch {
	case err != nil, status >= http.StatusInternalServerError:
		return "", trouble{status: http.StatusUnprocessableEntity, title: "unreachable"}
	case status == http.StatusNotFound:
		return "", trouble{status: http.StatusNotFound, title: "offer"}
	case status != http.StatusOK:
		return "", trouble{status: http.StatusUnprocessableEntity, title: "offer"}
	}
	text, err := offerJWS(body)
	if err != nil {
		return "", trouble{status: http.StatusUnprocessableEntity, title: "offer"}
	}
	terms, err := p.cfg.Node.ReadOffer(text)
	if err != nil || terms.ID != id {
		return "", trouble{status: http.StatusUnprocessableEntity, title: "offer"}
	}
	return text, nil
}

// terms reads a signed offer and refuses one that may not be approved.
func (p *NodePages) terms(text string) (node.OfferTerms, error) {
	terms, err := p.cfg.Node.ReadOffer(text)
	switch {
	case err != nil:
		return terms, trouble{status: http.StatusUnprocessableEntity, title: "offer"}
	case !terms.Verified:
		return terms, trouble{status: http.StatusUnprocessableEntity, title: "unsigned"}
	case !p.cfg.Now().Before(terms.Expires):
		return terms, trouble{status: http.StatusGone, title: "expired"}
	}
	return terms, nil
}

// ordersMax is how far back an order for an offer is looked for; a living offer's order is
// among the newest.
const ordersMax = 200

// ordered finds the visitor's own order for an offer, unless it ended without a payment.
func (p *NodePages) ordered(who visitor, terms node.OfferTerms) (node.Order, bool, error) {
	orders, err := p.cfg.Node.Orders(who.Caller, ordersMax)
	if err != nil {
		return node.Order{}, false, err
	}
	for _, order := range orders {
		ended := order.State == "expired" || order.State == "void"
		if order.Offer == terms.ID && order.PayeeNode == terms.Node && !ended {
			return order, true, nil
		}
	}
	return node.Order{}, false, nil
}

// renderApprove shows payee, amount, source and what the shop learns; what is bought stands on
// the checkout page, and this node does not know it. The form carries the
// signed offer itself, so that what is approved is what was shown.
func (p *NodePages) renderApprove(w http.ResponseWriter, r *http.Request, status int,
	who visitor, text string, terms node.OfferTerms,
) error {
	v, err := p.approvePage(r, who, text, terms)
	if err != nil {
		return err
	}
	return p.pages.Render(w, r, status, v)
}

func (p *NodePages) approvePage(r *http.Request, who visitor, text string,
	terms node.OfferTerms,
) (*Approve, error) {
	sources, err := p.sources(who, terms)
	if err != nil {
		return nil, err
	}
	var nonce [nonceLength / 2]byte
	p.cfg.Node.Read(nonce[:]) // never fails: a node without randomness stops
	now := p.cfg.Now()
	v := &Approve{
		Frame: p.memberFrame(), Shop: NewParty(terms.Name, hanLang),
		CheckedBy: NodeName(terms.Node), Amount: terms.Amount, Sources: sources,
		OfferID: terms.ID, Now: now, Expires: terms.Expires, Whole: terms.Expires.Sub(now),
		Action: approvePath, Offer: text, Nonce: hex.EncodeToString(nonce[:]), Short: true,
	}
	for _, source := range sources {
		v.Short = v.Short && !source.Enough
	}
	return v, p.approveBy(v, r, who)
}

// approveBy says how the member approves: with a passkey, or with the button alone where the node
// takes that.
func (p *NodePages) approveBy(v *Approve, r *http.Request, who visitor) error {
	plain, err := p.cfg.Node.ApprovesBySession(who.Caller)
	if err != nil || plain {
		return err
	}
	means, err := p.cfg.Node.Means(who.Caller)
	if err != nil {
		return err
	}
	if len(means.Passkeys) > 0 {
		v.Begin = approvePath + beginSuffix
		return nil
	}
	to := walletPath
	if r.Method == http.MethodGet {
		to = r.URL.RequestURI()
	}
	v.Make = securityPath + "?" + url.Values{"return": {to}}.Encode()
	return nil
}

// place proposes the order, with the passkey's answer where the form brought one.
func (p *NodePages) place(r *http.Request, who visitor, request node.Request, text string) (
	node.Order, error,
) {
	id, answer := answered(r)
	if id == "" || p.passkeys == nil {
		return p.cfg.Node.Approve(r.Context(), who.Caller, request, text)
	}
	return p.passkeys.Approve(r.Context(), who.Caller, id, answer)
}

// again shows the offer once more after a passkey's answer that does not hold, or the order that a
// first answer made.
func (p *NodePages) again(w http.ResponseWriter, r *http.Request, who visitor, text string,
	terms node.OfferTerms,
) error {
	if order, exists, err := p.ordered(who, terms); err != nil {
		return err
	} else if exists {
		http.Redirect(w, r, orderURL(order)+"/receipt", http.StatusSeeOther)
		return nil
	}
	v, err := p.approvePage(r, who, text, terms)
	if err != nil {
		return err
	}
	v.Wrong = true
	return p.pages.Render(w, r, http.StatusForbidden, v)
}

// unproven says whether it was the passkey that an order was refused for.
func unproven(err error) bool {
	refused, ok := fault.Of(err)
	if !ok {
		return false
	}
	switch refused.Field {
	case "passkey", "counter", "challenge", "ceremony":
		return true
	}
	return false
}

// sources lists the wallets that can pay: the one in the offer's currency.
func (p *NodePages) sources(who visitor, terms node.OfferTerms) ([]Source, error) {
	wallet, err := p.cfg.Node.Wallet(who.Caller, who.ID)
	if err != nil {
		return nil, err
	}
	var sources []Source
	for _, balance := range wallet.Balances {
		if balance.Available.Currency() != terms.Amount.Currency() {
			continue
		}
		order, err := balance.Available.Cmp(terms.Amount)
		if err != nil {
			return nil, err
		}
		sources = append(sources, Source{
			ID: balance.Account, Available: balance.Available, Enough: order >= 0,
			Chosen: order >= 0,
		})
	}
	return sources, nil
}

// approve takes the member's decision.
func (p *NodePages) approve(w http.ResponseWriter, r *http.Request) error {
	who, ok, err := p.visitor(r)
	if err != nil {
		return err
	}
	if !ok {
		return trouble{status: http.StatusForbidden, title: "signin", back: signInPath}
	}
	text := r.PostForm.Get("offer")
	terms, err := p.terms(text)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		return p.order(w, r, who, text, terms)
	case "decline":
		return p.pages.Render(w, r, http.StatusOK, &NotPaid{
			Frame: p.memberFrame(), Shop: NewParty(terms.Name, hanLang), Amount: terms.Amount,
			ShopURL: p.shopURL(terms.ReturnURL),
		})
	default:
		return fault.New(fault.Invalid, "decision", "A decision is approve or decline.")
	}
}

// order holds the money. The form's number makes a second click the same order; another
// order for the same offer is refused, and one's own is shown instead.
func (p *NodePages) order(w http.ResponseWriter, r *http.Request, who visitor, text string,
	terms node.OfferTerms,
) error {
	nonce := r.PostForm.Get("nonce")
	if raw, err := hex.DecodeString(nonce); err != nil || len(raw)*2 != nonceLength {
		return fault.New(fault.Invalid, "nonce", "The form's number is missing.")
	}
	request, err := node.NewRequest("approve "+nonce, map[string]string{"offer": text})
	if err != nil {
		return err
	}
	sources, err := p.sources(who, terms)
	if err != nil {
		return err
	}
	if len(sources) == 0 || r.PostForm.Get("source") != sources[0].ID {
		return fault.New(fault.Invalid, "source", "This wallet can't pay the offer.")
	}
	order, err := p.place(r, who, request, text)
	refused, isFault := fault.Of(err)
	switch {
	case err == nil:
		http.Redirect(w, r, orderURL(order)+"/receipt", http.StatusSeeOther)
		return nil
	case isFault && refused.Code == fault.Conflict && refused.Field == "offer":
		own, exists, findErr := p.ordered(who, terms)
		if findErr != nil {
			return findErr
		}
		if !exists {
			return trouble{status: http.StatusConflict, title: "ordered"}
		}
		http.Redirect(w, r, orderURL(own), http.StatusSeeOther)
		return nil
	case unproven(err):
		return p.again(w, r, who, text, terms)
	case isFault && refused.Code == fault.Refused && !sources[0].Enough:
		return p.renderApprove(w, r, http.StatusConflict, who, text, terms)
	default:
		return err
	}
}

func orderURL(order node.Order) string { return walletPath + "/orders/" + order.ID }

// receipt hands the sealed receipt to the shop through the browser, to the address that the
// signed offer names and no other. Without one the member carries it over.
func (p *NodePages) receipt(w http.ResponseWriter, r *http.Request, who visitor) error {
	order, err := p.cfg.Node.Order(who.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	if order.State != "held" {
		http.Redirect(w, r, orderURL(order), http.StatusSeeOther)
		return nil
	}
	v := &HandOver{
		Frame: p.memberFrame(), Shop: NewParty(order.Payee, hanLang), Amount: order.Amount,
		Receipt: order.Receipt, Offer: order.Offer, Order: order.ID, OrderURL: orderURL(order),
		Expires: order.Expires,
	}
	if order.ReturnURL != "" && egress.CheckURL(order.ReturnURL, p.cfg.Demo) == nil {
		origin, err := payment.Origin(order.ReturnURL)
		if err != nil {
			return err
		}
		v.Action, v.Forms = order.ReturnURL, []string{origin}
	}
	return p.pages.Render(w, r, http.StatusOK, v)
}
