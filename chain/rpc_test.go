package chain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

func mustServer(tb testing.TB, source chain.Source, auth chain.RPCAuth) *chain.RPCServer {
	tb.Helper()
	s, err := chain.NewRPCServer(source, auth, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatalf("rpc server: %v", err)
	}
	return s
}

// post sends a body with the suite's credentials and gives status and answer.
func post(tb testing.TB, s http.Handler, body string) (int, string) {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.SetBasicAuth("node", "secret")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// TestRPCCredentials: who does not show them learns and changes nothing.
func TestRPCCredentials(t *testing.T) {
	m := mustMemory(t)
	for _, auth := range []chain.RPCAuth{{}, {User: "node"}, {Password: "secret"}} {
		_, err := chain.NewRPCServer(m, auth, slog.New(slog.DiscardHandler))
		wantFault(t, err, fault.Invalid)
		_, err = chain.NewRPC(chain.RPCConfig{
			URL: "http://localhost:1", Network: "regtest", Auth: auth,
		})
		wantFault(t, err, fault.Invalid)
	}
	basic := mustServer(t, m, suiteAuth())
	bearer := mustServer(t, m, chain.RPCAuth{Token: "token"})
	cases := []struct {
		server *chain.RPCServer
		auth   func(r *http.Request)
		status int
	}{
		{basic, func(r *http.Request) { r.SetBasicAuth("node", "secret") }, 200},
		{basic, func(r *http.Request) { r.SetBasicAuth("node", "secre") }, 401},
		{basic, func(r *http.Request) { r.SetBasicAuth("other", "secret") }, 401},
		{basic, func(r *http.Request) { r.SetBasicAuth("", "") }, 401},
		{basic, func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, 401},
		{basic, func(*http.Request) {}, 401},
		{bearer, func(r *http.Request) { r.Header.Set("Authorization", "Bearer token") }, 200},
		{bearer, func(r *http.Request) { r.Header.Set("Authorization", "Bearer nekot") }, 401},
		{bearer, func(r *http.Request) { r.SetBasicAuth("", "") }, 401},
		{bearer, func(r *http.Request) { r.SetBasicAuth("token", "token") }, 401},
	}
	for i, c := range cases {
		r := httptest.NewRequest(http.MethodPost, "/",
			strings.NewReader(`{"method":"getblockcount","id":1}`))
		c.auth(r)
		w := httptest.NewRecorder()
		c.server.ServeHTTP(w, r)
		if w.Code != c.status || c.status == 401 && strings.Contains(w.Body.String(), "101") {
			t.Errorf("case %d: status %d, %s", i, w.Code, w.Body)
		}
	}
	server := httptest.NewServer(bearer)
	defer server.Close()
	client, err := chain.NewRPC(chain.RPCConfig{
		URL: server.URL, Network: "regtest", Auth: chain.RPCAuth{Token: "token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if mustTip(t, client) != 101 {
		t.Error("no tip with a token")
	}
	_, _, err = mustClient(t, server.URL, 0).Tip(t.Context())
	wantFault(t, err, fault.Unavailable)
}

// TestRPCOnlyRegtestMines: over any other source the methods that make blocks and coins do
// not exist.
func TestRPCOnlyRegtestMines(t *testing.T) {
	s := mustServer(t, mustMemory(t), suiteAuth())
	for _, call := range []string{
		`"generate","params":[1]`, `"generatetoaddress","params":[1,"x"]`,
		`"generatetodescriptor","params":[1,"raw(51)"]`,
		`"sendtoaddress","params":["x",1]`, `"invalidateblock","params":["x"]`,
	} {
		status, body := post(t, s, `{"method":`+call+`}`)
		if status != 404 || !strings.Contains(body, "-32601") {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	client := mustRPC(t, mustMemory(t))
	_, err := client.Mine(t.Context(), 1, nil)
	wantFault(t, err, fault.Unavailable)
	mainnet, err := chain.NewRPC(chain.RPCConfig{
		URL: "http://localhost:1", Network: "mainnet", Auth: suiteAuth(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = mainnet.Mine(t.Context(), 1, nil)
	wantFault(t, err, fault.Refused)
	_, err = mainnet.Fund(t.Context(), anyoneOutput(), 5_000)
	wantFault(t, err, fault.Refused)
	wantFault(t, mainnet.Invalidate(t.Context(), 5), fault.Refused)
}

// TestRPCBadRequests: each is answered with what is wrong, and never as a fault of ours.
func TestRPCBadRequests(t *testing.T) {
	s := mustServer(t, mustRegtest(t), suiteAuth())
	long := `{"method":"` + strings.Repeat("x", chain.RPCRequestMax) + `"}`
	hash := strings.Repeat("ab", 32)
	foreign := "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" // BIP 173, of mainnet
	send := `{"method":"sendtoaddress","params":["` + plainAddress + `"`
	cases := []struct {
		body   string
		status int
		code   int
	}{
		{``, 400, -32700},
		{`{`, 400, -32700},
		{`[]`, 400, -32600},
		{`{}`, 400, -32600},
		{`{"method":1}`, 400, -32600},
		{`{"method":"getblockcount","params":{"a":1}}`, 400, -32600},
		{long, 413, -32600},
		{`{"method":"stop"}`, 404, -32601},
		{`{"method":"getblockhash"}`, 200, -32602},
		{`{"method":"getblockhash","params":["1"]}`, 200, -32602},
		{`{"method":"getblockhash","params":[1.5]}`, 200, -32602},
		{`{"method":"getblockhash","params":[99999999999999999999]}`, 200, -32602},
		{`{"method":"getblockhash","params":[500]}`, 200, -8},
		{`{"method":"getblockhash","params":[-1]}`, 200, -8},
		{`{"method":"getblockhash","params":[1,2,3,4,5]}`, 200, -32602},
		{`{"method":"getblock","params":["` + hash + `"]}`, 200, -5},
		{`{"method":"getblock","params":["` + strings.ToUpper(hash) + `"]}`, 200, -8},
		{`{"method":"getblock","params":["` + hash + `",2]}`, 200, -8},
		{`{"method":"getblockheader","params":["short"]}`, 200, -8},
		{`{"method":"getrawtransaction","params":["` + hash + `"]}`, 200, -5},
		{`{"method":"sendrawtransaction","params":["zz"]}`, 200, -22},
		{`{"method":"sendrawtransaction","params":["00"]}`, 200, -22},
		{`{"method":"generate","params":[0]}`, 200, -8},
		{`{"method":"generate","params":[1000000000000]}`, 200, -8},
		{`{"method":"generatetoaddress","params":[1,"` + foreign + `"]}`, 200, -5},
		{`{"method":"generatetodescriptor","params":[1,"raw()"]}`, 200, -5},
		{`{"method":"generatetodescriptor","params":[1,"wpkh(02)"]}`, 200, -5},
		{send + `]}`, 200, -32602},
		{send + `,"a"]}`, 200, -8},
		{send + `,1e999]}`, 200, -8},
		{send + `,0.000000001]}`, 200, -8},
		{send + `,20000000]}`, 200, -1},
		{`{"method":"invalidateblock","params":["` + hash + `"]}`, 200, -5},
	}
	for _, c := range cases {
		status, body := post(t, s, c.body)
		var reply struct{ Error struct{ Code int } }
		if err := json.Unmarshal([]byte(body), &reply); err != nil {
			t.Errorf("%.80s: answer is not JSON: %s", c.body, body)
		}
		if status != c.status || reply.Error.Code != c.code {
			t.Errorf("%.80s: %d %s", c.body, status, body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth("node", "secret")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", w.Code)
	}
}

// plainAddress is regtest's for a key hash of 20 zero bytes.
const plainAddress = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"

// TestRPCForms reads the answers as a client of bitcoind would.
func TestRPCForms(t *testing.T) {
	regtest := mustRegtest(t)
	s := mustServer(t, regtest, suiteAuth())
	ask := func(result any, method string, params ...any) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"method": method, "params": params, "id": 7})
		if err != nil {
			t.Fatal(err)
		}
		status, text := post(t, s, string(body))
		reply := struct {
			Result any
			Error  any
			ID     int
		}{Result: result}
		if err := json.Unmarshal([]byte(text), &reply); err != nil ||
			status != 200 || reply.Error != nil || reply.ID != 7 {
			t.Fatalf("%s: %d %s", method, status, text)
		}
	}
	var hashes []string
	ask(&hashes, "generatetoaddress", 2, plainAddress)
	var count int
	ask(&count, "getblockcount")
	var best string
	ask(&best, "getbestblockhash")
	if len(hashes) != 2 || count != 103 || best != hashes[1] {
		t.Fatalf("%v, count %d, best %s", hashes, count, best)
	}
	var txid string
	ask(&txid, "sendtoaddress", plainAddress, "0.00012345")
	var mempool []string
	ask(&mempool, "getrawmempool")
	if len(mempool) != 1 || mempool[0] != txid {
		t.Errorf("mempool %v", mempool)
	}
	var tx struct {
		Hex, Blockhash string
		Confirmations  int
	}
	ask(&tx, "getrawtransaction", txid, true)
	if tx.Confirmations != 0 || tx.Blockhash != "" {
		t.Errorf("waiting: %+v", tx)
	}
	ask(&hashes, "generate", 1)
	ask(&tx, "getrawtransaction", txid, 1)
	if tx.Confirmations != 1 || tx.Blockhash != hashes[0] {
		t.Errorf("mined: %+v", tx)
	}
	var block struct {
		Height, Confirmations, NTx int
		Previousblockhash          string
		Tx                         []string
	}
	ask(&block, "getblock", hashes[0])
	if block.Height != 104 || block.NTx != 2 || block.Previousblockhash != best ||
		block.Confirmations != 1 || len(block.Tx) != 2 || block.Tx[1] != txid {
		t.Errorf("block: %+v", block)
	}
	var header struct{ Height int }
	ask(&header, "getblockheader", best)
	if header.Height != 103 {
		t.Errorf("header: %+v", header)
	}
	var fee struct{ Feerate json.RawMessage }
	ask(&fee, "estimatesmartfee", 6)
	if string(fee.Feerate) != "0.00002000" {
		t.Errorf("fee rate %s", fee.Feerate)
	}
}

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
		"undecodable":    {refuses(-22, "TX decode failed"), fault.Invalid},
		"warming up":     {refuses(-28, "Loading\nblock index"), fault.Unavailable},
		"strange fault":  {strange, fault.Unavailable},
		"another id":     {gives(strings.Repeat("00", 32)), fault.Unavailable},
	}
	for name, c := range sends {
		_, err := scripted(t, c.answers).Broadcast(t.Context(), tx.Bytes())
		if f, ok := fault.Of(err); (c.code == "") != (err == nil) || ok && f.Code != c.code {
			t.Errorf("%s: %v", name, err)
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
