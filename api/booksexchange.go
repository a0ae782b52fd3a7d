package api

import (
	"context"
	"net/http"
	"strings"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/node"
)

// exchangeLeg is one side of an exchange.
type exchangeLeg struct {
	Debit  string        `json:"debit"`
	Credit string        `json:"credit"`
	Amount *money.Amount `json:"amount,omitempty" doc:"checked if not of the fixed side"`
}

// exchangeRate is the rate of an exchange: one unit of base costs value units of quote.
type exchangeRate struct {
	Base     string `json:"base" minLength:"3" maxLength:"3"`
	Quote    string `json:"quote" minLength:"3" maxLength:"3"`
	Value    string `json:"value" maxLength:"40" doc:"an exact decimal number such as 1391.25"`
	Rounding string `json:"rounding" enum:"floor,ceil,half_even,half_up"`
}

// newExchange is the body of POST /v1/exchanges.
type newExchange struct {
	ID        string            `json:"id,omitempty" doc:"txn_..., chosen by the caller"`
	Sell      exchangeLeg       `json:"sell"`
	Buy       exchangeLeg       `json:"buy"`
	Rate      exchangeRate      `json:"rate"`
	Fixed     string            `json:"fixed" enum:"sell,buy"`
	Code      uint16            `json:"code,omitempty" maximum:"65535"`
	Effective string            `json:"effective_at,omitempty" format:"date-time"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// onceAnswer is an answer whose status says whether it happened now.
type onceAnswer[T any] struct {
	Status int
	Body   T
}

func (g *gate) mountExchanges() {
	register(g, operation{
		id: "createExchange", method: http.MethodPost, path: "/v1/exchanges", tag: tagBooks,
		summary: "Exchange two currencies: two legs through position accounts, at a rate that " +
			"is recorded and checked", status: http.StatusCreated, roles: keepers(),
	}, func(ctx context.Context, in *struct {
		Idempotent
		Body newExchange
	},
	) (*onceAnswer[node.BookTransfer], error) {
		exchange, err := in.Body.exchange()
		if err != nil {
			return nil, err
		}
		exchange.Key = in.IdempotencyKey
		t, created, err := g.node.Exchange(ctx, callerOf(ctx), exchange)
		if err != nil {
			return nil, sided(err)
		}
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return &onceAnswer[node.BookTransfer]{Status: status, Body: t}, nil
	})
}

// exchange reads the body.
func (b newExchange) exchange() (e node.Exchange, err error) {
	leg := func(l exchangeLeg) node.ExchangeLeg {
		side := node.ExchangeLeg{Debit: l.Debit, Credit: l.Credit}
		if l.Amount != nil {
			side.Amount = *l.Amount
		}
		return side
	}
	e = node.Exchange{
		Sell: leg(b.Sell), Buy: leg(b.Buy), Base: b.Rate.Base, Quote: b.Rate.Quote,
		Rate: b.Rate.Value, Rounding: b.Rate.Rounding, Fixed: b.Fixed, Code: b.Code,
		Reference: b.Reference, Metadata: b.Metadata,
	}
	w := words{metadata: b.Metadata}
	if b.Reference != "" {
		w.text[mReference], w.has = []byte(b.Reference), setOf(mReference)
	}
	if refused := checkTexts(&w); refused != nil {
		return e, refused
	}
	if b.ID != "" {
		id, refused := ownID([]byte(b.ID), ledger.ActPost)
		if refused != nil {
			return e, refused
		}
		e.ID = id
	}
	if b.Effective != "" {
		at, refused := timeOf("effective_at", []byte(b.Effective))
		if refused != nil {
			return e, refused
		}
		e.Effective = at
	}
	return e, nil
}

// sided names the side of an exchange where the ledger names a leg.
func sided(err error) error {
	refused, ok := fault.Of(err)
	if !ok {
		return err
	}
	place, field, isLeg := strings.Cut(refused.Field, ".")
	side, known := map[string]string{"items[0]": node.SideSell, "items[1]": node.SideBuy}[place]
	if !known {
		return err
	}
	word := fieldWord(refused.At(field), ledger.ActPost, true)
	switch {
	case !isLeg:
		return refused.At(side)
	case refused.Code == fault.Conflict && word != "debit" && word != "credit":
		return refused.At(word) // of the exchange as a whole
	}
	return refused.At(side + "." + word)
}
