package client

import (
	"time"

	"seyfert/money"
)

// BookAccount is an account as it stands.
type BookAccount struct {
	ID       string        `json:"id"`
	Owner    string        `json:"owner"`
	Purpose  string        `json:"purpose"`
	Code     uint16        `json:"code"`
	Kind     string        `json:"kind"`
	Currency string        `json:"currency"`
	Name     string        `json:"name"`
	Flags    []string      `json:"flags"`
	Limits   AccountLimits `json:"limits"`
	// Balance is what was posted, on the account's normal side; Available is what of it
	// nothing holds.
	Balance       money.Signed `json:"balance"`
	Available     money.Amount `json:"available"`
	DebitsPosted  money.Amount `json:"debits_posted"`
	CreditsPosted money.Amount `json:"credits_posted"`
	DebitsHeld    money.Amount `json:"debits_pending"`
	CreditsHeld   money.Amount `json:"credits_pending"`
	Outflow       *Outflow     `json:"outflow"`
	LastEntry     uint64       `json:"last_entry"`
	Created       time.Time    `json:"created_at"`
	// Metadata is the newest version of it.
	Metadata map[string]string `json:"metadata"`
}

// Outflow is what left an account in the newest window of its velocity limit.
type Outflow struct {
	Since  time.Time    `json:"since"`
	Amount money.Amount `json:"amount"`
	Count  uint32       `json:"count"`
}

// AccountLimits bind an account; nil binds nothing.
type AccountLimits struct {
	// Floor is the least that the balance, less what is held of it, may come down to.
	Floor *money.Signed `json:"floor,omitempty"`
	// Ceiling is the most that the balance, with what is held for it, may come up to.
	Ceiling *money.Signed `json:"ceiling,omitempty"`
	// Velocity is how much, or how often, may leave within a period.
	Velocity *Velocity `json:"velocity,omitempty"`
}

// Velocity bounds what leaves an account within each window of a period in seconds.
type Velocity struct {
	Period int64         `json:"period_seconds"`
	Amount *money.Amount `json:"amount,omitempty"`
	Count  uint32        `json:"count,omitempty"`
}

// BookTransfer is a transfer of the books. State and ReversedBy are set when it is read, not in
// the answer to the request that made it, which is the same for ever.
type BookTransfer struct {
	ID         string            `json:"id"`
	Code       uint16            `json:"code"`
	Legs       []BookLeg         `json:"legs"`
	Hold       string            `json:"hold"`
	Reverses   string            `json:"reverses"`
	State      string            `json:"state"`
	ReversedBy string            `json:"reversed_by"`
	Effective  time.Time         `json:"effective_at"`
	Recorded   time.Time         `json:"recorded_at"`
	Reference  string            `json:"reference"`
	Metadata   map[string]string `json:"metadata"`
}

// BookLeg is one leg of a transfer, with the posted balances of its accounts after it. What
// belongs to others is empty.
type BookLeg struct {
	Number        uint64        `json:"number"`
	Debit         string        `json:"debit"`
	Credit        string        `json:"credit"`
	Amount        money.Amount  `json:"amount"`
	DebitBalance  *money.Signed `json:"debit_balance"`
	CreditBalance *money.Signed `json:"credit_balance"`
}

// BookHold is money reserved to move later. State, Captured and Left are set when it is read.
type BookHold struct {
	ID        string            `json:"id"`
	Number    uint64            `json:"number"`
	Code      uint16            `json:"code"`
	Debit     string            `json:"debit"`
	Credit    string            `json:"credit"`
	Amount    money.Amount      `json:"amount"`
	State     string            `json:"state"`
	Captured  *money.Amount     `json:"captured"`
	Left      *money.Amount     `json:"left"`
	Expires   *time.Time        `json:"expires_at"`
	Recorded  time.Time         `json:"recorded_at"`
	Ended     *time.Time        `json:"ended_at"`
	Reference string            `json:"reference"`
	Metadata  map[string]string `json:"metadata"`
}
