package node

import (
	"context"
	"errors"
	"maps"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// Keys of the metadata that records at which rate an exchange was made.
const (
	KeyRate     = "exchange.rate"
	KeyRounding = "exchange.rounding"
	KeyFixed    = "exchange.fixed"
)

// The sides of an exchange.
const (
	SideSell = "sell"
	SideBuy  = "buy"
)

// ExchangeLeg is one side of an exchange: a leg between an account of the customer and the
// position account of the currency. The Amount of the side that is not fixed may be zero; then
// it is what the rate gives.
type ExchangeLeg struct {
	Debit, Credit string
	Amount        money.Amount
}

// Exchange asks for two legs in two currencies that happen together, the amount of the one
// following from that of the other.
type Exchange struct {
	// ID is the caller's own; zero makes one, which follows from Key if there is one.
	ID  [16]byte
	Key string
	// Sell and Buy are the customer's sides.
	Sell, Buy ExchangeLeg
	// One unit of Base costs Rate units of Quote, both major units.
	Base, Quote, Rate string
	Rounding          string
	// Fixed is the side whose amount is given; the other one's is rounded.
	Fixed     string
	Code      uint16
	Effective int64
	Reference string
	Metadata  map[string]string
}

// Exchange carries out an exchange, on the terms of PostTransfer. The rate is recorded with the
// transfer, and checked: it must give the amount of the side that is not fixed, to the unit.
func (n *Node) Exchange(ctx context.Context, by Caller, e Exchange) (
	t BookTransfer, created bool, err error,
) {
	legs, refused := e.legs()
	if refused != nil {
		return BookTransfer{}, false, refused
	}
	pairs, refused := e.pairs()
	if refused != nil {
		return BookTransfer{}, false, refused
	}
	bound := e.Key
	if e.ID == [16]byte{} {
		e.ID, bound = n.NewItemID(by, e.Key, 0), ""
	}
	batch := ledger.NewBatch(ledger.All, len(legs))
	for i := range legs {
		legs[i].ID, legs[i].Code, legs[i].Effective = e.ID, e.Code, e.Effective
		batch.Add(&legs[i])
	}
	batch.Attachments = []ledger.Attachment{{Reference: e.Reference, Metadata: pairs}}
	return n.PostTransfer(ctx, by, bound, batch)
}

// pairs is the metadata with the rate.
func (e Exchange) pairs() (map[string]string, *fault.Error) {
	pairs := map[string]string{
		KeyRate: e.Base + "/" + e.Quote + " " + e.Rate, KeyRounding: e.Rounding, KeyFixed: e.Fixed,
	}
	for key := range pairs {
		if _, taken := e.Metadata[key]; taken {
			return nil, fault.New(fault.Invalid, "metadata", "The exchange itself sets %s.", key)
		}
	}
	maps.Copy(pairs, e.Metadata)
	return pairs, ledger.CheckMetadata(pairs)
}

// legs checks the amounts and turns the sides into instructions.
func (e Exchange) legs() (legs [2]ledger.Instruction, refused *fault.Error) {
	sell, buy, refused := e.amounts()
	if refused != nil {
		return legs, refused
	}
	for i, side := range []struct {
		name   string
		leg    ExchangeLeg
		amount money.Amount
	}{{SideSell, e.Sell, sell}, {SideBuy, e.Buy, buy}} {
		leg := ledger.Instruction{Action: ledger.ActPost, Currency: side.amount.Currency()}
		leg.AmountHigh, leg.AmountLow = side.amount.Words()
		for field, text := range map[string]string{
			"debit": side.leg.Debit, "credit": side.leg.Credit,
		} {
			id, err := wire.ParseID[ledger.AccountKind](text)
			if err != nil {
				return legs, fault.New(fault.Invalid, side.name+"."+field,
					"This is no id: acc_ and 26 characters.")
			}
			if field == "debit" {
				leg.Debit = id
			} else {
				leg.Credit = id
			}
		}
		legs[i] = leg
	}
	legs[0].Options = ledger.FurtherLeg
	return legs, nil
}

// amounts gives the amounts of both sides, as the rate has them.
func (e Exchange) amounts() (sell, buy money.Amount, refused *fault.Error) {
	given, other, otherName := e.Sell.Amount, e.Buy.Amount, SideBuy
	switch e.Fixed {
	case SideSell:
	case SideBuy:
		given, other, otherName = other, given, SideSell
	default:
		return sell, buy, fault.New(fault.Invalid, "fixed", "The fixed side is sell or buy.")
	}
	if given.IsZero() {
		return sell, buy, fault.New(fault.Invalid, e.Fixed+".amount", "The amount is zero.").
			Because(fault.ZeroAmount)
	}
	rate, rounding, refused := e.rate(given.Currency())
	if refused != nil {
		return sell, buy, refused
	}
	gives, err := rate.Convert(given, rounding)
	switch {
	case err != nil:
		return sell, buy, fault.New(fault.TooLarge, otherName+".amount",
			"The amount needs more than 128 bits.").Because(fault.AmountOverflow)
	case gives.IsZero():
		return sell, buy, fault.New(fault.Invalid, otherName+".amount",
			"At this rate nothing is left of the amount.").Because(fault.ZeroAmount)
	case other != money.Amount{} && other != gives:
		return sell, buy, fault.New(fault.Refused, otherName+".amount",
			"At this rate and rounding the amount is %s.", gives).Because(fault.RateMismatch)
	}
	if e.Fixed == SideSell {
		return given, gives, nil
	}
	return gives, given, nil
}

// rate is the stated rate from a currency on.
func (e Exchange) rate(from money.Currency) (money.Rate, money.Rounding, *fault.Error) {
	base, err := money.ParseCurrency(e.Base)
	if err != nil {
		return money.Rate{}, 0, fault.New(fault.Invalid, "rate.base", "The currency is not known.")
	}
	quote, err := money.ParseCurrency(e.Quote)
	if err != nil || quote == base {
		return money.Rate{}, 0, fault.New(fault.Invalid, "rate.quote",
			"The currency is not known, or that of base.")
	}
	rate, err := money.ParseRate(base, quote, e.Rate)
	if errors.Is(err, money.ErrOverflow) {
		return rate, 0, fault.New(fault.TooLarge, "rate.value", "The rate has too many digits.")
	}
	if err != nil {
		return rate, 0, fault.New(fault.Invalid, "rate.value",
			"The rate is no decimal number above zero, such as 1391.25.")
	}
	rounding, err := money.ParseRounding(e.Rounding)
	if err != nil {
		return rate, 0, fault.New(fault.Invalid, "rate.rounding",
			"A rounding is floor, ceil, half_even or half_up.")
	}
	switch from {
	case base:
		return rate, rounding, nil
	case quote:
		return rate.Inverse(), rounding, nil
	}
	return rate, 0, fault.New(fault.Invalid, e.Fixed+".amount.currency",
		"The rate is not of this currency.").Because(fault.MixedCurrencies)
}
