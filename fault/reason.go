package fault

// Reason is the stable, machine-readable cause of an Error, within its Code.
// Reasons are part of the public API: one may be added, none may change its meaning.
type Reason string

// The reasons.
const (
	// InsufficientFunds says that the balance, less what is held, does not cover the amount.
	InsufficientFunds Reason = "insufficient_funds"
	// UnderFloor and OverCeiling say that the balance would pass a bound of the account.
	UnderFloor  Reason = "under_floor"
	OverCeiling Reason = "over_ceiling"
	// VelocityExceeded says that more would leave the account than may within a period.
	VelocityExceeded Reason = "velocity_exceeded"
	// NothingToMove says that a balancing transfer found nothing.
	NothingToMove Reason = "nothing_to_move"
	// UnknownAccount, UnknownTransfer and UnknownHold say that the caller has none with the id.
	UnknownAccount  Reason = "unknown_account"
	UnknownTransfer Reason = "unknown_transfer"
	UnknownHold     Reason = "unknown_hold"
	// AccountClosed, AccountFrozen and AccountManaged say why an account takes no part.
	AccountClosed  Reason = "account_closed"
	AccountFrozen  Reason = "account_frozen"
	AccountManaged Reason = "account_managed"
	// AccountInUse says that an account with a balance or a hold can't be closed.
	AccountInUse Reason = "account_in_use"
	// SameAccount says that money would move from an account to itself.
	SameAccount Reason = "same_account"
	// ZeroAmount, NegativeAmount and AmountPrecision say what is wrong with an amount.
	ZeroAmount      Reason = "zero_amount"
	NegativeAmount  Reason = "negative_amount"
	AmountPrecision Reason = "amount_precision"
	// AmountOverflow says that an amount or a sum needs more than 128 bits.
	AmountOverflow Reason = "amount_overflow"
	// MixedCurrencies says that an amount and what it belongs to differ in currency.
	MixedCurrencies Reason = "mixed_currencies"
	// HoldEnded and HoldExpired say that a hold is live no more.
	HoldEnded   Reason = "hold_ended"
	HoldExpired Reason = "hold_expired"
	// HoldExceeded says that a capture asks for more than is held.
	HoldExceeded Reason = "hold_exceeded"
	// ExpiryPassed says that a new hold would have expired already.
	ExpiryPassed Reason = "expiry_passed"
	// AlreadyReversed and NotReversible say why a transfer can't be reversed.
	AlreadyReversed Reason = "already_reversed"
	NotReversible   Reason = "not_reversible"
	// IDReused says that an id or key was used for something else; the field differs.
	IDReused Reason = "id_reused"
	// TooManyItems and TooManyLegs say that a batch or a transfer is over its limit.
	TooManyItems Reason = "too_many_items"
	TooManyLegs  Reason = "too_many_legs"
	// LinkedRefused says that an item was refused because one that it is linked to was.
	LinkedRefused Reason = "linked_refused"
	// RateMismatch says that a rate does not give the amount that was said.
	RateMismatch Reason = "rate_mismatch"
	// HistoryTooLong says that an answer would need more history than one request reads.
	HistoryTooLong Reason = "history_too_long"
	// ReadOnly says that the node is a restored copy, which changes nothing.
	ReadOnly Reason = "read_only"
	// DiskFull says that the node's disk has no room for what is asked.
	DiskFull Reason = "disk_full"
	// NoLeader says that no replica of the node takes changes at the moment; nothing was done.
	NoLeader Reason = "no_leader"
	// OutcomeUnknown says that nobody knows yet whether a change was made: the same request with
	// the same key asks again.
	OutcomeUnknown Reason = "outcome_unknown"
	// Behind says that a replica did not reach the index that was asked for in time.
	Behind Reason = "behind"
)

// Reasons lists them all, in no order.
func Reasons() []Reason {
	return []Reason{
		InsufficientFunds, UnderFloor, OverCeiling, VelocityExceeded, NothingToMove,
		UnknownAccount, UnknownTransfer, UnknownHold, AccountClosed, AccountFrozen,
		AccountManaged, AccountInUse, SameAccount, ZeroAmount, NegativeAmount, AmountPrecision,
		AmountOverflow, MixedCurrencies, HoldEnded, HoldExpired, HoldExceeded, ExpiryPassed,
		AlreadyReversed, NotReversible, IDReused, TooManyItems, TooManyLegs, LinkedRefused,
		RateMismatch, HistoryTooLong, ReadOnly,
		DiskFull, NoLeader, OutcomeUnknown, Behind,
	}
}
