package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/blockchain/indexers"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb" // registers the block database's driver
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/mining"
	"github.com/btcsuite/btcd/txscript/v2"

	"seyfert/fault"
	"seyfert/spv"
)

// Names and sizes inside a Regtest's directory and memory.
const (
	regtestBlocksDir    = "blocks"
	regtestNetworkFile  = "network"
	regtestKeyFile      = "faucet.key"
	regtestUtxoBytesMax = 16 << 20
	regtestSigCacheMax  = 1000
)

// Regtest is Bitcoin's regtest network in this process: btcd's block chain, mempool, mining
// and transaction index over a block database, with a faucet whose key lies in the directory.
// It makes its own blocks, so it exists for regtest only. Blocks that Mine gave are durable.
type Regtest struct {
	dir       string
	temporary bool
	db        database.DB
	chain     *blockchain.BlockChain
	index     *indexers.TxIndex
	pool      *mempool.TxPool
	generator *mining.BlkTmplGenerator
	clock     *regtestClock
	tips      tips

	// life is held for reading by each call and for writing by Close.
	life   sync.RWMutex
	closed bool

	// changeMu orders everything that changes the chain or the mempool.
	changeMu sync.Mutex
	recent   *recentLog // owned by the holder of changeMu
	purse    purse      // owned by the holder of changeMu
	nonce    uint64     // owned by the holder of changeMu; makes each block another
}

var (
	_ Backend = (*Regtest)(nil)
	_ Miner   = (*Regtest)(nil)
)

