// Package ledger is double entry in memory: accounts, transfers of one or more legs, and holds
// that reserve money before it moves. It never touches storage, a clock or randomness, and it
// does not know what an account is for.
//
// A Book holds the accounts and the live holds of a node. It changes only through a Draft: an
// overlay that a batch of commands is tried on, with savepoints, so that a refused command
// leaves nothing behind. Commit brings the draft into the book in one step and returns the
// history records of what happened. Between drafts these always hold, per currency, and a
// breach panics because it can only be a fault of this package:
//
//   - what was debited equals what was credited, and the same of what is pending;
//   - the pending amounts of an account are those of the live holds that name it;
//   - an account with NoOverdraft covers what it owes and what is held of it;
//   - an account with a floor or ceiling keeps to it, what is held counted in.
//
// Nothing posted is ever changed or deleted; a correction is another transfer.
package ledger

import (
	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// AccountKind makes account ids a Go type of their own.
type AccountKind struct{}

// TransferKind makes transfer ids a Go type of their own.
type TransferKind struct{}

// HoldKind makes hold ids a Go type of their own.
type HoldKind struct{}

// Prefix returns the prefix of account ids.
func (AccountKind) Prefix() string { return "acc" }

// Prefix returns the prefix of transfer ids.
func (TransferKind) Prefix() string { return "txn" }

// Prefix returns the prefix of hold ids.
func (HoldKind) Prefix() string { return "hld" }

// AccountID names an account, with the prefix "acc".
type AccountID = wire.ID[AccountKind]

// TransferID names a transfer, with the prefix "txn". The ledger writes it to history and keeps
// no memory of it: that an id is new is checked by the caller.
type TransferID = wire.ID[TransferKind]

// OwnerID says whose an account is: the bytes of a company's or member's id, zero for the node
// itself. The ledger keeps it for the caller and never looks at it.
type OwnerID [16]byte

// HoldID names a hold, with the prefix "hld". The ledger knows the ids of live holds only; that
// the id of an ended hold is not used again is checked by the caller.
type HoldID = wire.ID[HoldKind]

// Kind is the class of an account; it decides on which side the account normally stands.
type Kind uint8

// The kinds. Assets and expenses grow by debits, the others by credits.
const (
	Asset Kind = iota + 1
	Liability
	Equity
	Income
	Expense
)

// String returns the lower-case name of the kind.
func (k Kind) String() string {
	names := [...]string{"unknown", "asset", "liability", "equity", "income", "expense"}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// valid says whether k is one of the kinds.
func (k Kind) valid() bool { return k >= Asset && k <= Expense }

// debitNormal says whether a debit raises the balance.
func (k Kind) debitNormal() bool { return k == Asset || k == Expense }

// Flags are the rules that bind one account, or'ed together.
type Flags uint8

const (
	// NoOverdraft refuses what would bring the balance, less what is held, below zero.
	NoOverdraft Flags = 1 << iota
	// Closed refuses every leg and hold, for ever. Only an empty account can be closed.
	Closed
	// FrozenIn refuses new legs and holds that would raise the balance.
	FrozenIn
	// FrozenOut refuses new legs and holds that would lower the balance.
	FrozenOut
	// Managed says that only the node's own payment rules post to the account. The ledger
	// keeps it for the caller, who refuses others.
	Managed

	flagsAll = NoOverdraft | Closed | FrozenIn | FrozenOut | Managed
)

// Spec is what an account is opened with. All but flags and limits stays for ever.
type Spec struct {
	ID       AccountID
	Owner    OwnerID
	Currency money.Currency
	Kind     Kind
	Flags    Flags
	// Code is the account's number in the node's chart of accounts; the caller's own.
	Code   uint16
	Limits Limits
}

// Account is one account with its four running sums, all in its currency. It is a copy: changing
// it changes no book.
type Account struct {
	Spec
	// DebitsPosted and CreditsPosted are the sums of all legs ever posted on each side.
	DebitsPosted, CreditsPosted money.Amount
	// DebitsPending and CreditsPending are the sums of the live holds on each side.
	DebitsPending, CreditsPending money.Amount
	// Outflow is what left in the newest window of Limits.Velocity; zero without one.
	Outflow Outflow
	// LastRecord is the number of the newest history record of the account, 0 when none is.
	LastRecord uint64
}

// sums returns the four sums without their currency.
func (a *Account) sums() sums {
	return sums{
		wideOf(a.DebitsPosted), wideOf(a.DebitsPending),
		wideOf(a.CreditsPosted), wideOf(a.CreditsPending),
	}
}

// Balance returns the posted balance on the account's normal side, and whether it is below zero.
func (a Account) Balance() (balance money.Amount, negative bool) {
	s := a.sums()
	minor, negative := s.balance(a.Kind)
	return minor.of(a.Currency), negative
}

// Available returns the balance less what is held of it: what a new leg or hold could still
// take from an account with NoOverdraft. It is zero when holds exceed the balance.
func (a Account) Available() money.Amount {
	s := a.sums()
	var none *limitRow
	return none.giving(a.Kind, &s).of(a.Currency)
}

// State is where a hold stands. A hold is live while it is Held and has ended in the others.
type State uint8

// The states of a hold.
const (
	Held State = iota + 1
	Captured
	Voided
	Expired
)

// String returns the lower-case name of the state.
func (s State) String() string {
	names := [...]string{"unknown", "held", "captured", "voided", "expired"}
	if int(s) >= len(names) {
		return names[0]
	}
	return names[s]
}

// Hold reserves Amount to move later: a capture debits Debit and credits Credit. It is a copy:
// changing it changes no book.
type Hold struct {
	ID            HoldID
	Debit, Credit AccountID
	// Amount is what was reserved at first, Captured what all captures took of it.
	Amount, Captured money.Amount
	// Code is the caller's own word for the reason.
	Code uint16
	// Expires is the time from which an unbound hold may expire, in Unix milliseconds; 0 never.
	Expires int64
	// Bound says that a transfer to another node depends on the hold (protocol.md A4): from
	// then on it never expires and only a verdict ends it.
	Bound bool
	State State
}

// Left returns what is still reserved: nothing once the hold has ended.
func (h Hold) Left() money.Amount {
	if h.State != Held {
		return money.New(h.Amount.Currency(), 0)
	}
	return wideOf(h.Amount).minus(wideOf(h.Captured)).of(h.Amount.Currency())
}

// Leg moves Amount: it debits one account and credits another of the same currency.
type Leg struct {
	Debit, Credit AccountID
	Amount        money.Amount
	// Balancing makes Amount the most that is moved; the zero value moves just that.
	Balancing Balancing
}

// Balancing says which accounts of a leg may bring its amount down, or'ed together.
type Balancing uint8

const (
	// UpToDebit moves no more than the debit account can give or take: what its balance
	// leaves after holds, above its floor if that is above zero, where a debit lowers it; the
	// room under its ceiling, or any amount without one, where a debit raises it.
	UpToDebit Balancing = 1 << iota
	// UpToCredit moves no more than the credit account can give or take, by the same rule.
	UpToCredit
)

// Transfer moves money by one or more legs: all of them or none.
type Transfer struct {
	ID TransferID
	// Code is the caller's own word for the reason.
	Code uint16
	// Effective is when the transfer counts from, in Unix milliseconds; 0 is when it is
	// recorded.
	Effective int64
	// Reverses is the transfer of which this one is the counter-entry; zero for others. What
	// the legs of that one were is the caller's knowledge.
	Reverses TransferID
	Legs     []Leg
}

// LegsMax is the largest number of legs of one transfer.
const LegsMax = 1024

// Total is what all accounts of one currency were debited and credited.
type Total struct {
	Currency        money.Currency
	Debits, Credits money.Amount
}

// must stops the node on an error that only a fault of this package can cause.
func must(err error) {
	if err != nil {
		panic("ledger: " + err.Error())
	}
}

// assert stops the node when a rule that this package keeps is found broken.
func assert(ok bool, what string) {
	if !ok {
		panic("ledger: " + what)
	}
}

// notFound is an id that the ledger does not know.
func notFound(field, message string, reason ...fault.Reason) error {
	return told(fault.NotFound, field, message, reason)
}

// uncountable is a sum that would need more than 128 bits.
func uncountable() error {
	return fault.New(fault.TooLarge, "amount",
		"the amount is larger than the ledger can count").Because(fault.AmountOverflow)
}

// refusal is a rule of the ledger that forbids something now.
func refusal(field, message string, reason ...fault.Reason) error {
	return told(fault.Refused, field, message, reason)
}

// invalid is a request that no state of the ledger would allow.
func invalid(field, message string, reason ...fault.Reason) error {
	return told(fault.Invalid, field, message, reason)
}

// told is a fault with a reason where callers may branch on one.
func told(code fault.Code, field, message string, reason []fault.Reason) error {
	f := fault.New(code, field, "%s", message)
	for _, r := range reason {
		f = f.Because(r)
	}
	return f
}
