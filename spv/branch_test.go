package spv_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"

	"seyfert/spv"
)

// numbered returns count different ids.
func numbered(count int) [][32]byte {
	txids := make([][32]byte, count)
	for i := range txids {
		txids[i] = sha256.Sum256([]byte{byte(i), byte(i >> 8)})
	}
	return txids
}

// rootByDefinition computes a block's Merkle root straight from its definition: fill up an odd
// row with a copy of its last node, hash pairs twice, and again.
func rootByDefinition(row [][32]byte) [32]byte {
	if len(row) == 1 {
		return row[0]
	}
	var above [][32]byte
	for i := 0; i < len(row); i += 2 {
		pair := append(row[i][:], row[min(i+1, len(row)-1)][:]...)
		once := sha256.Sum256(pair)
		above = append(above, sha256.Sum256(once[:]))
	}
	return rootByDefinition(above)
}

func TestKnownBlocks(t *testing.T) {
	for _, text := range []string{block0Hex, block1Hex, block170Hex} {
		block := mustParseBlock(t, text)
		var txids [][32]byte
		for _, tx := range block.Txs {
			txids = append(txids, tx.TxID())
		}
		root, err := spv.MerkleRoot(txids)
		if err != nil || root != block.Header.MerkleRoot {
			t.Errorf("root %s, %v", spv.HashString(root), err)
		}
		for i, tx := range block.Txs {
			branch, err := spv.BuildBranch(txids, i)
			if err != nil {
				t.Fatal(err)
			}
			if err := spv.CheckInclusion(tx, branch, block.Header); err != nil {
				t.Errorf("transaction %d: %v", i, err)
			}
		}
	}
	payment := mustParseTx(t, firstPaymentHex)
	coinbase := mustParseHash(t, "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082")
	branch := spv.Branch{Index: 1, Siblings: [][32]byte{coinbase}}
	root, err := branch.Root(payment.TxID())
	if err != nil || spv.HashString(root) !=
		"7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff" {
		t.Errorf("root %s, %v", spv.HashString(root), err)
	}
}

func TestBranchOfEachTransaction(t *testing.T) {
	for count := 1; count <= 40; count++ {
		txids := numbered(count)
		want := rootByDefinition(txids)
		if root, err := spv.MerkleRoot(txids); err != nil || root != want {
			t.Fatalf("%d transactions: %v", count, err)
		}
		for index := range txids {
			branch, err := spv.BuildBranch(txids, index)
			if err != nil {
				t.Fatal(err)
			}
			root, err := branch.Root(txids[index])
			if err != nil || root != want {
				t.Errorf("transaction %d of %d: %v", index, count, err)
			}
		}
		for _, index := range []int{-1, count} {
			if _, err := spv.BuildBranch(txids, index); err == nil {
				t.Errorf("a branch of transaction %d of %d", index, count)
			}
		}
	}
}

func TestTamperedBranch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		txids := numbered(rapid.IntRange(2, 70).Draw(t, "transactions"))
		index := rapid.IntRange(0, len(txids)-1).Draw(t, "index")
		want, err := spv.MerkleRoot(txids)
		if err != nil {
			t.Fatal(err)
		}
		branch, err := spv.BuildBranch(txids, index)
		if err != nil {
			t.Fatal(err)
		}
		txid := txids[index]
		switch rapid.SampledFrom([]string{"id", "sibling", "index", "cut", "longer"}).Draw(t, "what") {
		case "id":
			txid[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		case "sibling":
			at := rapid.IntRange(0, len(branch.Siblings)-1).Draw(t, "sibling")
			branch.Siblings[at][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		case "index":
			branch.Index ^= 1 << rapid.IntRange(0, 31).Draw(t, "bit")
		case "cut":
			branch.Siblings = branch.Siblings[1:]
		case "longer":
			branch.Siblings = append(branch.Siblings, branch.Siblings[0])
		}
		root, err := branch.Root(txid)
		// On a branch that ends in copies of itself, the other index gives the same root
		// on paper; Root must then refuse it.
		if err == nil && root == want {
			t.Fatal("a changed branch leads to the root")
		}
	})
}

func TestBranchLimits(t *testing.T) {
	deep := spv.Branch{Siblings: make([][32]byte, spv.BranchDepthMax)}
	if _, err := deep.Root([32]byte{1}); err != nil {
		t.Errorf("a branch of BranchDepthMax: %v", err)
	}
	deep.Siblings = append(deep.Siblings, [32]byte{})
	if _, err := deep.Root([32]byte{1}); err == nil {
		t.Error("a branch of more than BranchDepthMax has a root")
	}
	for depth := range spv.BranchDepthMax {
		outside := spv.Branch{Index: 1 << depth, Siblings: make([][32]byte, depth)}
		if _, err := outside.Root([32]byte{1}); err == nil {
			t.Errorf("index %d in a branch of %d siblings has a root", outside.Index, depth)
		}
	}
	if root, err := (spv.Branch{}).Root([32]byte{1}); err != nil || root != [32]byte{1} {
		t.Errorf("a block of one transaction has root %x, %v", root, err)
	}
	txids := numbered(spv.BlockTxsMax)
	branch, err := spv.BuildBranch(txids, len(txids)-1)
	if err != nil || len(branch.Siblings) != spv.BranchDepthMax {
		t.Errorf("a full block has branches of %d, %v", len(branch.Siblings), err)
	}
	if _, err := spv.MerkleRoot(append(txids, [32]byte{})); err == nil {
		t.Error("a block of more than BlockTxsMax has a root")
	}
	if _, err := spv.MerkleRoot(nil); err == nil {
		t.Error("a block of no transactions has a root")
	}
}

