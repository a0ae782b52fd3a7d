package chain_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seyfert/chain"
)

// FuzzRPCRequest: no request body makes the server answer with a fault of ours.
func FuzzRPCRequest(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"1.0","id":"x","method":"getblockhash","params":[1]}`,
		`{"method":"getblock","params":["00",0]}`,
		`{"method":"getblockheader","params":["00",false]}`,
		`{"method":"getrawtransaction","params":["00",true]}`,
		`{"method":"sendrawtransaction","params":["0200"]}`,
		`{"method":"generatetodescriptor","params":[1,"raw(51)"]}`,
		`{"method":"estimatesmartfee","params":[6]}`, `[]`, `{"id":{}}`,
	} {
		f.Add(seed)
	}
	m := mustMemory(f)
	s, err := chain.NewRPCServer(m, suiteAuth(), slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.SetBasicAuth("node", "secret")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || strings.Contains(w.Body.String(), "internal error") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

// answering is an HTTP transport that gives one body to every request.
type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(string(a))),
	}, nil
}

// FuzzRPCReply: no answer of a node makes the client do more than refuse it.
func FuzzRPCReply(f *testing.F) {
	for _, seed := range []string{
		`{"result":{"chain":"regtest","blocks":1,"bestblockhash":"00"},"id":"getblockchaininfo"}`,
		`{"result":{"feerate":0.00001},"id":"estimatesmartfee"}`,
		`{"result":{"feerate":1e-5},"id":"estimatesmartfee"}`,
		`{"result":"00","id":"getblockhash"}`,
		`{"result":null,"error":{"code":-26,"message":"no","data":{"code":"refused"}},"id":"x"}`,
	} {
		f.Add(seed)
	}
	tx := anchor([36]byte{1}, []byte("payload"), 1_000).Bytes()
	f.Fuzz(func(t *testing.T, body string) {
		client, err := chain.NewRPC(chain.RPCConfig{
			URL: "http://node.invalid", Network: "regtest", Auth: suiteAuth(),
			Client: &http.Client{Transport: answering(body)},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, _, _ = client.Tip(ctx)
		_, _ = client.Block(ctx, 1)
		_, _ = client.Header(ctx, 1)
		_, _ = client.FeeRate(ctx)
		_, _ = client.Broadcast(ctx, tx)
		_, _ = client.Mine(ctx, 1, nil)
		_, _ = client.Fund(ctx, anyoneOutput(), 5_000)
	})
}
