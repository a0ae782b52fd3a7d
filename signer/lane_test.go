package signer_test

import (
	"math"
	"testing"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

// coinValue funds many anchors.
const coinValue = 10_000_000

func firstCoin(n byte) wire.Outpoint { return wire.NewOutpoint([32]byte{n + 1, 0xaa}, 7) }

// openLane returns a node with lane 0 funded.
func openLane(tb testing.TB, value uint64) (*parts, *signer.Signer) {
	tb.Helper()
	p := newParts(tb, seoul, 1)
	s := p.mustOpen(tb)
	err := s.SetLanes([]signer.Lane{{N: 0, Outpoint: firstCoin(0), Value: value}})
	if err != nil {
		tb.Fatal(err)
	}
	return p, s
}

func daily(b byte) []byte {
	return wire.Payload{Type: wire.RecordDaily, Hash: [32]byte{b}}.Bytes()
}

func TestRowTwiceIsTheSameBytes(t *testing.T) {
	p, s := openLane(t, coinValue)
	request := signer.AnchorRequest{Row: "row", Payload: daily(1), FeeRate: 2_000}
	first, err := s.SpendLane(request)
	if err != nil {
		t.Fatal(err)
	}
	request.FeeRate = 9_000
	for _, s := range []*signer.Signer{s, p.crash(t)} {
		again, err := s.SpendLane(request)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	}
	other := request
	other.Payload = daily(2)
	_, err = s.SpendLane(other)
	wantFault(t, err, fault.Conflict, "row")
	other = request
	other.Lane = 1
	_, err = s.SpendLane(other)
	wantFault(t, err, fault.Conflict, "row")

	// The same keys and requests give the same bytes on another machine: BIP 340 with zeros.
	_, twin := openLane(t, coinValue)
	request.FeeRate = 2_000
	again, err := twin.SpendLane(request)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestCrashAroundTheSpend(t *testing.T) {
	for name, kept := range map[string]int{"before": 10, "after": math.MaxInt} {
		t.Run(name, func(t *testing.T) {
			p, s := openLane(t, coinValue)
			request := signer.AnchorRequest{Row: "row", Payload: daily(1), FeeRate: 2_000}
			p.journal.FailAppend(1, kept, errPower)
			if _, err := s.SpendLane(request); err == nil {
				t.Fatal("the failure was hidden")
			}
			s = p.crash(t)
			other, err := s.SpendLane(signer.AnchorRequest{Row: "two", Payload: daily(2)})
			if err != nil {
				t.Fatal(err)
			}
			row, err := s.SpendLane(request)
			if err != nil {
				t.Fatal(err)
			}
			if (row.Outpoint == firstCoin(0)) == (other.Outpoint == firstCoin(0)) {
				t.Fatal("one coin was spent twice")
			}
			if (kept == 10) != (other.Outpoint == firstCoin(0)) {
				t.Fatalf("row spends %s, the other %s", row.Outpoint, other.Outpoint)
			}
		})
	}
}

func TestSpendLaneSealsToTheCoin(t *testing.T) {
	payer, payee := newParts(t, seoul, 1).mustOpen(t), newParts(t, tokyo, 2).mustOpen(t)
	for _, s := range []*signer.Signer{payer, payee} {
		if err := s.SetLanes([]signer.Lane{{Outpoint: firstCoin(0), Value: coinValue}}); err != nil {
			t.Fatal(err)
		}
	}
	channel := wire.Channel{
		Network: "regtest", Payer: seoul, Payee: tokyo, Epoch: 1,
		PayerKey: [32]byte(payer.Sealing().Bytes()), PayeeKey: [32]byte(payee.Sealing().Bytes()),
	}
	record := wire.Record{
		Type: wire.RecordTransfer, Amount: 15_000, Currency: 410, Due: 20_789, Seq: 1,
		TransferID: [16]byte{1}, RecordHash: [16]byte{2},
	}
	request := signer.AnchorRequest{
		Row: "r", Record: &signer.AnchorRecord{Channel: channel, Record: record}, FeeRate: 1_000,
	}
	a, err := payer.SpendLane(request)
	if err != nil {
		t.Fatal(err)
	}
	mustBeValid(t, a, payer.LaneScript(0), coinValue)
	if len(a.Payload) != wire.PayloadBytesMax {
		t.Fatalf("payload of %d bytes", len(a.Payload))
	}
	shared, err := payee.ChannelShared(payer.Sealing().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	root, err := channel.Root(shared)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := wire.ParsePayload(a.Payload)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := root.Cycle(record.Due).Open("regtest", a.Outpoint, payload)
	if diff := cmp.Diff(record, opened); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	again, err := payer.SpendLane(request)
	if diff := cmp.Diff(a, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	// The payee may claim with a counter-record, and only with one; the payer may not.
	_, err = payee.SpendLane(request)
	wantFault(t, err, fault.Invalid, "channel")
	record.Type = wire.RecordCounter
	request = signer.AnchorRequest{
		Row: "c", Record: &signer.AnchorRecord{Channel: channel, Record: record},
	}
	if a, err = payee.SpendLane(request); err != nil {
		t.Fatal(err)
	}
	mustBeValid(t, a, payee.LaneScript(0), coinValue)
	_, err = payer.SpendLane(request)
	wantFault(t, err, fault.Invalid, "channel")
}

// refusal is a request that SpendLane must refuse.
type refusal struct {
	request signer.AnchorRequest
	code    fault.Code
	field   string
}

// mustRefuse asks for each and checks that the lane's coin is still the first.
func mustRefuse(t *testing.T, s *signer.Signer, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := s.SpendLane(c.request)
			wantFault(t, err, c.code, c.field)
		})
	}
	if got := s.Lanes()[0].Outpoint; got != firstCoin(0) {
		t.Fatalf("a refusal spent the coin: %s", got)
	}
}

func TestSpendLaneRefusals(t *testing.T) {
	_, s := openLane(t, coinValue)
	row := func(change func(*signer.AnchorRequest)) signer.AnchorRequest {
		r := signer.AnchorRequest{Row: "r", Payload: daily(1)}
		change(&r)
		return r
	}
	payload := func(data []byte) signer.AnchorRequest {
		return row(func(r *signer.AnchorRequest) { r.Payload = data })
	}
	sealed := wire.Payload{Type: wire.RecordTransfer}.Bytes()
	unsigned := wire.Payload{Type: wire.RecordDescriptor, Hash: [32]byte{1}}.Bytes()
	mustRefuse(t, s, map[string]refusal{
		"no row": {row(func(r *signer.AnchorRequest) { r.Row = "" }), fault.Invalid, "row"},
		"long row": {row(func(r *signer.AnchorRequest) {
			r.Row = string(make([]byte, signer.RowBytesMax+1))
		}), fault.Invalid, "row"},
		"lane too high": {
			row(func(r *signer.AnchorRequest) { r.Lane = signer.LanesMax }),
			fault.Invalid, "lane",
		},
		"negative lane": {
			row(func(r *signer.AnchorRequest) { r.Lane = -1 }),
			fault.Invalid, "lane",
		},
		"empty lane": {
			row(func(r *signer.AnchorRequest) { r.Lane = 3 }),
			fault.Refused, "lane",
		},
		"nothing": {payload(nil), fault.Invalid, "payload"},
		"both": {
			row(func(r *signer.AnchorRequest) { r.Record = &signer.AnchorRecord{} }),
			fault.Invalid, "payload",
		},
		"not a payload":       {payload([]byte("hello")), fault.Invalid, "payload"},
		"sealed as bytes":     {payload(sealed), fault.Invalid, "payload"},
		"unsigned descriptor": {payload(unsigned), fault.Refused, "payload"},
		"fee over the cap": {row(func(r *signer.AnchorRequest) {
			r.FeeRate = signer.FeeMax*1000/157 + 1
		}), fault.Refused, "feeRate"},
		"fee out of range": {
			row(func(r *signer.AnchorRequest) { r.FeeRate = math.MaxUint64 }),
			fault.Refused, "feeRate",
		},
	})
	// The largest fee of all is signed.
	a, err := s.SpendLane(row(func(r *signer.AnchorRequest) {
		r.FeeRate = signer.FeeMax * 1000 / 157
	}))
	if err != nil || a.Fee > signer.FeeMax || a.Fee < signer.FeeMax-1 {
		t.Fatal(a.Fee, err)
	}
}

func TestSpendLaneRefusesRecords(t *testing.T) {
	_, s := openLane(t, coinValue)
	record := wire.Record{Type: wire.RecordTransfer, Amount: 1, Currency: 410, Due: 1, Seq: 1}
	with := func(record wire.Record, change func(*wire.Channel)) signer.AnchorRequest {
		// The payee's key is all zeros, a point of low order.
		channel := wire.Channel{
			Network: "regtest", Payer: seoul, Payee: tokyo, Epoch: 1,
			PayerKey: [32]byte(s.Sealing().Bytes()),
		}
		change(&channel)
		return signer.AnchorRequest{
			Row: "r", Record: &signer.AnchorRecord{Channel: channel, Record: record},
		}
	}
	same := func(*wire.Channel) {}
	mustRefuse(t, s, map[string]refusal{
		"bad record": {with(wire.Record{}, same), fault.Invalid, "record"},
		"bad channel": {
			with(record, func(c *wire.Channel) { *c = wire.Channel{} }),
			fault.Invalid, "channel",
		},
		"other network": {
			with(record, func(c *wire.Channel) { c.Network = "mainnet" }),
			fault.Invalid, "channel",
		},
		"other own key": {
			with(record, func(c *wire.Channel) { c.PayerKey = [32]byte{1} }),
			fault.Invalid, "channel",
		},
		"foreign channel": {
			with(record, func(c *wire.Channel) { c.Payer = busan }),
			fault.Invalid, "channel",
		},
		"low-order peer": {with(record, same), fault.Invalid, "peer"},
	})
}

func TestLaneIsUsedUp(t *testing.T) {
	const fee = 157 // one satoshi a virtual byte
	_, s := openLane(t, 2*fee+signer.LaneValueMin)
	for _, row := range []string{"a", "b"} {
		a, err := s.SpendLane(signer.AnchorRequest{Row: row, Payload: daily(1)})
		if err != nil {
			t.Fatal(err)
		}
		if row == "b" && a.Next.Value != signer.LaneValueMin {
			t.Fatalf("the last coin is %d", a.Next.Value)
		}
	}
	_, err := s.SpendLane(signer.AnchorRequest{Row: "c", Payload: daily(1)})
	wantFault(t, err, fault.Refused, "lane")
}

func TestSetLanes(t *testing.T) {
	p, s := openLane(t, coinValue)
	known := signer.Lane{N: 0, Outpoint: firstCoin(0), Value: coinValue}
	size := len(p.journal.Bytes())
	if err := s.SetLanes([]signer.Lane{known, known}); err != nil {
		t.Fatal(err)
	}
	if len(p.journal.Bytes()) != size {
		t.Fatal("known lanes were journalled again")
	}
	for name, c := range map[string]struct {
		lane  signer.Lane
		code  fault.Code
		field string
	}{
		"other coin":  {signer.Lane{Outpoint: firstCoin(1), Value: coinValue}, fault.Conflict, "lane"},
		"other value": {signer.Lane{Outpoint: firstCoin(0), Value: 5_000}, fault.Conflict, "lane"},
		"too high":    {signer.Lane{N: signer.LanesMax, Value: 5_000}, fault.Invalid, "lane"},
		"negative":    {signer.Lane{N: -1, Value: 5_000}, fault.Invalid, "lane"},
		"dust":        {signer.Lane{N: 1, Value: signer.LaneValueMin - 1}, fault.Invalid, "value"},
		"too much":    {signer.Lane{N: 1, Value: 21e14 + 1}, fault.Invalid, "value"},
	} {
		t.Run(name, func(t *testing.T) {
			fine := signer.Lane{N: 2, Outpoint: firstCoin(2), Value: coinValue}
			err := s.SetLanes([]signer.Lane{fine, c.lane})
			wantFault(t, err, c.code, c.field)
		})
	}
	err := s.SetLanes([]signer.Lane{
		{N: 5, Outpoint: firstCoin(5), Value: coinValue},
		{N: 5, Outpoint: firstCoin(6), Value: coinValue},
	})
	wantFault(t, err, fault.Conflict, "lane")
	if err := s.SetLanes([]signer.Lane{
		known, {N: 15, Outpoint: firstCoin(15), Value: coinValue},
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Lanes(), p.crash(t).Lanes()); diff != "" || len(s.Lanes()) != 2 {
		t.Fatal(diff)
	}
}
