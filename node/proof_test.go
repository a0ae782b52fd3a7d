package node_test

import (
	"context"
	"testing"
	"time"

	"seyfert/chain"
	"seyfert/table"
)

// countedTables counts the rows and index entries read.
type countedTables struct {
	table.Store
	reads int
}

// Get implements table.Store.
func (c *countedTables) Get(key []byte) ([]byte, bool, error) {
	c.reads++
	return c.Store.Get(key)
}

// Scan implements table.Store.
func (c *countedTables) Scan(from, to []byte, fn func(key, value []byte) bool) error {
	return c.Store.Scan(from, to, func(key, value []byte) bool {
		c.reads++
		return fn(key, value)
	})
}

// proven is a market whose payment has cleared, and the day's anchor is in a block.
func proven(t *testing.T) (m *market, transfer string) {
	t.Helper()
	m = newMarket(t)
	c := m.shop.claim(m.offer, m.order.Receipt)
	m.shop.submit(c)
	m.settle()
	claim, err := m.tokyo.node.Claim(m.shop.caller, c.ID)
	must(t, err)
	_, err = m.tokyo.node.CloseDay(context.Background(), m.tokyo.operator, 0)
	must(t, err)
	m.settle()
	m.mine(1)
	m.settle()
	return m, claim.Transfer
}

// TestProofOfAnOldPayment: a proof can be made however many blocks lie on its anchor.
func TestProofOfAnOldPayment(t *testing.T) {
	m, transfer := proven(t)
	young, err := m.tokyo.node.Bundle(context.Background(), m.shop.caller, transfer)
	must(t, err)
	for range chain.LocateBlocksMax/chain.MineBlocksMax + 1 {
		m.mine(chain.MineBlocksMax)
		m.settle()
	}
	old, err := m.tokyo.node.Bundle(context.Background(), m.shop.caller, transfer)
	must(t, err)
	if string(old) != string(young) {
		t.Error("the proof has changed with the chain's length")
	}
}

// TestProofReadsItsOwnLane: a proof costs the same however much the node has written on the
// chain since.
func TestProofReadsItsOwnLane(t *testing.T) {
	m, transfer := proven(t)
	cost := func() int {
		m.tokyo.tables.reads = 0
		_, err := m.tokyo.node.Bundle(context.Background(), m.shop.caller, transfer)
		must(t, err)
		return m.tokyo.tables.reads
	}
	before := cost()
	for range 20 {
		m.later(24 * time.Hour)
		_, err := m.tokyo.node.CloseDay(context.Background(), m.tokyo.operator, 0)
		must(t, err)
		m.settle()
		m.mine(1)
		m.settle()
	}
	rows, err := m.tokyo.node.ChainRows(m.tokyo.operator)
	must(t, err)
	if len(rows) < 21 {
		t.Fatalf("only %d rows on the chain", len(rows))
	}
	if after := cost(); after != before {
		t.Errorf("%d reads for a proof, and %d with 20 more days on the chain", before, after)
	}
}
