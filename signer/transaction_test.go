package signer_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/signer"
	"seyfert/wire"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/txscript/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"
	"github.com/google/go-cmp/cmp"
)

// mustBeValid runs the transaction through the script engine and the relay policy, and returns
// it parsed.
func mustBeValid(tb testing.TB, a signer.AnchorTx, script []byte, value uint64) *btcwire.MsgTx {
	tb.Helper()
	var tx btcwire.MsgTx
	if err := tx.Deserialize(bytes.NewReader(a.Raw)); err != nil {
		tb.Fatal(err)
	}
	outputs := txscript.NewCannedPrevOutputFetcher(script, int64(value))
	hashes := txscript.NewTxSigHashes(&tx, outputs)
	engine, err := txscript.NewEngine(script, &tx, 0, txscript.StandardVerifyFlags, nil,
		hashes, int64(value), outputs)
	if err != nil {
		tb.Fatal(err)
	}
	if err := engine.Execute(); err != nil {
		tb.Fatal(err)
	}
	if err := mempool.CheckTransactionStandard(btcutil.NewTx(&tx), 1000, time.Unix(0, 0),
		mempool.DefaultMinRelayTxFee, 2); err != nil {
		tb.Fatal(err)
	}
	return &tx
}

func TestLaneKeyIsBIP86(t *testing.T) {
	// BIP 86, test vectors: the seed of the mnemonic "abandon ... about", mainnet.
	seed, err := hex.DecodeString("5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5" +
		"fc19a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{
		"5120a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c",
		"5120a82f29944d65b86ae6b5e5cc75e294ead6c59391a1edc5e016e3498c67fc7bbb",
	} {
		script, err := signer.LaneKeyScript(seed, "mainnet", n)
		if err != nil || hex.EncodeToString(script) != want {
			t.Fatalf("lane %d: %x, %v", n, script, err)
		}
	}
	_, err = signer.LaneKeyScript(seed, "mainnet", signer.LanesMax)
	wantFault(t, err, fault.Invalid, "lane")
	_, err = signer.LaneKeyScript(seed, "simnet", 0)
	wantFault(t, err, fault.Invalid, "network")
	s := newParts(t, seoul, 1).mustOpen(t)
	if s.LaneScript(-1) != nil || s.LaneScript(signer.LanesMax) != nil || len(s.LaneScript(0)) != 34 {
		t.Fatal("lane scripts out of range")
	}
}

func TestSpendLaneBuildsAStandardTransaction(t *testing.T) {
	_, s := openLane(t, coinValue)
	value := uint64(coinValue)
	coin := firstCoin(0)
	for i := range 3 {
		payload := daily(byte(i))
		a, err := s.SpendLane(signer.AnchorRequest{
			Row: string(rune('a' + i)), Lane: 0, Payload: payload, FeeRate: 2_500,
		})
		if err != nil {
			t.Fatal(err)
		}
		tx := mustBeValid(t, a, s.LaneScript(0), value)
		if len(tx.TxIn) != 1 || len(tx.TxOut) != 2 || tx.LockTime != 0 ||
			tx.TxIn[0].Sequence != signer.SequenceRBF {
			t.Fatalf("shape %+v", tx)
		}
		in := tx.TxIn[0].PreviousOutPoint
		if wire.NewOutpoint(in.Hash, in.Index) != coin || a.Outpoint != coin {
			t.Fatal("input 0 is not the lane's coin")
		}
		if tx.TxOut[0].Value != 0 ||
			!bytes.Equal(tx.TxOut[0].PkScript, append([]byte{0x6a, 35}, payload...)) {
			t.Fatalf("output 0 is %x", tx.TxOut[0].PkScript)
		}
		if !bytes.Equal(tx.TxOut[1].PkScript, s.LaneScript(0)) {
			t.Fatal("output 1 is not the lane's")
		}
		// reference: 154 virtual bytes with 32 bytes in OP_RETURN, so 157 with 35.
		if want := uint64((157*2500 + 999) / 1000); a.Fee != want {
			t.Fatalf("fee %d, want %d", a.Fee, want)
		}
		value -= a.Fee
		if uint64(tx.TxOut[1].Value) != value || a.Next.Value != value || tx.TxHash() != a.TxID {
			t.Fatalf("%+v", a)
		}
		coin = wire.NewOutpoint(a.TxID, 1)
		want := []signer.Lane{{N: 0, Outpoint: coin, Value: value}}
		if diff := cmp.Diff(want, s.Lanes()); diff != "" || a.Next != want[0] {
			t.Fatal(diff)
		}
	}
}
