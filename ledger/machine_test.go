package ledger_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/money"
)

// machine drives a book and the model with the same random commands: a draft is always open,
// with savepoints; commits and discards come now and then.
type machine struct {
	book  *ledger.Book
	draft *ledger.Draft
	index uint64

	committed *model // what the book should be
	drafted   *model // what the draft should be
	marks     []mark
	history   [][]byte
	// frozen is an image that outlives some commits, and what it should be.
	frozen      *ledger.Image
	frozenBytes []byte
}

type mark struct {
	savepoint ledger.Savepoint
	drafted   *model
}

// agree checks that the book answered as the model did.
func agree(t *rapid.T, err error, want verdict) {
	var got verdict
	if err != nil {
		f, ok := fault.Of(err)
		if !ok {
			t.Fatalf("%v is no domain error", err)
		}
		got = verdict(f.Code) + " " + verdict(f.Field)
	}
	if got != want {
		t.Fatalf("the book answers %q (%v), the model %q", got, err, want)
	}
}

func (m *machine) Open(t *rapid.T) {
	s := ledger.Spec{
		ID: someAccount.Draw(t, "id"), Owner: ledger.OwnerID{1, 2},
		Currency: someAmount.Draw(t, "of").Currency(), Code: 1010,
		Kind:   ledger.Kind(rapid.IntRange(1, 5).Draw(t, "kind")),
		Flags:  someFlags.Draw(t, "flags") &^ ledger.Closed,
		Limits: someLimits.Draw(t, "limits"),
	}
	agree(t, m.draft.Open(s), m.drafted.try(func(m *model) { m.open(s) }))
}

func (m *machine) SetFlags(t *rapid.T) {
	id, flags := someAccount.Draw(t, "id"), someFlags.Draw(t, "flags")
	agree(t, m.draft.SetFlags(id, flags),
		m.drafted.try(func(m *model) { m.setFlags(id, flags) }))
}

func (m *machine) SetLimits(t *rapid.T) {
	id, limits := someAccount.Draw(t, "id"), someLimits.Draw(t, "limits")
	agree(t, m.draft.SetLimits(id, limits),
		m.drafted.try(func(m *model) { m.setLimits(id, limits) }))
}

func (m *machine) Post(t *rapid.T) {
	transfer := someTransfer(1, 4).Draw(t, "transfer")
	agree(t, m.draft.Post(transfer), m.drafted.try(func(m *model) { m.post(transfer, 0) }))
}

func (m *machine) Hold(t *rapid.T) {
	leg := someLeg.Draw(t, "of")
	h := ledger.Hold{
		ID: someHold.Draw(t, "id"), Debit: leg.Debit, Credit: leg.Credit, Amount: leg.Amount,
		Expires: rapid.Int64Range(0, 50).Draw(t, "expires"), Code: 5,
	}
	agree(t, m.draft.Hold(h), m.drafted.try(func(m *model) { m.hold(h) }))
}

func (m *machine) Capture(t *rapid.T) {
	id, amount := someHold.Draw(t, "id"), someAmount.Draw(t, "amount")
	more := rapid.Bool().Draw(t, "more")
	transfer := someTransfer(0, 2).Draw(t, "transfer")
	transfer.Reverses = ledger.TransferID{}
	agree(t, m.draft.Capture(id, transfer, amount, more),
		m.drafted.try(func(m *model) { m.capture(id, transfer, amount, more) }))
}

func (m *machine) Bind(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Bind(id),
		m.drafted.try(func(m *model) { m.change(id, ledger.RecordBound, ledger.Held) }))
}

func (m *machine) Void(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Void(id),
		m.drafted.try(func(m *model) { m.change(id, ledger.RecordVoided, ledger.Voided) }))
}

func (m *machine) Expire(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Expire(id, m.drafted.now),
		m.drafted.try(func(m *model) { m.change(id, ledger.RecordExpired, ledger.Expired) }))
}

func (m *machine) Mark(*rapid.T) {
	m.marks = append(m.marks, mark{m.draft.Savepoint(), m.drafted.clone()})
}

func (m *machine) Rollback(t *rapid.T) {
	if len(m.marks) == 0 {
		t.Skip("no mark")
	}
	at := rapid.IntRange(0, len(m.marks)-1).Draw(t, "mark")
	m.draft.RollbackTo(m.marks[at].savepoint)
	m.drafted = m.marks[at].drafted.clone()
	m.marks = m.marks[:at+1]
}

