package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/egress"
	"seyfert/journal"
	"seyfert/node"
	"seyfert/peer"
)

// openKeys opens the node's keys, and before them what a replica of several needs for them.
func (s *Server) openKeys(parts Parts) error {
	if s.cfg.Replica.on() {
		if err := s.openReplica(parts); err != nil {
			return err
		}
	}
	if err := s.openSigner(); err != nil {
		return fmt.Errorf("open keys (made by seyfert init): %w", err)
	}
	if s.signer.DID() != s.cfg.DID || s.signer.Network() != s.cfg.Network {
		return fmt.Errorf("the keys in %s are those of %s on %s, the configuration names %s on %s",
			s.cfg.keysDir(), s.signer.DID(), s.signer.Network(), s.cfg.DID, s.cfg.Network)
	}
	return nil
}

// openState opens tables and history at the newest cut and replays the journal onto them.
func (s *Server) openState(ctx context.Context, parts Parts, log *slog.Logger) (err error) {
	var c *core.Core
	if s.store, c, err = node.OpenStore(s.cfg.stateDir(), log); err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	s.state = node.NewState(c, s.store.Keep)
	if parts.End != nil {
		s.state.EndBy(func(err error) {
			s.suspect.Store(true) // it is in the middle of an entry
			parts.End(err)
		})
	}
	s.cuts = node.NewCuts(s.state, s.store)
	var shorten journal.Cuts = s.cuts
	if s.cfg.KeepJournal {
		shorten = nil
	}
	cluster, err := s.cluster(parts)
	if err != nil {
		return err
	}
	s.journal, err = journal.Open(journal.RaftConfig{
		Dir: s.cfg.journalDir(), Machine: s.state, Cuts: shorten,
		Cluster: cluster, Alone: parts.Alone,
		Lost: func(others []journal.Replica) error { return s.lost(ctx, others) },
		Settings: journal.Settings{
			Node: s.cfg.DID, Rule: core.RuleVersion, Seed: seed, Applied: s.state.Applied,
			Now: func() int64 { return parts.Now().UnixMilli() },
		},
	})
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if s.replica != nil {
		s.replica.journal.Store(s.journal)
	}
	return nil
}

func seed() (b [32]byte) {
	rand.Read(b[:]) // never fails (crypto/rand)
	return b
}

func (s *Server) openNode(parts Parts, log *slog.Logger) (err error) {
	s.out = egress.New(egress.Policy{Loopback: s.cfg.loopback()})
	backend := parts.Chain
	if backend == nil {
		rpc, err := s.dialChain()
		if err != nil {
			return err
		}
		backend, s.rpc = rpc, rpc
	}
	if backend.Network() != s.cfg.Network {
		return fmt.Errorf("the chain is %s, the configuration says %s",
			backend.Network(), s.cfg.Network)
	}
	seconds := func() int64 { return parts.Now().Unix() }
	s.chain = backend
	s.room.journal = &entrance{role: &s.role, journal: s.journal}
	s.node, err = node.New(node.Config{
		State: s.state, Journal: s.room, Signer: s.signer, Chain: backend,
		Transport: peer.NewClient(s.out, s.signer, seconds, rand.Reader),
		Now:       parts.Now, Random: rand.Reader,
		Live: s.cfg.Network == networkMainnet, Log: log,
	})
	return err
}

func (s *Server) dialChain() (*chain.RPC, error) {
	login := chain.RPCAuth{User: s.cfg.Chain.User}
	var err error
	if s.cfg.Chain.TokenFile != "" {
		login.Token, err = readSecret(s.cfg.Chain.TokenFile)
	} else {
		login.Password, err = readSecret(s.cfg.Chain.PasswordFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the chain's credentials: %w", err)
	}
	s.chainOut = egress.New(egress.Policy{Loopback: true, BodyMax: chainBodyMax})
	return chain.NewRPC(chain.RPCConfig{
		URL: s.cfg.Chain.URL, Network: s.cfg.Network, Auth: login,
		FeeRateFallback: feeRateFallback, Client: s.chainOut.HTTP(),
	})
}

// chainBodyMax bounds an answer of the Bitcoin node: a full block in hex, and its frame.
const chainBodyMax = 16 << 20

// feeRateFallback is used while the Bitcoin node has no estimate: 2 satoshi per virtual byte.
const feeRateFallback = 2000
