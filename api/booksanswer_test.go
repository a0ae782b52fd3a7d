package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/node"
)

// transfer posts as the company and returns the bytes of the answer.
func (b books) transfer(path, body string) []byte {
	b.t.Helper()
	answer, text := b.p.send("POST", path, http.Header{
		"Authorization": {"Bearer " + b.key}, "Content-Type": {"application/json"},
	}, strings.NewReader(body))
	if answer.StatusCode != http.StatusCreated {
		b.t.Fatalf("POST %s %s: %d %s", path, body, answer.StatusCode, text)
	}
	return text
}

// TestTransferAnswers holds the answers that are written by hand against encoding/json: they are
// what it makes of them, and say all that a read says which never changes.
func TestTransferAnswers(t *testing.T) {
	p := alone(t, settings{limits: boundless()})
	b := p.mustKeepBooks("Kanda")
	bitcoins := b.mustOpen(`{"kind":"asset","currency":"BTC"}`)
	earned := b.mustOpen(`{"kind":"income","currency":"BTC"}`)
	few := strings.ReplaceAll(leg(bitcoins, earned, "0.00000007"), "KRW", "BTC")
	back := strings.ReplaceAll(leg(earned, bitcoins, "5.00000000"), "KRW", "BTC")
	huge := leg(b.cash, b.sale, "170141183460469231731687303715884105727")
	hold := b.mustPost("/v1/holds", "{"+leg(b.cash, b.sale, "9")+"}", "", http.StatusCreated)
	effective := p.clock.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	answers := [][]byte{
		b.transfer("/v1/transfers", "{"+leg(b.cash, b.sale, "1000")+"}"),
		b.transfer("/v1/transfers", "{"+few+"}"),
		b.transfer("/v1/transfers", "{"+back+"}"),
		b.transfer("/v1/transfers", "{"+huge+"}"),
		b.transfer("/v1/transfers", "{"+leg(b.sale, b.cash, "1")+
			`,"code":65535,"effective_at":"`+effective+`","reference":"a\"b\\c <&> ㄱ é",
			"metadata":{"z":"\t\u007f","a":"<b>","\u2028":"\ud83d\ude00","ㄴ":""}}`),
		b.transfer("/v1/transfers", fmt.Sprintf(`{"legs":[{%s},{%s}],"reference":"plain"}`,
			leg(b.cash, b.sale, "3"), leg(b.sale, b.cash, "4"))),
		b.transfer("/v1/holds/"+hold["id"].(string)+"/capture", `{}`),
	}
	var first node.BookTransfer
	must(t, json.Unmarshal(answers[0], &first))
	answers = append(answers, b.transfer("/v1/transfers/"+first.ID+"/reverse", ""))
	for _, text := range answers {
		var made node.BookTransfer
		must(t, json.Unmarshal(text, &made))
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		must(t, encoder.Encode(made))
		if diff := cmp.Diff(want.String(), string(text)); diff != "" {
			t.Errorf("encoding/json writes it otherwise (-want +got):\n%s", diff)
		}
		var said map[string]any
		must(t, json.Unmarshal(text, &said))
		read := b.mustGet("/v1/transfers/" + made.ID)
		delete(read, "state")
		delete(read, "reversed_by")
		if diff := cmp.Diff(read, said); diff != "" {
			t.Errorf("a read says something else (-read +answer):\n%s", diff)
		}
	}
}
