package server

import (
	"context"

	"seyfert/chain"
	"seyfert/peer"
)

// away stands for the Bitcoin node and the peers of a restored copy, which reaches neither. It
// implements chain.Backend and node.Transport.
type away struct{ network string }

// Network implements chain.Backend.
func (a away) Network() string { return a.network }

// Tip implements chain.Backend.
func (away) Tip(context.Context) (height int64, hash [32]byte, err error) {
	return 0, hash, errCopy()
}

// Header implements chain.Backend.
func (away) Header(context.Context, int64) ([]byte, error) { return nil, errCopy() }

// Block implements chain.Backend.
func (away) Block(context.Context, int64) (chain.Block, error) { return chain.Block{}, errCopy() }

// Broadcast implements chain.Backend.
func (away) Broadcast(context.Context, []byte) (txid [32]byte, err error) { return txid, errCopy() }

// FeeRate implements chain.Backend.
func (away) FeeRate(context.Context) (uint64, error) { return 0, errCopy() }

// Subscribe implements chain.Backend.
func (away) Subscribe(context.Context) (<-chan int64, func()) {
	closed := make(chan int64)
	close(closed)
	return closed, func() {}
}

// Post implements node.Transport.
func (away) Post(context.Context, peer.Address, []string) ([]peer.Answer, error) {
	return nil, errCopy()
}
