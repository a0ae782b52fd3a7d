package verify

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"seyfert/clearing"
	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/spv"
	"seyfert/wire"
)

// origin is the name of a node's journal tree (protocol.md B5). The number rises only when a
// node goes on after losing its journal, which bundles of this format do not cover.
func origin(did string) string { return did + "/journal/0" }

// checkCheckpoint verifies the node's signature over its journal tree. A key that was rotated
// out and is still listed may have made it.
func (i *inspection) checkCheckpoint() Step {
	name := origin(i.node.descriptor.DID)
	err := errors.New("the descriptor has no signing key")
	for _, key := range i.node.descriptor.Keys.Keys {
		pub, notSigning := key.Signing()
		if notSigning != nil {
			continue
		}
		if i.checkpoint, err = merkle.OpenCheckpoint(i.bundle.Checkpoint, name, pub); err == nil {
			return held("Signed by key %s: the journal %s had %d entries.",
				key.KeyID, name, i.checkpoint.Size)
		}
	}
	return failed("The checkpoint does not hold: %v.", err)
}

// checkPosition verifies that the record is the leaf that the bundle says it is.
func (i *inspection) checkPosition() Step {
	record := i.bundle.Record
	data, err := record.Bytes()
	if err != nil {
		return failed("%v", err)
	}
	leaf := proof.LeafData(record.Kind, record.Salt, data)
	at, size := i.bundle.Position.Leaf, i.checkpoint.Size
	path := make([]merkle.Hash, len(i.bundle.Position.Proof))
	for n, hash := range i.bundle.Position.Proof {
		path[n] = merkle.Hash(hash)
	}
	err = merkle.CheckInclusion(path, size, at, merkle.LeafHash(leaf[:]), i.checkpoint.Root)
	if err != nil {
		return failed("The record is not at this place of the journal: %v.", err)
	}
	return held("The record is entry %d of these %d.", at+1, size)
}

// checkAnchor follows the lane from its first coin to the transaction that commits to the
// checkpoint. Each transaction names the one before by its id, so that only the last needs a
// place in a block.
func (i *inspection) checkAnchor() Step {
	a := i.bundle.Anchor
	lanes := i.node.descriptor.Chain.Lanes
	if uint64(a.Lane) >= uint64(len(lanes)) {
		return failed("The descriptor has no lane %d.", a.Lane)
	}
	coin := lanes[a.Lane].Coin
	for n, text := range a.Spends {
		tx, err := readSpend(text)
		if err != nil {
			return failed("Transaction %d of the lane can't be read: %v.", n+1, err)
		}
		if wire.Outpoint(tx.Inputs[0].Outpoint) != coin {
			return failed("Transaction %d does not spend the lane's coin %s.", n+1, coin)
		}
		// Output 1 is the next coin whatever its script (protocol.md A1).
		if len(tx.Outputs) < 2 {
			return failed("Transaction %d has no output 1.", n+1)
		}
		coin, i.anchor = wire.NewOutpoint(tx.TxID(), 1), tx
	}
	want, err := i.dailyPayload()
	if err != nil {
		return failed("%v", err)
	}
	if payload, found := i.anchor.OpReturn(); !found || !bytes.Equal(payload, want) {
		return failed("The anchor commits to something else than this checkpoint.")
	}
	return held("Transaction %s, number %d of lane %d, commits to this checkpoint for "+
		"the day %s.", spv.HashString(i.anchor.TxID()), len(a.Spends), a.Lane,
		civil(int64(i.bundle.Day.Number)))
}

// readSpend reads a transaction without witnesses: those do not enter its id, so that their
// bytes would be idle.
func readSpend(text string) (spv.Tx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return spv.Tx{}, err
	}
	tx, err := spv.ParseTx(raw)
	if err != nil {
		return spv.Tx{}, err
	}
	if tx.HasWitness() {
		return spv.Tx{}, errors.New("it has witnesses")
	}
	return tx, nil
}

// dailyPayload is the type 5 payload that the anchor must carry (protocol.md B7).
func (i *inspection) dailyPayload() ([]byte, error) {
	day := merkle.DayRoot(i.checkpoint.Origin, uint64(i.checkpoint.Size), i.checkpoint.Root,
		i.bundle.Day.Totals)
	did := wire.DIDHash(i.node.descriptor.DID)
	root, err := wire.DailyRoot(i.bundle.Network, did, i.bundle.Day.Number, day)
	if err != nil {
		return nil, err
	}
	return wire.Payload{Type: wire.RecordDaily, Hash: root}.Bytes(), nil
}

// checkBlock verifies that the anchor is in its block and the block in the headers given.
func (i *inspection) checkBlock() Step {
	a := i.bundle.Anchor
	raw, err := hex.DecodeString(a.Header)
	if err != nil {
		return failed("%v", err)
	}
	header, err := spv.ParseHeader(raw)
	if err != nil {
		return failed("%v", err)
	}
	branch := spv.Branch{Index: a.Index}
	for _, text := range a.Siblings {
		sibling, err := wire.ParseDigest(text)
		if err != nil {
			return failed("%v", err)
		}
		branch.Siblings = append(branch.Siblings, sibling)
	}
	if err := spv.CheckInclusion(i.anchor, branch, header); err != nil {
		return failed("The anchor is not in the block: %v.", err)
	}
	height, found := i.headers.HeightOf(header.Hash())
	if !found {
		tip, _ := i.headers.Tip()
		return failed("Block %s is not among the headers given, which end at block %d.",
			spv.HashString(header.Hash()), tip)
	}
	i.height = height
	return held("It is transaction %d of block %d, %s.", a.Index, height,
		spv.HashString(header.Hash()))
}

// checkWork says how deep the block lies and how much work that is.
func (i *inspection) checkWork() Step {
	count := i.confirmations()
	if count < i.options.Confirmations {
		return failed("The block has %s by the headers given; %d are asked for.",
			counted(count), i.options.Confirmations)
	}
	return held("The block has %s by the headers given: %s hashes of work from it on, %s "+
		"since the first block.%s", counted(count), hashes(i.headers.WorkFrom(i.height)),
		hashes(i.headers.Work()), networkNote(i.headers.Network()))
}

// confirmations counts the block itself and those upon it.
func (i *inspection) confirmations() int64 {
	tip, _ := i.headers.Tip()
	return tip - i.height + 1
}

// counted writes a number of confirmations.
func counted(confirmations int64) string {
	if confirmations == 1 {
		return "1 confirmation"
	}
	return fmt.Sprintf("%d confirmations", confirmations)
}

// confirmationsFinal is the count from which a block is read (protocol.md B1).
const confirmationsFinal = clearing.DepthRead + 1

// exactBitsMax is the size up to which work is written digit by digit.
const exactBitsMax = 20

// hashes writes an amount of work.
func hashes(work *big.Int) string {
	if work.BitLen() <= exactBitsMax {
		return "about " + work.String()
	}
	return fmt.Sprintf("more than 2^%d", work.BitLen()-1)
}

// mined is the time that the block's miner wrote into its header.
func (i *inspection) mined() string {
	header, _ := i.headers.At(i.height)
	return time.Unix(int64(header.Time), 0).UTC().Format(time.DateTime) + " UTC"
}
