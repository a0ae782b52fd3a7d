package api_test

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"seyfert/client"
	"seyfert/core"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/proof"
	"seyfert/verify"
)

// newest is the number of the newest entry of history.
func (p *place) newest() (number uint64) {
	p.state.Read(func(v core.View) { number = v.Cursor().Records })
	return number
}

// mustAnchor closes the day and lets its anchor become final.
func (w *world) mustAnchor(p *place) {
	w.t.Helper()
	_, err := p.operator().CloseDay(w.t.Context(), "")
	must(w.t, err)
	w.settle()
	w.mine(6)
	w.settle()
}

// TestEntryProof follows a transfer within a company's books from the ledger to the block, and
// checks its proof away from the node: it holds, and with the amount changed it does not.
func TestEntryProof(t *testing.T) {
	w := newWorld(t)
	p, ctx := w.seoul, t.Context()
	kanda := p.mustOpenShop("Kanda Paper")
	accounts, err := kanda.OpenAccounts(ctx, []client.NewAccount{
		{Kind: "asset", Currency: "KRW", Name: "Stock"},
		{Kind: "asset", Currency: "KRW", Name: "Till"},
	})
	must(t, err)
	stock, till := accounts[0].ID, accounts[1].ID
	posted, err := kanda.Post(ctx, client.TransferRequest{
		Code: 7,
		Legs: []client.Leg{{Debit: stock, Credit: till, Amount: money.New(money.KRW, 15_000)}},
	})
	must(t, err)
	number := posted.Legs[0].Number
	_, err = kanda.EntryProof(ctx, number)
	mustBe(t, err, http.StatusUnprocessableEntity, client.CodeRefused, "number")
	w.mustAnchor(p)

	file, err := kanda.EntryProof(ctx, number)
	must(t, err)
	o := verify.Options{Pin: p.signer.KeyID(), Confirmations: 6}
	o.Headers, err = kanda.Headers(ctx)
	must(t, err)
	report := verify.Check(file, o)
	if !report.OK {
		t.Fatal(report.Text())
	}
	for _, words := range []string{
		"number " + strconv.FormatUint(number, 10) + " of the node's history",
		"leg 1 of transfer " + posted.ID + ", for reason 7, moved KRW 15000 from " + stock +
			" (debited) to " + till + " (credited)",
		"the balance of " + stock + " was KRW 15000 and that of " + till + " was KRW -15000",
		"nobody else signed it; the node alone answers for it.",
	} {
		if !strings.Contains(report.Text(), words) {
			t.Errorf("%q is missing in:\n%s", words, report.Text())
		}
	}

	b, err := proof.ParseBundle(file)
	must(t, err)
	data, err := b.Record.Bytes()
	must(t, err)
	r, err := ledger.DecodeRecord(binary.BigEndian.Uint64(data), data[8:])
	must(t, err)
	r.Amount = money.New(money.KRW, 15_001)
	b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, r.Append(data[:8:8]))
	forged, err := b.Encode()
	must(t, err)
	report = verify.Check(forged, o)
	if report.Failed() != verify.StepPosition ||
		!strings.Contains(report.Text(), "moved KRW 15001") {
		t.Errorf("with another amount it fails at %q:\n%s", report.Failed(), report.Text())
	}
	o.PeerPin = w.tokyo.signer.KeyID()
	if got := verify.Check(file, o).Failed(); got != verify.StepNode {
		t.Errorf("with a pin of another node it fails at %q", got)
	}
}

// TestEntryProofOfWallet has the proofs of a member's deposit and of the hold of her order, and
// tells everyone else that there is no such entry.
func TestEntryProofOfWallet(t *testing.T) {
	w := newWorld(t)
	p, ctx := w.seoul, t.Context()
	kim := p.mustSignIn("Kim", "110-1", "100000")
	deposit := p.newest()
	kanda, other := w.tokyo.mustOpenShop("Kanda Paper"), p.mustOpenShop("Other")
	lee := p.mustSignIn("Lee", "110-2", "1")
	_, err := kim.Approve(ctx, kanda.mustOffer(t, 15_000).JWS)
	must(t, err)
	held := p.newest()
	w.mustAnchor(p)
	headers, err := kim.Headers(ctx)
	must(t, err)
	for number, words := range map[uint64]string{
		deposit: "moved KRW 100000 from", held: "reserved KRW 15000 to move from",
	} {
		for _, by := range []*client.Client{kim.Client, p.operator()} {
			file, err := by.EntryProof(ctx, number)
			must(t, err)
			r := verify.Check(file, verify.Options{Headers: headers, Pin: p.signer.KeyID()})
			if !r.OK || !strings.Contains(r.Text(), words) {
				t.Errorf("entry %d: want %q in:\n%s", number, words, r.Text())
			}
		}
		for _, by := range []*client.Client{lee.Client, other.Client} {
			_, err := by.EntryProof(ctx, number)
			mustBe(t, err, http.StatusNotFound, client.CodeNotFound, "number")
		}
	}
	for _, text := range []string{"0", "01", "+1", "-1", "1.0", "x", "99999999999999999999"} {
		p.mustRefuse(try{
			what: "a number", method: "GET", url: "/v1/entries/" + text + "/proof", key: p.key,
			status: 404, code: "not_found", field: "number",
		})
	}
	answer, _ := p.send("GET", "/v1/entries/"+strconv.FormatUint(deposit, 10)+"/proof",
		http.Header{"Authorization": {"Bearer " + kim.session}}, nil)
	want := `attachment; filename="entry-` + strconv.FormatUint(deposit, 10) + `.proof.json"`
	if got := answer.Header.Get("Content-Disposition"); got != want {
		t.Errorf("the file is %q, want %q", got, want)
	}
}
