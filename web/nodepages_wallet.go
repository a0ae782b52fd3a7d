package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"seyfert/fault"
	"seyfert/node"
	"seyfert/wire"
)

// Bounds of the history.
const (
	// historyMax is how many orders, and how many deposits, are looked through.
	historyMax = 200
	// historyPage is how many lines one page shows.
	historyPage = 25
)

// home is the member's wallet: money, history and ways in.
func (p *NodePages) home(w http.ResponseWriter, r *http.Request, who visitor) error {
	number := 1
	if text := r.URL.Query().Get("page"); text != "" {
		var err error
		if number, err = strconv.Atoi(text); err != nil || number < 1 || number > historyMax {
			return fault.New(fault.Invalid, "page", "There is no such page.")
		}
	}
	wallet, err := p.cfg.Node.Wallet(who.Caller, who.ID)
	if err != nil {
		return err
	}
	orders, err := p.cfg.Node.Orders(who.Caller, historyMax)
	if err != nil {
		return err
	}
	deposits, err := p.cfg.Node.Deposits(who.Caller, who.ID, historyMax)
	if err != nil {
		return err
	}
	v := &WalletHome{Frame: p.memberFrame(), Owner: NewParty(who.Name, hanLang)}
	means, err := p.cfg.Node.Means(who.Caller)
	if err != nil {
		return err
	}
	switch {
	case p.passkeys == nil:
	case len(means.Passkeys) == 0:
		v.Advice = "passkey"
	case means.Codes == 0:
		v.Advice = "codes"
	}
	v.Version = version(wallet, orders, deposits, v.Advice)
	for _, balance := range wallet.Balances {
		v.Purses = append(v.Purses, Purse{
			Balance: balance.Posted, Held: balance.Held, Available: balance.Available,
		})
	}
	v.Accounts = waysIn(wallet)
	items := historyOf(orders, deposits, v.Accounts)
	first := min(len(items), (number-1)*historyPage)
	if number > 1 && first == len(items) {
		return fault.New(fault.NotFound, "page", "There is no such page.")
	}
	last := min(len(items), first+historyPage)
	if last < len(items) {
		v.Older = walletPath + "?page=" + strconv.Itoa(number+1)
	}
	v.Days = byDay(items[first:last])
	return p.pages.Render(w, r, http.StatusOK, v)
}

// historyOf is what came in and went out, newest first.
func historyOf(orders []node.Order, deposits []node.Deposit, in []VirtualAccount) []HistoryItem {
	items := make([]HistoryItem, 0, len(orders)+len(deposits))
	for _, order := range orders {
		items = append(items, HistoryItem{
			URL: orderURL(order), Party: NewParty(order.Payee, hanLang), At: order.Created,
			Status: OrderStatus(order.State), Flow: orderFlow(order.State),
			Amount: order.Amount, Proof: NodeProof(order.Proof, order.Confirmations),
		})
	}
	for _, deposit := range deposits {
		items = append(items, HistoryItem{
			URL: depositURL(deposit), Key: "history.deposit", Party: sender(deposit, in),
			At: deposit.Created, Status: Received, Flow: In, Amount: deposit.Amount,
			Proof: proofOfDeposit(deposit),
		})
	}
	slices.SortStableFunc(items, func(a, b HistoryItem) int { return b.At.Compare(a.At) })
	return items
}

// sender is the bank that a deposit came through, where only one can have brought it.
func sender(deposit node.Deposit, in []VirtualAccount) Party {
	var found []Party
	for _, account := range in {
		if account.Currency == deposit.Amount.Currency() {
			found = append(found, account.Bank)
		}
	}
	if len(found) != 1 {
		return Party{}
	}
	return found[0]
}

// orderFlow is the direction of an order's amount: none where the money stayed.
func orderFlow(state string) Flow {
	if state == "expired" || state == "void" {
		return Neutral
	}
	return Out
}

// byDay puts items, newest first, under their days.
func byDay(items []HistoryItem) []HistoryDay {
	var days []HistoryDay
	for _, item := range items {
		day := item.At.UTC().Truncate(24 * time.Hour)
		if len(days) == 0 || !days[len(days)-1].Day.Equal(day) {
			days = append(days, HistoryDay{Day: day})
		}
		last := &days[len(days)-1]
		last.Items = append(last.Items, item)
	}
	return days
}

