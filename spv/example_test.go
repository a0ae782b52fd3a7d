package spv_test

import (
	"encoding/hex"
	"fmt"

	"seyfert/spv"
)

// Block 170 of mainnet holds the first payment between two people. With the block at hand a
// branch is made; with the branch, the transaction and the header alone it is checked.
func ExampleCheckInclusion() {
	raw, err := hex.DecodeString(block170Hex)
	if err != nil {
		panic(err)
	}
	block, err := spv.ParseBlock(raw)
	if err != nil {
		panic(err)
	}
	var txids [][32]byte
	for _, tx := range block.Txs {
		txids = append(txids, tx.TxID())
	}
	branch, err := spv.BuildBranch(txids, 1)
	if err != nil {
		panic(err)
	}
	limit, err := spv.Mainnet.Limit()
	if err != nil {
		panic(err)
	}

	fmt.Println(spv.HashString(txids[1]))
	fmt.Println(spv.CheckInclusion(block.Txs[1], branch, block.Header), block.Header.CheckPoW(limit))
	// Output:
	// f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16
	// <nil> <nil>
}
