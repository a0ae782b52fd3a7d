package node

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"seyfert/chain"
	"seyfert/core"
	"seyfert/egress"
	"seyfert/fault"
	"seyfert/peer"
	"seyfert/signer"
	"seyfert/spv"
	"seyfert/wire"
)

// Bounds of the workers.
const (
	// LeaseLife is how long an attempt to write on the chain may send bytes.
	LeaseLife = 10 * time.Second
	// BlocksPerStep bounds the blocks that one step of WatchChain reads.
	BlocksPerStep = 144
	// RescanDepth is how far below a vanished tip blocks are read again after a restart.
	RescanDepth = 100
	// anchorLane carries the daily anchors alone, so that the way from its first coin to an
	// anchor, which every proof walks, grows by one step a day. recordLane carries the rest.
	anchorLane = 0
	recordLane = 1
)

// Deliver sends a peer the messages that it does not have yet, many to a request, and notes
// how far it got. It returns how many the peer has taken.
func (n *Node) Deliver(ctx context.Context, did string) (int, error) {
	var rows []core.MessageRow
	var to core.PeerRow
	n.state.Read(func(v core.View) {
		rows = v.Undelivered(did, wire.MessageBatchMax)
		to, _ = v.Peer(did)
	})
	if len(rows) == 0 {
		return 0, nil
	}
	payloads := make([][]byte, len(rows))
	for i, row := range rows {
		payloads[i] = row.Payload
	}
	signed, err := n.cfg.Signer.SignMessages(payloads)
	if err != nil {
		return 0, n.signed(fmt.Errorf("sign messages to %s: %w", did, err))
	}
	signed = signed[:peer.Fit(signed)]
	address := peer.Address{DID: did, URL: to.URL, Key: ed25519.PublicKey(to.Key)}
	answers, err := n.cfg.Transport.Post(ctx, address, signed)
	if err != nil {
		return 0, err
	}
	taken := takenOf(rows, answers)
	if taken == 0 {
		// A status of its own says whether time mends it: a peer between two leaders answers 502.
		return 0, fmt.Errorf("%s took no message: %s: %w", did, answers[0].Detail,
			&peer.StatusError{Status: answers[0].Status})
	}
	return taken, n.act(ctx, core.KindDelivered, core.Delivered{
		Peer: did, Seq: rows[taken-1].Seq,
	})
}

// takenOf counts the leading messages that the peer has in its channel. A refused message is
// there too: the channel's seq goes on (protocol.md A3).
func takenOf(rows []core.MessageRow, answers []peer.Answer) int {
	for i, answer := range answers {
		inChannel := answer.Status == http.StatusOK ||
			answer.Status == http.StatusUnprocessableEntity
		if !inChannel {
			return i
		}
	}
	return min(len(rows), len(answers))
}

// SignDays signs the checkpoints of closed days that are not signed yet.
func (n *Node) SignDays(ctx context.Context) (int, error) {
	open := read(n.state, core.View.DaysOpen)
	for i, row := range open {
		note, err := n.cfg.Signer.SignCheckpoint(row.Origin, int64(row.Size), row.Root)
		if err != nil {
			return i, n.signed(fmt.Errorf("sign checkpoint of day %d: %w", row.Day, err))
		}
		err = n.act(ctx, core.KindSignCheckpoint, core.SignCheckpoint{Day: row.Day, Note: note})
		if err != nil {
			return i, err
		}
	}
	return len(open), nil
}

// WriteChain carries out the chain outbox: each open row gets its one transaction, sent and
// sent again until a block holds it. An attempt is committed before its first byte leaves, and
// whoever comes after a crash gets the same bytes from the signer's journal.
func (n *Node) WriteChain(ctx context.Context) (int, error) {
	n.chainMu.Lock()
	defer n.chainMu.Unlock()
	rows := read(n.state, func(v core.View) []core.ChainRow {
		return v.ChainOpen(core.PageMax)
	})
	if len(n.cfg.Signer.Lanes()) <= anchorLane {
		return 0, nil // rows wait until a lane is funded
	}
	done := 0
	for _, row := range rows {
		if row.State == core.ChainSent {
			if _, err := n.cfg.Chain.Broadcast(ctx, row.Raw); err != nil {
				return done, fmt.Errorf("send %s again: %w", row.ID, err)
			}
			continue
		}
		if row.State == core.ChainStarted && n.cfg.Now().UnixMilli() < row.Lease {
			return done, nil // later rows spend this one's change: order is kept
		}
		err := n.writeRow(ctx, row)
		if _, refused := fault.Of(err); refused && row.State == core.ChainReady {
			n.report("write on the chain", err, slog.String("row", row.ID))
			continue // no coin was spent: later rows do not wait for it
		}
		if err != nil {
			return done, fmt.Errorf("write %s on the chain: %w", row.ID, err)
		}
		done++
	}
	return done, nil
}

