package chain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"seyfert/fault"
	"seyfert/spv"
)

// memoryBlockBytesMax is the room for transactions in a block, in virtual bytes: the weight
// limit of 4,000,000 less what header and coinbase may take.
const memoryBlockBytesMax = 999_000

// Memory is a regtest chain that is a list of blocks, for simulations: no files, no goroutine,
// no randomness, and the same calls give the same bytes. Its headers carry real work and real
// Merkle roots and its coins are spent once, but it runs no scripts: whether a signature is
// right only [Regtest] and the real network say. It also judges no lock times and no dust.
type Memory struct {
	mu    sync.Mutex
	now   func() time.Time
	tips  tips
	limit *big.Int // the target of every header

	// All below is guarded by mu.
	unreachable bool
	closed      bool
	headers     *spv.Chain
	blocks      [][]*memoryTx // by height
	waiting     []*memoryTx   // in the order they came
	known       map[[32]byte]*memoryTx
	coins       map[[36]byte]memoryCoin // unspent by the chain and by what waits
	spenders    map[[36]byte]*memoryTx  // of what waits
	purse       [][36]byte              // the faucet's coins, oldest first; may be spent
	script      []byte
	nonce       uint32
}

var (
	_ Backend = (*Memory)(nil)
	_ Miner   = (*Memory)(nil)
)

// memoryTx is a transaction that waits (height -1) or is in the block at height.
type memoryTx struct {
	id     [32]byte
	tx     spv.Tx
	raw    []byte
	fee    uint64
	height int64
	spent  []memoryCoin // what each input took, to put it back
}

type memoryCoin struct {
	value    uint64
	script   []byte
	maker    *memoryTx
	coinbase bool
}

// NewMemory makes a chain of 101 blocks, as [OpenRegtest] does in an empty directory.
func NewMemory(now func() time.Time) (*Memory, error) {
	headers, err := spv.NewChain(spv.Regtest)
	if err != nil {
		return nil, err
	}
	limit, err := spv.Regtest.Limit()
	if err != nil {
		return nil, err
	}
	genesis, err := genesisTx()
	if err != nil {
		return nil, err
	}
	program := sha256.Sum256(anyoneScript())
	m := &Memory{
		now: now, limit: limit, headers: headers,
		blocks: [][]*memoryTx{{genesis}},
		known:  map[[32]byte]*memoryTx{genesis.id: genesis},
		coins:  make(map[[36]byte]memoryCoin), spenders: make(map[[36]byte]*memoryTx),
		script: append([]byte{0x00, 0x20}, program[:]...),
	}
	for height := int64(1); height <= matureBlocks; height++ {
		back := time.Duration(matureBlocks-height) * 10 * time.Minute
		if _, err := m.mineOne(m.script, now().Add(-back)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// anyoneScript is OP_TRUE: behind its hash lie the faucet's coins, free to take.
func anyoneScript() []byte { return []byte{0x51} }

// SetReachable makes every call fail as Unavailable, or work again: the outage of a backend.
func (m *Memory) SetReachable(reachable bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unreachable = !reachable
}

// Close ends the backend and its subscriptions.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.tips.close()
	return nil
}

// enter takes mu if a call may go on; the caller unlocks it.
func (m *Memory) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return errClosed()
	}
	if m.unreachable {
		m.mu.Unlock()
		return fault.New(fault.Unavailable, "", "the chain backend does not answer")
	}
	return nil
}

// Network implements Backend: always "regtest".
func (m *Memory) Network() string { return regtestName }

// Tip implements Backend.
func (m *Memory) Tip(ctx context.Context) (int64, [32]byte, error) {
	if err := m.enter(ctx); err != nil {
		return 0, [32]byte{}, err
	}
	defer m.mu.Unlock()
	height, hash := m.headers.Tip()
	return height, hash, nil
}

// Header implements Backend.
func (m *Memory) Header(ctx context.Context, height int64) ([]byte, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	header, ok := m.headers.At(height)
	if !ok {
		return nil, errNoBlock(height)
	}
	return header.Bytes(), nil
}

// Block implements Backend.
func (m *Memory) Block(ctx context.Context, height int64) (Block, error) {
	if err := m.enter(ctx); err != nil {
		return Block{}, err
	}
	defer m.mu.Unlock()
	header, ok := m.headers.At(height)
	if !ok {
		return Block{}, errNoBlock(height)
	}
	block := Block{Height: height, Hash: header.Hash(), Header: header.Bytes()}
	for _, t := range m.blocks[height] {
		block.Txs = append(block.Txs, slices.Clone(t.raw))
	}
	return block, nil
}

// HeightOf gives the height of a block of the main chain, or false.
func (m *Memory) HeightOf(ctx context.Context, hash [32]byte) (int64, bool, error) {
	if err := m.enter(ctx); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	height, ok := m.headers.HeightOf(hash)
	return height, ok, nil
}

// Transaction finds a transaction in the mempool or the main chain, or says false.
func (m *Memory) Transaction(ctx context.Context, txid [32]byte) (Transaction, bool, error) {
	if err := m.enter(ctx); err != nil {
		return Transaction{}, false, err
	}
	defer m.mu.Unlock()
	t, ok := m.known[txid]
	if !ok {
		return Transaction{}, false, nil
	}
	return Transaction{
		Raw: slices.Clone(t.raw), Confirmed: t.height >= 0, Height: max(t.height, 0),
	}, true, nil
}

