// Package sandbox is the test bed: two nodes, a Bitcoin regtest chain, a simulated bank and a
// demo shop in one process, for a start-up to try its service against at once.
//
// The nodes are started through package server, as `seyfert serve` does; they share nothing but
// HTTP and the chain, and everything here is done through their public APIs with keys that the
// operator of each node holds. It never touches production keys: it makes its own, on regtest.
//
// place.go starts one node, shop.go is the demo shop, worldpage.go the page that shows the
// world, scenario.go and checkout.go play the checkout without a browser.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"seyfert/chain"
	"seyfert/client"
	"seyfert/money"
	"seyfert/rail/banksim"
)

// What the world starts with.
const (
	// DepositKRW is what the customer has in her wallet at the beginning, in won.
	DepositKRW = 100_000
	// ThresholdKRW is the amount from which a payment gets a chain record of its own, in won.
	ThresholdKRW = 10_000
	// CreditKRW is the credit that each node gives the other, in won.
	CreditKRW = 50_000_000
	// laneSatoshi is what each lane is funded with: enough for thousands of anchors.
	laneSatoshi = 10_000_000
)

// Config is what a World is made of.
type Config struct {
	// Dir keeps the world; a restart on the same directory goes on where it stopped.
	Dir string
	// Listen is the address of the world's page; the nodes take the two ports above it. Port 0
	// takes free ports.
	Listen string
	// Bare leaves out the first deposit, for scenarios that make their own.
	Bare bool
	Now  func() time.Time
	Log  *slog.Logger
}

// World is a running test bed.
type World struct {
	cfg   Config
	Chain *chain.Regtest
	Seoul *Place
	Tokyo *Place
	Bank  *banksim.Bank
	// Customer and Shop are who trades in the world.
	Customer Customer
	Shop     *Shop
	// URL is the world's page.
	URL      string
	lock     *os.File // held as long as the world lives in its directory
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc
	running  sync.WaitGroup
	failed   chan error
}

// Customer is the member of seoul who buys.
type Customer struct {
	// Member is her id, Bank and Number the virtual account that feeds her wallet.
	Member string `json:"member"`
	Name   string `json:"name"`
	Bank   string `json:"bank"`
	Number string `json:"number"`
}

// Open starts a world. It is usable when Open returns.
func Open(ctx context.Context, cfg Config) (_ *World, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	w := &World{cfg: cfg, failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.lock, err = lock(cfg.Dir); err != nil {
		return nil, err
	}
	if w.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("the world's page: %w (choose another address with --listen)", err)
	}
	// The page signs its visitors in as the customer: it is for this machine alone.
	if !w.listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not on loopback: a sandbox is for this machine alone",
			cfg.Listen)
	}
	_, port, err := net.SplitHostPort(w.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	w.URL = "http://localhost:" + port
	if w.Chain, err = chain.OpenRegtest(filepath.Join(cfg.Dir, "chain"), cfg.Now); err != nil {
		return nil, fmt.Errorf("open the chain: %w", err)
	}
	if err := w.openPlaces(ctx); err != nil {
		return nil, err
	}
	if err := w.people(ctx); err != nil {
		return nil, err
	}
	return w, w.serve()
}

// lock makes sure that one world at a time lives in a directory.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another sandbox uses %s: %w", dir, err), file.Close())
	}
	return file, nil
}

// openPlaces starts both nodes and makes them known to each other.
func (w *World) openPlaces(ctx context.Context) (err error) {
	if w.Seoul, err = w.openPlace(ctx, "seoul", 1); err != nil {
		return fmt.Errorf("start seoul: %w", err)
	}
	if w.Tokyo, err = w.openPlace(ctx, "tokyo", 2); err != nil {
		return fmt.Errorf("start tokyo: %w", err)
	}
	for _, pair := range [][2]*Place{{w.Seoul, w.Tokyo}, {w.Tokyo, w.Seoul}} {
		if err := introduce(ctx, pair[0], pair[1]); err != nil {
			return fmt.Errorf("introduce %s to %s: %w", pair[1].Name, pair[0].Name, err)
		}
	}
	return nil
}

// introduce makes a node known to another, unless it is known there at this very address.
func introduce(ctx context.Context, to, who *Place) error {
	peers, err := to.Operator.Peers(ctx)
	if err != nil {
		return err
	}
	for _, peer := range peers {
		if peer.URL == who.URL && peer.Thumbprint == who.Thumbprint {
			return nil
		}
	}
	_, err = to.Operator.AddPeer(ctx, client.PeerTerms{
		URL: who.URL, Thumbprint: who.Thumbprint, Credit: credit(),
	})
	return err
}

func credit() []money.Amount {
	return []money.Amount{
		money.New(money.KRW, CreditKRW), money.New(money.JPY, 5_000_000),
		money.New(money.USD, 5_000_000), money.New(money.BTC, 100_000_000),
	}
}

// minerScript is where the sandbox's blocks pay to: anyone may take it, nobody does.
func minerScript() []byte { return []byte{0x51} }

// CloseDay closes the day on both nodes, waits until their anchors are sent and mines a block
// over them. A day that is closed already makes way for the next one of the calendar, since
// nothing here waits for midnight.
func (w *World) CloseDay(ctx context.Context) error {
	for _, place := range []*Place{w.Seoul, w.Tokyo} {
		if err := place.closeDay(ctx, w.cfg.Now()); err != nil {
			return fmt.Errorf("close the day of %s: %w", place.Name, err)
		}
	}
	return w.Mine(ctx, 1)
}

// Mine mines blocks and waits until both nodes have read them.
func (w *World) Mine(ctx context.Context, blocks int) error {
	if _, err := w.Chain.Mine(ctx, blocks, minerScript()); err != nil {
		return err
	}
	tip, _, err := w.Chain.Tip(ctx)
	if err != nil {
		return err
	}
	for _, place := range []*Place{w.Seoul, w.Tokyo} {
		if err := place.waitTip(ctx, tip); err != nil {
			return err
		}
	}
	return nil
}

// serve starts the world's page and the shop on one port, told apart by the host's name.
func (w *World) serve() error {
	handler, err := w.pages()
	if err != nil {
		return err
	}
	w.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(w.cfg.Log.Handler(), slog.LevelWarn),
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	w.running.Go(func() { w.Bank.Run(ctx) })
	w.running.Go(func() {
		if err := w.http.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- err
		}
	})
	for _, place := range []*Place{w.Seoul, w.Tokyo} {
		w.running.Go(func() {
			select {
			case err := <-place.server.Failed():
				w.failed <- fmt.Errorf("%s: %w", place.Name, err)
			case <-ctx.Done():
			}
		})
	}
	return nil
}

// Failed reports what the world can't go on after.
func (w *World) Failed() <-chan error { return w.failed }

// Close ends pages, bank, nodes and chain, in this order.
func (w *World) Close() error {
	var errs []error
	if w.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if w.http.Shutdown(ctx) != nil {
			errs = append(errs, w.http.Close())
		}
		cancel()
	} else if w.listener != nil {
		errs = append(errs, w.listener.Close())
	}
	if w.stop != nil {
		w.stop()
	}
	w.running.Wait()
	for _, place := range []*Place{w.Seoul, w.Tokyo} {
		if place != nil {
			errs = append(errs, place.server.Close())
		}
	}
	if w.Chain != nil {
		errs = append(errs, w.Chain.Close())
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Close())
	}
	return errors.Join(errs...)
}
