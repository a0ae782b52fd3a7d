package bench

import (
	"crypto/rand"
	"errors"
	"net"
	"path/filepath"
	"time"

	"seyfert/core"
	"seyfert/journal"
	"seyfert/node"
)

// start starts all replicas again.
func (c *cluster) start() error {
	for _, m := range c.members {
		if err := m.start(c); err != nil {
			return err
		}
	}
	return nil
}

// start opens a replica's state and its journal.
func (m *member) start(c *cluster) error {
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		return err
	}
	m.address = listener.Addr().String()
	var known []journal.Replica
	for _, other := range c.members {
		known = append(known, journal.Replica{ID: other.id, Address: other.address})
	}
	layer, err := journal.NewTLSLayer(journal.LayerConfig{
		Listener: listener, Key: m.key, Known: known,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	store, opened, err := node.OpenStore(filepath.Join(m.dir, stateDir), c.log)
	if err != nil {
		return errors.Join(err, layer.Close())
	}
	m.store, m.state = store, node.NewState(opened, store.Keep)
	m.cuts = node.NewCuts(m.state, store)
	m.journal, err = journal.Open(journal.RaftConfig{
		Dir: filepath.Join(m.dir, "journal"), Machine: m.state, Cuts: m.cuts,
		Settings: journal.Settings{
			Node: "did:web:" + hostName, Rule: core.RuleVersion, Applied: m.state.Applied,
			Now: func() int64 { return time.Now().UnixMilli() },
			Seed: func() (seed [32]byte) {
				rand.Read(seed[:]) // never fails (crypto/rand)
				return seed
			},
		},
		Cluster: &journal.Cluster{Layer: layer, Join: !m.first},
	})
	return err
}

// close ends all replicas that run, each with a cut.
func (c *cluster) close() (err error) {
	for _, m := range c.members {
		if m.journal != nil {
			err = errors.Join(err, m.journal.Close())
			m.journal = nil
		}
	}
	for _, m := range c.members {
		if m.store != nil {
			err = errors.Join(err, m.cuts.Cut(), m.store.Close())
			m.store = nil
		}
	}
	return err
}
