package chain

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"seyfert/fault"
	"seyfert/spv"
)

const (
	// relayFeeRate is the least fee rate taken, in satoshi per 1000 virtual bytes.
	relayFeeRate = 1000
	// sequenceFinalMin is the least sequence number that does not signal replacement (BIP 125).
	sequenceFinalMin = 0xfffffffe
	// nullDataBytesMax is the longest OP_RETURN script relayed: 80 bytes and what pushes them.
	nullDataBytesMax = 83
	opReturn         = 0x6a
)

// Broadcast implements Backend with the coin rules of the chain and the relay rules that bear
// on anchors: fees, replacement, one OP_RETURN of at most 80 bytes, and chains that wait.
func (m *Memory) Broadcast(ctx context.Context, raw []byte) ([32]byte, error) {
	tx, err := checkTx(raw)
	if err != nil {
		return [32]byte{}, err
	}
	if err := m.enter(ctx); err != nil {
		return [32]byte{}, err
	}
	defer m.mu.Unlock()
	t := newMemoryTx(tx)
	if _, ok := m.known[t.id]; ok {
		return t.id, nil
	}
	if len(m.waiting) >= MempoolTxsMax {
		return t.id, errMempoolFull()
	}
	return t.id, m.accept(t)
}

// accept puts a transaction among those that wait, or changes nothing. The caller holds mu.
func (m *Memory) accept(t *memoryTx) error {
	if err := m.checkForm(t.tx); err != nil {
		return err
	}
	conflicts := m.conflicts(t.tx)
	for _, conflict := range conflicts {
		if !slices.ContainsFunc(conflict.tx.Inputs, func(in spv.Input) bool {
			return in.Sequence < sequenceFinalMin
		}) {
			return errRefused("it spends a coin that %s spends", spv.HashString(conflict.id))
		}
	}
	gone := m.withDescendants(conflicts)
	for i := len(gone) - 1; i >= 0; i-- {
		m.undo(gone[i])
	}
	err := m.checkCoins(t)
	if err == nil {
		err = checkReplacement(t, gone)
	}
	if err != nil {
		for _, old := range gone {
			m.create(old)
		}
		return err
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(w *memoryTx) bool {
		return slices.Contains(gone, w)
	})
	m.create(t)
	m.waiting = append(m.waiting, t)
	return nil
}

func (m *Memory) checkForm(tx spv.Tx) error {
	if tx.IsCoinbase() {
		return errRefused("a coinbase stands only in its block")
	}
	payloads := 0
	for _, out := range tx.Outputs {
		if len(out.Script) > 0 && out.Script[0] == opReturn {
			payloads++
			if payloads > 1 || len(out.Script) > nullDataBytesMax {
				return errRefused("more than one OP_RETURN, or one of more than 80 bytes")
			}
		}
	}
	seen := make(map[[36]byte]bool)
	for _, in := range tx.Inputs {
		if seen[in.Outpoint] {
			return errRefused("it spends a coin twice")
		}
		seen[in.Outpoint] = true
	}
	return nil
}

