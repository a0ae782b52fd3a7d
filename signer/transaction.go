package signer

import (
	"bytes"
	"fmt"
	"sync"

	"seyfert/fault"
	"seyfert/wire"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"
)

// Limits of an anchor transaction. Fees and values are in satoshi.
const (
	// FeeMax caps the fee of one anchor transaction: a wrong estimate, or a caller that was
	// taken over, cannot burn a lane.
	FeeMax = 100_000
	// FeeRateMin is the smallest rate that is relayed, in satoshi per 1000 virtual bytes; a
	// smaller one is raised to it.
	FeeRateMin = 1_000
	// LaneValueMin is the smallest next coin: three times the 330 satoshi at which relay
	// policy calls a Taproot output dust, so that the last coin can still be spent.
	LaneValueMin = 1_000
	// SequenceRBF is the sequence number of input 0; it signals BIP 125 replacement.
	SequenceRBF = 0xfffffffd

	transactionVersion = 2
	// satoshiMax is the number of satoshi there can ever be.
	satoshiMax = 21_000_000 * 100_000_000
)

// network returns btcd's parameters for a network's name.
func network(name string) (*chaincfg.Params, error) {
	for _, params := range []*chaincfg.Params{
		&chaincfg.RegressionNetParams, &chaincfg.MainNetParams,
		&chaincfg.TestNet4Params, &chaincfg.SigNetParams,
	} {
		if params.Name == name {
			return params, nil
		}
	}
	return nil, fault.New(fault.Invalid, "network",
		"the network is none of regtest, mainnet, testnet4, signet")
}

// LaneKeyScript returns the P2TR output script of lane n of an anchor seed: the BIP 86 key
// m/86'/c'/0'/0/n, c being 0 on mainnet and 1 elsewhere. It is for tools that hold a seed and
// no Signer.
func LaneKeyScript(seed []byte, networkName string, n int) ([]byte, error) {
	lanes, err := newLaneKeys(seed, networkName)
	if err != nil {
		return nil, err
	}
	key, err := lanes.key(n)
	if err != nil {
		return nil, err
	}
	return key.script, nil
}

// laneKeys derives the lanes' keys, each when it is first asked for: a derivation costs as
// much as a signature.
type laneKeys struct {
	branch *hdkeychain.ExtendedKey

	// mu guards derived.
	mu      sync.Mutex
	derived map[int]laneKey
}

func newLaneKeys(seed []byte, networkName string) (*laneKeys, error) {
	params, err := network(networkName)
	if err != nil {
		return nil, err
	}
	branch, err := laneBranch(seed, params)
	if err != nil {
		return nil, err
	}
	return &laneKeys{branch: branch, derived: map[int]laneKey{}}, nil
}

func (k *laneKeys) key(n int) (laneKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.derived[n]; ok {
		return key, nil
	}
	key, err := newLaneKey(k.branch, n)
	if err == nil {
		k.derived[n] = key
	}
	return key, err
}

// laneBranch derives m/86'/c'/0'/0, the parent of every lane key.
func laneBranch(seed []byte, params *chaincfg.Params) (*hdkeychain.ExtendedKey, error) {
	key, err := hdkeychain.NewMaster(seed, params)
	if err != nil {
		return nil, fmt.Errorf("anchor seed: %w", err)
	}
	const hardened = hdkeychain.HardenedKeyStart
	for _, step := range []uint32{hardened + 86, hardened + params.HDCoinType, hardened, 0} {
		if key, err = key.Derive(step); err != nil {
			return nil, fmt.Errorf("anchor seed: %w", err)
		}
	}
	return key, nil
}

// laneKey is one lane's tweaked private key and the output script that it spends.
type laneKey struct {
	private *btcec.PrivateKey
	script  []byte
}

func newLaneKey(branch *hdkeychain.ExtendedKey, n int) (laneKey, error) {
	if n < 0 || n >= LanesMax {
		return laneKey{}, fault.New(fault.Invalid, "lane", "the lane is not in 0..%d", LanesMax-1)
	}
	child, err := branch.Derive(uint32(n))
	if err != nil {
		return laneKey{}, fmt.Errorf("lane key %d: %w", n, err)
	}
	internal, err := child.ECPrivKey()
	if err != nil {
		return laneKey{}, fmt.Errorf("lane key %d: %w", n, err)
	}
	// BIP 86: the output key commits to an empty script tree.
	private := txscript.TweakTaprootPrivKey(*internal, nil)
	script, err := txscript.PayToTaprootScript(private.PubKey())
	if err != nil {
		return laneKey{}, fmt.Errorf("lane key %d: %w", n, err)
	}
	return laneKey{private: private, script: script}, nil
}

