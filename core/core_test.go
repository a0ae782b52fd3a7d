package core_test

import (
	"bytes"
	"slices"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/payment"

	"github.com/google/go-cmp/cmp"
)

// TestCheckout plays a payment by hand and says every message of it.
func TestCheckout(t *testing.T) {
	s := newScript(t)
	claim, order, said := s.pay(15_000)
	want := []string{
		"claim.present accepted", "transfer.prepare accepted", "transfer.accept accepted",
		"transfer.fulfil accepted", "transfer.ack accepted",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	row, _ := s.tokyo.core.View().Claim(claim.Claim.ID)
	held, _ := s.seoul.core.View().Order(order.ID)
	if row.State != core.ClaimPaid || held.State != core.OrderPaid {
		t.Errorf("the claim is %s, the order %s", row.State, held.State)
	}
	owes := s.seoul.core.View().Books(s.tokyo.did)[0]
	owed := s.tokyo.core.View().Books(s.seoul.did)[0]
	if owes.Payable != won(15_000) || owed.Receivable != won(15_000) {
		t.Errorf("seoul owes %s, tokyo is owed %s", owes.Payable, owed.Receivable)
	}
	for _, m := range []*machine{s.seoul, s.tokyo} {
		for _, total := range m.core.View().Totals() {
			if total.Debits != total.Credits {
				t.Errorf("%s: %s debited, %s credited", m.did, total.Debits, total.Credits)
			}
		}
		if rows := m.core.View().ChainRows(0, 10); len(rows) != 1 && m == s.seoul {
			t.Errorf("seoul has %d records to write", len(rows))
		}
	}
}

// TestReplay: the same entries give the same state, to the last row.
func TestReplay(t *testing.T) {
	s := play(t)
	for _, m := range []*machine{s.seoul, s.tokyo} {
		again := m.replay()
		if again.core.StateHash() != m.core.StateHash() || again.picture() != m.picture() ||
			again.core.Records() != m.core.Records() {
			t.Errorf("%s replays to another state", m.did)
		}
		again.entries = append(again.entries, nil)
		changed := m.replay()
		changed.now += 5000
		changed.entry(command(core.KindTick, system(), struct{}{}))
		if changed.core.StateHash() == m.core.StateHash() {
			t.Errorf("%s: another entry leads to the same hash", m.did)
		}
	}
}

// TestSeedMatters: two journals that differ in one seed differ in state.
func TestSeedMatters(t *testing.T) {
	s := newScript(t)
	data := slices.Clone(s.seoul.entries)
	for i := range data {
		e, err := journal.DecodeEntry(data[i])
		if err != nil {
			t.Fatal(err)
		}
		if e.Commands[0].Kind == core.KindDeposit {
			e.Header.Seed[0] ^= 1
			data[i] = e.Encode()
		}
	}
	other := (&machine{t: t, entries: data}).replay()
	if other.core.StateHash() == s.seoul.core.StateHash() {
		t.Error("the seed changes nothing")
	}
}

// TestTime: time never runs backwards, whatever an entry says.
func TestTime(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	before := m.core.Time()
	m.now -= 1_000_000
	if got := do[int64](m, core.KindTick, system(), struct{}{}); got != before {
		t.Errorf("time %d after %d", got, before)
	}
	if m.core.Time() != before {
		t.Errorf("the node's time is %d", m.core.Time())
	}
}

// TestBatch: a refused command of an entry leaves nothing, those around it stand.
func TestBatch(t *testing.T) {
	s := newScript(t)
	good := func(notice string) journal.Command {
		return command(core.KindDeposit, bank(), core.Deposit{
			Rail: "bank", Notice: notice, Bank: "hana", Number: "110-1", Amount: won(7),
		})
	}
	offer := s.offer(s.tokyo, s.shop, "Kanda Paper", 200_000)
	tooMuch := command(core.KindApproveOrder, s.customer(), s.approval(offer))
	results := s.seoul.entry(good("a"), tooMuch, good("b"), good("a"))
	for i, want := range []bool{true, false, true, true} {
		if (results[i].Fault == nil) != want {
			t.Errorf("command %d: %v", i, results[i].Fault)
		}
	}
	if !bytes.Equal(results[0].Body, results[3].Body) {
		t.Error("the same notice has two answers")
	}
	if balance, _ := s.wallet().Balance(); balance != won(100_014) {
		t.Errorf("the wallet has %s", balance)
	}
}

// TestExpireMax: one entry expires so many holds and no more; the next goes on.
func TestExpireMax(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	const more = 3
	for range core.ExpireMax + more {
		s.order(s.offer(m, s.local, "Here", 1))
		m.now -= 2000 // all of them expire at one time
	}
	held := func() (n int) {
		pending, _ := s.wallet().DebitsPending.Uint64()
		return int(pending)
	}
	if held() != core.ExpireMax+more {
		t.Fatalf("%d are held", held())
	}
	m.now += 10_000_000
	for _, want := range []int{more, 0, 0} {
		do[int64](m, core.KindTick, system(), struct{}{})
		if held() != want {
			t.Errorf("%d are held, want %d", held(), want)
		}
	}
}

// TestUnreadable: what no shell of this version proposes is refused and the journal goes on.
func TestUnreadable(t *testing.T) {
	s := newScript(t)
	good := command(core.KindTick, system(), struct{}{})
	tests := []struct {
		name   string
		change func(c *journal.Command)
	}{
		{"unknown kind", func(c *journal.Command) { c.Kind = 9999 }},
		{"unknown version", func(c *journal.Command) {
			c.Kind, c.Version = core.KindDeposit, core.CommandVersion+1
		}},
		{"no body", func(c *journal.Command) { c.Kind, c.Body = core.KindDeposit, nil }},
		{"a body of another command", func(c *journal.Command) {
			c.Kind = core.KindDeposit
			c.Body = command(core.KindCloseDay, system(), core.CloseDay{Day: 1}).Body
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good
			test.change(&c)
			if f := s.seoul.refusedCommand(c); f.Code != fault.Invalid {
				t.Error(f)
			}
		})
	}
}

// TestUnconfigured: before its first command a node does nothing else.
func TestUnconfigured(t *testing.T) {
	m := newMachine(t, "seoul")
	if f := m.refused(core.KindTick, system(), struct{}{}); f.Code != fault.Unavailable {
		t.Error(f)
	}
	if f := m.refused(core.KindConfigure, operator(), core.Configure{}); f.Code != fault.Forbidden {
		t.Error(f)
	}
	empty := core.Configure{DID: m.did}
	if f := m.refused(core.KindConfigure, system(), empty); f.Code != fault.Invalid {
		t.Error(f)
	}
}

// TestStops: what breaks the order of the journal, or was written by a program to come, stops
// the node.
func TestStops(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	header := journal.Header{Format: journal.Format, Node: m.did, Time: m.now, Rule: core.RuleFirst}
	activateAll(m)
	do[*int](m, core.KindCompare, system(), core.Compare{
		Index: m.core.Applied(), Hash: m.core.StateHash(),
	})
	next := m.core.Applied() + 1
	other := header
	other.Format++
	for name, apply := range map[string]func(){
		"an entry twice":    func() { m.core.Apply(next-1, journal.Entry{Header: header}) },
		"an entry left out": func() { m.core.Apply(next+1, journal.Entry{Header: header}) },
		"a newer rule": func() {
			m.entry(command(core.KindActivate, system(), core.Activate{Rule: core.RuleVersion + 1}))
		},
		"another hash": func() {
			m.entry(command(core.KindCompare, system(), core.Compare{Index: next - 1}))
		},
		"another format":     func() { m.core.Apply(next, journal.Entry{Header: other}) },
		"another checkpoint": func() { signOther(s) },
	} {
		if !panics(apply) {
			t.Errorf("%s did not stop the node", name)
		}
	}
}

// activateAll brings all rules of this program into force, one after the other.
func activateAll(m *machine) {
	for rule := uint16(core.RuleFirst); rule < core.RuleVersion; rule++ {
		do[core.NodeRow](m, core.KindActivate, system(), core.Activate{Rule: rule + 1})
	}
}

// TestActivate: rules come into force one after the other, by who runs the node, and what was
// decided under an older one replays so.
func TestActivate(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	skip := core.Activate{Rule: core.RuleFirst + 2}
	if f := m.refused(core.KindActivate, operator(), skip); f.Field != "rule" {
		t.Error(f)
	}
	f := m.refused(core.KindActivate, s.customer(), core.Activate{Rule: core.RuleFirst + 1})
	if f.Code != fault.Forbidden {
		t.Error(f)
	}
	activateAll(m)
	if row := m.core.View().Node(); row.Rule != core.RuleVersion {
		t.Errorf("rule %d is in force", row.Rule)
	}
	do[core.NodeRow](m, core.KindActivate, operator(), core.Activate{Rule: core.RuleVersion})
	if m.replay().core.StateHash() != m.core.StateHash() {
		t.Error("the replay led to another state")
	}
}

func signOther(s *script) {
	do[core.DayRow](s.seoul, core.KindCloseDay, operator(), core.CloseDay{Day: 20_775})
	s.seoul.entry(command(core.KindSignCheckpoint, system(), core.SignCheckpoint{
		Day: 20_775, Note: "another text that is long enough to be a checkpoint of this tree\n\n",
	}))
}

func panics(do func()) (stopped bool) {
	defer func() { stopped = recover() != nil }()
	do()
	return false
}

// TestOpenMixedCut: stores of different entries are refused.
func TestOpenMixedCut(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	whole, image := m.stores.Cut(m.core)
	for name, cut := range map[string]core.Stores{
		"history": {
			Tables: whole.Tables, History: whole.History.Clone(0), Hashes: whole.Hashes,
			Lines: whole.Lines,
		},
		"tree": {
			Tables: whole.Tables, History: whole.History, Hashes: whole.Hashes.Clone(1),
			Lines: whole.Lines,
		},
		"lines": {
			Tables: whole.Tables, History: whole.History, Hashes: whole.Hashes,
			Lines: whole.Lines.Clone(0),
		},
	} {
		if _, err := core.Open(cut, ledger.NewBook()); err == nil {
			t.Errorf("tables were opened with the %s of an earlier entry", name)
		}
	}
	book, err := ledger.DecodeBook(image)
	if err != nil {
		t.Fatal(err)
	}
	c, err := core.Open(whole.Stores(), book)
	if err != nil || c.StateHash() != m.core.StateHash() || c.Applied() != m.core.Applied() {
		t.Errorf("a whole cut: %v", err)
	}
}

// TestLimits reaches the bounds of single commands.
func TestLimits(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	long := string(bytes.Repeat([]byte{'x'}, core.TextMax+1))
	seal := secret("seal")
	peer := core.AddPeer{DID: "did:web:osaka.example", URL: "http://osaka.example", KeyID: "k"}
	peer.Key, peer.SealKey = seal[:], seal[:]
	wide := peer
	wide.Credit = slices.Repeat(core.AddPeer{}.Credit, 1)
	for range core.CreditsMax + 1 {
		wide.Credit = append(wide.Credit, creditOf(1))
	}
	tests := []struct {
		name string
		kind uint16
		by   journal.Principal
		body any
	}{
		{"name of a company", core.KindAddCompany, operator(), core.AddCompany{
			ID: core.CompanyID(id[companyKind](m)), Name: long, Alias: "a",
		}},
		{"alias", core.KindAddCompany, operator(), core.AddCompany{
			ID: core.CompanyID(id[companyKind](m)), Name: "a", Alias: long,
		}},
		{"number", core.KindOpenVirtual, operator(), core.OpenVirtual{
			Rail: "bank", Bank: "hana", Number: long, Currency: 410, Owner: s.member.String(),
		}},
		{"notice", core.KindDeposit, bank(), core.Deposit{
			Rail: "bank", Notice: long + long, Amount: won(1),
		}},
		{"credits", core.KindAddPeer, operator(), wide},
		{"a far day", core.KindCloseDay, operator(), core.CloseDay{
			Day: uint32(m.now/86_400_000) + core.DaysAheadMax + 1,
		}},
		{"seen", core.KindSeeChain, system(), core.SeeChain{
			Seen: make([]core.Seen, core.SeenMax+1),
		}},
		{"a height below zero", core.KindSeeChain, system(), core.SeeChain{Height: -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := m.refused(test.kind, test.by, test.body)
			if f.Code != fault.Invalid && f.Code != fault.TooLarge && f.Code != fault.Refused {
				t.Error(f)
			}
		})
	}
	far := core.CloseDay{Day: uint32(m.now/86_400_000) + core.DaysAheadMax}
	do[core.DayRow](m, core.KindCloseDay, operator(), far)
}

// TestIdempotencyID: an id belongs to one principal and one request.
func TestIdempotencyID(t *testing.T) {
	s := newScript(t)
	m := s.seoul
	sell := func(by journal.Principal, hash byte) journal.Result {
		c := command(core.KindAddMember, by, core.AddMember{
			ID: core.MemberID(id[companyKind](m)), SealedName: []byte{1},
		})
		c.ID, c.RequestHash = [16]byte{7}, [32]byte{hash}
		return m.entry(c)[0]
	}
	first, again, other := sell(operator(), 1), sell(operator(), 1), sell(operator(), 2)
	if first.Fault != nil || first.Replayed {
		t.Fatalf("first: %+v", first)
	}
	if !again.Replayed || !bytes.Equal(first.Body, again.Body) {
		t.Errorf("again: %+v", again)
	}
	if other.Fault == nil || other.Fault.Code != fault.Conflict {
		t.Errorf("another request: %+v", other)
	}
	if theirs := sell(system(), 2); theirs.Replayed || theirs.Fault != nil {
		t.Errorf("another principal: %+v", theirs)
	}
	if n := len(m.core.View().Members()); n != 3 {
		t.Errorf("%d members", n)
	}
}

// TestOfferIsGoodForOnePayment: two customers cannot both pay one offer.
func TestOfferIsGoodForOnePayment(t *testing.T) {
	s := newScript(t)
	offer := s.offer(s.tokyo, s.shop, "Kanda Paper", 1_000)
	order := s.order(offer)
	again := s.seoul.refused(core.KindApproveOrder, s.customer(), s.approval(offer))
	if again.Code != fault.Conflict {
		t.Errorf("ordered twice: %v", again)
	}
	claim := s.claim(offer, order)
	first := do[core.ClaimRow](s.tokyo, core.KindSubmitClaim, s.seller(), claim)
	other := s.claim(offer, order)
	second := do[core.ClaimRow](s.tokyo, core.KindSubmitClaim, s.seller(), other)
	if first.State != core.ClaimPending || second.State != core.ClaimConflict {
		t.Errorf("claims %s and %s", first.State, second.State)
	}
	if first.ID == second.ID || first.ID == (payment.ClaimID{}) {
		t.Error("claims without ids of their own")
	}
}
