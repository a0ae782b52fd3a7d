package spv_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/spv"
)

func TestKnownTransactions(t *testing.T) {
	for _, c := range []struct{ raw, txid string }{
		{coinbase0Hex, "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"},
		{firstPaymentHex, "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"},
	} {
		tx := mustParseTx(t, c.raw)
		if got := spv.HashString(tx.TxID()); got != c.txid {
			t.Errorf("id %s, want %s", got, c.txid)
		}
		raw := mustHex(t, c.raw)
		if !bytes.Equal(tx.Bytes(), raw) || !bytes.Equal(tx.Stripped(), raw) || tx.HasWitness() {
			t.Errorf("%s is written otherwise", c.txid)
		}
	}
	coinbase := mustParseTx(t, coinbase0Hex)
	if !coinbase.IsCoinbase() || !bytes.Contains(coinbase.Inputs[0].Script,
		[]byte("The Times 03/Jan/2009 Chancellor on brink of second bailout for banks")) {
		t.Error("the first coinbase is not read as it is")
	}
	payment := mustParseTx(t, firstPaymentHex)
	spent := mustParseHash(t, "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9")
	if payment.IsCoinbase() || payment.Inputs[0].Outpoint != [36]byte(append(spent[:], 0, 0, 0, 0)) {
		t.Error("the first payment does not spend the coin of block 9")
	}
	if payment.Outputs[0].Value != 10e8 || payment.Outputs[1].Value != 40e8 {
		t.Errorf("the first payment pays %d and %d",
			payment.Outputs[0].Value, payment.Outputs[1].Value)
	}
}

func TestSegwitTransaction(t *testing.T) {
	raw := mustHex(t, segwitHex)
	tx := mustParseTx(t, segwitHex)
	if !tx.HasWitness() || tx.Inputs[0].Witness != nil || len(tx.Inputs[1].Witness) != 2 {
		t.Fatalf("the witness is read as %v", tx.Inputs)
	}
	if tx.LockTime != 17 || tx.Inputs[0].Sequence != 0xffffffee || len(tx.Outputs) != 2 {
		t.Errorf("read %+v", tx)
	}
	if !bytes.Equal(tx.Bytes(), raw) {
		t.Error("written otherwise")
	}
	stripped, err := spv.ParseTx(tx.Stripped())
	if err != nil {
		t.Fatal(err)
	}
	if stripped.HasWitness() || stripped.TxID() != tx.TxID() {
		t.Error("the witness is part of the id")
	}
	const txid = "e8151a2af31c368a35053ddd4bdb285a8595c769a3ad83e0fa02314a602d4609"
	if got := spv.HashString(tx.TxID()); got != txid {
		t.Errorf("id %s, want %s", got, txid)
	}
}

// drawTx draws a transaction that ParseTx must accept.
func drawTx(t *rapid.T) spv.Tx {
	short := rapid.SliceOfN(rapid.Byte(), 0, 300)
	tx := spv.Tx{
		Version:  rapid.Int32().Draw(t, "version"),
		LockTime: rapid.Uint32().Draw(t, "lock time"),
	}
	for range rapid.IntRange(1, 4).Draw(t, "inputs") {
		in := spv.Input{
			Outpoint: [36]byte(rapid.SliceOfN(rapid.Byte(), 36, 36).Draw(t, "outpoint")),
			Script:   short.Draw(t, "script"),
			Sequence: rapid.Uint32().Draw(t, "sequence"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "witness items") {
			in.Witness = append(in.Witness, short.Draw(t, "item"))
		}
		tx.Inputs = append(tx.Inputs, in)
	}
	outputs := rapid.IntRange(1, 4).Draw(t, "outputs")
	for range outputs {
		tx.Outputs = append(tx.Outputs, spv.Output{
			Value:  rapid.Uint64Range(0, spv.ValueMax/uint64(outputs)).Draw(t, "value"),
			Script: short.Draw(t, "script"),
		})
	}
	return tx
}

func TestTxRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := drawTx(t)
		raw := tx.Bytes()
		again, err := spv.ParseTx(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tx, again); diff != "" {
			t.Fatal(diff)
		}
		cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut at")
		if _, err := spv.ParseTx(raw[:cut]); err == nil {
			t.Fatalf("accepted %d of %d bytes", cut, len(raw))
		}
		if _, err := spv.ParseTx(append(raw, 0)); err == nil {
			t.Fatal("accepted a byte after the end")
		}
	})
}

