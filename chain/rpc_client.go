package chain

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"seyfert/fault"
	"seyfert/spv"
)

const (
	// rpcTimeout bounds a call when no HTTP client is given.
	rpcTimeout = 30 * time.Second
	// rpcPollEvery is how often subscriptions ask for the tip when nothing is said.
	rpcPollEvery = time.Second
)

// RPCConfig says where a Bitcoin node is and how it is spoken to.
type RPCConfig struct {
	// URL of the node, http or https, without user or query.
	URL string
	// Network that the node must be on, by spv's name of it.
	Network string
	// Auth is sent with each call.
	Auth RPCAuth
	// Client sends the calls; nil means one with a timeout of 30 seconds that follows no
	// redirects.
	Client *http.Client
	// PollEvery is how often subscriptions ask for the tip; 0 means each second.
	PollEvery time.Duration
	// FeeRateFallback is used, in satoshi per 1000 virtual bytes, while the node has no
	// estimate, as on quiet chains; 0 means that FeeRate then fails.
	FeeRateFallback uint64
}

// RPC is a Bitcoin node reached by JSON-RPC: bitcoind, or an [RPCServer]. What the node says
// of a block is held against the hash it gave for it; whether that block is on the chain with
// the most work is the [Follower]'s to say. Not yet tried on a real bitcoind.
type RPC struct {
	config RPCConfig

	ctx   context.Context // ends with Close; carries nothing
	end   context.CancelFunc
	polls sync.WaitGroup
}

var (
	_ Backend = (*RPC)(nil)
	_ Miner   = (*RPC)(nil)
)

// NewRPC makes a client; it sends nothing yet. Close ends its subscriptions.
func NewRPC(config RPCConfig) (*RPC, error) {
	at, err := url.Parse(config.URL)
	if err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Host == "" ||
		at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return nil, fault.New(fault.Invalid, "url",
			"an http or https address without user and query is needed")
	}
	if _, err := spv.Network(config.Network).Genesis(); err != nil {
		return nil, fault.New(fault.Invalid, "network", "no network %q", config.Network)
	}
	if err := config.Auth.validate(); err != nil {
		return nil, err
	}
	if config.Client == nil {
		config.Client = &http.Client{
			Timeout: rpcTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		}
	}
	if config.PollEvery <= 0 {
		config.PollEvery = rpcPollEvery
	}
	ctx, end := context.WithCancel(context.Background())
	return &RPC{config: config, ctx: ctx, end: end}, nil
}

// Close ends all subscriptions and waits for them.
func (c *RPC) Close() error {
	c.end()
	c.polls.Wait()
	return nil
}

// Network implements Backend: the network of the configuration.
func (c *RPC) Network() string { return c.config.Network }

// Tip implements Backend. It also demands that the node is on the configured network.
func (c *RPC) Tip(ctx context.Context) (int64, [32]byte, error) {
	var info struct {
		Chain  string `json:"chain"`
		Blocks int64  `json:"blocks"`
		Best   string `json:"bestblockhash"`
	}
	if err := c.call(ctx, &info, "getblockchaininfo"); err != nil {
		return 0, [32]byte{}, err
	}
	if networkOfChain(info.Chain) != c.config.Network {
		return 0, [32]byte{}, errNode("it is on network %q, not %q", clip(info.Chain),
			c.config.Network)
	}
	hash, err := spv.ParseHash(info.Best)
	if err != nil || info.Blocks < 0 {
		return 0, [32]byte{}, errNode("its tip is not a height and a hash")
	}
	return info.Blocks, hash, nil
}

// hashAt asks for the hash of the block at a height.
func (c *RPC) hashAt(ctx context.Context, height int64) ([32]byte, error) {
	if height < 0 {
		return [32]byte{}, errNoBlock(height)
	}
	var text string
	err := c.call(ctx, &text, "getblockhash", height)
	if refusal, ok := errors.AsType[*rpcRefusal](err); ok && refusal.code == rpcBadParameter {
		return [32]byte{}, errNoBlock(height)
	}
	if err != nil {
		return [32]byte{}, err
	}
	hash, err := spv.ParseHash(text)
	if err != nil {
		return [32]byte{}, errNode("it gives no hash for block %d", height)
	}
	return hash, nil
}

