package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seyfert/api"
	"seyfert/auth"
	"seyfert/chain"
	"seyfert/money"
	"seyfert/node"
	"seyfert/server"
)

// hostName is what the throw-away node is called.
const hostName = "bench.localhost"

// place is a throw-away node. It is started and stopped as often as a case needs; its files stay
// in between.
type place struct {
	dir    string
	log    *slog.Logger
	cfg    server.Config
	chain  *chain.Memory
	server *server.Server
	// key is the operator's API key, by what it is to the node.
	key string
	by  node.Caller
}

// newPlace makes a node's keys. The node is not started.
func newPlace(dir string, log *slog.Logger) (*place, error) {
	p := &place{dir: filepath.Join(dir, "node"), log: log}
	p.cfg = server.Config{
		DID: "did:web:" + hostName, Dir: p.dir, Origin: "http://" + hostName,
		Network: "regtest", Listen: "127.0.0.1:0",
		Currencies: []money.Currency{currency},
		Thresholds: []money.Amount{money.New(currency, 1_000_000)},
	}
	made, err := server.Init(p.cfg, rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(made.OperatorFile)
	if err != nil {
		return nil, err
	}
	p.key = strings.TrimSpace(string(key))
	p.chain, err = chain.NewMemory(time.Now)
	return p, err
}

// unbounded lets one caller ask as often as it can: how often is what is measured. Each request
// is counted all the same.
func unbounded() api.Limits {
	limit := auth.Limit{Burst: 1_000_000_000, Every: time.Microsecond, Keys: 1 << 16}
	return api.Limits{Address: limit, Caller: limit, Guess: limit}
}

// start starts the node and returns how long that took.
func (p *place) start(ctx context.Context) (took time.Duration, err error) {
	listener, err := net.Listen("tcp", p.cfg.Listen)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	p.server, err = server.Start(ctx, p.cfg, server.Parts{
		Chain: p.chain, Listener: listener, Limits: unbounded(),
	}, p.log)
	took = time.Since(begin)
	if err != nil {
		return 0, err
	}
	p.by, err = p.server.Node().Authenticate(p.key)
	return took, err
}

// stop ends the node, which makes a cut.
func (p *place) stop() error {
	if p.server == nil {
		return nil
	}
	s := p.server
	p.server = nil
	return s.Close()
}

// close ends everything.
func (p *place) close() error { return errors.Join(p.stop(), p.chain.Close()) }
