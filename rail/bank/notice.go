package bank

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"seyfert/fault"
	"seyfert/money"
)

// Limits of a notice's texts, in bytes.
const (
	// IDMax bounds the bank's own id of the notice.
	IDMax = 64
	// BankMax bounds the bank's code, AccountMax the account number.
	BankMax    = 32
	AccountMax = 34
	// SenderHintMax bounds what the sender wrote.
	SenderHintMax = 140
)

// Notice says that money has arrived.
type Notice struct {
	// ID is the bank's own id of the notice; the same id is the same money.
	ID string
	// Bank and Account name the number that the money was sent to.
	Bank, Account string
	Amount        money.Amount
	// ValueDate is the day, in the bank's calendar, from which the money counts: "2026-11-23".
	ValueDate string
	// SenderHint is what the sender wrote; it proves nothing and may be empty.
	SenderHint string
}

// document is a notice as the bank writes it.
type document struct {
	NoticeID   string `json:"notice_id"`
	Bank       string `json:"bank"`
	Account    string `json:"account_number"`
	Currency   string `json:"currency"`
	Amount     string `json:"amount"`
	ValueDate  string `json:"value_date"`
	SenderHint string `json:"sender_hint"`
}

// ParseNotice reads the body of a notice. Members other than those of a notice, members sent
// twice or in another case, and texts over their limits are fault.Invalid with the member's
// name: what two readers could read differently is no notice.
func ParseNotice(body []byte) (Notice, error) {
	if len(body) > NoticeBytesMax {
		return Notice{}, fault.New(fault.TooLarge, "body", "A notice has at most %d bytes.",
			NoticeBytesMax)
	}
	var d document
	if err := json.Unmarshal(body, &d, json.RejectUnknownMembers(true)); err != nil {
		return Notice{}, fault.New(fault.Invalid, memberOf(err),
			"The notice is not a JSON object of the agreed members.")
	}
	if err := d.check(); err != nil {
		return Notice{}, err
	}
	amount, err := d.money()
	if err != nil {
		return Notice{}, err
	}
	return Notice{
		ID: d.NoticeID, Bank: d.Bank, Account: d.Account, Amount: amount,
		ValueDate: d.ValueDate, SenderHint: d.SenderHint,
	}, nil
}

// check looks at the texts one by one.
func (d document) check() error {
	texts := []struct {
		name, text string
		most       int
		optional   bool
	}{
		{"notice_id", d.NoticeID, IDMax, false},
		{"bank", d.Bank, BankMax, false},
		{"account_number", d.Account, AccountMax, false},
		{"sender_hint", d.SenderHint, SenderHintMax, true},
	}
	for _, t := range texts {
		if t.text == "" && t.optional {
			continue
		}
		if t.text == "" || len(t.text) > t.most || !isPlain(t.text) {
			return fault.New(fault.Invalid, t.name,
				"The member has 1 to %d bytes of printable text.", t.most)
		}
	}
	day, err := time.Parse(time.DateOnly, d.ValueDate)
	if err != nil || day.Format(time.DateOnly) != d.ValueDate {
		return fault.New(fault.Invalid, "value_date", "The value date is not a date.")
	}
	return nil
}

// money reads currency and amount together; no money is no notice.
func (d document) money() (money.Amount, error) {
	currency, err := money.ParseCurrency(d.Currency)
	if err != nil {
		return money.Amount{}, fault.New(fault.Invalid, "currency",
			"The currency is not known.")
	}
	amount, err := money.Parse(currency, d.Amount)
	if err != nil {
		return money.Amount{}, fault.New(fault.Invalid, "amount",
			"The amount is not a decimal number of %s.", currency.Code())
	}
	if amount.IsZero() {
		return money.Amount{}, fault.New(fault.Invalid, "amount", "The amount is zero.")
	}
	return amount, nil
}

// isPlain says that a text is UTF-8 without control characters and without space at its ends.
func isPlain(text string) bool {
	return utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// memberOf names the member that a JSON error is about, or "body" when there is none. Only the
// agreed names are repeated: what a stranger calls a member is no name of ours.
func memberOf(err error) string {
	pointer := jsontext.Pointer("")
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		pointer = e.JSONPointer
	} else if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		pointer = e.JSONPointer
	}
	switch name := pointer.LastToken(); name {
	case "notice_id", "bank", "account_number", "currency", "amount", "value_date",
		"sender_hint":
		return name
	}
	return "body"
}
