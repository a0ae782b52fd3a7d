package web

import (
	"net/http"
	"net/url"

	"seyfert/egress"
	"seyfert/payment"
)

// checkout is the page between shop and wallet. It shows what the shop's node knows of the
// offer, and that is never who pays.
func (p *NodePages) checkout(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("offer")
	offer, err := p.cfg.Node.OfferPage(id)
	if err != nil {
		return err
	}
	v := &Checkout{
		Frame: p.frame(), State: checkoutState(offer.State), Shop: NewParty(offer.Name, hanLang),
		CheckedBy: NodeName(p.cfg.Node.DID()), Amount: offer.Amount, Offer: offer.ID,
		Now: p.cfg.Now(), Expires: offer.Expires, Whole: offer.Expires.Sub(offer.Created),
		Link: p.cfg.Origin + "/checkout/" + offer.ID, Continue: "/checkout/" + offer.ID,
		ShopURL: p.shopURL(offer.ReturnURL),
	}
	v.Home, v.Version = "", string(v.State)
	for _, line := range offer.Basket {
		v.Lines = append(v.Lines, Line{Name: line.Text, Amount: line.Amount})
	}
	v.Node = r.URL.Query().Get("node")
	if v.Node != "" {
		origin, err := nodeOrigin(v.Node, p.cfg.Demo)
		if err != nil {
			v.NodeRefused = true
			return p.pages.Render(w, r, http.StatusBadRequest, v)
		}
		v.Node = origin.Host
		v.Wallet = &WalletDoor{
			Node: origin.Host, Home: origin.String() + walletPath,
			URL: origin.String() + approvePath + "?" + url.Values{
				"offer":   {p.cfg.Origin + offersPath + offer.ID},
				langParam: {string(RequestLang(r))},
			}.Encode(),
		}
	}
	return p.pages.Render(w, r, http.StatusOK, v)
}

// hanLang is the language of names in Chinese characters with no other letters beside them.
const hanLang = "ja"

// offersPath is where a node's API serves offers to wallets.
const offersPath = "/v1/offers/"

func checkoutState(offer string) CheckoutState {
	switch offer {
	case "claimed":
		return CheckoutApproved
	case "paid":
		return CheckoutPaid
	case "expired":
		return CheckoutExpired
	default:
		return CheckoutWaiting
	}
}

// shopURL is the shop's front door: the origin of where its receipts go, which is one that the
// offer names. Empty where there is none that a browser may be sent to.
func (p *NodePages) shopURL(receipts string) string {
	if receipts == "" || egress.CheckURL(receipts, p.cfg.Demo) != nil {
		return ""
	}
	origin, err := payment.Origin(receipts)
	if err != nil {
		return ""
	}
	return origin + "/"
}