// Mempool gives the ids of what waits for a block, the longest waiting first.
func (m *Memory) Mempool(ctx context.Context) ([][32]byte, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var ids [][32]byte
	for _, t := range m.waiting {
		ids = append(ids, t.id)
	}
	return ids, nil
}

// FeeRate implements Backend: the same as a Regtest's.
func (m *Memory) FeeRate(ctx context.Context) (uint64, error) {
	if err := m.enter(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return ownFeeRate, nil
}

// Subscribe implements Backend.
func (m *Memory) Subscribe(ctx context.Context) (<-chan int64, func()) {
	return m.tips.subscribe(ctx)
}

// Mine implements Miner.
func (m *Memory) Mine(ctx context.Context, n int, toScript []byte) ([][32]byte, error) {
	if err := checkMine(n); err != nil {
		return nil, err
	}
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if len(toScript) == 0 {
		toScript = m.script
	}
	var hashes [][32]byte
	for range n {
		hash, err := m.mineOne(toScript, m.now())
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	height, _ := m.headers.Tip()
	m.tips.publish(height)
	return hashes, nil
}

// mineOne makes one block of what waits, in the order it came, as far as a block has room.
func (m *Memory) mineOne(script []byte, at time.Time) ([32]byte, error) {
	tip, prev := m.headers.Tip()
	last, _ := m.headers.At(tip)
	taken := m.fitting()
	block := append([]*memoryTx{m.coinbase(tip+1, script, taken)}, taken...)
	ids := make([][32]byte, len(block))
	for i, t := range block {
		ids[i] = t.id
	}
	root, err := spv.MerkleRoot(ids)
	if err != nil {
		return [32]byte{}, fmt.Errorf("mine: %w", err)
	}
	header := spv.Header{
		Version: 0x20000000, Prev: prev, MerkleRoot: root, Bits: last.Bits,
		Time: max(uint32(max(at.Unix(), 0)), last.Time, m.headers.MedianTime()+1),
	}
	for header.CheckPoW(m.limit) != nil {
		header.Nonce++
	}
	if err := m.headers.Append(header); err != nil {
		return [32]byte{}, fmt.Errorf("mine: %w", err)
	}
	m.create(block[0])
	for _, t := range block {
		t.height = tip + 1
		for _, in := range t.tx.Inputs {
			delete(m.spenders, in.Outpoint)
		}
	}
	m.blocks = append(m.blocks, block)
	m.waiting = slices.Clone(m.waiting[len(taken):])
	return header.Hash(), nil
}

// fitting is the front of what waits that one block has room for; since it is in order of
// coming, no transaction in it needs one outside it.
func (m *Memory) fitting() []*memoryTx {
	room := uint64(memoryBlockBytesMax)
	for i, t := range m.waiting {
		size := virtualBytes(t.tx)
		if size > room {
			return m.waiting[:i]
		}
		room -= size
	}
	return m.waiting
}

// coinbase pays the subsidy, which halves every 150 blocks on regtest, and the fees. A running
// number keeps it from ever being the same transaction twice.
func (m *Memory) coinbase(height int64, script []byte, taken []*memoryTx) *memoryTx {
	m.nonce++
	value := uint64(50_0000_0000)
	value >>= min(height/150, 63)
	for _, t := range taken {
		value += t.fee
	}
	push := []byte{
		4, byte(height), byte(height >> 8), byte(height >> 16), 0,
		4, byte(m.nonce), byte(m.nonce >> 8), byte(m.nonce >> 16), byte(m.nonce >> 24),
	}
	return newMemoryTx(spv.Tx{
		Version: 1,
		Inputs: []spv.Input{{
			Outpoint: outpointOf([32]byte{}, 0xffffffff), Script: push, Sequence: 0xffffffff,
		}},
		Outputs: []spv.Output{{Value: value, Script: script}},
	})
}

func newMemoryTx(tx spv.Tx) *memoryTx {
	return &memoryTx{id: tx.TxID(), tx: tx, raw: tx.Bytes(), height: -1}
}

// Invalidate implements Miner.
func (m *Memory) Invalidate(ctx context.Context, height int64) error {
	if err := checkInvalidate(height); err != nil {
		return err
	}
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, ok := m.headers.At(height); !ok {
		return errNoBlock(height)
	}
	headers, err := m.headers.Fork(height - 1)
	if err != nil {
		return fmt.Errorf("invalidate: %w", err)
	}
	again := slices.Clone(m.waiting)
	for i := len(m.waiting) - 1; i >= 0; i-- {
		m.undo(m.waiting[i])
	}
	m.waiting = nil
	for at := len(m.blocks) - 1; at >= int(height); at-- {
		block := m.blocks[at]
		for i := len(block) - 1; i >= 0; i-- {
			m.undo(block[i])
		}
		again = append(slices.Clone(block[1:]), again...)
	}
	m.blocks = m.blocks[:height]
	m.headers = headers
	for _, t := range again {
		t.height, t.spent = -1, nil
		// What spent a coinbase that is gone, and what spends that, stays out.
		_ = m.accept(t)
	}
	m.tips.publish(height - 1)
	return nil
}
