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
	now   int64
	index uint64

	committed *model // what the book should be
	drafted   *model // what the draft should be
	marks     []mark
	history   [][]byte
}

type mark struct {
	savepoint ledger.Savepoint
	drafted   *model
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
		}
	})
	someFlags = rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]ledger.Flags{
		ledger.NoOverdraft, ledger.NoOverdraft, 0, 0, 0, ledger.FrozenIn, ledger.FrozenOut,
		ledger.Closed,
	}), 0, 2), func(list []ledger.Flags) (flags ledger.Flags) {
		for _, f := range list {
			flags |= f
		}
		return flags
	})
)

// agree checks that the book answered as the model did.
func agree(t *rapid.T, err error, want fault.Code) {
	var got fault.Code
	if err != nil {
		f, ok := fault.Of(err)
		if !ok {
			t.Fatalf("%v is no domain error", err)
		}
		got = f.Code
	}
	if got != want {
		t.Fatalf("the book answers %q (%v), the model %q", got, err, want)
	}
}

func (m *machine) Open(t *rapid.T) {
	s := ledger.Spec{
		ID: someAccount.Draw(t, "id"), Currency: someAmount.Draw(t, "of").Currency(),
		Kind:  ledger.Kind(rapid.IntRange(1, 5).Draw(t, "kind")),
		Flags: someFlags.Draw(t, "flags") &^ ledger.Closed,
	}
	agree(t, m.draft.Open(s), m.drafted.open(s))
}

func (m *machine) SetFlags(t *rapid.T) {
	id, flags := someAccount.Draw(t, "id"), someFlags.Draw(t, "flags")
	agree(t, m.draft.SetFlags(id, flags), m.drafted.setFlags(id, flags))
}

func (m *machine) Post(t *rapid.T) {
	legs := rapid.SliceOfN(someLeg, 1, 4).Draw(t, "legs")
	agree(t, m.draft.Post(move(transfer(1), 1, legs...)), m.drafted.post(legs))
}

func (m *machine) Hold(t *rapid.T) {
	leg := someLeg.Draw(t, "of")
	h := ledger.Hold{
		ID: someHold.Draw(t, "id"), Debit: leg.Debit, Credit: leg.Credit, Amount: leg.Amount,
		Expires: rapid.Int64Range(0, 50).Draw(t, "expires"),
	}
	agree(t, m.draft.Hold(h), m.drafted.hold(h, m.now))
}

func (m *machine) Bind(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Bind(id), m.drafted.bind(id))
}

func (m *machine) Capture(t *rapid.T) {
	id, amount := someHold.Draw(t, "id"), someAmount.Draw(t, "amount")
	further := rapid.SliceOfN(someLeg, 0, 2).Draw(t, "further")
	err := m.draft.Capture(id, move(transfer(1), 1, further...), amount, false)
	agree(t, err, m.drafted.capture(id, amount, further, m.now))
}

func (m *machine) Void(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Void(id), m.drafted.void(id))
}

func (m *machine) Expire(t *rapid.T) {
	id := someHold.Draw(t, "id")
	agree(t, m.draft.Expire(id, m.now), m.drafted.expire(id, m.now))
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
	number := uint64(len(m.history)) + 1
	for i, r := range m.draft.Commit(m.index, number) {
		if r.Number != number+uint64(i) || r.Index != m.index || r.Time != m.now {
			t.Fatalf("record %+v in entry %d", r, m.index)
		}
		m.history = append(m.history, r.Encode())
	}
	m.drafted.forget()
	m.committed = m.drafted.clone()
	m.image(t)
	m.read(t)
	m.now += rapid.Int64Range(0, 5).Draw(t, "passed")
	m.begin()
}

func (m *machine) begin() {
	m.draft, m.marks = m.book.Begin(m.now), nil
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
			minor, _ := r.Amount.Uint64()
			if r.Kind == ledger.RecordPosted || r.Kind == ledger.RecordCaptured {
				if r.Debit == a.ID {
					debits += int(minor)
				} else {
					credits += int(minor)
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
	for _, total := range m.book.Totals() {
		if total.Debits != total.Credits {
			t.Fatalf("%v: debits %v, credits %v", total.Currency, total.Debits, total.Credits)
		}
	}
	if due := m.book.Due(m.now, 100); !slices.Equal(due, m.committed.due(m.now)) {
		t.Fatalf("due in the book %v", due)
	}
	if due := m.draft.Due(m.now, 3); !slices.Equal(due, firsts(m.drafted.due(m.now), 3)) {
		t.Fatalf("due in the draft %v", due)
	}
	all := m.committed.due(1 << 40)
	next, ok := m.book.NextDue()
	if ok != (len(all) > 0) || ok && next != m.committed.holds[all[0]].expires {
		t.Fatalf("next due %d, %v", next, ok)
	}
}

func firsts(ids []ledger.HoldID, limit int) []ledger.HoldID { return ids[:min(limit, len(ids))] }

var cmpAmounts = cmpopts.EquateComparable(money.Amount{})

func compareAccount(t *rapid.T, m *model, id ledger.AccountID, got ledger.Account, ok bool) {
	spec, want := m.accounts[id]
	if ok != want {
		t.Fatalf("account %v is there: %v, in the model: %v", id, ok, want)
	}
	if !ok {
		return
	}
	debits, credits, debitsHeld, creditsHeld := m.sums(id)
	amount := func(minor int) money.Amount { return money.New(spec.Currency, uint64(minor)) }
	if diff := cmp.Diff(ledger.Account{
		Spec: spec, DebitsPosted: amount(debits), CreditsPosted: amount(credits),
		DebitsPending: amount(debitsHeld), CreditsPending: amount(creditsHeld),
		LastRecord: got.LastRecord,
	}, got, cmpAmounts); diff != "" {
		t.Fatalf("account %v (-model +got):\n%s", id, diff)
	}
	if available := got.Available(); available != amount(max(0, m.free(id))) {
		t.Fatalf("account %v has %v available, the model %d", id, available, m.free(id))
	}
}

func compareHold(t *rapid.T, m *model, id ledger.HoldID, got ledger.Hold, ok bool) {
	want, known := m.holds[id]
	if ok != known {
		t.Fatalf("hold %v is there: %v, in the model: %v", id, ok, known)
	}
	minor, _ := got.Amount.Uint64()
	have := modelHold{got.Debit, got.Credit, int(minor), got.Expires, got.Bound, got.State}
	if ok && have != want {
		t.Fatalf("hold %v is %+v, in the model %+v", id, have, want)
	}
}

func TestBookAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{book: ledger.NewBook(), committed: newModel(), drafted: newModel(), now: 10}
		m.begin()
		for n := uint64(1); n <= 4; n++ {
			s := ledger.Spec{ID: account(n), Currency: money.KRW, Kind: ledger.Kind(n)}
			agree(t, m.draft.Open(s), m.drafted.open(s))
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": m.Open, "flags": m.SetFlags, "post": m.Post, "postMore": m.Post,
			"hold": m.Hold, "holdMore": m.Hold, "markMore": m.Mark,
			"bind": m.Bind, "capture": m.Capture, "void": m.Void,
			"expire": m.Expire, "mark": m.Mark, "rollback": m.Rollback,
			"discard": m.Discard, "commit": m.Commit, "": m.Check,
		})
	})
}
