package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"seyfert/api"
	"seyfert/journal"
	"seyfert/peer"
	"seyfert/rail/bank"
	"seyfert/web"
)

// handler mounts the pages beside the API on one port.
func (s *Server) handler(parts Parts, log *slog.Logger) (http.Handler, error) {
	limits := parts.Limits
	if limits == (api.Limits{}) {
		rates := s.cfg.RequestsPerSecond
		limits = api.LimitsOf(rates.Address, rates.Caller)
	}
	config := api.Config{
		Node: s.node, Origin: s.cfg.Origin, Secure: s.cfg.secure(), Now: parts.Now,
		Random: rand.Reader, Log: log, Limits: limits, Proxies: s.cfg.TrustedProxies,
		SignInURL:   func(code string) string { return s.cfg.Origin + "/wallet/sign-in?code=" + code },
		CheckoutURL: func(offer string) string { return s.cfg.Origin + "/checkout/" + offer },
	}
	if !s.copied {
		if err := s.addOthers(&config, parts); err != nil {
			return nil, err
		}
	}
	faces, err := api.New(config)
	if err != nil {
		return nil, err
	}
	pages, err := web.NewNode(web.NodeConfig{
		Node: s.node, Origin: s.cfg.Origin, Secure: s.cfg.secure(), Now: parts.Now,
		Proxies: s.cfg.TrustedProxies, Demo: s.cfg.loopback(), Sandbox: parts.Sandbox,
		TestKey: parts.TestKey, Fetch: s.fetch, Log: log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", faces)
	pages.Mount(mux)
	return mux, nil
}

// addOthers lets peers and the bank reach the API.
func (s *Server) addOthers(config *api.Config, parts Parts) error {
	secret, err := readHexSecret(s.cfg.bankFile())
	if err != nil {
		return fmt.Errorf("read the bank's secret: %w", err)
	}
	config.Bank = bank.New(secret, parts.Now)
	seconds := func() int64 { return parts.Now().Unix() }
	config.Receiver, err = peer.NewReceiver(s.cfg.Origin, s.signer, s.node.PeerKey, seconds)
	config.Fetch = peer.NewClient(s.out, s.signer, seconds, rand.Reader).Fetch
	return err
}

// fetch gets an offer from another node for the wallet, through the one outgoing client.
func (s *Server) fetch(ctx context.Context, url string) (status int, body []byte, err error) {
	if s.copied {
		return 0, nil, errCopy()
	}
	answer, err := s.out.Do(ctx, http.MethodGet, url, http.Header{}, nil)
	return answer.Status, answer.Body, err
}

// serve starts the listeners, the workers and the control socket.
func (s *Server) serve(parts Parts, handler http.Handler, woken *journal.Lead) error {
	s.room.look()
	local := s.room.guard(handler)
	if err := s.listen(parts, &gate{s, local}, s.log); err != nil {
		return err
	}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	if s.replica != nil {
		s.replica.look()
		s.serveReplicas(local, s.log)
		s.running.Go(func() { s.replica.watch(ctx) })
		s.running.Go(func() { s.replica.barriers.run(ctx, s.askBarrier) })
		s.running.Go(func() { s.getReady(ctx) })
		s.running.Go(func() { s.refreshSigner(ctx) })
	}
	s.running.Go(func() { s.lead(ctx, woken) })
	s.running.Go(func() { s.room.watch(ctx) })
	s.running.Go(func() { s.watchFailures(ctx) })
	return s.listenControl()
}

// watchFailures tells the first reason for which this replica must stop.
func (s *Server) watchFailures(ctx context.Context) {
	var broken <-chan struct{}
	if s.replica != nil {
		broken = s.replica.mirror.Broken()
	}
	select {
	case err := <-s.journal.Failed():
		s.fail(err)
	case err := <-s.node.Failed():
		s.fail(err)
	case <-broken:
		s.fail(s.replica.mirror.Reason())
	case <-ctx.Done():
	}
}

// listen starts the listener.
func (s *Server) listen(parts Parts, handler http.Handler, log *slog.Logger) error {
	listener := parts.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
			return err
		}
	}
	s.address = listener.Addr()
	most, err := connectionsMax()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	connections := Limit(listener, most)
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytesMax,
		ConnState: connections.Watch,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	s.http.RegisterOnShutdown(s.node.EndWaits)
	s.running.Go(func() {
		if err := s.http.Serve(connections); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}
