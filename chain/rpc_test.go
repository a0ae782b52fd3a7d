package chain_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
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
