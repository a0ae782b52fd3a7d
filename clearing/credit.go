package clearing

import (
	"seyfert/money"
)

// Credit is what a creditor allows one debtor in one currency (protocol.md A5). The creditor
// alone sets it.
type Credit struct {
	// Limit bounds owed + in flight.
	Limit money.Amount `cbor:"1,keyasint"`
	// InFlightMax bounds what may be in flight at a time.
	InFlightMax money.Amount `cbor:"2,keyasint"`
}

// Position is what stands between two nodes in one currency, seen from one of them.
type Position struct {
	// Owed is cleared and not settled.
	Owed money.Amount
	// InFlight is accepted and not cleared.
	InFlight money.Amount
}

// Room says whether the limit allows amount more; the code is T04 if it does not. Credits that
// are only in flight the other way never count.
func (c Credit) Room(p Position, amount money.Amount) bool {
	flight, err := p.InFlight.Add(amount)
	if err != nil || over(flight, c.InFlightMax) {
		return false
	}
	total, err := flight.Add(p.Owed)
	return err == nil && !over(total, c.Limit)
}

func over(a, limit money.Amount) bool {
	order, err := a.Cmp(limit)
	return err != nil || order > 0
}

// ILP-style refusal codes (protocol.md A3).
const (
	// CodeCredit says that the credit does not suffice.
	CodeCredit = "T04"
	// CodeTime says that too little time is left before the commit height.
	CodeTime = "R02"
	// CodeBad says that the request contradicts what was quoted.
	CodeBad = "F00"
)

// DueDays is the default term of a bilateral contract: an obligation is due this many days
// after the day it was quoted on.
const DueDays = 7