// OpenRegtest opens the chain in dir, or begins it there with 101 blocks, the last of them now
// and ten minutes between them. An empty dir means a temporary directory that Close removes.
// A directory is open in one process at a time; one of another network is refused. now is the
// clock that blocks are dated by; should it run backwards, blocks stay at the last time.
func OpenRegtest(dir string, now func() time.Time) (*Regtest, error) {
	temporary := dir == ""
	if temporary {
		made, err := os.MkdirTemp("", "seyfert-regtest-")
		if err != nil {
			return nil, fmt.Errorf("regtest directory: %w", err)
		}
		dir = made
	}
	r := &Regtest{dir: dir, temporary: temporary, clock: &regtestClock{now: now}}
	if err := r.open(); err != nil {
		if r.db != nil {
			err = errors.Join(err, r.db.Close())
		}
		if temporary {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, err
	}
	return r, nil
}

func (r *Regtest) open() error {
	if err := claimDirectory(r.dir); err != nil {
		return err
	}
	key, err := loadFaucetKey(filepath.Join(r.dir, regtestKeyFile))
	if err != nil {
		return err
	}
	if r.purse, err = newPurse(key); err != nil {
		return err
	}
	if err := r.openChain(); err != nil {
		return err
	}
	recent, records, err := openRecent(r.dir)
	if err != nil {
		return err
	}
	r.recent = recent
	r.chain.Subscribe(r.onBlock)
	if err := r.replay(records); err != nil {
		return errors.Join(err, recent.file.Close())
	}
	if r.chain.BestSnapshot().Height < matureBlocks {
		if err := r.begin(); err != nil {
			return errors.Join(err, recent.file.Close())
		}
	}
	return nil
}

// claimDirectory makes dir a regtest directory, or refuses it if it says to be another's.
func claimDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("regtest directory: %w", err)
	}
	path := filepath.Join(dir, regtestNetworkFile)
	said, err := os.ReadFile(path)
	switch {
	case os.IsNotExist(err):
		if err := writeSynced(path, []byte(regtestName+"\n")); err != nil {
			return fmt.Errorf("regtest directory: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("regtest directory: %w", err)
	case strings.TrimSpace(string(said)) != regtestName:
		return fault.New(fault.Refused, "network",
			"the directory holds a chain of %q, not of regtest", strings.TrimSpace(string(said)))
	}
	return nil
}

func (r *Regtest) openChain() error {
	params := regtestParams()
	path := filepath.Join(r.dir, regtestBlocksDir)
	db, err := database.Open("ffldb", path, params.Net)
	dbErr, _ := errors.AsType[database.Error](err)
	switch {
	case dbErr.ErrorCode == database.ErrDbDoesNotExist:
		db, err = database.Create("ffldb", path, params.Net)
	case errors.Is(dbErr.Err, syscall.EAGAIN):
		return fmt.Errorf("regtest blocks: another process has %s open", path)
	}
	if err != nil {
		return fmt.Errorf("regtest blocks: %w", err)
	}
	r.db = db
	r.index = indexers.NewTxIndex(db)
	signatures := txscript.NewSigCache(regtestSigCacheMax)
	hashes := txscript.NewHashCache(regtestSigCacheMax)
	r.chain, err = blockchain.New(&blockchain.Config{
		DB: db, UtxoCacheMaxSize: regtestUtxoBytesMax, ChainParams: params,
		TimeSource: r.clock, SigCache: signatures, HashCache: hashes,
		IndexManager: indexers.NewManager(db, []indexers.Indexer{r.index}),
	})
	if err != nil {
		return fmt.Errorf("regtest chain: %w", err)
	}
	r.clock.reach(r.tipTime())
	r.pool = mempool.New(&mempool.Config{
		Policy: mempool.Policy{
			MaxTxVersion: 2, DisableRelayPriority: true,
			MaxSigOpCostPerTx: blockchain.MaxBlockSigOpsCost / 4,
			MinRelayTxFee:     mempool.DefaultMinRelayTxFee,
		},
		ChainParams:    params,
		FetchUtxoView:  r.chain.FetchUtxoView,
		BestHeight:     func() int32 { return r.chain.BestSnapshot().Height },
		MedianTimePast: func() time.Time { return r.chain.BestSnapshot().MedianTime },
		CalcSequenceLock: func(tx *btcutil.Tx, view *blockchain.UtxoViewpoint) (
			*blockchain.SequenceLock, error,
		) {
			return r.chain.CalcSequenceLock(tx, view, true)
		},
		IsDeploymentActive: r.chain.IsDeploymentActive,
		SigCache:           signatures, HashCache: hashes,
	})
	r.generator = mining.NewBlkTmplGenerator(&mining.Policy{
		BlockMaxWeight: blockchain.MaxBlockWeight - 4000, // room for header and coinbase
		BlockMaxSize:   blockchain.MaxBlockBaseSize,
		TxMinFreeFee:   mempool.DefaultMinRelayTxFee,
	}, params, r.pool, r.chain, r.clock, signatures, hashes)
	return nil
}

// regtestParams is a copy of btcd's with deployments of its own: a deployment keeps the clock
// of the chain that was opened last, and two chains in one process must not share it.
func regtestParams() *chaincfg.Params {
	params := chaincfg.RegressionNetParams
	for i := range params.Deployments {
		params.Deployments[i].DeploymentStarter = chaincfg.NewMedianTimeDeploymentStarter(time.Time{})
		params.Deployments[i].DeploymentEnder = chaincfg.NewMedianTimeDeploymentEnder(time.Time{})
	}
	return &params
}

// Close writes what waits for a block to the directory and ends the backend; a second call
// does nothing. A chain that was not closed is whole again when it is opened.
func (r *Regtest) Close() error {
	r.life.Lock()
	defer r.life.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.tips.close()
	waiting := r.waitingRecords()
	err := r.chain.FlushUtxoCache(blockchain.FlushRequired)
	err = errors.Join(err, r.db.Close())
	if err == nil {
		// Only now is everything in the block database, and the log's blocks are idle.
		err = r.recent.replace(waiting)
	} else {
		err = errors.Join(err, r.recent.file.Close())
	}
	if r.temporary {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	if err != nil {
		return fmt.Errorf("close regtest: %w", err)
	}
	return nil
}

// enter begins a call; leave must follow if it gave no error.
func (r *Regtest) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.life.RLock()
	if r.closed {
		r.life.RUnlock()
		return errClosed()
	}
	return nil
}

func (r *Regtest) leave() { r.life.RUnlock() }

// Network implements Backend: always "regtest".
func (r *Regtest) Network() string { return regtestName }

// Tip implements Backend.
func (r *Regtest) Tip(ctx context.Context) (int64, [32]byte, error) {
	if err := r.enter(ctx); err != nil {
		return 0, [32]byte{}, err
	}
	defer r.leave()
	best := r.chain.BestSnapshot()
	return int64(best.Height), best.Hash, nil
}

// Header implements Backend.
func (r *Regtest) Header(ctx context.Context, height int64) ([]byte, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	if height < 0 || height > math.MaxInt32 {
		return nil, errNoBlock(height)
	}
	hash, err := r.chain.BlockHashByHeight(int32(height))
	if err != nil {
		return nil, errNoBlock(height) // the only error there is
	}
	header, err := r.chain.HeaderByHash(hash)
	if err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	var raw bytes.Buffer
	if err := header.Serialize(&raw); err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	return raw.Bytes(), nil
}

// Block implements Backend.
func (r *Regtest) Block(ctx context.Context, height int64) (Block, error) {
	if err := r.enter(ctx); err != nil {
		return Block{}, err
	}
	defer r.leave()
	if height < 0 || height > math.MaxInt32 {
		return Block{}, errNoBlock(height)
	}
	block, err := r.chain.BlockByHeight(int32(height))
	if err != nil {
		if _, gone := r.chain.BlockHashByHeight(int32(height)); gone != nil {
			return Block{}, errNoBlock(height)
		}
		return Block{}, fmt.Errorf("block %d: %w", height, err)
	}
	return decodeBlock(height, block)
}

func decodeBlock(height int64, block *btcutil.Block) (Block, error) {
	raw, err := block.Bytes()
	if err != nil {
		return Block{}, fmt.Errorf("block %d: %w", height, err)
	}
	header := append([]byte{}, raw[:spv.HeaderSize]...)
	out := Block{Height: height, Hash: *block.Hash(), Header: header}
	for _, tx := range block.Transactions() {
		txRaw, err := serialize(tx)
		if err != nil {
			return Block{}, fmt.Errorf("block %d: %w", height, err)
		}
		out.Txs = append(out.Txs, txRaw)
	}
	return out, nil
}

// HeightOf gives the height of a block of the main chain, or false.
func (r *Regtest) HeightOf(ctx context.Context, hash [32]byte) (int64, bool, error) {
	if err := r.enter(ctx); err != nil {
		return 0, false, err
	}
	defer r.leave()
	height, err := r.chain.BlockHeightByHash((*chainhash.Hash)(&hash))
	if err != nil {
		return 0, false, nil // the only error there is says: not in the main chain
	}
	return int64(height), true, nil
}

// FeeRate implements Backend: always the same, for nobody competes for space here.
func (r *Regtest) FeeRate(ctx context.Context) (uint64, error) {
	if err := r.enter(ctx); err != nil {
		return 0, err
	}
	defer r.leave()
	return ownFeeRate, nil
}

// Subscribe implements Backend.
func (r *Regtest) Subscribe(ctx context.Context) (<-chan int64, func()) {
	return r.tips.subscribe(ctx)
}
