package api

import "seyfert/fault"

// reasonText explains a reason at its type URI.
type reasonText struct{ title, text string }

// reasons explains the problem types of the books, by reason. One may be added; none may change.
func reasons() map[fault.Reason]reasonText {
	return map[fault.Reason]reasonText{
		fault.InsufficientFunds: {
			"Insufficient funds",
			"The balance, less what holds reserve of it, does not cover the amount.",
		},
		fault.UnderFloor: {
			"Under the floor", "The balance would fall below the account's floor.",
		},
		fault.OverCeiling: {
			"Over the ceiling", "The balance would rise above the account's ceiling.",
		},
		fault.VelocityExceeded: {
			"Velocity exceeded",
			"More would leave the account than may within one window of its velocity limit. " +
				"The same request may be sent in the next window.",
		},
		fault.NothingToMove: {
			"Nothing to move", "A balancing transfer found nothing that it could move.",
		},
		fault.UnknownAccount:  {"Unknown account", "The caller has no account with this id."},
		fault.UnknownTransfer: {"Unknown transfer", "The caller has no transfer with this id."},
		fault.UnknownHold:     {"Unknown hold", "The caller has no hold with this id."},
		fault.AccountClosed:   {"Account closed", "A closed account takes no part, for ever."},
		fault.AccountFrozen: {
			"Account frozen", "The account takes nothing in, or gives nothing out, for now.",
		},
		fault.AccountManaged: {
			"Account managed", "Only the node's own payment rules move money on this account.",
		},
		fault.AccountInUse: {
			"Account in use", "An account with a balance or a live hold can't be closed.",
		},
		fault.SameAccount: {"Same account", "Money does not move from an account to itself."},
		fault.ZeroAmount:  {"Zero amount", "An amount is more than zero."},
		fault.NegativeAmount: {
			"Negative amount", "An amount is not below zero: exchange debit and credit.",
		},
		fault.AmountPrecision: {
			"Too many decimals", "The amount has more decimals than its currency.",
		},
		fault.AmountOverflow: {
			"Amount too large", "An amount or a sum needs more than 128 bits of minor units.",
		},
		fault.MixedCurrencies: {
			"Mixed currencies", "An amount and what it belongs to are of different currencies.",
		},
		fault.HoldEnded: {
			"Hold ended", "The hold was captured or voided; nothing of it is left.",
		},
		fault.HoldExpired:  {"Hold expired", "The hold's time has come; it was freed."},
		fault.HoldExceeded: {"Hold exceeded", "A capture takes at most what the hold has left."},
		fault.ExpiryPassed: {"Expiry passed", "The hold would have expired already."},
		fault.AlreadyReversed: {
			"Already reversed", "A transfer is reversed at most once.",
		},
		fault.NotReversible: {"Not reversible", "The counter-entry of a transfer stays."},
		fault.IDReused: {
			"Id used for something else",
			"The id or Idempotency-Key was used before, with another value of this field.",
		},
		fault.TooManyItems: {"Too many items", "The request has more items than one may have."},
		fault.TooManyLegs:  {"Too many legs", "The transfer has more legs than one may have."},
		fault.LinkedRefused: {
			"A linked item was refused",
			"Linked items happen together or not at all; the field names the one at fault.",
		},
		fault.RateMismatch: {
			"The rate does not give the amount",
			"At the stated rate and rounding the other amount would be another one.",
		},
		fault.HistoryTooLong: {
			"History too long", "The answer would need more history than one request reads.",
		},
		fault.ReadOnly: {
			"Read only", "The node is a restored copy: it can be read and changes nothing.",
		},
		fault.DiskFull: {
			"No room", "The node's disk has no room for a change; what was there can be read.",
		},
		fault.NoLeader: {
			"No leader",
			"No replica of the node takes changes at the moment, and nothing was done. The same " +
				"request may be sent again, to this replica or another.",
		},
		fault.OutcomeUnknown: {
			"Outcome unknown",
			"The replica that took the request went away before its answer. The same request " +
				"with the same Idempotency-Key or ids tells what became of it, and does nothing twice.",
		},
		fault.Behind: {
			"Behind", "This replica has not yet seen what Seyfert-At-Least asks for.",
		},
	}
}
