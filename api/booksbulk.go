package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// Paths whose bodies may be long.
const (
	pathBulk         = "/v1/transfers/bulk"
	pathAccountsBulk = "/v1/accounts/bulk"
)

// Limits of bulk requests.
const (
	// BulkBytesMax bounds the body of one.
	BulkBytesMax = 4 << 20
	// BulksMax bounds those that are read or decided at a time.
	BulksMax = 64
	// BulksPerCallerMax bounds those of one caller.
	BulksPerCallerMax = 32
)

// postBatch carries out a bulk of instructions.
func (g *gate) postBatch(c order) (reply, error) {
	if c.isBinary {
		return g.postBinary(c)
	}
	composer := composer{node: g.node, by: c.by, key: c.key}
	if err := composer.read(c.body); err != nil {
		return reply{}, err
	}
	answer, err := g.node.Post(c.ctx, c.by, c.key, composer.batch.Encode())
	if err != nil {
		return reply{}, composer.worded(err)
	}
	body, err := composer.results(answer, requestID(c.ctx))
	return reply{status: http.StatusOK, media: typeJSON, body: body}, err
}

// postBinary carries out a batch that came in the journal's own form.
func (g *gate) postBinary(c order) (reply, error) {
	if c.key != "" {
		return reply{}, newProblem(string(fault.Invalid), headerKey,
			"Items of a binary batch have ids; an Idempotency-Key adds nothing.")
	}
	if _, refused := ledger.DecodeBatch(c.body); refused != nil {
		return reply{}, refused
	}
	answer, err := g.node.Post(c.ctx, c.by, "", c.body)
	return reply{status: http.StatusOK, media: typeResults, body: answer}, err
}

// read reads the body of a bulk: fast if it is of the usual form.
func (c *composer) read(body []byte) error {
	// An item takes some 200 bytes; a guess too low costs a copy.
	room := min(len(body)/200+1, ledger.BatchItemsMax)
	c.batch = ledger.NewBatch(0, room)
	if c.scan(&scanner{data: body}) {
		return nil
	}
	*c = composer{node: c.node, by: c.by, key: c.key, batch: ledger.NewBatch(0, room)}
	if err := wholeJSON(body); err != nil {
		return err
	}
	return c.walk(walker{jsontext.NewDecoder(bytes.NewReader(body))})
}

// scan reads a bulk the fast way. It gives up at whatever is unusual or wrong: that is told by
// the slow way, which judges the whole text before any item.
func (c *composer) scan(s *scanner) bool {
	if !s.take('{') {
		return false
	}
	var w words
	for {
		name, ok := s.quoted()
		if !ok || !s.take(':') {
			return false
		}
		switch {
		case string(name) == "mode" && c.batch.Mode == 0:
			mode, _ := s.quoted()
			if c.batch.Mode = modeOf(mode); c.batch.Mode == 0 {
				return false
			}
		case string(name) == "items" && c.items == 0:
			if !c.scanItems(s, &w) {
				return false
			}
		default:
			return false
		}
		if !s.take(',') {
			break
		}
	}
	return s.take('}') && s.end() && c.batch.Mode != 0 && c.items > 0
}

