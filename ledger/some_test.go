package ledger_test

import (
	"pgregory.net/rapid"

	"seyfert/ledger"
	"seyfert/money"
)

// someTransfer is a transfer of some legs, a counter-entry now and then.
func someTransfer(least, most int) *rapid.Generator[*ledger.Transfer] {
	return rapid.Custom(func(t *rapid.T) *ledger.Transfer {
		transfer := &ledger.Transfer{
			ID: transfer(rapid.Uint64Range(1, 3).Draw(t, "id")), Code: 7,
			Effective: rapid.Int64Range(0, 2).Draw(t, "effective"),
			Legs:      rapid.SliceOfN(someLeg, least, most).Draw(t, "legs"),
		}
		if rapid.IntRange(0, 4).Draw(t, "reverses") == 0 {
			transfer.Reverses[15] = 99
		}
		return transfer
	})
}

// Ids come from small ranges, so that unknown, taken and ended ones are met often.
var (
	someAccount = rapid.Map(rapid.Uint64Range(1, 6), account)
	someHold    = rapid.Map(rapid.Uint64Range(1, 8), hold)
	someAmount  = rapid.Custom(func(t *rapid.T) money.Amount {
		c := rapid.SampledFrom([]money.Currency{money.KRW, money.KRW, money.KRW, money.USD})
		return money.New(c.Draw(t, "currency"), rapid.Uint64Range(0, 40).Draw(t, "minor"))
	})
	someLeg = rapid.Custom(func(t *rapid.T) ledger.Leg {
		return ledger.Leg{
			Debit: someAccount.Draw(t, "debit"), Credit: someAccount.Draw(t, "credit"),
			Amount: someAmount.Draw(t, "amount"),
			Balancing: rapid.SampledFrom([]ledger.Balancing{
				0, 0, 0, ledger.UpToDebit, ledger.UpToCredit,
				ledger.UpToDebit | ledger.UpToCredit,
			}).Draw(t, "balancing"),
		}
	})
	someFlags = rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]ledger.Flags{
		ledger.NoOverdraft, ledger.NoOverdraft, 0, 0, 0, ledger.FrozenIn, ledger.FrozenOut,
		ledger.Closed, ledger.Managed,
	}), 0, 2), func(list []ledger.Flags) (flags ledger.Flags) {
		for _, f := range list {
			flags |= f
		}
		return flags
	})
	someBound = rapid.Custom(func(t *rapid.T) ledger.Bound {
		amount := someAmount.Draw(t, "bound")
		isNegative := !amount.IsZero() && rapid.Bool().Draw(t, "negative")
		return ledger.Bound{Set: true, Negative: isNegative, Amount: amount}
	})
	someLimits = rapid.Custom(func(t *rapid.T) (l ledger.Limits) {
		switch rapid.IntRange(0, 7).Draw(t, "limits") {
		case 0:
			l.Floor = someBound.Draw(t, "floor")
		case 1:
			l.Ceiling = someBound.Draw(t, "ceiling")
		case 2:
			l.Floor, l.Ceiling = someBound.Draw(t, "floor"), someBound.Draw(t, "ceiling")
		case 3, 4:
			l.Velocity = ledger.Velocity{
				Period: rapid.Int64Range(1, 8).Draw(t, "period"),
				Count:  uint32(rapid.IntRange(0, 3).Draw(t, "count")),
			}
			if most := someAmount.Draw(t, "most"); !most.IsZero() {
				l.Velocity.Amount = most
			} else {
				l.Velocity.Count++
			}
		}
		return l
	})
)
