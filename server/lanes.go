package server

import (
	"bytes"
	"context"
	"fmt"

	"seyfert/chain"
	"seyfert/signer"
	"seyfert/spv"
)

// laneBlocksMax is how far below the tip the first coin of a new lane may be: a week.
const laneBlocksMax = 1008

// checkLanes holds each lane that the signer does not know yet against the chain: the coin must
// be there, pay to the lane's script and have the value that the configuration says. A wrong
// value would only show when an anchor is refused, and the signer never forgets a spend.
func checkLanes(ctx context.Context, backend chain.Backend, s *signer.Signer,
	lanes []signer.Lane,
) error {
	known := len(s.Lanes())
	for _, lane := range lanes[min(known, len(lanes)):] {
		tip, _, err := backend.Tip(ctx)
		if err != nil {
			return fmt.Errorf("look for the coin of lane %d: %w", lane.N, err)
		}
		found, ok, err := chain.Locate(ctx, backend, lane.Outpoint.TxID(),
			max(0, tip-laneBlocksMax))
		if err != nil {
			return fmt.Errorf("look for the coin of lane %d: %w", lane.N, err)
		}
		if !ok {
			return fmt.Errorf("lane %d: no block of the last %d holds the coin %s",
				lane.N, laneBlocksMax, lane.Outpoint)
		}
		tx, err := spv.ParseTx(found.Raw)
		if err != nil {
			return err
		}
		output := int(lane.Outpoint.Output())
		if output >= len(tx.Outputs) || tx.Outputs[output].Value != lane.Value ||
			!bytes.Equal(tx.Outputs[output].Script, s.LaneScript(lane.N)) {
			return fmt.Errorf("lane %d: the coin %s is not %d satoshi to this node's script",
				lane.N, lane.Outpoint, lane.Value)
		}
	}
	return nil
}
