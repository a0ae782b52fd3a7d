package api_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"seyfert/api"
	"seyfert/client"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// statuses are what became of the items of a bulk, one word each.
func statuses(t *testing.T, out map[string]any) string {
	t.Helper()
	var words []string
	for _, r := range out["results"].([]any) {
		result := r.(map[string]any)
		word := result["status"].(string)
		if problem, refused := result["problem"].(map[string]any); refused {
			word += fmt.Sprint(":", problem["reason"], ":", problem["field"])
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// TestLinkedItems holds that linked items and the legs of one happen together, and that each
// item is told why it did not.
func TestLinkedItems(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	good := leg(b.cash, b.sale, "1")
	poor := leg(b.cash, b.safe, "1")
	bulk := func(items ...string) string {
		return `{"mode":"each","items":[{` + strings.Join(items, "},{") + "}]}"
	}
	legs := func(a, b string) string { return `"legs":[{` + a + "},{" + b + "}]" }
	linked := `,"linked":true`
	for _, c := range []struct{ body, want, cash string }{
		{bulk(good+linked, good, good), "created created created", "3"},
		{
			bulk(good, good+linked, poor, good), "created refused:linked_refused:items[2] " +
				"refused:insufficient_funds:items[2].amount created", "2",
		},
		{
			bulk(poor+linked, good+linked, good), "refused:insufficient_funds:items[0].amount " +
				"refused:linked_refused:items[0] refused:linked_refused:items[0]", "0",
		},
		{
			bulk(legs(good, good), legs(good, poor), good), "created " +
				"refused:insufficient_funds:items[1].legs[1].amount created", "3",
		},
		{
			bulk(legs(good, good)+linked, poor, good), "refused:linked_refused:items[1] " +
				"refused:insufficient_funds:items[1].amount created", "1",
		},
	} {
		before := b.mustGet("/v1/accounts/" + b.cash)["balance"].(map[string]any)["value"]
		out := b.mustPost("/v1/transfers/bulk", c.body, "", http.StatusOK)
		if got := statuses(t, out); got != c.want {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
		after := b.mustGet("/v1/accounts/" + b.cash)["balance"].(map[string]any)["value"]
		var was, is, want int
		fmt.Sscan(before.(string), &was)
		fmt.Sscan(after.(string), &is)
		fmt.Sscan(c.cash, &want)
		if is-was != want {
			t.Errorf("%s: %d moved, want %d", c.body, is-was, want)
		}
	}
}

// TestBulkOfEveryAction carries a hold, its captures, a void and a reversal in one request.
func TestBulkOfEveryAction(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	hold, second := "hld_01M7Q5CQG0EG494N32ME2JRC65", "hld_01M7Q5CQG0EG494N32ME2JRC66"
	txn := "txn_01M7Q5CQG0EG494N32ME2JRC67"
	body := `{"mode":"all","items":[
		{` + leg(b.safe, b.sale, "1000") + `,"id":"` + txn + `"},
		{"action":"hold","id":"` + hold + `",` + leg(b.cash, b.safe, "300") + `},
		{"action":"capture","hold":"` + hold + `","amount":{"currency":"KRW","value":"100"},
			"more":true,"legs":[{` + leg(b.safe, b.sale, "1") + `}]},
		{"action":"capture","hold":"` + hold + `"},
		{"action":"hold","id":"` + second + `",` + leg(b.cash, b.safe, "7") + `},
		{"action":"void","hold":"` + second + `"},
		{` + leg(b.cash, b.safe, "5000") + `,"balancing":"both"},
		{"action":"post","legs":[{` + leg(b.safe, b.sale, "1000") + `}]}
	]}`
	for range 2 {
		out := b.mustPost("/v1/transfers/bulk", body, "k", http.StatusOK)
		var amounts []string
		for _, r := range out["results"].([]any) {
			amounts = append(amounts, r.(map[string]any)["amount"].(map[string]any)["value"].(string))
		}
		if got := strings.Join(amounts, " "); got != "1000 300 100 200 7 7 701 1000" {
			t.Errorf("the amounts are %s", got)
		}
		b.mustHave(b.safe, "1000")
		b.mustHave(b.cash, "1001")
	}
	out := b.mustPost("/v1/transfers/bulk", `{"mode":"each","items":[
		{"action":"reverse","transfer":"`+txn+`"},{"action":"void","hold":"`+hold+`"}]}`, "",
		http.StatusOK)
	if got := statuses(t, out); got != "created refused:hold_ended:items[1].hold" {
		t.Error(got)
	}
}

// TestLongGroup refuses as many linked items as there may be, in no more time than others take.
func TestLongGroup(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	item := "{" + leg(b.cash, b.sale, "1") + `,"linked":true},`
	body := `{"mode":"each","items":[` + strings.Repeat(item, 9_999) + "{" +
		leg(b.cash, b.safe, "1") + "}]}"
	out := b.mustPost("/v1/transfers/bulk", body, "", http.StatusOK)
	for i, r := range out["results"].([]any) {
		problem := r.(map[string]any)["problem"].(map[string]any)
		want := "linked_refused items[9999]"
		if i == 9_999 {
			want = "insufficient_funds items[9999].amount"
		}
		if got := fmt.Sprint(problem["reason"], " ", problem["field"]); got != want {
			t.Fatalf("item %d: %s", i, got)
		}
	}
}

// instruction is a posting between two accounts in its binary form.
func instruction(t *testing.T, at int64, n uint16, debit, credit string, units uint64,
) ledger.Instruction {
	t.Helper()
	from, err := wire.ParseID[ledger.AccountKind](debit)
	must(t, err)
	to, err := wire.ParseID[ledger.AccountKind](credit)
	must(t, err)
	var random [10]byte
	binary.BigEndian.PutUint16(random[8:], n)
	return ledger.Instruction{
		ID: wire.NewUUID(at, random), Action: ledger.ActPost, Debit: from, Credit: to,
		AmountLow: units, Currency: money.KRW,
	}
}

// TestBinaryBatches sends batches in their binary form through the client.
func TestBinaryBatches(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	now := p.clock.Now().UnixMilli()
	batch := ledger.NewBatch(ledger.Each, 3)
	for n := range 3 {
		credit := []string{b.sale, b.safe, b.sale}[n]
		i := instruction(t, now, uint16(n), b.cash, credit, 5)
		batch.Add(&i)
	}
	for _, want := range []uint8{ledger.Created, ledger.Exists} {
		outcomes, refusals, err := b.PostBatch(t.Context(), batch)
		must(t, err)
		if outcomes[0].Status != want || outcomes[2].Status != want || outcomes[0].AmountLow != 5 ||
			outcomes[1].Status != ledger.Refused || len(refusals) != 1 || refusals[0].Item != 1 ||
			refusals[0].Fault.Reason != "insufficient_funds" {
			t.Errorf("%v, %v", outcomes, refusals)
		}
	}
	b.mustHave(b.cash, "10")
	batch.Mode = ledger.All
	_, _, err := b.PostBatch(t.Context(), batch)
	mustBe(t, err, http.StatusUnprocessableEntity, client.CodeRefused, "items[1].amount")
	whole := batch.Encode()
	over := append([]byte(nil), whole...)
	binary.BigEndian.PutUint32(over[4:], 10_001)
	for what, data := range map[string][]byte{
		"nothing": {}, "half": whole[:len(whole)-1], "text": []byte("hello"),
		"more": append(bytes.Clone(whole), 1), "too many": over,
	} {
		_, err := b.PostEncoded(t.Context(), data)
		problem, ok := err.(*client.Problem)
		if !ok || problem.Status >= 500 || problem.Field == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	b.mustHave(b.cash, "10")
}

// TestBulksInFlight holds that long bodies are read of so many requests at a time alone.
func TestBulksInFlight(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	var slow []*slowBody
	for range api.BulksPerCallerMax {
		body := newSlowBody()
		slow = append(slow, body)
		r := httptest.NewRequest("POST", "/v1/transfers/bulk", body)
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer "+b.key)
		go p.handle.ServeHTTP(httptest.NewRecorder(), r)
		<-body.asked
	}
	answer, text := p.send("POST", "/v1/transfers/bulk", http.Header{
		"Authorization": {"Bearer " + b.key},
	}, strings.NewReader("{}"))
	mustAnswer(t, answer, text, 429, "too_many", "")
	if answer.Header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to come again")
	}
	answer, text = p.send("POST", "/v1/transfers/bulk", http.Header{
		"Authorization": {"Bearer " + p.key},
	}, strings.NewReader("{}"))
	mustAnswer(t, answer, text, 400, "invalid", "mode")
	for _, body := range slow {
		close(body.end)
	}
}

// slowBody is a body that does not end before it is told to.
type slowBody struct {
	asked, end chan struct{}
	told       bool
}

func newSlowBody() *slowBody {
	return &slowBody{asked: make(chan struct{}), end: make(chan struct{})}
}

func (s *slowBody) Read([]byte) (int, error) {
	if !s.told {
		s.told = true
		close(s.asked)
	}
	<-s.end
	return 0, http.ErrBodyReadAfterClose
}

// TestSpellings reads the same bulk fast and slowly: an escape in a name takes the slow way.
func TestSpellings(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	sides := leg(b.cash, b.sale, "12345678901234567890")
	items := []string{
		sides, sides + `,"code":0`, sides + `,"code":65535,"reference":"송장 1"`,
		sides + ` , "metadata" : { "가" : "" , "b":"c" } , "linked" : false `,
		`"legs":[{` + sides + `}]`, sides + `,"effective_at":"2026-11-18T09:00:00.123+09:00"`,
		sides + `,"balancing":"credit"`,
	}
	fast := `{"mode":"each","items":[{` + strings.Join(items, "},{") + "}]}"
	first := b.mustPost("/v1/transfers/bulk", fast, "k", http.StatusOK)
	slow := strings.Replace(fast, `"mode"`, `"m\u006fde"`, 1)
	second := b.mustPost("/v1/transfers/bulk", slow, "k", http.StatusOK)
	for _, r := range second["results"].([]any) {
		result := r.(map[string]any)
		if result["status"] != "exists" {
			t.Errorf("%v", result)
		}
		result["status"] = "created"
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("fast %v, slow %v", first, second)
	}
}

// FuzzBulk reads bulks the fast and the slow way, and with the decoder of the standard library:
// what is taken is taken as the same.
func FuzzBulk(f *testing.F) {
	account := []string{"acc_01M7Q5CQG0EG494N32ME2JRC65", "acc_01M7Q5CQG0EG494N32ME2JRC66"}
	sides := leg(account[0], account[1], "1000")
	for _, seed := range []string{
		sides, sides + `,"code":7,"linked":true`, sides + `,"metadata":{"a":"b"}`,
		`"legs":[{` + sides + `},{` + sides + `}],"reference":"r"`, sides + `,"code":-0`,
		sides + `,"effective_at":"2026-11-18T00:00:00Z","balancing":"both"`, `"x":null`,
		`"action":"hold",` + sides, strings.Replace(sides, "1000", "0.10", 1),
		strings.Replace(sides, "KRW", "JPY", 1), sides + `,"code":1e1`, sides + `,"code":007`,
	} {
		f.Add([]byte(`{"mode":"each","items":[{` + seed + `}]}`))
	}
	var p *place
	f.Fuzz(func(t *testing.T, body []byte) {
		if p == nil {
			p = alone(t, settings{limits: boundless()})
			for _, id := range account {
				_, err := p.operator().OpenAccount(t.Context(), client.NewAccount{
					ID: id, Kind: "asset", Currency: "KRW",
				})
				must(t, err)
			}
		}
		p.t = t
		ask := func(body []byte) (int, map[string]any) {
			r := httptest.NewRequest("POST", "/v1/transfers/bulk", bytes.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+p.key)
			r.Header.Set("Idempotency-Key", fmt.Sprintf("%x", wire.Hash("body", body))[:40])
			r.Header.Set("X-Request-Id", "fuzz")
			w := httptest.NewRecorder()
			p.handle.ServeHTTP(w, r)
			var out map[string]any
			must(t, json.Unmarshal(w.Body.Bytes(), &out))
			return w.Code, out
		}
		fast, first := ask(body)
		if fast >= 500 {
			t.Fatalf("%d %v", fast, first)
		}
		spelt := bytes.Replace(body, []byte(`"mode"`), []byte(`"m\u006fde"`), 1)
		slow, second := ask(spelt)
		if fast != slow || fast != http.StatusOK && !sameProblem(first, second) {
			t.Fatalf("fast %d %v, slow %d %v", fast, first, slow, second)
		}
		if fast != http.StatusOK {
			return
		}
		var standard struct {
			Items []client.Item `json:"items"`
		}
		must(t, json.Unmarshal(body, &standard))
		ones, twos := first["results"].([]any), second["results"].([]any)
		if len(ones) != len(standard.Items) || len(twos) != len(ones) {
			t.Fatalf("%d items, %d and %d results", len(standard.Items), len(ones), len(twos))
		}
		for i, item := range standard.Items {
			one, two := ones[i].(map[string]any), twos[i].(map[string]any)
			if !reflect.DeepEqual(one["amount"], two["amount"]) {
				t.Fatalf("%v, %v", one, two)
			}
			amount, moved := one["amount"].(map[string]any)
			if moved && item.Amount != nil && item.Balancing == "" &&
				amount["value"] != item.Amount.Decimal() {
				t.Fatalf("%v moved, %v asked for", amount, item.Amount)
			}
		}
	})
}

func sameProblem(a, b map[string]any) bool {
	return a["type"] == b["type"] && a["field"] == b["field"]
}
