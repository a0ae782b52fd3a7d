package core_test

import (
	"encoding/binary"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/wire"
)

// callerID draws ids of a caller until what derives from one begins as an id of the next days does.
func callerID(m *machine, use string, id [16]byte) [16]byte {
	hour := time.Hour.Milliseconds()
	from, to := uint64(m.now+30*hour), uint64(m.now+50*hour)
	for n := uint64(0); ; n++ {
		binary.BigEndian.PutUint64(id[8:], 1<<63|n)
		hash := wire.Hash(use, id[:])
		if at := binary.BigEndian.Uint64(hash[:]) >> 16; at > from && at < to {
			return id
		}
	}
}

// TestReversedOnce: a transfer is reversed once, also when a cut and days lie between and its
// caller chose its id so that the reversal's looks like one of those days.
func TestReversedOnce(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	m := b.machine
	line := b.line(ledger.ActPost, b.cash, b.fees, 1000)
	line.ID = callerID(m, "reversal", line.ID)
	b.must(line)
	undo := b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0)
	undo.Related = line.ID
	b.must(undo)
	b.balance(b.fees, 0)
	m.stores.Cut(m.core)
	m.now += 40 * time.Hour.Milliseconds()
	undo.ID = b.line(ledger.ActReverse, ledger.AccountID{}, ledger.AccountID{}, 0).ID
	_, _, refused := b.send(operator(), batchOf(ledger.All, undo))
	if refused == nil || refused.Reason != fault.AlreadyReversed {
		t.Errorf("the second reversal: %v", refused)
	}
	b.balance(b.fees, 0)
	if m.replay().core.StateHash() != m.core.StateHash() {
		t.Error("a replay without the cut has another state hash")
	}
}

// TestEndedHoldIsFound: the same of the id under which the end of a hold is found.
func TestEndedHoldIsFound(t *testing.T) {
	b := openBooks(newScript(t).seoul)
	m := b.machine
	b.must(b.line(ledger.ActPost, b.cash, b.till, 1000))
	line := b.line(ledger.ActHold, b.till, b.fees, 100)
	line.ID = callerID(m, "end of hold", line.ID)
	b.must(line)
	void := b.line(ledger.ActVoid, ledger.AccountID{}, ledger.AccountID{}, 0)
	void.Related = line.ID
	b.must(void)
	m.stores.Cut(m.core)
	m.now += 40 * time.Hour.Milliseconds()
	b.must(b.line(ledger.ActPost, b.cash, b.till, 1))
	if _, _, ended, ok := b.core.View().FindHold(ledger.HoldID(line.ID)); !ok || ended == nil {
		t.Error("the hold is not found")
	}
	capture := b.line(ledger.ActCapture, ledger.AccountID{}, ledger.AccountID{}, 5)
	capture.Related = line.ID
	_, _, refused := b.send(operator(), batchOf(ledger.All, capture))
	if refused == nil || refused.Reason != fault.HoldEnded {
		t.Errorf("a capture of a hold that ended: %v", refused)
	}
}