func (m *machine) Discard(*rapid.T) {
	m.draft.Discard()
	m.drafted = m.committed.clone()
	m.begin()
}

func (m *machine) Commit(t *rapid.T) {
	m.index++
	first := uint64(len(m.history)) + 1
	records := m.draft.Commit(m.index, first)
	for i := range records {
		r := &records[i]
		if r.Number != first+uint64(i) || r.Index != m.index {
			t.Fatalf("record %+v in entry %d", *r, m.index)
		}
		m.history = append(m.history, r.Encode())
	}
	m.drafted.commit()
	m.committed = m.drafted.clone()
	if m.frozen != nil {
		m.thaw(t)
	}
	if rapid.Bool().Draw(t, "decode") {
		m.image(t)
	}
	m.freeze()
	m.read(t)
	m.committed.now += rapid.Int64Range(0, 5).Draw(t, "passed")
	m.drafted = m.committed.clone()
	m.begin()
}

func (m *machine) begin() {
	m.draft, m.marks = m.book.Begin(m.drafted.now), nil
}

// freeze takes an image that is written after the next commit.
func (m *machine) freeze() {
	m.frozenBytes, m.frozen = m.book.Encode(), m.book.Freeze()
}

// thaw checks that what happened since did not change the image.
func (m *machine) thaw(t *rapid.T) {
	var got bytes.Buffer
	if _, err := m.frozen.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), m.frozenBytes) {
		t.Fatalf("a frozen image changed: %v", err)
	}
	m.frozen.Release()
}

