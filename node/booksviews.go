package node

import (
	"errors"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// BookAccount is an account of the books as it stands. Balance is what was posted, on the
// account's normal side; Available is what of it nothing holds.
type BookAccount struct {
	ID       string `json:"id"`
	Owner    string `json:"owner" doc:"a company or member, or node"`
	Purpose  string `json:"purpose" doc:"book; others are the node's own accounts for payments"`
	Code     uint16 `json:"code" doc:"its number in the node's chart of accounts"`
	Kind     string `json:"kind" enum:"asset,liability,equity,income,expense"`
	Currency string `json:"currency"`
	Name     string `json:"name,omitempty"`
	// Flags and limits bind what may be posted.
	Flags         []string      `json:"flags" doc:"no_overdraft, frozen_in, frozen_out, closed"`
	Limits        AccountLimits `json:"limits"`
	Balance       money.Signed  `json:"balance" doc:"posted, on the account's normal side"`
	Available     money.Amount  `json:"available" doc:"the balance less what is held of it"`
	DebitsPosted  money.Amount  `json:"debits_posted"`
	CreditsPosted money.Amount  `json:"credits_posted"`
	DebitsHeld    money.Amount  `json:"debits_pending"`
	CreditsHeld   money.Amount  `json:"credits_pending"`
	Outflow       *Outflow      `json:"outflow,omitempty" doc:"what left in the newest window"`
	LastEntry     uint64        `json:"last_entry" doc:"number of its newest entry; 0 for none"`
	Created       time.Time     `json:"created_at"`
	// Metadata is the newest version of it.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Outflow is what left an account in the newest window of its velocity limit.
type Outflow struct {
	Since  time.Time    `json:"since"`
	Amount money.Amount `json:"amount"`
	Count  uint32       `json:"count"`
}

// AccountLimits bind an account; what is absent binds nothing.
type AccountLimits struct {
	Floor    *money.Signed `json:"floor,omitempty" doc:"the balance less holds stays at or above"`
	Ceiling  *money.Signed `json:"ceiling,omitempty" doc:"the balance with holds stays below"`
	Velocity *Velocity     `json:"velocity,omitempty" doc:"what may leave within a period"`
}

// Velocity bounds what leaves an account within each window of journal time.
type Velocity struct {
	Period int64         `json:"period_seconds" minimum:"1" maximum:"31622400"`
	Amount *money.Amount `json:"amount,omitempty"`
	Count  uint32        `json:"count,omitempty"`
}

// BookTransfer is a transfer of the books: one or more legs that happened together.
type BookTransfer struct {
	ID   string    `json:"id"`
	Code uint16    `json:"code" doc:"the reason, by the caller's own numbers"`
	Legs []BookLeg `json:"legs"`
	// Hold is what it captured, Reverses what it is the counter-entry of.
	Hold       string            `json:"hold,omitempty" doc:"the hold that it captured"`
	Reverses   string            `json:"reverses,omitempty" doc:"the transfer that it undoes"`
	State      string            `json:"state,omitempty" doc:"posted or reversed, on a read"`
	ReversedBy string            `json:"reversed_by,omitempty" doc:"on a read"`
	Effective  time.Time         `json:"effective_at" doc:"when it counts from"`
	Recorded   time.Time         `json:"recorded_at"`
	Reference  string            `json:"reference,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// BookLeg is one leg of a transfer. An account of another owner is left out for a company, with
// its balance.
type BookLeg struct {
	Number uint64       `json:"number" doc:"its place in history, from 1 without a gap"`
	Debit  string       `json:"debit,omitempty"`
	Credit string       `json:"credit,omitempty"`
	Amount money.Amount `json:"amount"`
	// The posted balances of both accounts after this leg.
	DebitBalance  *money.Signed `json:"debit_balance,omitempty"`
	CreditBalance *money.Signed `json:"credit_balance,omitempty"`
}

// BookHold is money reserved to move later.
type BookHold struct {
	ID     string       `json:"id"`
	Number uint64       `json:"number" doc:"its place in history"`
	Code   uint16       `json:"code"`
	Debit  string       `json:"debit,omitempty"`
	Credit string       `json:"credit,omitempty"`
	Amount money.Amount `json:"amount" doc:"what was reserved at first"`
	// State, Captured and Left are how it stands, on a read.
	State     string            `json:"state,omitempty" doc:"held, captured, voided or expired"`
	Captured  *money.Amount     `json:"captured,omitempty" doc:"on a read"`
	Left      *money.Amount     `json:"left,omitempty" doc:"on a read"`
	Expires   *time.Time        `json:"expires_at,omitempty"`
	Recorded  time.Time         `json:"recorded_at"`
	Ended     *time.Time        `json:"ended_at,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Annotation is one version of the metadata of an account, transfer or hold.
type Annotation struct {
	Subject   string            `json:"subject"`
	Version   uint64            `json:"version" doc:"from 1"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata"`
	At        time.Time         `json:"at"`
}

func annotationView(row core.MetadataRow) Annotation {
	a := Annotation{
		Subject: row.Subject, Version: row.Version, Reference: row.Reference,
		Metadata: row.Metadata, At: milli(row.At),
	}
	if a.Metadata == nil {
		a.Metadata = map[string]string{}
	}
	return a
}

// currencyOf, kindOf and flagsOf read the API's words.
func currencyOf(code string) (money.Currency, error) { return money.ParseCurrency(code) }

var errUnknown = errors.New("node: not known")

func kindOf(word string) (ledger.Kind, error) {
	for k := ledger.Asset; k <= ledger.Expense; k++ {
		if k.String() == word {
			return k, nil
		}
	}
	return 0, errUnknown
}

// flagWords are the flags of an account that callers name, in the order of their bits.
func flagWords() []struct {
	flag ledger.Flags
	word string
} {
	return []struct {
		flag ledger.Flags
		word string
	}{
		{ledger.NoOverdraft, "no_overdraft"},
		{ledger.Closed, "closed"},
		{ledger.FrozenIn, "frozen_in"},
		{ledger.FrozenOut, "frozen_out"},
		{ledger.Managed, "managed"},
	}
}

func flagsOf(words []string) (flags ledger.Flags, refused *fault.Error) {
next:
	for _, word := range words {
		for _, f := range flagWords() {
			if f.word == word && f.flag != ledger.Managed && flags&f.flag == 0 {
				flags |= f.flag
				continue next
			}
		}
		return 0, fault.New(fault.Invalid, "flags",
			"A flag is no_overdraft, frozen_in, frozen_out or closed, named once.")
	}
	return flags, nil
}

func wordsOf(flags ledger.Flags) []string {
	words := []string{}
	for _, f := range flagWords() {
		if flags&f.flag != 0 {
			words = append(words, f.word)
		}
	}
	return words
}

// of says the limits in the ledger's words, for an account of a currency.
func (l AccountLimits) of(c money.Currency) (limits ledger.Limits, refused *fault.Error) {
	mixed := func(field string) *fault.Error {
		return fault.New(fault.Invalid, field,
			"The limit is of another currency than the account.").Because(fault.MixedCurrencies)
	}
	if l.Floor != nil {
		if l.Floor.Amount.Currency() != c {
			return limits, mixed("limits.floor")
		}
		limits.Floor = ledger.Bound{
			Set: true, Negative: l.Floor.Negative && !l.Floor.Amount.IsZero(),
			Amount: l.Floor.Amount,
		}
	}
	if l.Ceiling != nil {
		if l.Ceiling.Amount.Currency() != c {
			return limits, mixed("limits.ceiling")
		}
		limits.Ceiling = ledger.Bound{
			Set: true, Negative: l.Ceiling.Negative && !l.Ceiling.Amount.IsZero(),
			Amount: l.Ceiling.Amount,
		}
	}
	if v := l.Velocity; v != nil {
		if v.Period < 1 || v.Amount == nil && v.Count == 0 {
			return limits, fault.New(fault.Invalid, "limits.velocity",
				"A velocity has a period and bounds an amount, a count or both.")
		}
		limits.Velocity = ledger.Velocity{
			Period: v.Period * int64(time.Second/time.Millisecond), Count: v.Count,
		}
		if v.Amount != nil {
			if v.Amount.Currency() != c {
				return limits, mixed("limits.velocity.amount")
			}
			limits.Velocity.Amount = *v.Amount
		}
	}
	return limits, nil
}

// limitsView is the way back.
func limitsView(l ledger.Limits) (view AccountLimits) {
	if l.Floor.Set {
		view.Floor = &money.Signed{Amount: l.Floor.Amount, Negative: l.Floor.Negative}
	}
	if l.Ceiling.Set {
		view.Ceiling = &money.Signed{Amount: l.Ceiling.Amount, Negative: l.Ceiling.Negative}
	}
	if l.Velocity.Period != 0 {
		view.Velocity = &Velocity{Period: l.Velocity.Period / 1000, Count: l.Velocity.Count}
		if !l.Velocity.Amount.IsZero() {
			amount := l.Velocity.Amount
			view.Velocity.Amount = &amount
		}
	}
	return view
}

// openedAccount shows an account as it was opened.
func openedAccount(row core.AccountRow, pairs map[string]string) BookAccount {
	none := money.New(row.Currency, 0)
	account := ledger.Account{
		Spec:         ledger.Spec{Currency: row.Currency, Kind: row.Kind, Flags: row.Flags},
		DebitsPosted: none, CreditsPosted: none, DebitsPending: none, CreditsPending: none,
	}
	if row.Limits != nil {
		account.Limits = *row.Limits
		account.Outflow.Amount = none
	}
	view := accountView(row, account)
	view.Metadata = pairs
	return view
}

// bookAccountView shows an account as it stands.
func bookAccountView(v core.View, row core.AccountRow) BookAccount {
	account, _ := v.Balance(row.ID)
	view := accountView(row, account)
	if rows := v.Metadata(view.ID, 1); len(rows) > 0 && rows[0].Owner == row.Owner {
		view.Metadata = rows[0].Metadata
	}
	return view
}

func accountView(row core.AccountRow, account ledger.Account) BookAccount {
	balance, negative := account.Balance()
	view := BookAccount{
		ID: row.ID.String(), Owner: row.Owner, Purpose: row.Purpose, Code: row.Code,
		Kind: account.Kind.String(), Currency: row.Currency.Code(), Name: row.Name,
		Flags: wordsOf(account.Flags), Limits: limitsView(account.Limits),
		Balance: money.Signed{Amount: balance, Negative: negative}, Available: account.Available(),
		DebitsPosted: account.DebitsPosted, CreditsPosted: account.CreditsPosted,
		DebitsHeld: account.DebitsPending, CreditsHeld: account.CreditsPending,
		LastEntry: account.LastRecord, Created: milli(row.Created),
	}
	if account.Limits.Velocity.Period != 0 {
		view.Outflow = &Outflow{
			Since: milli(account.Outflow.Since), Amount: account.Outflow.Amount,
			Count: account.Outflow.Count,
		}
	}
	return view
}
