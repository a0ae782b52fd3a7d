package chain

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/btcsuite/btcd/txscript/v2"

	"seyfert/fault"
	"seyfert/spv"
)

// Mine implements Miner over a regtest node. Blocks go to toScript by a raw descriptor, which
// bitcoind knows too; an empty one needs an [RPCServer], whose faucet then gets them.
func (c *RPC) Mine(ctx context.Context, n int, toScript []byte) ([][32]byte, error) {
	if err := c.checkMiner(); err != nil {
		return nil, err
	}
	if err := checkMine(n); err != nil {
		return nil, err
	}
	var texts []string
	var err error
	if len(toScript) == 0 {
		err = c.call(ctx, &texts, "generate", n)
	} else {
		err = c.call(ctx, &texts, "generatetodescriptor", n,
			"raw("+hex.EncodeToString(toScript)+")")
	}
	if err != nil {
		return nil, err
	}
	if len(texts) != n {
		return nil, errNode("it gives %d hashes for %d blocks", len(texts), n)
	}
	hashes := make([][32]byte, n)
	for i, text := range texts {
		if hashes[i], err = spv.ParseHash(text); err != nil {
			return nil, errNode("it gives no hash for a block it made")
		}
	}
	return hashes, nil
}

// Fund implements Miner over a regtest node with a wallet or a faucet. The script must be one
// that has an address. The coin is found by reading the payment back.
func (c *RPC) Fund(ctx context.Context, script []byte, sats int64) ([36]byte, error) {
	if err := c.checkMiner(); err != nil {
		return [36]byte{}, err
	}
	if err := checkFund(script, sats); err != nil {
		return [36]byte{}, err
	}
	class, addresses, _, err := txscript.ExtractPkScriptAddrs(script, regtestParams())
	if err != nil || len(addresses) != 1 || class == txscript.PubKeyTy {
		return [36]byte{}, fault.New(fault.Invalid, "script", "the script has no address")
	}
	var text string
	err = c.call(ctx, &text, "sendtoaddress", addresses[0].EncodeAddress(),
		formatBTC(uint64(sats)))
	if err != nil {
		return [36]byte{}, err
	}
	txid, err := spv.ParseHash(text)
	if err != nil {
		return [36]byte{}, errNode("it gives no id for a payment")
	}
	tx, err := c.transaction(ctx, txid)
	if err != nil {
		return [36]byte{}, err
	}
	for vout, out := range tx.Outputs {
		if out.Value == uint64(sats) && bytes.Equal(out.Script, script) {
			return outpointOf(txid, uint32(vout)), nil
		}
	}
	return [36]byte{}, errNode("its payment is not what was asked for")
}

// Invalidate implements Miner over a regtest node.
func (c *RPC) Invalidate(ctx context.Context, height int64) error {
	if err := c.checkMiner(); err != nil {
		return err
	}
	if err := checkInvalidate(height); err != nil {
		return err
	}
	hash, err := c.hashAt(ctx, height)
	if err != nil {
		return err
	}
	return c.call(ctx, nil, "invalidateblock", spv.HashString(hash))
}

func (c *RPC) checkMiner() error {
	if c.config.Network != regtestName {
		return fault.New(fault.Refused, "network",
			"blocks and coins are made on regtest only, not on %q", c.config.Network)
	}
	return nil
}