// image checks that the image of the book is the book, and goes on with the decoded one.
func (m *machine) image(t *rapid.T) {
	image := m.book.Encode()
	decoded, err := ledger.DecodeBook(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(decoded.Encode(), image) {
		t.Fatal("the image of the decoded book differs")
	}
	if diff := cmp.Diff(m.book.Totals(), decoded.Totals(), cmpAmounts); diff != "" {
		t.Fatalf("totals of the decoded book:\n%s", diff)
	}
	m.book = decoded
}

// read follows every account's history back to its beginning and counts its balance from it.
func (m *machine) read(t *rapid.T) {
	seen := 0
	m.book.Accounts(func(a ledger.Account) bool {
		debits, credits := 0, 0
		err := ledger.History(a.ID, a.LastRecord, m.record, func(r ledger.Record) bool {
			seen++
			switch r.Kind {
			case ledger.RecordPosted, ledger.RecordCaptured, ledger.RecordReversed:
				if r.Debit == a.ID {
					debits += minor(r.Amount)
				} else {
					credits += minor(r.Amount)
				}
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		wantDebits, wantCredits, _, _ := m.committed.sums(a.ID)
		if debits != wantDebits || credits != wantCredits {
			t.Fatalf("history of %v counts %d, %d", a.ID, debits, credits)
		}
		return true
	})
	if seen != 2*len(m.history) {
		t.Fatalf("histories show %d sides of %d records", seen, len(m.history))
	}
}

func (m *machine) record(number uint64) ([]byte, error) { return m.history[number-1], nil }

// Check runs after every step: the draft is what the model says, the book what it was, and each
// currency is conserved.
func (m *machine) Check(t *rapid.T) {
	for n := uint64(1); n <= 6; n++ {
		id := account(n)
		a, ok := m.draft.Account(id)
		compareAccount(t, m.drafted, id, a, ok)
		owner, flags, found := m.draft.Owner(id)
		if found != ok || owner != a.Owner || flags != a.Flags {
			t.Fatalf("owner of %v: %v, %b, %v", id, owner, flags, found)
		}
		a, ok = m.book.Account(id)
		compareAccount(t, m.committed, id, a, ok)
	}
	for n := uint64(1); n <= 8; n++ {
		id := hold(n)
		h, ok := m.draft.FindHold(id)
		compareHold(t, m.drafted, id, h, ok)
		h, ok = m.book.Hold(id)
		compareHold(t, m.committed, id, h, ok)
	}
	got := m.draft.Records(ledger.Savepoint{})
	if !slices.Equal(got, m.drafted.records) {
		t.Fatalf("records (-model +got):\n%s", cmp.Diff(m.drafted.records, got, cmpAmounts))
	}
	m.conserved(t)
	if due := m.book.Due(m.drafted.now, 100); !slices.Equal(due, m.committed.due(m.drafted.now)) {
		t.Fatalf("due in the book %v", due)
	}
	all := m.drafted.due(m.drafted.now)
	if due := m.draft.Due(m.drafted.now, 3); !slices.Equal(due, all[:min(3, len(all))]) {
		t.Fatalf("due in the draft %v", due)
	}
	all = m.committed.due(1 << 40)
	next, ok := m.book.NextDue()
	if ok != (len(all) > 0) || ok && next != m.committed.holds[all[0]].expires {
		t.Fatalf("next due %d, %v", next, ok)
	}
}

// conserved checks that in each currency all debits are credits, posted and pending: of the
// draft by its accounts, of the book by its totals.
func (m *machine) conserved(t *rapid.T) {
	posted, pending := map[money.Currency]int{}, map[money.Currency]int{}
	for n := uint64(1); n <= 6; n++ {
		if a, ok := m.draft.Account(account(n)); ok {
			posted[a.Currency] += minor(a.DebitsPosted) - minor(a.CreditsPosted)
			pending[a.Currency] += minor(a.DebitsPending) - minor(a.CreditsPending)
		}
	}
	for c := range posted {
		if posted[c] != 0 || pending[c] != 0 {
			t.Fatalf("%v: %d posted and %d pending from nothing", c, posted[c], pending[c])
		}
	}
	for _, total := range m.book.Totals() {
		if total.Debits != total.Credits {
			t.Fatalf("%v: debits %v, credits %v", total.Currency, total.Debits, total.Credits)
		}
	}
}

var cmpAmounts = cmpopts.EquateComparable(money.Amount{})

func compareAccount(t *rapid.T, m *model, id ledger.AccountID, got ledger.Account, ok bool) {
	want, known := m.accounts[id]
	if ok != known {
		t.Fatalf("account %v is there: %v, in the model: %v", id, ok, known)
	}
	if !ok {
		return
	}
	debits, credits, debitsHeld, creditsHeld := m.sums(id)
	amount := func(minor int) money.Amount { return money.New(want.Currency, uint64(minor)) }
	account := ledger.Account{
		Spec: want.Spec, DebitsPosted: amount(debits), CreditsPosted: amount(credits),
		DebitsPending: amount(debitsHeld), CreditsPending: amount(creditsHeld),
		LastRecord: got.LastRecord,
	}
	if want.Limits.Velocity.Period != 0 {
		account.Outflow = ledger.Outflow{
			Since: want.since, Amount: amount(want.spent), Count: uint32(want.times),
		}
	}
	if account != got {
		t.Fatalf("account %v (-model +got):\n%s", id, cmp.Diff(account, got, cmpAmounts))
	}
	balance, held, _ := m.stand(id)
	if available := got.Available(); available != amount(max(0, balance-held)) {
		t.Fatalf("account %v has %v available, the model %d", id, available, balance-held)
	}
	if posted, negative := got.Balance(); posted != amount(max(balance, -balance)) ||
		negative != (balance < 0) {
		t.Fatalf("account %v stands at %v, %v, in the model %d", id, posted, negative, balance)
	}
}

func compareHold(t *rapid.T, m *model, id ledger.HoldID, got ledger.Hold, ok bool) {
	want, known := m.holds[id]
	if ok != known {
		t.Fatalf("hold %v is there: %v, in the model: %v", id, ok, known)
	}
	have := modelHold{
		got.Debit, got.Credit, minor(got.Amount), minor(got.Captured), got.Code, got.Expires,
		got.Bound, got.State,
	}
	if ok && have != want {
		t.Fatalf("hold %v is %+v, in the model %+v", id, have, want)
	}
}

func TestBookAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{book: ledger.NewBook(), committed: newModel(10), drafted: newModel(10)}
		m.begin()
		for n := uint64(1); n <= 4; n++ {
			s := ledger.Spec{
				ID: account(n), Currency: money.KRW, Kind: ledger.Kind(n),
				Limits: someLimits.Draw(t, "limits"),
			}
			agree(t, m.draft.Open(s), m.drafted.try(func(m *model) { m.open(s) }))
		}
		actions := map[string]func(*rapid.T){
			"open": m.Open, "flags": m.SetFlags, "limits": m.SetLimits,
			"post": m.Post, "postMore": m.Post, "hold": m.Hold, "holdMore": m.Hold,
			"bind": m.Bind, "capture": m.Capture, "captureMore": m.Capture, "void": m.Void,
			"expire": m.Expire, "mark": m.Mark, "markMore": m.Mark, "rollback": m.Rollback,
			"discard": m.Discard, "commit": m.Commit, "": m.Check,
		}
		for range 3 { // Longer than one run of rapid's.
			t.Repeat(actions)
		}
	})
}
