package server_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/money"
	"seyfert/server"
)

// TestRegtestServesNoOtherNetwork: blocks that anyone can make at no cost never stand in for a
// real network's, whoever wires them up.
func TestRegtestServesNoOtherNetwork(t *testing.T) {
	regtest, err := chain.OpenRegtest(t.TempDir(), time.Now)
	must(t, err)
	t.Cleanup(func() { must(t, regtest.Close()) })
	for _, network := range []string{"mainnet", "signet"} {
		cfg := server.Config{
			DID: "did:web:node.example", Dir: filepath.Join(t.TempDir(), network),
			Listen: "127.0.0.1:0", Origin: "https://node.example", Network: network,
			Currencies: []money.Currency{money.KRW},
		}
		_, err := server.Init(cfg, rand.Reader)
		must(t, err)
		_, err = server.Start(t.Context(), cfg, server.Parts{Chain: regtest},
			slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err == nil || !strings.Contains(err.Error(), "the chain is regtest") {
			t.Errorf("%s: %v", network, err)
		}
	}
}