// Lengths on both sides of each step of the compact size.
func TestLengthForms(t *testing.T) {
	for _, size := range []int{0, 1, 0xfc, 0xfd, 0xffff, 1 << 16} {
		tx := mustParseTx(t, segwitHex)
		tx.Outputs[0].Script = make([]byte, size)
		tx.Inputs[0].Script = make([]byte, size)
		tx.Inputs[0].Witness = make([][]byte, size)
		raw := tx.Bytes()
		again, err := spv.ParseTx(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), raw) || len(again.Inputs[0].Witness) != size {
			t.Errorf("length %d: written otherwise", size)
		}
	}
}

// A parsed transaction does not change when the bytes it was read from do.
func TestParseTxOwnsItsBytes(t *testing.T) {
	raw := mustHex(t, segwitHex)
	tx, err := spv.ParseTx(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if !bytes.Equal(tx.Bytes(), mustHex(t, segwitHex)) {
		t.Error("the transaction changed with its source")
	}
}

func TestParseTxRefused(t *testing.T) {
	const (
		version = "01000000"
		input   = "1111111111111111111111111111111111111111111111111111111111111111" +
			"0000000000ffffffff"
		output   = "000000000000000000"
		lockTime = "00000000"
		rich     = "0040075af0750700" + "00" // 21 million bitcoin
		tooRich  = "0140075af0750700" + "00"
		satoshi  = "0100000000000000" + "00"
		negative = "ffffffffffffffff" + "00"
	)
	if _, err := spv.ParseTx(mustHex(t, version+"01"+input+"01"+rich+lockTime)); err != nil {
		t.Errorf("a transaction of all there is: %v", err)
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"only a version":     version,
		"no inputs":          version + "00" + "01" + output + lockTime,
		"no outputs":         version + "01" + input + "00" + lockTime,
		"unknown flag":       version + "0002" + "01" + input + "01" + output + "00" + lockTime,
		"flag and no inputs": version + "0001" + "00" + "01" + output + lockTime,
		"flag, no witness":   version + "0001" + "01" + input + "01" + output + "00" + lockTime,
		"long count of 1":    version + "fd0100" + input + "01" + output + lockTime,
		"longer count of 1":  version + "fe01000000" + input + "01" + output + lockTime,
		"longest count of 1": version + "ff0100000000000000" + input + "01" + output + lockTime,
		"cut count":          version + "fd01",
		"four billion":       version + "feffffffff" + input + "01" + output + lockTime,
		"beyond an int":      version + "ffffffffffffffffff" + input + "01" + output + lockTime,
		"worth too much":     version + "01" + input + "01" + tooRich + lockTime,
		"worth less than 0":  version + "01" + input + "01" + negative + lockTime,
		"sum too much":       version + "01" + input + "02" + rich + satoshi + lockTime,
	} {
		if tx, err := spv.ParseTx(mustHex(t, text)); err == nil {
			t.Errorf("%s: read %+v", name, tx)
		}
	}
	if _, err := spv.ParseTx(make([]byte, spv.TxBytesMax+1)); err == nil {
		t.Error("read more than TxBytesMax")
	}
}

// A transaction of exactly TxBytesMax is read, one byte more is not.
func TestTxBytesMax(t *testing.T) {
	tx := mustParseTx(t, firstPaymentHex)
	tx.Outputs[0].Script = nil
	// A script this long takes five bytes for its length instead of one.
	tx.Outputs[0].Script = make([]byte, spv.TxBytesMax-len(tx.Bytes())-4)
	for extra, want := range []bool{true, false} {
		raw := tx.Bytes()
		if len(raw) != spv.TxBytesMax+extra {
			t.Fatalf("built %d bytes", len(raw))
		}
		if _, err := spv.ParseTx(raw); (err == nil) != want {
			t.Errorf("%d bytes: %v", len(raw), err)
		}
		tx.Outputs[0].Script = append(tx.Outputs[0].Script, 0)
	}
}

// withScripts returns a transaction whose outputs have the given scripts.
func withScripts(scripts ...[]byte) spv.Tx {
	tx := spv.Tx{Inputs: make([]spv.Input, 1)}
	for _, script := range scripts {
		tx.Outputs = append(tx.Outputs, spv.Output{Script: script})
	}
	return tx
}

// nullData returns the script that carries payload, with the push in the given form.
func nullData(push []byte, payload []byte) []byte {
	return append(append([]byte{0x6a}, push...), payload...)
}

func TestOpReturn(t *testing.T) {
	coin := mustHex(t, "5120"+"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
	for size := 2; size <= spv.OpReturnBytesMax; size++ {
		payload := bytes.Repeat([]byte{0x53}, size)
		push := []byte{byte(size)}
		if size > 75 {
			push = []byte{0x4c, byte(size)}
		}
		got, found := withScripts(nullData(push, payload), coin).OpReturn()
		if !found || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %x, %v", size, got, found)
		}
	}
	payload := bytes.Repeat([]byte{0x53}, 35)
	good := nullData([]byte{35}, payload)
	long := func(size int) []byte { return make([]byte, size) }
	for name, tx := range map[string]spv.Tx{
		"none":              withScripts(coin),
		"no script":         withScripts(nil),
		"two":               withScripts(good, good),
		"two, one empty":    withScripts(good, []byte{0x6a}),
		"nothing pushed":    withScripts([]byte{0x6a}),
		"empty push":        withScripts([]byte{0x6a, 0}),
		"one byte":          withScripts(nullData([]byte{1}, []byte{0x53})),
		"number opcode":     withScripts([]byte{0x6a, 0x51}),
		"not shortest":      withScripts(nullData([]byte{0x4c, 35}, payload)),
		"75 not shortest":   withScripts(nullData([]byte{0x4c, 75}, long(75))),
		"pushdata2":         withScripts(nullData([]byte{0x4d, 80, 0}, long(80))),
		"pushdata1 alone":   withScripts([]byte{0x6a, 0x4c}),
		"81 bytes":          withScripts(nullData([]byte{0x4c, 81}, long(81))),
		"push too short":    withScripts(good[:len(good)-1]),
		"byte after push":   withScripts(append(bytes.Clone(good), 0)),
		"second push":       withScripts(append(bytes.Clone(good), 1, 0x53)),
		"after another":     withScripts(append([]byte{0x51}, good...)),
		"reserved opcode":   withScripts([]byte{0x6a, 0x50, 0x50}),
		"76 as a bare push": withScripts(nullData([]byte{76}, long(76))),
	} {
		if got, found := tx.OpReturn(); found {
			t.Errorf("%s: %x", name, got)
		}
	}
}

func TestOpReturnHasOneScript(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := append([]byte{0x6a}, rapid.SliceOfN(rapid.Byte(), 0, 90).Draw(t, "script")...)
		payload, found := withScripts(script).OpReturn()
		if !found {
			return
		}
		push := []byte{byte(len(payload))}
		if len(payload) > 75 {
			push = []byte{0x4c, byte(len(payload))}
		}
		if !bytes.Equal(nullData(push, payload), script) {
			t.Fatalf("%x has a second script %x", payload, script)
		}
	})
}

func FuzzParseTx(f *testing.F) {
	for _, text := range []string{coinbase0Hex, firstPaymentHex, segwitHex} {
		f.Add(mustHex(f, text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := spv.ParseTx(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(tx.Bytes(), raw) {
			t.Errorf("%x has a second spelling", raw)
		}
		stripped, err := spv.ParseTx(tx.Stripped())
		if err != nil || stripped.TxID() != tx.TxID() {
			t.Errorf("stripped: %v", err)
		}
		if payload, found := tx.OpReturn(); found && len(payload) > spv.OpReturnBytesMax {
			t.Errorf("a payload of %d bytes", len(payload))
		}
	})
}

// outpoint names output n of a transaction.
func outpoint(txid [32]byte, n uint32) [36]byte {
	return [36]byte(binary.LittleEndian.AppendUint32(txid[:], n))
}
