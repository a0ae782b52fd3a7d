package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"seyfert/spv"
)

// call runs one method. Names, parameters and results are Bitcoin Core's.
func (s *RPCServer) call(ctx context.Context, method string, params rpcParams) (any, error) {
	if len(params) > rpcParamsMax {
		return nil, failure(rpcInvalidParams, "too many parameters")
	}
	switch method {
	case "getblockcount":
		height, _, err := s.source.Tip(ctx)
		return height, err
	case "getbestblockhash":
		_, hash, err := s.source.Tip(ctx)
		return spv.HashString(hash), err
	case "getblockchaininfo":
		return s.blockchainInfo(ctx)
	case "getblockhash":
		return s.blockHash(ctx, params)
	case "getblockheader":
		return s.blockHeader(ctx, params)
	case "getblock":
		return s.block(ctx, params)
	case "getrawtransaction":
		return s.rawTransaction(ctx, params)
	case "getrawmempool":
		ids, err := s.source.Mempool(ctx)
		return hashStrings(ids), err
	case "sendrawtransaction":
		return s.sendRawTransaction(ctx, params)
	case "estimatesmartfee":
		rate, err := s.source.FeeRate(ctx)
		return map[string]any{"feerate": formatBTC(rate), "blocks": 1}, err
	}
	if s.miner == nil {
		return nil, failure(rpcMethodNotFound, "Method not found")
	}
	return s.callMiner(ctx, method, params)
}

// callMiner runs the methods of a chain of our own.
func (s *RPCServer) callMiner(ctx context.Context, method string, params rpcParams) (any, error) {
	switch method {
	case "generate": // of older versions: to the faucet itself
		return s.generate(ctx, params, func(int) ([]byte, error) { return nil, nil })
	case "generatetoaddress":
		return s.generate(ctx, params, params.address)
	case "generatetodescriptor":
		return s.generate(ctx, params, params.rawDescriptor)
	case "sendtoaddress":
		return s.sendToAddress(ctx, params)
	case "invalidateblock":
		height, err := s.heightParam(ctx, params)
		if err != nil {
			return nil, err
		}
		return nil, s.miner.Invalidate(ctx, height)
	default:
		return nil, failure(rpcMethodNotFound, "Method not found")
	}
}

func (s *RPCServer) blockchainInfo(ctx context.Context) (any, error) {
	height, hash, err := s.source.Tip(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"chain": chainOfNetwork(s.source.Network()), "blocks": height, "headers": height,
		"bestblockhash": spv.HashString(hash), "initialblockdownload": false, "pruned": false,
	}, nil
}

func (s *RPCServer) blockHash(ctx context.Context, params rpcParams) (any, error) {
	height, err := params.integer(0, -1)
	if err != nil {
		return nil, err
	}
	raw, err := s.source.Header(ctx, height)
	if err != nil {
		return nil, err
	}
	header, err := spv.ParseHeader(raw)
	if err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	return spv.HashString(header.Hash()), nil
}

// heightParam finds the block whose hash is the first parameter.
func (s *RPCServer) heightParam(ctx context.Context, params rpcParams) (int64, error) {
	hash, err := params.hash(0)
	if err != nil {
		return 0, err
	}
	height, ok, err := s.source.HeightOf(ctx, hash)
	if err == nil && !ok {
		err = failure(rpcNotFound, "Block not found")
	}
	return height, err
}

func (s *RPCServer) blockHeader(ctx context.Context, params rpcParams) (any, error) {
	verbosity, err := params.verbosity(1, 1)
	if err != nil {
		return nil, err
	}
	block, err := s.blockParam(ctx, params)
	if err != nil {
		return nil, err
	}
	if verbosity == 0 {
		return hex.EncodeToString(block.Header), nil
	}
	return s.describe(ctx, block)
}

func (s *RPCServer) block(ctx context.Context, params rpcParams) (any, error) {
	verbosity, err := params.verbosity(1, 1)
	if err != nil {
		return nil, err
	}
	block, err := s.blockParam(ctx, params)
	if err != nil {
		return nil, err
	}
	if verbosity == 0 {
		return hex.EncodeToString(rawBlock(block)), nil
	}
	description, err := s.describe(ctx, block)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(block.Txs))
	for i, raw := range block.Txs {
		tx, err := spv.ParseTx(raw)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", block.Height, err)
		}
		ids[i] = spv.HashString(tx.TxID())
	}
	description["tx"] = ids
	return description, nil
}

func (s *RPCServer) blockParam(ctx context.Context, params rpcParams) (Block, error) {
	height, err := s.heightParam(ctx, params)
	if err != nil {
		return Block{}, err
	}
	return s.source.Block(ctx, height)
}

func (s *RPCServer) describe(ctx context.Context, block Block) (map[string]any, error) {
	header, err := spv.ParseHeader(block.Header)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", block.Height, err)
	}
	tip, _, err := s.source.Tip(ctx)
	if err != nil {
		return nil, err
	}
	description := map[string]any{
		"hash": spv.HashString(block.Hash), "height": block.Height,
		"confirmations": max(tip-block.Height+1, 0), "version": header.Version,
		"merkleroot": spv.HashString(header.MerkleRoot), "time": header.Time,
		"nonce": header.Nonce, "bits": fmt.Sprintf("%08x", header.Bits), "nTx": len(block.Txs),
	}
	if block.Height > 0 {
		description["previousblockhash"] = spv.HashString(header.Prev)
	}
	return description, nil
}

