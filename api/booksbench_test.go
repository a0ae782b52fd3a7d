package api_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/api"
	"seyfert/client"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// benchPlace is a node with two accounts, called without a network and with its journal in memory:
// what is measured is the API and the core.
func benchPlace(b *testing.B) (p *place, debit, credit string) {
	b.Helper()
	p = alone(b, settings{
		limits: api.LimitsOf(api.RequestsPerSecondMax, api.RequestsPerSecondMax),
	})
	opened, err := p.operator().OpenAccounts(b.Context(), []client.NewAccount{
		{Kind: "asset", Currency: "KRW"}, {Kind: "income", Currency: "KRW"},
	})
	must(b, err)
	return p, opened[0].ID, opened[1].ID
}

func (p *place) benchPost(b *testing.B, media, path string, body []byte) {
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+p.key)
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	p.handle.ServeHTTP(w, r)
	if w.Code > 201 {
		b.Fatal(w.Body)
	}
}

// BenchmarkSingle is one transfer of JSON per request.
func BenchmarkSingle(b *testing.B) {
	p, debit, credit := benchPlace(b)
	body := []byte("{" + leg(debit, credit, "5") + "}")
	b.ReportAllocs()
	for b.Loop() {
		p.benchPost(b, "application/json", "/v1/transfers", body)
	}
}

// BenchmarkBulkJSON is 100 transfers of JSON per request, each with an id.
func BenchmarkBulkJSON(b *testing.B) {
	p, debit, credit := benchPlace(b)
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		var body strings.Builder
		body.WriteString(`{"mode":"each","items":[`)
		for i := range 100 {
			n++
			if i > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"id":"%s",%s,"code":7}`, benchID(n), leg(debit, credit, "5"))
		}
		body.WriteString("]}")
		p.benchPost(b, "application/json", "/v1/transfers/bulk", []byte(body.String()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/transfer")
}

func benchID(n uint64) ledger.TransferID {
	var random [10]byte
	binary.BigEndian.PutUint64(random[2:], n)
	return ledger.TransferID(wire.NewUUID(1_795_000_000_000, random))
}

// BenchmarkBulkBinary is 1,000 transfers in the binary form per request.
func BenchmarkBulkBinary(b *testing.B) {
	p, debit, credit := benchPlace(b)
	from, err := wire.ParseID[ledger.AccountKind](debit)
	must(b, err)
	to, err := wire.ParseID[ledger.AccountKind](credit)
	must(b, err)
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		batch := ledger.NewBatch(ledger.Each, 1000)
		for range 1000 {
			n++
			batch.Add(&ledger.Instruction{
				ID: benchID(n), Action: ledger.ActPost, Debit: from, Credit: to, AmountLow: 5,
				Currency: money.KRW,
			})
		}
		p.benchPost(b, "application/vnd.seyfert.transfers", "/v1/transfers/bulk", batch.Encode())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/transfer")
}