// CVE-2012-2459: a list whose tail is repeated has the root of the shorter list.
func TestRepeatedTransactions(t *testing.T) {
	for _, count := range []int{3, 5, 6, 7, 11} {
		txids := numbered(count)
		width := 1
		for count/width%2 == 0 {
			width *= 2
		}
		repeated := append(txids, txids[count-width:]...)
		if rootByDefinition(repeated) != rootByDefinition(txids) {
			t.Fatalf("%d transactions: the mutation does not keep the root", count)
		}
		if _, err := spv.MerkleRoot(repeated); err == nil {
			t.Errorf("%d transactions and a repeated tail have a root", count)
		}
		if _, err := spv.BuildBranch(repeated, 0); err == nil {
			t.Errorf("%d transactions and a repeated tail have a branch", count)
		}
		// The same trick told as a branch: the copy claims a place of its own.
		branch, err := spv.BuildBranch(txids, count-1)
		if err != nil {
			t.Fatal(err)
		}
		branch.Index += uint32(width)
		if _, err := branch.Root(txids[count-1]); err == nil {
			t.Errorf("the copy of transaction %d has a place", count-1)
		}
	}
}

// CVE-2017-12842: an inner node, whose 64 bytes parse as a transaction, is not one.
func TestInnerNodeIsNoTransaction(t *testing.T) {
	// 64 stripped bytes: one input without script, one output with a script of 4 bytes.
	tx := spv.Tx{
		Inputs:  []spv.Input{{Outpoint: outpoint([32]byte{7}, 0)}},
		Outputs: []spv.Output{{Script: make([]byte, 4)}},
	}
	if size := len(tx.Stripped()); size != 64 {
		t.Fatalf("built %d bytes", size)
	}
	header := spv.Header{MerkleRoot: tx.TxID()}
	if err := spv.CheckInclusion(tx, spv.Branch{}, header); err == nil {
		t.Error("64 bytes were taken for a transaction")
	}
	tx.Outputs[0].Script = make([]byte, 5)
	header.MerkleRoot = tx.TxID()
	if err := spv.CheckInclusion(tx, spv.Branch{}, header); err != nil {
		t.Errorf("65 bytes: %v", err)
	}
	if err := spv.CheckInclusion(tx, spv.Branch{Index: 1}, header); err == nil {
		t.Error("a branch without a root was believed")
	}
	header.MerkleRoot[0] ^= 1
	if err := spv.CheckInclusion(tx, spv.Branch{}, header); err == nil {
		t.Error("another root was believed")
	}
}

func TestParseBlockRefused(t *testing.T) {
	raw := mustHex(t, block170Hex)
	for bit := range 8 * len(raw) {
		// Only the header's own fields are not covered by its Merkle root: work covers them.
		if byteAt := bit / 8; byteAt < 36 || byteAt >= 68 && byteAt < spv.HeaderSize {
			continue
		}
		flipped := bytes.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := spv.ParseBlock(flipped); err == nil {
			t.Errorf("bit %d is idle", bit)
		}
	}
	coinbase := raw[spv.HeaderSize+1 : len(raw)-len(firstPaymentHex)/2]
	payment := mustHex(t, firstPaymentHex)
	header := func(txs ...[]byte) []byte {
		var txids [][32]byte
		body := []byte{byte(len(txs))}
		for _, tx := range txs {
			parsed, err := spv.ParseTx(tx)
			if err != nil {
				t.Fatal(err)
			}
			txids = append(txids, parsed.TxID())
			body = append(body, tx...)
		}
		h := spv.Header{MerkleRoot: rootByDefinition(txids)}
		return append(h.Bytes(), body...)
	}
	if _, err := spv.ParseBlock(header(coinbase, payment)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing":           nil,
		"only a header":     raw[:spv.HeaderSize],
		"no transactions":   append(bytes.Clone(raw[:spv.HeaderSize]), 0),
		"cut":               raw[:len(raw)-1],
		"byte after":        append(bytes.Clone(raw), 0),
		"no coinbase":       header(payment),
		"two coinbases":     header(coinbase, coinbase),
		"coinbase second":   header(payment, coinbase),
		"payment repeated":  header(coinbase, payment, payment, payment),
		"a count of many":   append(bytes.Clone(raw[:spv.HeaderSize]), 0xfd, 0xff, 0xff),
		"above the maximum": make([]byte, spv.BlockBytesMax+1),
	} {
		if _, err := spv.ParseBlock(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseBlock(f *testing.F) {
	f.Add(mustHex(f, block1Hex))
	f.Add(mustHex(f, block170Hex))
	f.Fuzz(func(t *testing.T, raw []byte) {
		block, err := spv.ParseBlock(raw)
		if err != nil {
			return
		}
		again := block.Header.Bytes()
		again = append(again, byte(len(block.Txs)))
		for _, tx := range block.Txs {
			again = append(again, tx.Bytes()...)
		}
		if len(block.Txs) < 0xfd && !bytes.Equal(again, raw) {
			t.Error("the block does not come out as it went in")
		}
	})
}