func (n *Node) writeRow(ctx context.Context, row core.ChainRow) error {
	rate, err := n.cfg.Chain.FeeRate(ctx)
	if err != nil {
		return err
	}
	request, err := n.anchorRequest(row, rate)
	if err != nil {
		return err
	}
	lease := n.cfg.Now().Add(LeaseLife)
	err = n.act(ctx, core.KindStartChain, core.StartChain{
		Row: row.ID, Lease: lease.UnixMilli(),
	})
	if err != nil {
		return err
	}
	tx, err := n.cfg.Signer.SpendLane(request)
	if err != nil {
		return n.signed(err)
	}
	sending, cancel := context.WithTimeout(ctx, lease.Sub(n.cfg.Now()))
	defer cancel()
	if _, err := n.cfg.Chain.Broadcast(sending, tx.Raw); err != nil {
		return err
	}
	return n.act(ctx, core.KindSentChain, core.SentChain{
		Row: row.ID, Raw: tx.Raw, TxID: tx.TxID, Outpoint: tx.Outpoint,
	})
}

// anchorRequest says what the signer shall write: a record sealed to its channel, or an open
// payload.
func (n *Node) anchorRequest(row core.ChainRow, rate uint64) (signer.AnchorRequest, error) {
	r := signer.AnchorRequest{Row: row.ID, Lane: anchorLane, FeeRate: rate}
	if row.Type != wire.RecordDaily && len(n.cfg.Signer.Lanes()) > recordLane {
		r.Lane = recordLane
	}
	if !row.Type.Sealed() {
		r.Payload = wire.Payload{Type: row.Type, Hash: [32]byte(row.Plain)}.Bytes()
		return r, nil
	}
	record, err := wire.ParseRecord(row.Type, row.Plain)
	if err != nil {
		return r, err
	}
	channel, known, err := n.channel(n.DID(), row.Peer)
	if err != nil {
		return r, err
	}
	if !known {
		return r, fmt.Errorf("no peer %s", row.Peer)
	}
	r.Record = &signer.AnchorRecord{Channel: channel, Record: record}
	return r, nil
}

// WatchChain follows the chain by its own header checks, finds our transactions in new blocks
// and reports both to core. It returns how many blocks it read.
func (n *Node) WatchChain(ctx context.Context) (int, error) {
	n.chainMu.Lock()
	defer n.chainMu.Unlock()
	if err := n.syncHeaders(ctx); err != nil {
		return 0, err
	}
	at := read(n.state, core.View.Node)
	tip, _ := n.follower.Tip()
	from, rescan := at.TipHeight+1, false
	if held, ok := n.follower.Header(at.TipHeight); at.TipHeight > 0 &&
		(!ok || held.Hash() != at.TipHash) {
		from, rescan = max(1, min(at.TipHeight, tip)-RescanDepth), true
	}
	to := min(tip, from+BlocksPerStep-1)
	rows := n.wantedRows(at, rescan)
	seen, err := n.searchRows(ctx, rows)
	if err != nil || (from > to && len(seen) == 0) {
		return 0, err
	}
	found, err := n.findRows(ctx, rows, from, to)
	if err != nil {
		return 0, err
	}
	seen = append(seen, found...)
	if rescan {
		seen = append(seen, vanished(rows, seen, from)...)
	}
	return int(max(0, to-from+1)), n.reportChain(ctx, at, to, seen)
}

// syncHeaders takes over the chain's headers up to its tip. A chain that is only half taken over
// would look like a reorganisation.
func (n *Node) syncHeaders(ctx context.Context) error {
	for {
		step, err := n.follower.Sync(ctx)
		if err != nil || !step.More {
			return err
		}
	}
}

// CatchUp reads the chain up to its tip, as a node does before it serves: a quote from a node
// that is behind is one that no payer takes up.
func (n *Node) CatchUp(ctx context.Context) error {
	for {
		blocks, err := n.WatchChain(ctx)
		if err != nil || blocks == 0 {
			return err
		}
	}
}

// wantedRows lists the rows whose transactions are looked for in blocks: those that no block
// of ours holds, or all of them when blocks that were read have gone.
func (n *Node) wantedRows(at core.NodeRow, rescan bool) []core.ChainRow {
	return read(n.state, func(v core.View) []core.ChainRow {
		if rescan {
			return v.ChainRows(0, int(at.ChainSeq))
		}
		return v.ChainOpen(int(at.ChainSeq))
	})
}

