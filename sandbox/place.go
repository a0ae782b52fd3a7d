package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/server"
	"seyfert/wire"
)

// Place is one node of the world and its operator.
type Place struct {
	Name       string
	URL        string
	Thumbprint string
	Dir        string
	// Operator speaks to the node's public API with the operator's key.
	Operator *client.Client
	server   *server.Server
	cfg      server.Config
	// testKey is what the node's explorer fills in; nil fills in nothing yet.
	testKey atomic.Pointer[testKey]
}

// testKey is a key of this test bed, and whose it is.
type testKey struct{ owner, key string }

// fillIn tells what the explorer fills in.
func (p *Place) fillIn() (owner, key string) {
	if k := p.testKey.Load(); k != nil {
		return k.owner, k.key
	}
	return "", ""
}

// openPlace makes a node's keys the first time, funds its lanes and starts it. offset is its
// port above the world's.
func (w *World) openPlace(ctx context.Context, name string, offset int) (*Place, error) {
	p := &Place{Name: name, Dir: filepath.Join(w.cfg.Dir, name)}
	listener, port, err := w.listenPlace(offset)
	if err != nil {
		return nil, err
	}
	p.URL = "http://" + name + ".localhost:" + port
	p.cfg = server.Config{
		DID: "did:web:" + name + ".localhost", Dir: p.Dir, Origin: p.URL, Network: "regtest",
		Listen:     listener.Addr().String(),
		Currencies: []money.Currency{money.KRW, money.JPY, money.USD, money.BTC},
		Thresholds: []money.Amount{
			money.New(money.KRW, ThresholdKRW), money.New(money.JPY, 1_000),
			money.New(money.USD, 1_000), money.New(money.BTC, 10_000),
		},
	}
	if err := w.fund(ctx, p); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	made, err := server.Init(p.cfg, rand.Reader)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	p.Thumbprint = made.Thumbprint
	p.server, err = server.Start(ctx, p.cfg, server.Parts{
		Chain: w.Chain, Listener: listener, Now: w.cfg.Now, Sandbox: w.URL, TestKey: p.fillIn,
	}, w.cfg.Log.With("node", name))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(made.OperatorFile)
	if err != nil {
		return nil, errors.Join(err, p.server.Close())
	}
	p.testKey.Store(&testKey{"the operator", strings.TrimSpace(string(key))})
	p.Operator = newClient(p.URL, strings.TrimSpace(string(key)))
	return p, nil
}

// listenPlace takes the node's port: next to the world's, or any if the world's is any.
func (w *World) listenPlace(offset int) (net.Listener, string, error) {
	host, port, err := net.SplitHostPort(w.cfg.Listen)
	if err != nil {
		return nil, "", err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, "", fmt.Errorf("port %q is not a number", port)
	}
	if number != 0 {
		number += offset
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number)))
	if err != nil {
		return nil, "", fmt.Errorf("%w (choose another address with --listen)", err)
	}
	_, port, err = net.SplitHostPort(listener.Addr().String())
	return listener, port, err
}

// fund gives a new node the first coins of its two lanes, as an operator would buy them, and
// keeps where they are.
func (w *World) fund(ctx context.Context, p *Place) error {
	file := filepath.Join(p.Dir, "lanes.json")
	text, err := os.ReadFile(file)
	if err == nil {
		return json.Unmarshal(text, &p.cfg.Lanes)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made, err := server.Init(p.cfg, rand.Reader)
	if err != nil {
		return err
	}
	for _, text := range made.Scripts {
		script, err := hex.DecodeString(text)
		if err != nil {
			return err
		}
		coin, err := w.Chain.Fund(ctx, script, laneSatoshi)
		if err != nil {
			return fmt.Errorf("fund a lane: %w", err)
		}
		p.cfg.Lanes = append(p.cfg.Lanes, server.LaneConfig{
			Outpoint: wire.Outpoint(coin), Value: laneSatoshi,
		})
	}
	if _, err := w.Chain.Mine(ctx, 1, minerScript()); err != nil {
		return fmt.Errorf("mine the lanes' coins: %w", err)
	}
	if text, err = json.Marshal(p.cfg.Lanes); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// closeDay closes today, or the next day that is open, and waits until the anchor is sent.
func (p *Place) closeDay(ctx context.Context, now time.Time) error {
	days, err := p.Operator.Days(ctx)
	if err != nil {
		return err
	}
	today := now.UTC().Format(time.DateOnly)
	if len(days) > 0 && days[len(days)-1].Day >= today {
		last, err := time.Parse(time.DateOnly, days[len(days)-1].Day)
		if err != nil {
			return err
		}
		today = last.AddDate(0, 0, 1).Format(time.DateOnly)
	}
	if _, err := p.Operator.CloseDay(ctx, today); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		days, err := p.Operator.Days(ctx)
		if err != nil || len(days) == 0 {
			return false, err
		}
		last := days[len(days)-1]
		return last.Checkpoint != "" && last.Anchor.TxID != "", nil
	})
}

// waitTip waits until the node has read the chain up to a height.
func (p *Place) waitTip(ctx context.Context, height int64) error {
	return poll(ctx, func() (bool, error) {
		status, err := p.Operator.Status(ctx)
		return status.TipHeight >= height, err
	})
}

// Pace of polling in the test bed.
const (
	pollEvery = 20 * time.Millisecond
	pollMax   = 20 * time.Second
)

// poll asks until the answer is yes, at most pollMax.
func poll(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, pollMax)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain: %w", pollMax, ctx.Err())
		}
	}
}
