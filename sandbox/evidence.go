package sandbox

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"seyfert/client"
	"seyfert/spv"
	"seyfert/web"
	"seyfert/wire"
)

// seenBlock is a block of the demo chain as a reader gets it. Hashes are written as Bitcoin's
// programs write them, with their bytes in reverse.
type seenBlock struct {
	Height       int64     `json:"height"`
	Hash         string    `json:"hash"`
	Previous     string    `json:"previous"`
	MerkleRoot   string    `json:"merkle_root"`
	Time         time.Time `json:"time"`
	Header       string    `json:"header"`
	Transactions []seenTx  `json:"transactions"`
}

// seenTx is a transaction. OpReturn is what it writes, Wrote what that is and which node wrote it.
type seenTx struct {
	TxID     string   `json:"txid"`
	OpReturn string   `json:"op_return,omitempty"`
	Wrote    *seenRow `json:"wrote,omitempty"`
	Raw      string   `json:"raw"`
}

// seenRow is what the node that wrote a transaction says of it.
type seenRow struct {
	Node string `json:"node"`
	Kind string `json:"kind"`
	Day  string `json:"day,omitempty"`
	Peer string `json:"peer,omitempty"`
}

func blockURL(height int64) string { return "/blocks/" + strconv.FormatInt(height, 10) }

// block shows what is in a block, byte for byte, so that a proof can be followed by hand.
func (p *worldPage) block(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), gatherTimeout)
	defer cancel()
	height, err := strconv.ParseInt(r.PathValue("height"), 10, 64)
	tip, _, tipErr := p.world.Chain.Tip(ctx)
	if tipErr != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	if err != nil || height < 0 || height > tip {
		p.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	seen, err := p.readBlock(ctx, height)
	if err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	p.raw(w, r, seen)
}

// seenDescriptor is what a node says of itself, and the same signed by it.
type seenDescriptor struct {
	Descriptor json.RawMessage `json:"descriptor"`
	JWS        string          `json:"jws"`
}

// descriptor shows a node's descriptor as a reader wants it; browsers only keep the signed form.
func (p *worldPage) descriptor(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), gatherTimeout)
	defer cancel()
	for _, place := range p.places() {
		if place.Name != r.PathValue("node") {
			continue
		}
		text, err := place.Operator.Descriptor(ctx)
		if err != nil {
			p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
			return
		}
		_, signed, err := wire.ParseDescriptor(text)
		if err != nil {
			p.problem(w, r, http.StatusInternalServerError, "fault")
			return
		}
		p.raw(w, r, seenDescriptor{Descriptor: signed.Payload, JWS: text})
		return
	}
	p.problem(w, r, http.StatusNotFound, "missing")
}

// ledgerLines is how many lines of an account one page shows.
const ledgerLines = 50

// ledger shows the lines of an account as its node's books have them.
func (p *worldPage) ledger(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), gatherTimeout)
	defer cancel()
	at := slices.IndexFunc(p.places(), func(q *Place) bool { return q.Name == r.PathValue("node") })
	before, err := uint64(0), error(nil)
	if text := r.URL.Query().Get("before"); text != "" {
		before, err = strconv.ParseUint(text, 10, 64)
	}
	if at < 0 || err != nil {
		p.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	place, account := p.places()[at], r.PathValue("account")
	entries, err := place.Operator.Entries(ctx, account, before, ledgerLines)
	problem, answered := errors.AsType[*client.Problem](err)
	if answered && (problem.Code == client.CodeNotFound || problem.Code == client.CodeInvalid) {
		p.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	if err != nil {
		p.problem(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	view := &web.Ledger{
		Frame:   web.Frame{Home: "/", Place: place.Name, Demo: true, Zone: "UTC"},
		Account: account,
	}
	for _, e := range entries {
		view.Lines = append(view.Lines, web.LedgerLine{
			At: e.At.UTC(), Kind: e.Kind, Side: e.Side, Amount: e.Amount, Balance: e.Balance.Amount,
			Transfer: e.Transfer,
		})
	}
	if n := len(entries); n == ledgerLines {
		view.Older = "?before=" + strconv.FormatUint(entries[n-1].Number, 10)
	}
	if err := p.pages.Render(w, r, http.StatusOK, view); err != nil {
		p.problem(w, r, http.StatusInternalServerError, "fault")
	}
}

// places are the world's nodes.
func (p *worldPage) places() []*Place { return []*Place{p.world.Seoul, p.world.Tokyo} }

// raw answers with evidence to read by hand.
func (p *worldPage) raw(w http.ResponseWriter, r *http.Request, evidence any) {
	text, err := json.MarshalIndent(evidence, "", "  ")
	if err != nil {
		p.problem(w, r, http.StatusInternalServerError, "fault")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(append(text, '\n')) // the reader may be gone, which is no fault
}

// readBlock takes a block apart and asks both nodes what they wrote in it.
func (p *worldPage) readBlock(ctx context.Context, height int64) (seenBlock, error) {
	block, err := p.world.Chain.Block(ctx, height)
	if err != nil {
		return seenBlock{}, err
	}
	header, err := spv.ParseHeader(block.Header)
	if err != nil {
		return seenBlock{}, err
	}
	wrote, err := p.wrote(ctx, height)
	if err != nil {
		return seenBlock{}, err
	}
	seen := seenBlock{
		Height: height, Hash: spv.HashString(header.Hash()), Header: hex.EncodeToString(block.Header),
		Previous: spv.HashString(header.Prev), MerkleRoot: spv.HashString(header.MerkleRoot),
		Time: time.Unix(int64(header.Time), 0).UTC(),
	}
	for _, raw := range block.Txs {
		tx, err := spv.ParseTx(raw)
		if err != nil {
			return seenBlock{}, err
		}
		line := seenTx{TxID: spv.HashString(tx.TxID()), Raw: hex.EncodeToString(raw)}
		if payload, found := tx.OpReturn(); found {
			line.OpReturn = hex.EncodeToString(payload)
		}
		line.Wrote = wrote[line.TxID]
		seen.Transactions = append(seen.Transactions, line)
	}
	return seen, nil
}

// wrote maps the transactions of a block that are ours to what their nodes say of them.
func (p *worldPage) wrote(ctx context.Context, height int64) (map[string]*seenRow, error) {
	wrote := map[string]*seenRow{}
	for _, place := range p.places() {
		rows, err := place.Operator.ChainRows(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Height == height {
				wrote[row.TxID] = rowOf(place, row)
			}
		}
	}
	return wrote, nil
}

func rowOf(place *Place, row client.ChainRow) *seenRow {
	seen := &seenRow{Node: place.Name, Kind: row.Kind, Day: row.Day}
	if row.Peer != "" {
		seen.Peer = web.NodeName(row.Peer)
	}
	return seen
}
