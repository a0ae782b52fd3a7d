package simtest

import (
	"context"
	"fmt"
	"time"

	"seyfert/core"
	"seyfert/money"
	"seyfert/node"
	"seyfert/spv"
	"seyfert/verify"
)

// finish lets every offer and hold run out, closes the last day, and lets every anchor be
// confirmed. Then it checks what holds at the end, proofs included.
func (w *world) finish() error {
	w.doing = "finish"
	if err := w.rest(); err != nil {
		return err
	}
	w.network.healed = true
	w.now += int64(24 * time.Hour / time.Millisecond)
	for _, h := range w.hosts {
		for more := true; more; more = h.view().Due(w.now) {
			if err := h.process.node.Tick(context.Background()); err != nil {
				return err
			}
		}
		if _, err := h.process.node.CloseDay(context.Background(), h.operator, 0); err != nil {
			return err
		}
	}
	if err := w.rest(); err != nil {
		return err
	}
	if err := w.mine(node.ConfirmationsFinal); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	for _, h := range w.hosts {
		if err := w.checkEnd(h); err != nil {
			return fmt.Errorf("%s: %w", h.did, err)
		}
	}
	return w.checkProofs()
}

// checkEnd holds after every offer ran out: nothing is held any more and every row of the
// chain outbox is in a block, where the chain says it is.
func (w *world) checkEnd(h *host) error {
	if open := h.view().ChainOpen(core.PageMax); len(open) > 0 {
		return fmt.Errorf("%d rows are not in a block, the first is %s", len(open), open[0].ID)
	}
	read, err := w.readBooks(h)
	if err != nil {
		return err
	}
	for _, currency := range currencies() {
		b := read[currency]
		for _, flights := range []map[string]money.Amount{b.flightIn, b.flightOut} {
			for peer, amount := range flights {
				if !amount.IsZero() {
					return fmt.Errorf("%s are still held for %s", amount, peer)
				}
			}
		}
	}
	for _, row := range h.view().ChainRows(0, int(h.view().Node().ChainSeq)) {
		tx, known, err := w.chain.Transaction(context.Background(), row.TxID)
		if err != nil {
			return err
		}
		if !known || !tx.Confirmed || tx.Height != row.Height {
			return fmt.Errorf("%s is said to be in block %d, the chain has it in %d (%t)", row.ID,
				row.Height, tx.Height, tx.Confirmed)
		}
	}
	return nil
}

// checkProofs exports the proof of every payment between nodes that is remembered, from both
// nodes, and checks each offline.
func (w *world) checkProofs() error {
	for _, s := range w.people.sales {
		for _, c := range s.claims {
			if c.state != core.ClaimPaid || s.buyer.host == s.shop.host {
				continue
			}
			got, err := c.by.host.process.node.Claim(c.by.caller, c.request.ID)
			if err != nil {
				return err
			}
			for _, h := range []*host{s.buyer.host, s.shop.host} {
				if err := w.checkProof(h, got.Transfer); err != nil {
					return fmt.Errorf("proof of %s from %s: %w", got.Transfer, h.did, err)
				}
			}
		}
	}
	return nil
}

func (w *world) checkProof(h *host, transfer string) error {
	bundle, err := h.process.node.Bundle(context.Background(), h.operator, transfer)
	if err != nil {
		return err
	}
	headers, err := headersOf(h.process.node)
	if err != nil {
		return err
	}
	report := verify.Check(bundle, verify.Options{
		Headers: headers, Pin: h.process.signer.KeyID(),
		Confirmations: node.ConfirmationsFinal,
	})
	if !report.OK {
		return fmt.Errorf("step %s fails:\n%s", report.Failed(), report.Text())
	}
	w.counts.Proofs++
	return nil
}

// headersOf reads all headers that a node holds, page by page: a long run has many.
func headersOf(n *node.Node) (headers []byte, err error) {
	for {
		page, err := n.Headers(int64(len(headers)/spv.HeaderSize), node.HeadersMax)
		if err != nil || len(page) == 0 {
			return headers, err
		}
		headers = append(headers, page...)
	}
}
