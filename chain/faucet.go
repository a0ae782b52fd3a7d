package chain

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// purse is the faucet's key and its confirmed coins, worth nothing outside regtest.
type purse struct {
	key    *btcec.PrivateKey
	script []byte
	// coins are confirmed and unspent in the chain, by outpoint; whole up to scanned blocks.
	coins   map[[36]byte]coin
	scanned int32
}

// loadFaucetKey reads the key file, or makes it with mode 0600.
func loadFaucetKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		key := make([]byte, 32)
		rand.Read(key) // never fails: it stops the process instead
		key[0] &= 0x7f // below the group order
		if err := writeSynced(path, []byte(hex.EncodeToString(key)+"\n")); err != nil {
			return nil, fmt.Errorf("faucet key: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("faucet key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("faucet key %s is not 64 hexadecimal digits", path)
	}
	return key, nil
}

func newPurse(secret []byte) (purse, error) {
	key, public := btcec.PrivKeyFromBytes(secret)
	script, err := txscript.PayToTaprootScript(txscript.ComputeTaprootKeyNoScript(public))
	if err != nil {
		return purse{}, fmt.Errorf("faucet script: %w", err)
	}
	p := purse{key: key, script: script}
	p.forget()
	return p, nil
}

// forget empties the purse after a block was dropped; the next use reads the chain again.
func (p *purse) forget() {
	p.coins = make(map[[36]byte]coin)
	p.scanned = 0
}

// connect takes up a block if it is the next one; otherwise the next use reads it.
func (p *purse) connect(block *btcutil.Block) {
	if block.Height() != p.scanned+1 {
		return
	}
	for i, tx := range block.Transactions() {
		for _, in := range tx.MsgTx().TxIn {
			delete(p.coins, outpointOf(in.PreviousOutPoint.Hash, in.PreviousOutPoint.Index))
		}
		p.take(tx, block.Height(), i == 0, func(c coin) { p.coins[c.outpoint] = c })
	}
	p.scanned = block.Height()
}

// take shows each output of tx that the faucet's key can spend.
func (p *purse) take(tx *btcutil.Tx, height int32, coinbase bool, show func(coin)) {
	for vout, out := range tx.MsgTx().TxOut {
		if bytes.Equal(out.PkScript, p.script) {
			show(coin{
				outpoint: outpointOf(*tx.Hash(), uint32(vout)),
				value:    out.Value, height: int64(height), coinbase: coinbase,
			})
		}
	}
}

// Fund implements Miner. Change comes back to the faucet, and change that still waits for a
// block is spent again when nothing confirmed is left.
func (r *Regtest) Fund(ctx context.Context, script []byte, sats int64) ([36]byte, error) {
	if err := checkFund(script, sats); err != nil {
		return [36]byte{}, err
	}
	if err := r.enter(ctx); err != nil {
		return [36]byte{}, err
	}
	defer r.leave()
	r.changeMu.Lock()
	defer r.changeMu.Unlock()
	coins, err := r.ripeCoins()
	if err != nil {
		return [36]byte{}, err
	}
	chosen, change, err := chooseCoins(coins, sats)
	if err != nil {
		return [36]byte{}, err
	}
	payment, err := r.purse.sign(chosen, script, sats, change)
	if err != nil {
		return [36]byte{}, err
	}
	tx := btcutil.NewTx(payment)
	if err := r.accept(tx); err != nil {
		return [36]byte{}, err
	}
	return outpointOf(*tx.Hash(), 0), nil
}

// ripeCoins lists what can be spent now: confirmed coins from the oldest on, then change that
// waits, from the longest waiting on.
func (r *Regtest) ripeCoins() ([]coin, error) {
	tip := r.chain.BestSnapshot().Height
	for r.purse.scanned < tip {
		block, err := r.chain.BlockByHeight(r.purse.scanned + 1)
		if err != nil {
			return nil, fmt.Errorf("faucet: block %d: %w", r.purse.scanned+1, err)
		}
		r.purse.connect(block)
	}
	var ripe []coin
	for _, c := range r.purse.coins {
		if c.mature(int64(tip)) && r.unspent(c) {
			ripe = append(ripe, c)
		}
	}
	slices.SortFunc(ripe, func(a, b coin) int {
		return cmp.Or(cmp.Compare(a.height, b.height),
			bytes.Compare(a.outpoint[:], b.outpoint[:]))
	})
	for _, tx := range r.waiting() {
		if r.unconfirmedChain(tx) >= UnconfirmedChainMax {
			continue
		}
		r.purse.take(tx, -1, false, func(c coin) {
			if r.unspent(c) {
				ripe = append(ripe, c)
			}
		})
	}
	return ripe, nil
}

// sign builds a payment whose output 0 is script's and whose output 1, if it is worth it, is
// the faucet's change, with a Taproot key spend of each coin.
func (p *purse) sign(coins []coin, script []byte, sats, change int64) (*wire.MsgTx, error) {
	tx := wire.NewMsgTx(2)
	spent := make(map[wire.OutPoint]*wire.TxOut)
	for _, c := range coins {
		outpoint := wireOutpoint(c.outpoint)
		tx.AddTxIn(wire.NewTxIn(&outpoint, nil, nil))
		spent[outpoint] = wire.NewTxOut(c.value, p.script)
	}
	tx.AddTxOut(wire.NewTxOut(sats, script))
	if change >= fundDust {
		tx.AddTxOut(wire.NewTxOut(change, p.script))
	}
	hashes := txscript.NewTxSigHashes(tx, txscript.NewMultiPrevOutFetcher(spent))
	for i, c := range coins {
		signature, err := txscript.RawTxInTaprootSignature(tx, hashes, i, c.value, p.script,
			nil, txscript.SigHashDefault, p.key)
		if err != nil {
			return nil, fmt.Errorf("faucet signature: %w", err)
		}
		tx.TxIn[i].Witness = wire.TxWitness{signature}
	}
	return tx, nil
}

// unspent says whether nothing that waits for a block spends the coin.
func (r *Regtest) unspent(c coin) bool {
	return r.pool.CheckSpend(wireOutpoint(c.outpoint)) == nil
}

func wireOutpoint(outpoint [36]byte) wire.OutPoint {
	return wire.OutPoint{
		Hash:  chainhash.Hash(outpoint[:32]),
		Index: binary.LittleEndian.Uint32(outpoint[32:]),
	}
}