func (c *composer) scanItems(s *scanner, w *words) bool {
	if !s.take('[') {
		return false
	}
	for {
		w.reset()
		if !s.object(w, itemParts) || c.addItem(w) != nil {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

// addItem is add for an item of a list.
func (c *composer) addItem(w *words) error {
	at := c.items
	if refused := c.add(w); refused != nil {
		return refused.At(placed("items", at) + "." + refused.Field)
	}
	if c.batch.Len() > ledger.BatchItemsMax {
		return fault.New(fault.TooLarge, "items", "A batch has at most %d items and legs.",
			ledger.BatchItemsMax).Because(fault.TooManyItems)
	}
	return nil
}

// walk reads a bulk token by token.
func (c *composer) walk(in walker) error {
	items := false
	err := in.members("", func(name string) error {
		switch name {
		case "mode":
			mode, err := in.text("mode")
			if err != nil {
				return err
			}
			if c.batch.Mode = modeOf(mode); c.batch.Mode == 0 {
				return invalid("mode", "The mode is all or each.")
			}
			return nil
		case "items":
			items = true
			return in.list("items", func(at int) error {
				var w words
				if err := in.object(placed("items", at), &w, itemParts); err != nil {
					return err
				}
				return c.addItem(&w)
			})
		}
		return invalid(name, "This field is not known.")
	})
	switch {
	case err != nil:
		return err
	case c.batch.Mode == 0:
		return missingField("mode")
	case !items:
		return missingField("items")
	case c.items == 0:
		return invalid("items", "A batch has at least one item.")
	}
	return nil
}

// modeOf reads the mode of a bulk; 0 is none.
func modeOf(word []byte) ledger.Mode {
	switch string(word) {
	case "all":
		return ledger.All
	case "each":
		return ledger.Each
	}
	return 0
}

// worded says the field of a refusal of the whole batch in the words of the request.
func (c *composer) worded(err error) error {
	refused, ok := fault.Of(err)
	if !ok {
		return err
	}
	place, field, _ := strings.Cut(refused.Field, ".")
	number, isItem := strings.CutPrefix(place, "items[")
	at, notNumber := strconv.Atoi(strings.TrimSuffix(number, "]"))
	if !isItem || notNumber != nil || at >= c.batch.Len() {
		return err
	}
	return c.itemFault(at, refused.At(field))
}

// itemFault is the fault of an instruction in the words of the request. In a bulk its field is
// within the item.
func (c *composer) itemFault(instruction int, f *fault.Error) *fault.Error {
	var i ledger.Instruction
	item := c.item(instruction)
	_ = c.batch.Read(c.start(item), &i) // it was written here
	action, field := i.Action, ""
	if !c.single {
		field = placed("items", item)
	}
	if leg := c.leg(instruction); leg >= 0 && f.Field != "legs" {
		field, action = under(field, placed("legs", leg)), ledger.ActPost
	}
	if name := fieldWord(f, action, !c.single); name != "" {
		field = under(field, name)
	}
	return f.At(field)
}

// results writes what became of each item.
func (c *composer) results(answer ledger.Answer, request string) ([]byte, error) {
	refusals, err := answer.Refusals(c.batch.Len())
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 64+160*c.items+256*len(refusals))
	out = append(out, `{"results":[`...)
	var i ledger.Instruction
	for item := range c.items {
		at := c.start(item)
		_ = c.batch.Read(at, &i) // it was written here
		if item > 0 {
			out = append(out, ',')
		}
		outcome := answer.At(at)
		out = append(out, `{"status":"`...)
		out = append(out, [...]string{"created", "exists", "refused"}[outcome.Status]...)
		out = append(out, `","id":"`...)
		if i.Action == ledger.ActHold {
			out = ledger.HoldID(i.ID).Append(out)
		} else {
			out = ledger.TransferID(i.ID).Append(out)
		}
		out = append(out, '"')
		if outcome.Status == ledger.Refused {
			out, err = c.appendProblem(out, at, refusals, request)
		} else {
			out, err = c.appendOutcome(out, i.Currency, outcome)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, '}')
	}
	return append(out, "]}\n"...), nil
}

func (c *composer) appendOutcome(out []byte, currency money.Currency, o ledger.Outcome) (
	[]byte, error,
) {
	out = append(out, `,"number":`...)
	out = strconv.AppendUint(out, o.Number, 10)
	if currency == 0 { // the request did not say it
		currency = c.node.CurrencyAt(o.Number)
	}
	out = append(out, `,"amount":`...)
	return appendAmount(out, money.FromWords(currency, o.AmountHigh, o.AmountLow), false)
}

// appendProblem says why an item was refused: for what is wrong with itself, or with one that it
// is linked to.
func (c *composer) appendProblem(out []byte, at int, refusals []ledger.Refusal,
	request string,
) ([]byte, error) {
	first, last := c.group(at)
	found, _ := slices.BinarySearchFunc(refusals, first, func(r ledger.Refusal, first int) int {
		return cmp.Compare(int(r.Item), first)
	})
	if found == len(refusals) || int(refusals[found].Item) > last {
		return out, nil // the node refuses a group for one of its own
	}
	culprit := int(refusals[found].Item)
	f := c.itemFault(culprit, refusals[found].Fault)
	if c.item(culprit) != c.item(at) {
		f = fault.New(fault.Refused, placed("items", c.item(culprit)),
			"An item that this one is linked to was refused.").Because(fault.LinkedRefused)
	}
	p := problemBecause(f)
	p.RequestID = request
	problem, err := json.Marshal(p)
	out = append(out, `,"problem":`...)
	return append(out, problem...), err
}

// group is the first and the last instruction of those that an instruction is linked to.
func (c *composer) group(at int) (first, last int) {
	if at >= c.groupFirst && at <= c.groupLast && c.groupLast > 0 {
		return c.groupFirst, c.groupLast
	}
	var i ledger.Instruction
	goesOn := func(at int) bool {
		_ = c.batch.Read(at, &i)
		return i.Options&(ledger.Linked|ledger.FurtherLeg) != 0
	}
	for first = at; first > 0 && goesOn(first-1); first-- {
	}
	for last = at; last < c.batch.Len()-1 && goesOn(last); last++ {
	}
	c.groupFirst, c.groupLast = first, last
	return first, last
}
