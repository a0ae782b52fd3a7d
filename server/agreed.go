package server

import (
	"fmt"
	"slices"

	"seyfert/auth"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
)

// own is what the journal says about the node.
func (s *Server) own() (row core.NodeRow) {
	s.state.Read(func(v core.View) { row = v.Node() })
	return row
}

// configured says whether the journal holds a configuration already.
func (s *Server) configured() bool { return s.own().DID != "" }

// checkConfigured holds this replica's configuration against the one in the journal and says what
// a leader is told that proposes another one.
func (s *Server) checkConfigured() error {
	own := s.own()
	if own.DID != s.cfg.DID || own.Network != s.cfg.Network ||
		!slices.Equal(own.Currencies, s.cfg.Currencies) ||
		!slices.Equal(own.Thresholds, s.cfg.Thresholds) {
		return &unfit{fault.New(fault.Conflict, "config",
			"The configuration differs from the one in the journal.")}
	}
	key, _, err := s.cfg.operatorKey()
	if err != nil {
		return &unfit{err}
	}
	return s.checkOperator(key)
}

// operatorKey reads the operator's key and its hash.
func (c Config) operatorKey() (key string, hash [32]byte, err error) {
	if key, err = readSecret(c.operatorFile()); err != nil {
		return "", hash, fmt.Errorf("read the operator's key: %w", err)
	}
	if hash, err = auth.HashKey(key); err != nil {
		return "", hash, fmt.Errorf("%s does not hold an API key", c.operatorFile())
	}
	return key, hash, nil
}

// checkOperator refuses a key that is not the operator's in the journal.
func (s *Server) checkOperator(key string) error {
	if by, err := s.node.Authenticate(key); err != nil || by.Kind != journal.Operator {
		return &unfit{fmt.Errorf("%s is not the operator's key that the journal holds: put back "+
			"the first one", s.cfg.operatorFile())}
	}
	return nil
}
