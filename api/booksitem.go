package api

import (
	"math/bits"
	"slices"
	"time"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

// Short names of limits of the ledger.
const (
	legsMax  = ledger.LegsMax
	pairsMax = ledger.MetadataPairsMax
)

// composer turns the words of requests into a batch of instructions.
type composer struct {
	node  *node.Node
	by    node.Caller
	key   string
	batch *ledger.Batch
	// own says that an item chose its own id.
	own bool
	// single says that the request is one item, not a list of them.
	single bool
	// legs says that some item has more than one instruction; first is then the first
	// instruction of each item.
	legs  bool
	first []int
	// legged says of an item that it names its legs one by one.
	legged []bool
	items  int
	// last is the currency that was read last, as most amounts of a batch are of one.
	lastCode string
	last     money.Currency
	// groupFirst and groupLast bound the group that was asked for last, as all its items ask.
	groupFirst, groupLast int
}

// bound is the key that a request of one item has to be bound to. Where the item's id follows from
// the key, the id binds it, and costs no row.
func (c *composer) bound() string {
	if c.own {
		return c.key
	}
	return ""
}

// invalid is what a caller is told of a value.
func invalid(field, message string) *fault.Error {
	return fault.New(fault.Invalid, field, "%s", message)
}

// partsOf are the members that belong to each action.
func partsOf(a ledger.Action) partSet {
	always := setOf(mID, mAction, mCode, mReference, mMetadata, mLinked)
	switch a {
	case ledger.ActPost:
		return always | setOf(mDebit, mCredit, mAmount, mCurrency, mValue, mBalancing, mLegs,
			mEffective)
	case ledger.ActHold:
		return always | setOf(mDebit, mCredit, mAmount, mCurrency, mValue, mExpires)
	case ledger.ActCapture:
		return always | setOf(mHold, mAmount, mCurrency, mValue, mMore, mLegs, mEffective)
	case ledger.ActVoid:
		return setOf(mID, mAction, mHold, mLinked)
	case ledger.ActReverse:
		return always | setOf(mTransfer, mEffective)
	}
	return 0
}

// actionOf reads the action of an item; an item without one is a posting.
func actionOf(w *words) (ledger.Action, *fault.Error) {
	if !w.has.has(mAction) {
		return ledger.ActPost, nil
	}
	switch string(w.text[mAction]) {
	case "post":
		return ledger.ActPost, nil
	case "hold":
		return ledger.ActHold, nil
	case "capture":
		return ledger.ActCapture, nil
	case "void":
		return ledger.ActVoid, nil
	case "reverse":
		return ledger.ActReverse, nil
	}
	return 0, invalid("action", "An action is post, hold, capture, void or reverse.")
}

// add appends the instructions of one item. The field of a fault is the item's own.
func (c *composer) add(w *words) *fault.Error {
	action, refused := actionOf(w)
	if refused != nil {
		return refused
	}
	if odd := w.has &^ partsOf(action); odd != 0 {
		name := names()[bits.TrailingZeros32(uint32(odd))]
		return invalid(name, "This field does not belong to the action.")
	}
	at := c.batch.Len()
	i := ledger.Instruction{Action: action, Code: w.code}
	if w.linked {
		i.Options |= ledger.Linked
	}
	if refused := c.attach(w, at); refused != nil {
		return refused
	}
	if refused := c.understand(w, &i); refused != nil {
		return refused
	}
	if len(w.legs) > 0 || c.legs {
		return c.addLegs(w, i)
	}
	c.batch.Add(&i)
	c.items++
	return nil
}

// understand reads what an item says beside its legs.
func (c *composer) understand(w *words, i *ledger.Instruction) (refused *fault.Error) {
	if w.has.has(mID) {
		if i.ID, refused = ownID(w.text[mID], i.Action); refused != nil {
			return refused
		}
		c.own = true
	} else {
		i.ID = c.node.NewItemID(c.by, c.key, c.items)
	}
	if w.has.has(mEffective) {
		if i.Effective, refused = timeOf("effective_at", w.text[mEffective]); refused != nil {
			return refused
		}
	}
	if w.has.has(mExpires) {
		if i.Expires, refused = timeOf("expires_at", w.text[mExpires]); refused != nil {
			return refused
		}
	}
	switch i.Action {
	case ledger.ActVoid, ledger.ActCapture:
		hold, refused := related[ledger.HoldKind](w, mHold)
		if refused != nil {
			return refused
		}
		i.Related = hold
		if w.more {
			i.Options |= ledger.More
		}
		if !w.has.has(mAmount) {
			return nil
		}
		return c.amount(w, i)
	case ledger.ActReverse:
		transfer, refused := related[ledger.TransferKind](w, mTransfer)
		i.Related = transfer
		return refused
	}
	if len(w.legs) > 0 || w.has.has(mLegs) {
		return noLegBeside(w)
	}
	return c.move(w, i)
}

// noLegBeside checks that an item of several legs says them in legs alone.
func noLegBeside(w *words) *fault.Error {
	if len(w.legs) == 0 {
		return invalid("legs", "A transfer has at least one leg.")
	}
	for _, m := range []part{mDebit, mCredit, mAmount, mBalancing} {
		if w.has.has(m) {
			return invalid(names()[m], "This field stands in the legs.")
		}
	}
	return nil
}

// move reads the accounts and the amount of an item or of one of its legs.
func (c *composer) move(w *words, i *ledger.Instruction) (refused *fault.Error) {
	if i.Debit, refused = related[ledger.AccountKind](w, mDebit); refused != nil {
		return refused
	}
	if i.Credit, refused = related[ledger.AccountKind](w, mCredit); refused != nil {
		return refused
	}
	if w.has.has(mBalancing) {
		switch string(w.text[mBalancing]) {
		case "debit":
			i.Options |= ledger.BalanceDebit
		case "credit":
			i.Options |= ledger.BalanceCredit
		case "both":
			i.Options |= ledger.BalanceDebit | ledger.BalanceCredit
		default:
			return invalid("balancing", "Balancing is debit, credit or both.")
		}
	}
	if !w.has.has(mAmount) {
		return invalid("amount", "This field is required.")
	}
	return c.amount(w, i)
}

// addLegs appends an item whose legs are written one by one, and notes where it begins.
func (c *composer) addLegs(w *words, i ledger.Instruction) *fault.Error {
	c.noteFirst(len(w.legs) > 0)
	c.items++
	if i.Action == ledger.ActCapture || len(w.legs) == 0 {
		linked := i.Options & ledger.Linked
		if len(w.legs) > 0 {
			i.Options = i.Options&^ledger.Linked | ledger.FurtherLeg
		}
		c.batch.Add(&i)
		if len(w.legs) == 0 {
			return nil
		}
		i = ledger.Instruction{ID: i.ID, Action: ledger.ActPost, Options: linked}
	}
	for n := range w.legs {
		leg := i
		if refused := c.move(&w.legs[n], &leg); refused != nil {
			return refused.At(placed("legs", n) + "." + refused.Field)
		}
		if n < len(w.legs)-1 {
			leg.Options = leg.Options&^ledger.Linked | ledger.FurtherLeg
		}
		c.batch.Add(&leg)
	}
	return nil
}

// noteFirst keeps the first instruction of the item that follows, and makes up for the items
// before it.
func (c *composer) noteFirst(legged bool) {
	if !c.legs {
		c.legs = true
		for at := range c.items {
			c.first, c.legged = append(c.first, at), append(c.legged, false)
		}
	}
	c.first, c.legged = append(c.first, c.batch.Len()), append(c.legged, legged)
}

// leg is the place of an instruction among the legs of its item, -1 where it is none of them.
func (c *composer) leg(instruction int) int {
	item := c.item(instruction)
	if !c.legs || !c.legged[item] {
		return -1
	}
	var first ledger.Instruction
	_ = c.batch.Read(c.first[item], &first) // it was written here
	if first.Action == ledger.ActCapture {
		return instruction - c.first[item] - 1 // the capture itself is the first
	}
	return instruction - c.first[item]
}

// start is the first instruction of an item, item the item of an instruction.
func (c *composer) start(item int) int {
	if !c.legs {
		return item
	}
	return c.first[item]
}

func (c *composer) item(instruction int) int {
	if !c.legs {
		return instruction
	}
	item, isFirst := slices.BinarySearch(c.first, instruction)
	if !isFirst {
		item--
	}
	return item
}

// attach keeps the texts of an item.
func (c *composer) attach(w *words, at int) *fault.Error {
	if refused := checkTexts(w); refused != nil {
		return refused
	}
	reference := string(w.text[mReference])
	if reference != "" || len(w.metadata) > 0 {
		c.batch.Attachments = append(c.batch.Attachments, ledger.Attachment{
			Item: uint32(at), Reference: reference, Metadata: w.metadata,
		})
	}
	return nil
}

// checkTexts judges the texts of an item that the ledger does not read.
func checkTexts(w *words) *fault.Error {
	reference := w.text[mReference]
	if w.has.has(mReference) && !wire.PlainText(string(reference), ledger.ReferenceBytesMax) {
		return invalid("reference", "A reference is plain text of 1 to 128 bytes.")
	}
	return ledger.CheckMetadata(w.metadata)
}

// ownID reads the id that a caller chose: of a hold for a new hold, of a transfer for the others.
func ownID(text []byte, a ledger.Action) ([16]byte, *fault.Error) {
	if a == ledger.ActHold {
		id, err := wire.ParseID[ledger.HoldKind](string(text))
		if err != nil {
			return id, invalid("id", "This is not the id of a hold: hld_ and 26 characters.")
		}
		return id, nil
	}
	id, err := wire.ParseID[ledger.TransferKind](string(text))
	if err != nil {
		return id, invalid("id", "This is not the id of a transfer: txn_ and 26 characters.")
	}
	return id, nil
}

// related reads the id of what an item is about, which it must have.
func related[K wire.Kind](w *words, m part) (wire.ID[K], *fault.Error) {
	if !w.has.has(m) {
		return wire.ID[K]{}, invalid(names()[m], "This field is required.")
	}
	id, err := wire.ParseID[K](string(w.text[m]))
	if err != nil {
		var kind K
		return id, fault.New(fault.Invalid, names()[m], "This is no id: %s_ and 26 characters.",
			kind.Prefix())
	}
	return id, nil
}

// timeOf reads a time in whole milliseconds.
func timeOf(field string, text []byte) (int64, *fault.Error) {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil || at.Nanosecond()%int(time.Millisecond) != 0 || at.UnixMilli() <= 0 {
		return 0, invalid(field, "A time is RFC 3339 after 1970, to the millisecond at most.")
	}
	return at.UnixMilli(), nil
}

// amount reads the amount of an item.
func (c *composer) amount(w *words, i *ledger.Instruction) *fault.Error {
	if !w.has.has(mCurrency) || !w.has.has(mValue) {
		return invalid("amount", "An amount has a currency and a value.")
	}
	if code := w.text[mCurrency]; string(code) != c.lastCode {
		currency, err := money.ParseCurrency(string(code))
		if err != nil {
			return invalid("amount.currency", "The currency is not known.")
		}
		c.last, c.lastCode = currency, currency.Code()
	}
	i.Currency = c.last
	var refused *fault.Error
	if units, ok := shortUnits(w.text[mValue], c.last.Digits()); ok {
		i.AmountLow = units
	} else if i.AmountHigh, i.AmountLow, refused = unitsOf(w.text[mValue], c.last); refused != nil {
		return refused
	}
	if i.AmountHigh|i.AmountLow == 0 {
		return invalid("amount.value", "The amount is zero.").Because(fault.ZeroAmount)
	}
	return nil
}

// shortUnits reads the usual value of an amount: few digits, no needless zeros.
func shortUnits(text []byte, decimals int) (units uint64, ok bool) {
	if len(text) == 0 || len(text) > 17 || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	point := -1
	for at, c := range text {
		switch {
		case c >= '0' && c <= '9':
			units = units*10 + uint64(c-'0')
		case c == '.' && point < 0:
			point = at
		default:
			return 0, false
		}
	}
	missing := decimals
	if point >= 0 {
		given := len(text) - point - 1
		if given == 0 || given > decimals {
			return 0, false
		}
		missing -= given
	}
	for range missing {
		if units > 1<<60 {
			return 0, false
		}
		units *= 10
	}
	return units, true
}