// payment is one order with its proof.
func (p *NodePages) payment(w http.ResponseWriter, r *http.Request, who visitor) error {
	order, err := p.cfg.Node.Order(who.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := &WalletPayment{
		Frame: p.memberFrame(), ID: order.ID, HomeURL: walletPath,
		Status: OrderStatus(order.State), Flow: orderFlow(order.State), Amount: order.Amount,
		Proof: NodeProof(order.Proof, order.Confirmations),
		Other: NewParty(order.Payee, hanLang), OtherNode: NodeName(order.PayeeNode),
		At: order.Created, Reference: order.Transfer, Final: node.ConfirmationsFinal,
		Expires: order.Expires,
	}
	if order.State == "held" {
		v.ReceiptURL = orderURL(order) + "/receipt"
	}
	if order.Transfer != "" {
		if err := p.prove(v, who, order); err != nil {
			return err
		}
	}
	v.Version = version(v)
	return p.pages.Render(w, r, http.StatusOK, v)
}

// prove fills in how far the proof of an order's transfer has grown.
func (p *NodePages) prove(v *WalletPayment, who visitor, order node.Order) error {
	transfer, err := p.cfg.Node.Transfer(who.Caller, order.Transfer)
	if err != nil {
		return err
	}
	return p.grow(v, transfer.Anchor, orderURL(order)+"/proof", bundleName(order.Transfer))
}

// grow fills in how far the proof of what the page shows has grown towards an anchor, and where
// its bundle is and under which name.
func (p *NodePages) grow(v *WalletPayment, anchor *node.ChainRow, bundle, name string) error {
	v.Provable = true
	if anchor == nil {
		return nil
	}
	for _, day := range p.cfg.Node.Days() {
		if day.Day == anchor.Day {
			v.Checkpoint = &CheckpointFact{At: day.Closed, Size: day.Size, Root: day.Root}
		}
	}
	if v.Proof.Level < Anchored {
		return nil
	}
	v.Anchor = &AnchorFact{Height: anchor.Height, TxID: anchor.TxID}
	descriptor, _, err := wire.ParseDescriptor(p.cfg.Node.Descriptor())
	if err != nil {
		return err
	}
	_, thumbprint, err := descriptor.SigningKey()
	if err != nil {
		return err
	}
	v.Verify = &VerifyFacts{
		Bundle: bundle, File: name,
		Headers: p.cfg.Origin + "/v1/chain/headers", Page: node.HeadersMax,
		Tip: anchor.Height + anchor.Confirmations, Thumbprint: thumbprint,
	}
	return nil
}

// verify leads to the part of the payment's page that says how to verify it.
func (p *NodePages) verify(w http.ResponseWriter, r *http.Request, who visitor) error {
	order, err := p.cfg.Node.Order(who.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, orderURL(order)+"#verify", http.StatusSeeOther)
	return nil
}

// proof downloads the proof bundle, byte for byte as it is verified.
func (p *NodePages) proof(w http.ResponseWriter, r *http.Request, who visitor) error {
	order, err := p.cfg.Node.Order(who.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	if order.Transfer == "" {
		return trouble{status: http.StatusConflict, title: "unproven", back: orderURL(order)}
	}
	bundle, err := p.cfg.Node.Bundle(r.Context(), who.Caller, order.Transfer)
	return send(w, bundle, err, bundleName(order.Transfer), orderURL(order))
}

// send answers with a proof bundle under a file name, or leads back to the page of what it shall
// prove, when there is none yet.
func send(w http.ResponseWriter, bundle []byte, err error, name, back string) error {
	if refused, ok := fault.Of(err); ok && refused.Code == fault.Refused {
		return trouble{status: http.StatusConflict, title: "unproven", back: back}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(bundle) // the reader may be gone, which is no fault
	return nil
}

// bundleName is the file name of the proof bundle of what has an id.
func bundleName(id string) string { return id + ".proof.json" }