// rawBlock is the block as the network carries it.
func rawBlock(block Block) []byte {
	raw := bytes.Clone(block.Header)
	switch n := len(block.Txs); {
	case n < 0xfd:
		raw = append(raw, byte(n))
	default: // a block has no room for 65,536 transactions
		raw = binary.LittleEndian.AppendUint16(append(raw, 0xfd), uint16(n))
	}
	return append(raw, slices.Concat(block.Txs...)...)
}

func (s *RPCServer) rawTransaction(ctx context.Context, params rpcParams) (any, error) {
	txid, err := params.hash(0)
	if err != nil {
		return nil, err
	}
	verbosity, err := params.verbosity(1, 0)
	if err != nil {
		return nil, err
	}
	tx, ok, err := s.source.Transaction(ctx, txid)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, failure(rpcNotFound, "No such mempool or blockchain transaction")
	}
	if verbosity == 0 {
		return hex.EncodeToString(tx.Raw), nil
	}
	description := map[string]any{
		"hex": hex.EncodeToString(tx.Raw), "txid": spv.HashString(txid), "confirmations": 0,
	}
	if tx.Confirmed {
		block, err := s.source.Block(ctx, tx.Height)
		if err != nil {
			return nil, err
		}
		tip, _, err := s.source.Tip(ctx)
		if err != nil {
			return nil, err
		}
		description["confirmations"] = max(tip-tx.Height+1, 0)
		description["blockhash"] = spv.HashString(block.Hash)
	}
	return description, nil
}

func (s *RPCServer) sendRawTransaction(ctx context.Context, params rpcParams) (any, error) {
	text, err := params.text(0)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, failure(rpcDeserialize, "TX decode failed")
	}
	txid, err := s.source.Broadcast(ctx, raw)
	return spv.HashString(txid), err
}

func (s *RPCServer) generate(
	ctx context.Context, params rpcParams, script func(at int) ([]byte, error),
) (any, error) {
	n, err := params.integer(0, -1)
	if err != nil {
		return nil, err
	}
	to, err := script(1)
	if err != nil {
		return nil, err
	}
	hashes, err := s.miner.Mine(ctx, int(min(max(n, 0), MineBlocksMax+1)), to)
	return hashStrings(hashes), err
}

func (s *RPCServer) sendToAddress(ctx context.Context, params rpcParams) (any, error) {
	script, err := params.address(0)
	if err != nil {
		return nil, err
	}
	if len(params) < 2 {
		return nil, failure(rpcInvalidParams, "the amount is missing")
	}
	sats, err := parseBTC(params[1])
	if err != nil {
		return nil, err
	}
	outpoint, err := s.miner.Fund(ctx, script, int64(min(sats, spv.ValueMax+1)))
	return spv.HashString([32]byte(outpoint[:32])), err
}

func hashStrings(hashes [][32]byte) []string {
	texts := make([]string, len(hashes))
	for i, hash := range hashes {
		texts[i] = spv.HashString(hash)
	}
	return texts
}

// rpcParams are a call's parameters; each reader says what is wrong with one.
type rpcParams []json.RawMessage

func (p rpcParams) text(at int) (string, error) {
	var text string
	if at >= len(p) || json.Unmarshal(p[at], &text) != nil {
		return "", failure(rpcInvalidParams, fmt.Sprintf("parameter %d must be a string", at+1))
	}
	return text, nil
}

// integer reads a whole number; a missing one is the default, unless that is negative.
func (p rpcParams) integer(at int, missing int64) (int64, error) {
	if at >= len(p) && missing >= 0 {
		return missing, nil
	}
	var n int64
	if at >= len(p) || json.Unmarshal(p[at], &n) != nil {
		return 0, failure(rpcInvalidParams,
			fmt.Sprintf("parameter %d must be a whole number", at+1))
	}
	return n, nil
}

// verbosity reads 0 or 1, or false or true.
func (p rpcParams) verbosity(at int, missing int64) (int64, error) {
	if at < len(p) {
		switch string(p[at]) {
		case "false":
			return 0, nil
		case "true":
			return 1, nil
		}
	}
	n, err := p.integer(at, missing)
	if err == nil && (n < 0 || n > 1) {
		err = failure(rpcBadParameter, "a verbosity of 0 or 1 is served")
	}
	return n, err
}

func (p rpcParams) hash(at int) ([32]byte, error) {
	text, err := p.text(at)
	if err != nil {
		return [32]byte{}, err
	}
	hash, err := spv.ParseHash(text)
	if err != nil {
		return hash, failure(rpcBadParameter,
			fmt.Sprintf("parameter %d must be 64 hexadecimal digits", at+1))
	}
	return hash, nil
}

// address reads a regtest address and gives its script.
func (p rpcParams) address(at int) ([]byte, error) {
	text, err := p.text(at)
	if err != nil {
		return nil, err
	}
	params := regtestParams()
	to, err := address.DecodeAddress(text, params)
	if err != nil || !to.IsForNet(params) {
		return nil, failure(rpcNotFound, "Invalid address")
	}
	script, err := txscript.PayToAddrScript(to)
	if err != nil {
		return nil, failure(rpcNotFound, "Invalid address")
	}
	return script, nil
}

// rawDescriptor reads a descriptor of the form raw(HEX), without a checksum (BIP 385).
func (p rpcParams) rawDescriptor(at int) ([]byte, error) {
	text, err := p.text(at)
	if err != nil {
		return nil, err
	}
	inner, ok := strings.CutPrefix(text, "raw(")
	inner, closed := strings.CutSuffix(inner, ")")
	script, err := hex.DecodeString(inner)
	if !ok || !closed || err != nil || len(script) == 0 || len(script) > fundScriptMax {
		return nil, failure(rpcNotFound, "only descriptors raw(HEX) of a short script are served")
	}
	return script, nil
}
