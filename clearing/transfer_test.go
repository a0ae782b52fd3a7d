package clearing_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"

	"pgregory.net/rapid"
)

// preimage of the transfers of these tests, and its condition.
var (
	preimage  = [32]byte{1, 2, 3}
	condition = clearing.Condition(preimage)
)

const today = 20_775

func quote() clearing.Quote {
	return clearing.Quote{
		ID:       clearing.QuoteID(wire.NewUUID(1, [10]byte{1})),
		Transfer: clearing.TransferID(wire.NewUUID(1, [10]byte{2})),
		Channel:  strings.Repeat("ab", 32), Amount: wire.NewMessageAmount(15_000, "KRW", 0),
		Due: today + clearing.DueDays, Condition: condition,
		CommitByHeight: 100 + clearing.MarginQuote, ValidUntilHeight: 100 + clearing.MarginPrepare,
	}
}

func terms() clearing.Terms {
	return clearing.Terms{
		Amount: money.New(money.KRW, 15_000), Channel: strings.Repeat("ab", 32), Tip: 100,
		Today: today,
	}
}

func fulfil(p clearing.Prepare) clearing.Fulfil {
	return clearing.Fulfil{
		Transfer: p.Transfer, PrepareHash: clearing.BodyHash(p),
		Preimage: hex.EncodeToString(preimage[:]),
	}
}

func ack(p clearing.Prepare, f clearing.Fulfil) clearing.Ack {
	return clearing.Ack{
		Transfer: p.Transfer, PrepareHash: clearing.BodyHash(p), FulfilHash: clearing.BodyHash(f),
		Due: p.Due, ClearSeq: 1,
	}
}

func TestCheckQuote(t *testing.T) {
	tests := []struct {
		name, field string
		change      func(q *clearing.Quote, t *clearing.Terms)
	}{
		{"fits", "", func(*clearing.Quote, *clearing.Terms) {}},
		{"a block later", "", func(_ *clearing.Quote, t *clearing.Terms) { t.Tip++ }},
		{"no id", "quote", func(q *clearing.Quote, _ *clearing.Terms) {
			q.ID = clearing.QuoteID{}
		}},
		{"no transfer", "quote", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Transfer = clearing.TransferID{}
		}},
		{"no condition", "quote.condition", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Condition = ""
		}},
		{"a short condition", "quote.condition", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Condition = q.Condition[2:]
		}},
		{
			"a condition in capitals", "quote.condition",
			func(q *clearing.Quote, _ *clearing.Terms) {
				q.Condition = strings.Repeat("AB", 32)
			},
		},
		{"another channel", "quote.channel", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Channel = strings.Repeat("00", 32)
		}},
		{"more", "quote.amount", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Amount.Value = "15001"
		}},
		{"less", "quote.amount", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Amount.Value = "14999"
		}},
		{
			"the same in other digits", "quote.amount",
			func(q *clearing.Quote, _ *clearing.Terms) { q.Amount.Value = "015000" },
		},
		{"another currency", "quote.amount", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Amount.Currency = "JPY"
		}},
		{"another scale", "quote.amount", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Amount.Scale = 2
		}},
		{"the last valid height", "", func(q *clearing.Quote, t *clearing.Terms) {
			t.Tip = q.ValidUntilHeight
		}},
		{
			"not valid any more", "quote.commitByHeight",
			func(q *clearing.Quote, t *clearing.Terms) { t.Tip = q.ValidUntilHeight + 1 },
		},
		{"the least time", "", func(q *clearing.Quote, t *clearing.Terms) {
			q.CommitByHeight = t.Tip + clearing.MarginPrepare
		}},
		{"too little time", "quote.commitByHeight", func(q *clearing.Quote, t *clearing.Terms) {
			q.CommitByHeight = t.Tip + clearing.MarginPrepare - 1
		}},
		{"the most time", "", func(q *clearing.Quote, t *clearing.Terms) {
			q.CommitByHeight = t.Tip + clearing.MarginMax
		}},
		{"too much time", "quote.commitByHeight", func(q *clearing.Quote, t *clearing.Terms) {
			q.CommitByHeight = t.Tip + clearing.MarginMax + 1
		}},
		{
			"heights that go round", "quote.commitByHeight",
			func(q *clearing.Quote, _ *clearing.Terms) { q.CommitByHeight = -1 << 62 },
		},
		{"due a day early", "", func(q *clearing.Quote, _ *clearing.Terms) { q.Due-- }},
		{"due a day late", "", func(q *clearing.Quote, _ *clearing.Terms) { q.Due++ }},
		{"due two days early", "quote.due", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Due -= 2
		}},
		{"due two days late", "quote.due", func(q *clearing.Quote, _ *clearing.Terms) {
			q.Due += 2
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, terms := quote(), terms()
			test.change(&q, &terms)
			f, refused := fault.Of(clearing.CheckQuote(q, terms))
			if refused != (test.field != "") || (refused && f.Field != test.field) {
				t.Errorf("%v, want a fault of %q", f, test.field)
			}
		})
	}
}

