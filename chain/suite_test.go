package chain_test

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/spv"
)

// world is one backend under the suite: what every chain of our own can do.
type world interface {
	chain.Backend
	chain.Miner
}

// suiteTime is when the chains under test begin.
func suiteTime() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

func mustMine(tb testing.TB, w world, n int) [][32]byte {
	tb.Helper()
	hashes, err := w.Mine(tb.Context(), n, nil)
	if err != nil {
		tb.Fatalf("mine %d: %v", n, err)
	}
	return hashes
}

func mustFund(tb testing.TB, w world, sats int64) [36]byte {
	tb.Helper()
	outpoint, err := w.Fund(tb.Context(), anyoneOutput(), sats)
	if err != nil {
		tb.Fatalf("fund %d: %v", sats, err)
	}
	return outpoint
}

func mustBroadcast(tb testing.TB, w world, tx spv.Tx) [32]byte {
	tb.Helper()
	txid, err := w.Broadcast(tb.Context(), tx.Bytes())
	if err != nil {
		tb.Fatalf("broadcast: %v", err)
	}
	if txid != tx.TxID() {
		tb.Fatalf("broadcast gave id %x, want %x", txid, tx.TxID())
	}
	return txid
}

func mustTip(tb testing.TB, w chain.Backend) int64 {
	tb.Helper()
	height, _, err := w.Tip(tb.Context())
	if err != nil {
		tb.Fatalf("tip: %v", err)
	}
	return height
}

func mustLocate(tb testing.TB, w chain.Backend, txid [32]byte) chain.Found {
	tb.Helper()
	found, ok, err := chain.Locate(tb.Context(), w, txid, 0)
	if err != nil || !ok {
		tb.Fatalf("locate %x: found %v, %v", txid, ok, err)
	}
	return found
}

func mustSync(tb testing.TB, f *chain.Follower) chain.Step {
	tb.Helper()
	step, err := f.Sync(tb.Context())
	if err != nil {
		tb.Fatalf("sync: %v", err)
	}
	return step
}

// wantFault demands a fault of the given code.
func wantFault(tb testing.TB, err error, code fault.Code) {
	tb.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code {
		tb.Fatalf("got error %v, want a fault of code %s", err, code)
	}
}

// anyone is the witness script OP_TRUE: coins behind its hash need no key.
func anyone() []byte { return []byte{0x51} }

func anyoneOutput() []byte {
	program := sha256.Sum256(anyone())
	return append([]byte{0x00, 0x20}, program[:]...)
}

func vout(txid [32]byte, n uint32) [36]byte {
	return [36]byte(binary.LittleEndian.AppendUint32(slices.Clone(txid[:]), n))
}

// spend builds a transaction over anyone's coins.
func spend(inputs [][36]byte, outputs ...spv.Output) spv.Tx {
	tx := spv.Tx{Version: 2, Outputs: outputs}
	for _, in := range inputs {
		tx.Inputs = append(tx.Inputs, spv.Input{
			Outpoint: in, Sequence: 0xfffffffd, Witness: [][]byte{anyone()},
		})
	}
	return tx
}

// anchor spends coin into an OP_RETURN with payload and a next coin of value.
func anchor(coin [36]byte, payload []byte, value uint64) spv.Tx {
	return spend([][36]byte{coin},
		spv.Output{Script: payloadScript(payload)},
		spv.Output{Value: value, Script: anyoneOutput()})
}

func payloadScript(payload []byte) []byte {
	if len(payload) <= 75 {
		return append([]byte{0x6a, byte(len(payload))}, payload...)
	}
	return append([]byte{0x6a, 0x4c, byte(len(payload))}, payload...)
}

// backends lists how each backend is opened for a test.
func backends() map[string]func(testing.TB) world {
	return map[string]func(testing.TB) world{
		"regtest": func(tb testing.TB) world { return mustRegtest(tb) },
		"memory":  func(tb testing.TB) world { return mustMemory(tb) },
		"rpc":     func(tb testing.TB) world { return mustRPC(tb, mustRegtest(tb)) },
	}
}

func mustRegtest(tb testing.TB) *chain.Regtest {
	tb.Helper()
	r, err := chain.OpenRegtest(tb.TempDir(), suiteTime)
	if err != nil {
		tb.Fatalf("open regtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Errorf("close regtest: %v", err)
		}
	})
	return r
}

func mustMemory(tb testing.TB) *chain.Memory {
	tb.Helper()
	m, err := chain.NewMemory(suiteTime)
	if err != nil {
		tb.Fatalf("new memory chain: %v", err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Errorf("close memory chain: %v", err)
		}
	})
	return m
}

func suiteAuth() chain.RPCAuth { return chain.RPCAuth{User: "node", Password: "secret"} }

// mustRPC serves a chain on a local port and gives a client of it.
func mustRPC(tb testing.TB, source chain.Source) *chain.RPC {
	tb.Helper()
	handler, err := chain.NewRPCServer(source, suiteAuth(), slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatalf("rpc server: %v", err)
	}
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return mustClient(tb, server.URL, 0)
}

func mustClient(tb testing.TB, url string, feeRateFallback uint64) *chain.RPC {
	tb.Helper()
	client, err := chain.NewRPC(chain.RPCConfig{
		URL: url, Network: "regtest", Auth: suiteAuth(), PollEvery: 2 * time.Millisecond,
		FeeRateFallback: feeRateFallback,
	})
	if err != nil {
		tb.Fatalf("rpc client: %v", err)
	}
	tb.Cleanup(func() {
		if err := client.Close(); err != nil {
			tb.Errorf("close rpc client: %v", err)
		}
	})
	return client
}

// each runs a test over all backends.
func each(t *testing.T, test func(t *testing.T, w world)) {
	for name, open := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