// coin is an unspent output of a lane.
type coin struct {
	Outpoint wire.Outpoint `cbor:"1,keyasint"`
	Value    uint64        `cbor:"2,keyasint"`
}

// signedSpend is a finished anchor transaction.
type signedSpend struct {
	raw  []byte
	txid [32]byte
	fee  uint64
	next coin
}

// spendCoin builds and signs the transaction that spends c and carries payload: input 0 is
// the coin, output 0 the OP_RETURN, output 1 the next coin of the same lane (protocol.md B7).
func spendCoin(key laneKey, c coin, payload []byte, feeRate uint64) (signedSpend, error) {
	if len(payload) == 0 || len(payload) > wire.PayloadBytesMax {
		return signedSpend{}, fault.New(fault.Invalid, "payload",
			"the payload is not 1 to %d bytes", wire.PayloadBytesMax)
	}
	data, err := txscript.NullDataScript(payload)
	if err != nil {
		return signedSpend{}, fmt.Errorf("anchor output: %w", err)
	}
	tx := btcwire.NewMsgTx(transactionVersion)
	previous := btcwire.OutPoint{Hash: c.Outpoint.TxID(), Index: c.Outpoint.Output()}
	in := btcwire.NewTxIn(&previous, nil, btcwire.TxWitness{make([]byte, schnorr.SignatureSize)})
	in.Sequence = SequenceRBF
	tx.AddTxIn(in)
	tx.AddTxOut(btcwire.NewTxOut(0, data))
	tx.AddTxOut(btcwire.NewTxOut(0, key.script))
	fee, err := feeOf(tx, feeRate)
	if err != nil {
		return signedSpend{}, err
	}
	if c.Value < fee+LaneValueMin {
		return signedSpend{}, fault.New(fault.Refused, "lane",
			"the lane's coin of %d satoshi is too small for a fee of %d; "+
				"publish a descriptor with a new lane", c.Value, fee)
	}
	tx.TxOut[1].Value = int64(c.Value - fee)
	if err := signInput(tx, key, c); err != nil {
		return signedSpend{}, err
	}
	return finish(tx, fee)
}

// feeOf rounds the fee of tx up: a relay compares with its own rounded-down minimum. The dummy
// signature in tx is as long as the real one, so the size is final.
func feeOf(tx *btcwire.MsgTx, rate uint64) (uint64, error) {
	rate = max(rate, FeeRateMin)
	// BIP 141: weight = 3 * stripped size + total size, virtual size = weight / 4 rounded up.
	weight := uint64(3*tx.SerializeSizeStripped() + tx.SerializeSize())
	size := (weight + 3) / 4
	if rate > FeeMax*1000/size {
		return 0, fault.New(fault.Refused, "feeRate",
			"%d satoshi per 1000 bytes is over the cap of %d satoshi a transaction", rate, FeeMax)
	}
	return (size*rate + 999) / 1000, nil
}

// signInput signs input 0 with a Taproot key spend (BIP 341, SIGHASH_DEFAULT). The nonce is
// BIP 340's with auxiliary data of zeros, so the same transaction has the same bytes.
func signInput(tx *btcwire.MsgTx, key laneKey, c coin) error {
	outputs := txscript.NewCannedPrevOutputFetcher(key.script, int64(c.Value))
	hashes := txscript.NewTxSigHashes(tx, outputs)
	hash, err := txscript.CalcTaprootSignatureHash(
		hashes, txscript.SigHashDefault, tx, 0, outputs)
	if err != nil {
		return fmt.Errorf("anchor signature hash: %w", err)
	}
	signature, err := schnorr.Sign(key.private, hash, schnorr.CustomNonce([32]byte{}))
	if err != nil {
		return fmt.Errorf("anchor signature: %w", err)
	}
	tx.TxIn[0].Witness = btcwire.TxWitness{signature.Serialize()}
	return nil
}

// finish serialises tx and names its next coin.
func finish(tx *btcwire.MsgTx, fee uint64) (signedSpend, error) {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return signedSpend{}, fmt.Errorf("anchor transaction: %w", err)
	}
	spend := signedSpend{raw: raw.Bytes(), txid: tx.TxHash(), fee: fee}
	spend.next = coin{
		Outpoint: wire.NewOutpoint(spend.txid, 1), Value: uint64(tx.TxOut[1].Value),
	}
	return spend, nil
}