func TestFulfilFits(t *testing.T) {
	p := quote().Prepare()
	tests := []struct {
		name   string
		change func(f *clearing.Fulfil)
		want   bool
	}{
		{"fits", func(*clearing.Fulfil) {}, true},
		{"another transfer", func(f *clearing.Fulfil) { f.Transfer[0] ^= 1 }, false},
		{"another prepare", func(f *clearing.Fulfil) { f.PrepareHash = strings.Repeat("0", 64) }, false},
		{"another preimage", func(f *clearing.Fulfil) { f.Preimage = strings.Repeat("0", 64) }, false},
		{"a short preimage", func(f *clearing.Fulfil) { f.Preimage = f.Preimage[2:] }, false},
		{"a preimage in capitals", func(f *clearing.Fulfil) {
			f.Preimage = "0A" + f.Preimage[2:]
		}, false},
		{"no preimage", func(f *clearing.Fulfil) { f.Preimage = "" }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fulfil(p)
			test.change(&f)
			if got := f.Fits(p); got != test.want {
				t.Errorf("fits: %t", got)
			}
		})
	}
}

func TestAckFits(t *testing.T) {
	p := quote().Prepare()
	f := fulfil(p)
	tests := []struct {
		name   string
		change func(a *clearing.Ack)
		want   bool
	}{
		{"fits", func(*clearing.Ack) {}, true},
		{"a later number", func(a *clearing.Ack) { a.ClearSeq = 7 }, true},
		{"no number", func(a *clearing.Ack) { a.ClearSeq = 0 }, false},
		{"another transfer", func(a *clearing.Ack) { a.Transfer[0] ^= 1 }, false},
		{"another prepare", func(a *clearing.Ack) { a.PrepareHash = a.FulfilHash }, false},
		{"another fulfil", func(a *clearing.Ack) { a.FulfilHash = a.PrepareHash }, false},
		{"another due date", func(a *clearing.Ack) { a.Due++ }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := ack(p, f)
			test.change(&a)
			if got := a.Fits(p, f); got != test.want {
				t.Errorf("fits: %t", got)
			}
		})
	}
}

// changes is every field of a prepare but the condition.
func changes() map[string]func(p *clearing.Prepare) {
	return map[string]func(p *clearing.Prepare){
		"transfer": func(p *clearing.Prepare) { p.Transfer[15] ^= 1 },
		"quote":    func(p *clearing.Prepare) { p.Quote[15] ^= 1 },
		"channel":  func(p *clearing.Prepare) { p.Channel = strings.Repeat("cd", 32) },
		"value":    func(p *clearing.Prepare) { p.Amount.Value = "15001" },
		"currency": func(p *clearing.Prepare) { p.Amount.Currency = "JPY" },
		"scale":    func(p *clearing.Prepare) { p.Amount.Scale = 1 },
		"due":      func(p *clearing.Prepare) { p.Due++ },
		"height":   func(p *clearing.Prepare) { p.CommitByHeight++ },
	}
}

