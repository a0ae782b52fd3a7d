package chain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// scripted answers each method with a fixed body, in the forms of bitcoind and btcd.
func scripted(tb testing.TB, answers map[string]string) *chain.RPC {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Version, Method string }
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"jsonrpc":`)) {
			return // as btcd: no answer at all
		}
		if json.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer, ok := answers[request.Method]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `"error":{"code":-32601,"message":"Method not found"}`
		}
		if strings.HasPrefix(answer, `"error"`) {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintf(w, `{%s,"id":%q}`, answer, request.Method)
	}))
	tb.Cleanup(server.Close)
	return mustClient(tb, server.URL, 1234)
}

// TestRPCOfOthers: refusals and estimates in the words of bitcoind and btcd.
func TestRPCOfOthers(t *testing.T) {
	tx := anchor([36]byte{1}, []byte("payload"), 1_000)
	txid := tx.TxID()
	known := fmt.Sprintf(`"result":"%x"`, tx.Bytes())
	refuses := func(code int, text string) map[string]string {
		return map[string]string{
			"sendrawtransaction": fmt.Sprintf(`"error":{"code":%d,"message":%q}`, code, text),
		}
	}
	gives := func(txid string) map[string]string {
		return map[string]string{"sendrawtransaction": `"result":"` + txid + `"`}
	}
	waits := refuses(-26, "TX rejected: already have transaction in mempool")
	waits["getrawtransaction"] = known
	strange := map[string]string{
		"sendrawtransaction": `"error":{"code":-1,"message":"x","data":{"code":"forbidden"}}`,
	}
	sends := map[string]struct {
		answers map[string]string
		code    fault.Code // empty: taken
	}{
		"sent":           {gives(spv.HashString(txid)), ""},
		"in chain":       {refuses(-27, "Transaction already in block chain"), ""},
		"waits already":  {waits, ""},
		"missing inputs": {refuses(-25, "bad-txns-inputs-missingorspent"), fault.Refused},
		"long text":      {refuses(-26, strings.Repeat("long ", 1000)), fault.Refused},
		"undecodable":    {refuses(-22, "TX decode failed"), fault.Invalid},
		"warming up":     {refuses(-28, "Loading\nblock index"), fault.Unavailable},
		"strange fault":  {strange, fault.Unavailable},
		"another id":     {gives(strings.Repeat("00", 32)), fault.Unavailable},
	}
	for name, c := range sends {
		_, err := scripted(t, c.answers).Broadcast(t.Context(), tx.Bytes())
		f, ok := fault.Of(err)
		if (c.code == "") != (err == nil) || ok && f.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if ok && (len(f.Message) > 400 || strings.Contains(f.Message, "\n")) {
			t.Errorf("%s: a stranger's text came through: %q", name, f.Message)
		}
	}
	rates := map[string]uint64{
		`"result":{"feerate":0.00012345,"blocks":2}`:                    12345,
		`"result":{"feerate":1e-05,"blocks":2}`:                         1000,
		`"result":{"errors":["Insufficient data or no feerate found"]}`: 1234,
		`"error":{"code":-32601,"message":"Method not found"}`:          1234,
		`"result":{"feerate":-0.1}`:                                     0,
		`"result":{"feerate":1e-99}`:                                    0,
		`"result":{"feerate":0}`:                                        0,
		`"result":{"feerate":"1/3"}`:                                    0,
	}
	for answer, want := range rates {
		node := scripted(t, map[string]string{"estimatesmartfee": answer})
		rate, err := node.FeeRate(t.Context())
		if rate != want || (want == 0) != (err != nil) {
			t.Errorf("%s: %d, %v", answer, rate, err)
		}
	}
}

// TestRPCClientBelievesNothing: an answer that is not the block of its hash is no block.
func TestRPCClientBelievesNothing(t *testing.T) {
	m := mustMemory(t)
	one, err := m.Block(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := m.Block(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	raw := fmt.Sprintf("%x01%x", two.Header, two.Txs[0])
	hash := spv.HashString(one.Hash)
	client := scripted(t, map[string]string{
		"getblockhash":      `"result":"` + hash + `"`,
		"getblockheader":    fmt.Sprintf(`"result":"%x"`, two.Header),
		"getblock":          `"result":"` + raw + `"`,
		"getblockchaininfo": `"result":{"chain":"main","blocks":1,"bestblockhash":"` + hash + `"}`,
	})
	_, err = client.Header(t.Context(), 1)
	wantFault(t, err, fault.Unavailable)
	_, err = client.Block(t.Context(), 1)
	wantFault(t, err, fault.Unavailable)
	_, _, err = client.Tip(t.Context())
	wantFault(t, err, fault.Unavailable) // another network than was configured
}

// TestRPCReplyLimit: an answer without end is not read to it.
func TestRPCReplyLimit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(" "), chain.RPCReplyMax+1))
	}))
	defer server.Close()
	_, _, err := mustClient(t, server.URL, 0).Tip(t.Context())
	wantFault(t, err, fault.Unavailable)
	if f, _ := fault.Of(err); !strings.Contains(f.Message, "longer") {
		t.Error(f.Message)
	}
}

// TestRPCAddresses refuses what is not a plain address of a node on a known network.
func TestRPCAddresses(t *testing.T) {
	for _, at := range []string{
		"", "localhost:8332", "ftp://localhost", "http://", "http://a:b@localhost",
		"http://localhost?x", "http://localhost#x", "http://[::1", ":",
	} {
		_, err := chain.NewRPC(chain.RPCConfig{URL: at, Network: "regtest", Auth: suiteAuth()})
		wantFault(t, err, fault.Invalid)
	}
	_, err := chain.NewRPC(chain.RPCConfig{
		URL: "http://localhost", Network: "dogecoin", Auth: suiteAuth(),
	})
	wantFault(t, err, fault.Invalid)
}
