package node_test

import (
	"context"
	"testing"

	"seyfert/chain"
)

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