// TestPreimageInput: every field but the condition changes the preimage, so that one reveal
// commits one transfer over one amount (protocol.md B2.9).
func TestPreimageInput(t *testing.T) {
	p := quote().Prepare()
	first := string(clearing.PreimageInput(p))
	seen := map[string]string{first: "nothing"}
	for name, change := range changes() {
		other := p
		change(&other)
		input := string(clearing.PreimageInput(other))
		if twice, ok := seen[input]; ok {
			t.Errorf("changing %s and changing %s give one input", name, twice)
		}
		seen[input] = name
	}
	p.Condition = clearing.Condition([32]byte{9})
	if string(clearing.PreimageInput(p)) != first {
		t.Error("the condition is in its own input")
	}
}

// TestPrepareTakesUpTheQuote: a prepare says what was quoted, and its hash covers every field.
func TestPrepareTakesUpTheQuote(t *testing.T) {
	q := quote()
	p := q.Prepare()
	if p.Quote != q.ID || p.Transfer != q.Transfer || p.Channel != q.Channel ||
		p.Amount != q.Amount || p.Due != q.Due || p.Condition != q.Condition ||
		p.CommitByHeight != q.CommitByHeight {
		t.Errorf("%+v of %+v", p, q)
	}
	hashes := map[string]string{clearing.BodyHash(p): "nothing"}
	all := changes()
	all["condition"] = func(p *clearing.Prepare) { p.Condition = clearing.Condition([32]byte{9}) }
	for name, change := range all {
		other := p
		change(&other)
		if twice, ok := hashes[clearing.BodyHash(other)]; ok {
			t.Errorf("changing %s and changing %s give one hash", name, twice)
		}
		hashes[clearing.BodyHash(other)] = name
	}
}

// TestRoom holds the credit rule against plain numbers.
func TestRoom(t *testing.T) {
	won := func(n uint64) money.Amount { return money.New(money.KRW, n) }
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Uint64Range(0, 20)
		limit, flightMax := small.Draw(t, "limit"), small.Draw(t, "flightMax")
		owed, flight, amount := small.Draw(t, "owed"), small.Draw(t, "flight"), small.Draw(t, "amount")
		c := clearing.Credit{Limit: won(limit), InFlightMax: won(flightMax)}
		p := clearing.Position{Owed: won(owed), InFlight: won(flight)}
		want := owed+flight+amount <= limit && flight+amount <= flightMax
		if got := c.Room(p, won(amount)); got != want {
			t.Fatalf("room for %d is %t", amount, got)
		}
	})
}

func TestRoomAtTheEdges(t *testing.T) {
	most := money.FromWords(money.KRW, 1<<64-1, 1<<64-1)
	none, won, yen := money.New(money.KRW, 0), money.New(money.KRW, 1), money.New(money.JPY, 1)
	credit := func(a money.Amount) clearing.Credit {
		return clearing.Credit{Limit: a, InFlightMax: a}
	}
	at := func(owed, inFlight money.Amount) clearing.Position {
		return clearing.Position{Owed: owed, InFlight: inFlight}
	}
	tests := []struct {
		name   string
		credit clearing.Credit
		p      clearing.Position
		amount money.Amount
		want   bool
	}{
		{"no credit", credit(none), at(none, none), won, false},
		{"all that can be counted", credit(most), at(none, none), most, true},
		{"more than can be counted", credit(most), at(won, none), most, false},
		{"more in flight than can be counted", credit(most), at(none, most), won, false},
		{"another currency", credit(most), at(none, none), yen, false},
		{"a position in another currency", credit(most), at(yen, yen), won, false},
		{"a limit in another currency", credit(yen), at(none, none), won, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.credit.Room(test.p, test.amount); got != test.want {
				t.Errorf("room: %t", got)
			}
		})
	}
}