// Header implements Backend.
func (c *RPC) Header(ctx context.Context, height int64) ([]byte, error) {
	hash, err := c.hashAt(ctx, height)
	if err != nil {
		return nil, err
	}
	raw, err := c.callHex(ctx, "getblockheader", spv.HashString(hash), false)
	if err != nil {
		return nil, err
	}
	header, err := spv.ParseHeader(raw)
	if err != nil || header.Hash() != hash {
		return nil, errNode("its header at height %d is not the one of the hash", height)
	}
	return raw, nil
}

// Block implements Backend. The transactions were checked against the header, and the header
// against the hash.
func (c *RPC) Block(ctx context.Context, height int64) (Block, error) {
	hash, err := c.hashAt(ctx, height)
	if err != nil {
		return Block{}, err
	}
	raw, err := c.callHex(ctx, "getblock", spv.HashString(hash), 0)
	if err != nil {
		return Block{}, err
	}
	parsed, err := spv.ParseBlock(raw)
	if err != nil || parsed.Header.Hash() != hash {
		return Block{}, errNode("its block at height %d is not the one of the hash", height)
	}
	block := Block{Height: height, Hash: hash, Header: parsed.Header.Bytes()}
	for _, tx := range parsed.Txs {
		block.Txs = append(block.Txs, tx.Bytes())
	}
	return block, nil
}

// Broadcast implements Backend. A refused transaction is asked after: to have it already is
// no refusal, however the node words that.
func (c *RPC) Broadcast(ctx context.Context, raw []byte) ([32]byte, error) {
	tx, err := checkTx(raw)
	if err != nil {
		return [32]byte{}, err
	}
	txid := tx.TxID()
	var text string
	err = c.call(ctx, &text, "sendrawtransaction", hex.EncodeToString(raw))
	if err == nil && text != spv.HashString(txid) {
		return txid, errNode("it gives another id to a transaction")
	}
	refusal, refused := errors.AsType[*rpcRefusal](err)
	if !refused {
		return txid, err
	}
	if refusal.code == rpcAlreadyInChain {
		return txid, nil
	}
	if _, heldErr := c.transaction(ctx, txid); heldErr == nil {
		return txid, nil
	}
	if refusal.told {
		return txid, err
	}
	switch refusal.code {
	case rpcDeserialize:
		return txid, fault.New(fault.Invalid, "tx", "not a transaction: %s", refusal.message)
	case rpcVerify, rpcRejected:
		return txid, errRefused("%s", refusal.message)
	default:
		return txid, err
	}
}

// transaction asks for a transaction that waits or, if the node has an index, is in a block.
func (c *RPC) transaction(ctx context.Context, txid [32]byte) (spv.Tx, error) {
	raw, err := c.callHex(ctx, "getrawtransaction", spv.HashString(txid), false)
	if err != nil {
		return spv.Tx{}, err
	}
	tx, err := spv.ParseTx(raw)
	if err != nil || tx.TxID() != txid {
		return spv.Tx{}, errNode("it gives another transaction than was asked for")
	}
	return tx, nil
}

// FeeRate implements Backend: the node's estimate for two blocks, or the fallback.
func (c *RPC) FeeRate(ctx context.Context) (uint64, error) {
	var estimate struct {
		FeeRate json.RawMessage `json:"feerate"`
	}
	err := c.call(ctx, &estimate, "estimatesmartfee", 2)
	refusal, refused := errors.AsType[*rpcRefusal](err)
	none := err == nil && len(estimate.FeeRate) == 0 ||
		refused && refusal.code == rpcMethodNotFound // btcd does not have the method
	if none && c.config.FeeRateFallback > 0 {
		return c.config.FeeRateFallback, nil
	}
	if none {
		return 0, errNode("it has no fee estimate")
	}
	if err != nil {
		return 0, err
	}
	rate, err := parseBTC(estimate.FeeRate)
	if err != nil || rate == 0 {
		return 0, errNode("its fee estimate is not an amount")
	}
	return rate, nil
}

// Subscribe implements Backend by asking for the tip at intervals. It asks once before it
// returns, so that no block after the call is missed; a node that does not answer is asked
// again.
func (c *RPC) Subscribe(ctx context.Context) (<-chan int64, func()) {
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(c.ctx, cancel)
	_, last, _ := c.Tip(ctx)
	var t tips
	heights, _ := t.subscribe(context.Background())
	ended := make(chan struct{})
	c.polls.Go(func() {
		defer close(ended)
		defer t.close()
		defer detach()
		ticker := time.NewTicker(c.config.PollEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if height, hash, err := c.Tip(ctx); err == nil && hash != last {
				last = hash
				t.publish(height)
			}
		}
	})
	return heights, func() {
		cancel()
		<-ended
	}
}
