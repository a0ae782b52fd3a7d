package web

import (
	"net/http"

	"seyfert/fault"
	"seyfert/node"
)

func depositURL(d node.Deposit) string { return walletPath + "/deposits/" + d.ID }

// deposit is one deposit of the member with its proof.
func (p *NodePages) deposit(w http.ResponseWriter, r *http.Request, who visitor) error {
	d, err := p.findDeposit(r.PathValue("id"), who)
	if err != nil {
		return err
	}
	wallet, err := p.cfg.Node.Wallet(who.Caller, who.ID)
	if err != nil {
		return err
	}
	v := &WalletPayment{
		Frame: p.memberFrame(), Deposit: true, ID: d.ID, HomeURL: walletPath,
		Status: Received, Flow: In, Amount: d.Amount, Proof: proofOfDeposit(d),
		Other: sender(d, waysIn(wallet)), At: d.Created, Final: node.ConfirmationsFinal,
	}
	if err := p.grow(v, d.Anchor, depositURL(d)+"/proof", bundleName(d.ID)); err != nil {
		return err
	}
	v.Version = version(v)
	return p.pages.Render(w, r, http.StatusOK, v)
}

// depositProof downloads the proof bundle of a deposit's entry.
func (p *NodePages) depositProof(w http.ResponseWriter, r *http.Request, who visitor) error {
	d, err := p.findDeposit(r.PathValue("id"), who)
	if err != nil {
		return err
	}
	bundle, err := p.cfg.Node.EntryBundle(r.Context(), who.Caller, d.Entry)
	return send(w, bundle, err, bundleName(d.ID), depositURL(d))
}

// findDeposit finds one of the deposits that the history looks through.
func (p *NodePages) findDeposit(id string, who visitor) (node.Deposit, error) {
	deposits, err := p.cfg.Node.Deposits(who.Caller, who.ID, historyMax)
	if err != nil {
		return node.Deposit{}, err
	}
	for _, d := range deposits {
		if d.ID == id {
			return d, nil
		}
	}
	return node.Deposit{}, fault.New(fault.NotFound, "deposit", "There is no such deposit.")
}

// proofOfDeposit is how far the proof of a deposit has grown.
func proofOfDeposit(d node.Deposit) Proof {
	confirmations := int64(0)
	if d.Anchor != nil {
		confirmations = d.Anchor.Confirmations
	}
	return NodeProof(d.Proof, confirmations)
}

// waysIn are a wallet's virtual accounts in currencies that the pages know.
func waysIn(wallet node.Wallet) []VirtualAccount {
	var ways []VirtualAccount
	for _, account := range wallet.Virtual {
		if way, ok := wayIn(account); ok {
			ways = append(ways, way)
		}
	}
	return ways
}