// conflicts lists what waits and spends a coin that tx spends.
func (m *Memory) conflicts(tx spv.Tx) []*memoryTx {
	var found []*memoryTx
	for _, in := range tx.Inputs {
		if t, ok := m.spenders[in.Outpoint]; ok && !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	return found
}

// withDescendants adds to roots what waits and spends them, in the order of waiting, which is
// one in which each can be done after those before it.
func (m *Memory) withDescendants(roots []*memoryTx) []*memoryTx {
	if len(roots) == 0 {
		return nil
	}
	in := make(map[[32]byte]bool)
	for _, t := range roots {
		in[t.id] = true
	}
	var all []*memoryTx
	for _, t := range m.waiting {
		for _, input := range t.tx.Inputs {
			if in[[32]byte(input.Outpoint[:32])] {
				in[t.id] = true
			}
		}
		if in[t.id] {
			all = append(all, t)
		}
	}
	return all
}

// checkCoins looks up what t spends and sets its fee.
func (m *Memory) checkCoins(t *memoryTx) error {
	tip, _ := m.headers.Tip()
	var sum uint64
	for _, in := range t.tx.Inputs {
		c, ok := m.coins[in.Outpoint]
		if !ok {
			return errRefused("a coin it spends does not exist or is spent")
		}
		if c.coinbase && tip+1-c.maker.height < coinbaseMaturity {
			return errRefused("a coinbase it spends is not mature")
		}
		sum += c.value
	}
	for _, out := range t.tx.Outputs {
		if out.Value > sum {
			return errRefused("it pays more than its coins hold")
		}
		sum -= out.Value
	}
	t.fee = sum
	if t.fee*1000 < virtualBytes(t.tx)*relayFeeRate {
		return errRefused("its fee of %d satoshi is below the relay minimum", t.fee)
	}
	if m.unconfirmedChain(t) > UnconfirmedChainMax {
		return errChainLong()
	}
	return nil
}

// checkReplacement demands that t pays for all it drives out and for its own relay (BIP 125).
func checkReplacement(t *memoryTx, gone []*memoryTx) error {
	if len(gone) == 0 {
		return nil
	}
	var fees uint64
	for _, old := range gone {
		fees += old.fee
	}
	if t.fee*1000 < fees*1000+virtualBytes(t.tx)*relayFeeRate {
		return errRefused("its fee of %d satoshi does not pay for what it replaces", t.fee)
	}
	return nil
}

// virtualBytes is a quarter of the weight, rounded up (BIP 141).
func virtualBytes(tx spv.Tx) uint64 {
	return (uint64(3*len(tx.Stripped())+len(tx.Bytes())) + 3) / 4
}

// unconfirmedChain counts t and what it spends, directly or not, that waits for a block. It
// stops counting one above the limit.
func (m *Memory) unconfirmedChain(t *memoryTx) int {
	seen := map[[32]byte]bool{t.id: true}
	queue := []*memoryTx{t}
	for len(queue) > 0 && len(seen) <= UnconfirmedChainMax {
		for _, in := range queue[0].tx.Inputs {
			parent, ok := m.known[[32]byte(in.Outpoint[:32])]
			if ok && parent.height < 0 && !seen[parent.id] {
				seen[parent.id] = true
				queue = append(queue, parent)
			}
		}
		queue = queue[1:]
	}
	return len(seen)
}

// create takes the coins that t spends and makes its own. It is the inverse of undo.
func (m *Memory) create(t *memoryTx) {
	coinbase := t.tx.IsCoinbase()
	t.spent = nil
	for _, in := range t.tx.Inputs {
		if coinbase {
			continue
		}
		c, ok := m.coins[in.Outpoint]
		if !ok {
			panic(fmt.Sprintf("chain: %s spends a coin that is not there", spv.HashString(t.id)))
		}
		t.spent = append(t.spent, c)
		delete(m.coins, in.Outpoint)
		m.spenders[in.Outpoint] = t
	}
	for vout, out := range t.tx.Outputs {
		outpoint := outpointOf(t.id, uint32(vout))
		m.coins[outpoint] = memoryCoin{
			value: out.Value, script: out.Script, maker: t, coinbase: coinbase,
		}
		if string(out.Script) == string(m.script) {
			m.purse = append(m.purse, outpoint)
		}
	}
	m.known[t.id] = t
}

// undo takes back what create did, whether t waits or its block is dropped.
func (m *Memory) undo(t *memoryTx) {
	for vout := range t.tx.Outputs {
		delete(m.coins, outpointOf(t.id, uint32(vout)))
	}
	for i, c := range t.spent {
		outpoint := t.tx.Inputs[i].Outpoint
		m.coins[outpoint] = c
		delete(m.spenders, outpoint)
		if string(c.script) == string(m.script) {
			m.purse = append(m.purse, outpoint)
		}
	}
	delete(m.known, t.id)
}

// Fund implements Miner.
func (m *Memory) Fund(ctx context.Context, script []byte, sats int64) ([36]byte, error) {
	if err := checkFund(script, sats); err != nil {
		return [36]byte{}, err
	}
	if err := m.enter(ctx); err != nil {
		return [36]byte{}, err
	}
	defer m.mu.Unlock()
	if len(m.waiting) >= MempoolTxsMax {
		return [36]byte{}, errMempoolFull()
	}
	chosen, change, err := chooseCoins(m.ripeCoins(), sats)
	if err != nil {
		return [36]byte{}, err
	}
	tx := spv.Tx{Version: 2, Outputs: []spv.Output{{Value: uint64(sats), Script: script}}}
	for _, c := range chosen {
		tx.Inputs = append(tx.Inputs, spv.Input{
			Outpoint: c.outpoint, Sequence: 0xffffffff, Witness: [][]byte{anyoneScript()},
		})
	}
	if change >= fundDust {
		tx.Outputs = append(tx.Outputs, spv.Output{Value: uint64(change), Script: m.script})
	}
	t := newMemoryTx(tx)
	return outpointOf(t.id, 0), m.accept(t)
}

// ripeCoins lists the faucet's coins that can be spent now, confirmed ones first, and drops
// those that are spent from the purse.
func (m *Memory) ripeCoins() []coin {
	tip, _ := m.headers.Tip()
	var kept [][36]byte
	var ripe, waiting []coin
	seen := make(map[[36]byte]bool)
	for _, outpoint := range m.purse {
		c, ok := m.coins[outpoint]
		if !ok || seen[outpoint] {
			continue
		}
		seen[outpoint] = true
		kept = append(kept, outpoint)
		one := coin{
			outpoint: outpoint, value: int64(c.value),
			height: c.maker.height, coinbase: c.coinbase,
		}
		switch {
		case one.height >= 0 && one.mature(tip):
			ripe = append(ripe, one)
		case one.height < 0 && m.unconfirmedChain(c.maker) < UnconfirmedChainMax:
			waiting = append(waiting, one)
		}
	}
	m.purse = kept
	return append(ripe, waiting...)
}

func errRefused(format string, args ...any) error {
	return fault.New(fault.Refused, "tx", "the chain refuses it: "+format, args...)
}

// genesisTx is the coinbase of 3 January 2009, which the genesis blocks of all networks hold.
// Nobody can spend it: it makes no coin.
func genesisTx() (*memoryTx, error) {
	const text = "01000000010000000000000000000000000000000000000000000000000000000000000000" +
		"ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63" +
		"656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e" +
		"6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e039" +
		"09a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf1" +
		"1d5fac00000000"
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	tx, err := spv.ParseTx(raw)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	t := newMemoryTx(tx)
	t.height = 0
	return t, nil
}