// reportChain tells core the tip that was read up to, after the rows that were seen on the
// way: should the process end in between, the same blocks are read again.
func (n *Node) reportChain(ctx context.Context, at core.NodeRow, to int64,
	seen []core.Seen,
) error {
	header, ok := n.follower.Header(to)
	if !ok {
		return errMoved()
	}
	for len(seen) > core.SeenMax {
		err := n.act(ctx, core.KindSeeChain, core.SeeChain{
			Height: at.TipHeight, Hash: at.TipHash, Seen: seen[:core.SeenMax],
		})
		if err != nil {
			return err
		}
		seen = seen[core.SeenMax:]
	}
	return n.act(ctx, core.KindSeeChain, core.SeeChain{
		Height: to, Hash: header.Hash(), Seen: seen,
	})
}

// searchRows finds the transactions that a lost attempt sent, in blocks that were read before
// anyone knew them. Height 0 in the answer says that a row is in none of them.
func (n *Node) searchRows(ctx context.Context, rows []core.ChainRow) ([]core.Seen, error) {
	var seen []core.Seen
	tip, _ := n.follower.Tip()
	for _, row := range rows {
		if !row.Search || row.State != core.ChainSent {
			continue
		}
		from := max(1, row.From-RescanDepth, tip-chain.LocateBlocksMax/2)
		found, ok, err := chain.Locate(ctx, n.cfg.Chain, row.TxID, from)
		if err != nil {
			return nil, err
		}
		s := core.Seen{Row: row.ID}
		if ok {
			if _, held := n.follower.HeightOf(found.BlockHash); !held {
				return nil, errMoved()
			}
			s.Height, s.Block = found.Height, found.BlockHash
		}
		seen = append(seen, s)
	}
	return seen, nil
}

// errMoved says that the chain changed while it was read; it is read again.
func errMoved() error {
	return fault.New(fault.Unavailable, "", "the chain changed while it was read")
}

// findRows reads blocks and finds the transactions of rows in them.
func (n *Node) findRows(ctx context.Context, rows []core.ChainRow, from, to int64) (
	[]core.Seen, error,
) {
	wanted := make(map[[32]byte]core.ChainRow, len(rows))
	for _, row := range rows {
		if row.State == core.ChainSent || row.State == core.ChainConfirmed {
			wanted[row.TxID] = row
		}
	}
	var seen []core.Seen
	for height := from; height <= to && len(wanted) > 0; height++ {
		block, err := n.cfg.Chain.Block(ctx, height)
		if err != nil {
			return nil, err
		}
		header, ok := n.follower.Header(height)
		if !ok || header.Hash() != block.Hash {
			return nil, errMoved()
		}
		for _, raw := range block.Txs {
			tx, err := spv.ParseTx(raw)
			if err != nil {
				return nil, fmt.Errorf("block %d: %w", height, err)
			}
			if row, ours := wanted[tx.TxID()]; ours {
				seen = append(seen, core.Seen{Row: row.ID, Height: height, Block: block.Hash})
			}
		}
	}
	return seen, nil
}

// vanished lists the rows whose confirmation a reorganisation took away.
func vanished(rows []core.ChainRow, seen []core.Seen, from int64) []core.Seen {
	found := make(map[string]bool, len(seen))
	for _, s := range seen {
		found[s.Row] = true
	}
	var gone []core.Seen
	for _, row := range rows {
		if row.State == core.ChainConfirmed && row.Height >= from && !found[row.ID] {
			gone = append(gone, core.Seen{Row: row.ID})
		}
	}
	return gone
}

// Tick lets time pass in the journal, so that due holds expire when nothing else comes.
func (n *Node) Tick(ctx context.Context) error { return n.act(ctx, core.KindTick, struct{}{}) }

// jitter is a random number for backoff.
func (n *Node) jitter() uint64 {
	var b [8]byte
	n.random(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// expected says whether a worker's error needs no attention of an operator: the node stops, or
// the other side can't be reached now and will be tried again.
func expected(err error) bool {
	if f, ok := fault.Of(err); ok && f.Code == fault.Unavailable {
		return true
	}
	if answer, ok := errors.AsType[*peer.StatusError](err); ok {
		return answer.Status == http.StatusTooManyRequests ||
			answer.Status >= http.StatusBadGateway && answer.Status <= http.StatusGatewayTimeout
	}
	if errors.Is(err, egress.ErrAddress) {
		return false // an address that this node will never call
	}
	_, network := errors.AsType[net.Error](err)
	return closed(err) || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
