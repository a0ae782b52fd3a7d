package chain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/database"
	"github.com/btcsuite/btcd/mempool"

	"seyfert/fault"
)

// Transaction is one transaction as a chain of our own knows it.
type Transaction struct {
	// Raw has the witnesses.
	Raw []byte
	// Confirmed says that it is in a block of the main chain: the one at Height.
	Confirmed bool
	// Height of the block; meaningless while it waits.
	Height int64
}

// Broadcast implements Backend: full consensus and standard relay rules apply. A transaction
// that signals replacement is replaced by one that pays enough more (BIP 125).
func (r *Regtest) Broadcast(ctx context.Context, raw []byte) ([32]byte, error) {
	if _, err := checkTx(raw); err != nil {
		return [32]byte{}, err
	}
	tx, err := btcutil.NewTxFromBytes(raw)
	if err != nil {
		return [32]byte{}, fault.New(fault.Invalid, "tx", "not a transaction: %v", err)
	}
	if err := r.enter(ctx); err != nil {
		return [32]byte{}, err
	}
	defer r.leave()
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	return *tx.Hash(), r.accept(tx)
}

// accept takes a transaction into the mempool and the recent log, or finds that it is there
// or in the chain. The caller holds changeMu.
func (r *Regtest) accept(tx *btcutil.Tx) error {
	if r.pool.IsTransactionInPool(tx.Hash()) {
		return nil
	}
	region, err := r.index.TxBlockRegion(tx.Hash())
	if err != nil {
		return fmt.Errorf("transaction index: %w", err)
	}
	if region != nil {
		return nil
	}
	if r.recent.broken != nil {
		return r.recent.broken
	}
	if r.pool.Count() >= MempoolTxsMax {
		return errMempoolFull()
	}
	if r.unconfirmedChain(tx) > UnconfirmedChainMax {
		return errChainLong()
	}
	if _, err := r.pool.ProcessTransaction(tx, false, false, 0); err != nil {
		if rule, ok := errors.AsType[mempool.RuleError](err); ok {
			return fault.New(fault.Refused, "tx", "the chain refuses it: %v", rule)
		}
		return fmt.Errorf("transaction %s: %w", tx.Hash(), err)
	}
	raw, err := serialize(tx)
	if err != nil {
		return err
	}
	return r.recent.append(recentTx, raw)
}

// unconfirmedChain counts tx and what it spends, directly or not, that waits for a block. It
// stops counting one above the limit.
func (r *Regtest) unconfirmedChain(tx *btcutil.Tx) int {
	seen := map[chainhash.Hash]bool{*tx.Hash(): true}
	queue := []*btcutil.Tx{tx}
	for len(queue) > 0 && len(seen) <= UnconfirmedChainMax {
		for _, in := range queue[0].MsgTx().TxIn {
			parent, err := r.pool.FetchTransaction(&in.PreviousOutPoint.Hash)
			if err != nil || seen[*parent.Hash()] {
				continue // confirmed or unknown, or counted
			}
			seen[*parent.Hash()] = true
			queue = append(queue, parent)
		}
		queue = queue[1:]
	}
	return len(seen)
}

// Mempool gives the ids of what waits for a block, the longest waiting first.
func (r *Regtest) Mempool(ctx context.Context) ([][32]byte, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	var ids [][32]byte
	for _, waiting := range r.waiting() {
		ids = append(ids, *waiting.Hash())
	}
	return ids, nil
}

// waiting lists the mempool by age, and by id what is of one age.
func (r *Regtest) waiting() []*btcutil.Tx {
	descs := r.pool.TxDescs()
	slices.SortFunc(descs, func(a, b *mempool.TxDesc) int {
		return cmp.Or(a.Added.Compare(b.Added), bytes.Compare(a.Tx.Hash()[:], b.Tx.Hash()[:]))
	})
	txs := make([]*btcutil.Tx, len(descs))
	for i, desc := range descs {
		txs[i] = desc.Tx
	}
	return txs
}

// waitingRecords is the mempool as the next opening takes it up again, each transaction after
// those it spends.
func (r *Regtest) waitingRecords() []recentRecord {
	var records []recentRecord
	done := make(map[chainhash.Hash]bool)
	var emit func(tx *btcutil.Tx) // recursion is bounded by UnconfirmedChainMax
	emit = func(tx *btcutil.Tx) {
		if done[*tx.Hash()] {
			return
		}
		done[*tx.Hash()] = true
		for _, in := range tx.MsgTx().TxIn {
			if parent, err := r.pool.FetchTransaction(&in.PreviousOutPoint.Hash); err == nil {
				emit(parent)
			}
		}
		if raw, err := serialize(tx); err == nil {
			records = append(records, recentRecord{kind: recentTx, body: raw})
		}
	}
	for _, tx := range r.waiting() {
		emit(tx)
	}
	return records
}

// Transaction finds a transaction in the mempool or the main chain, or says false.
func (r *Regtest) Transaction(ctx context.Context, txid [32]byte) (Transaction, bool, error) {
	if err := r.enter(ctx); err != nil {
		return Transaction{}, false, err
	}
	defer r.leave()
	hash := chainhash.Hash(txid)
	if tx, err := r.pool.FetchTransaction(&hash); err == nil {
		raw, err := serialize(tx)
		return Transaction{Raw: raw}, err == nil, err
	}
	region, err := r.index.TxBlockRegion(&hash)
	if err != nil {
		return Transaction{}, false, fmt.Errorf("transaction index: %w", err)
	}
	if region == nil {
		return Transaction{}, false, nil
	}
	found := Transaction{Confirmed: true}
	height, err := r.chain.BlockHeightByHash(region.Hash)
	if err != nil {
		return Transaction{}, false, nil // its block was dropped while we looked
	}
	found.Height = int64(height)
	err = r.db.View(func(view database.Tx) error {
		raw, err := view.FetchBlockRegion(region)
		found.Raw = bytes.Clone(raw) // the bytes are the database's until the view ends
		return err
	})
	if err != nil {
		return Transaction{}, false, fmt.Errorf("transaction %s: %w", hash, err)
	}
	return found, true, nil
}

func serialize(tx *btcutil.Tx) ([]byte, error) {
	var raw bytes.Buffer
	if err := tx.MsgTx().Serialize(&raw); err != nil {
		return nil, fmt.Errorf("transaction %s: %w", tx.Hash(), err)
	}
	return raw.Bytes(), nil
}
