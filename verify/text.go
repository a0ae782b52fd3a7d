package verify

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"seyfert/spv"
)

// proven puts what held into words.
func (i *inspection) proven() []string {
	record, other := i.debt(), []string{fmt.Sprintf("Other node: %s, %s; its key is the one "+
		"that the signer had pinned.", i.peer.descriptor.DID, i.peer.owner())}
	if i.ofOneNode() {
		record, other = i.line(), nil
	}
	network := i.bundle.Network
	return slices.Concat([]string{
		"Record: " + record + ".",
		fmt.Sprintf("Signer: %s, %s.", i.node.descriptor.DID, i.node.owner()),
	}, other, []string{
		fmt.Sprintf("Journal: the record is entry %d of the %d that the signer had when it "+
			"signed the checkpoint.", i.bundle.Position.Leaf+1, i.checkpoint.Size),
		fmt.Sprintf("Anchor: transaction %s of the signer's own lane commits to that checkpoint.",
			spv.HashString(i.anchor.TxID())),
		fmt.Sprintf("Block: it is in block %d of %s, made at %s by its miner's clock; the "+
			"record has not changed since.", i.height, network, i.mined()),
		fmt.Sprintf("Work: the block has %s, %s hashes to write another history from there.",
			counted(i.confirmations()), hashes(i.headers.WorkFrom(i.height))),
	})
}

// notProven says what nobody should read into the proof.
func (i *inspection) notProven() []Limit {
	var limits []Limit
	if !i.node.pinned {
		limits = append(limits, Limit{LimitOwner, fmt.Sprintf(
			"Who the signer is: the record is %s. Anyone can make a node that calls itself %s; "+
				"compare the key with the node's.", i.node.owner(), i.node.descriptor.DID)})
	}
	if !i.ofOneNode() && !i.peer.pinned {
		limits = append(limits, Limit{LimitPeer, fmt.Sprintf(
			"Who the other node is: its statements are %s. That this is its key is the signer's "+
				"word.", i.peer.owner())})
	}
	limits = append(limits, i.chainLimits()...)
	if i.ofOneNode() {
		return append(limits, i.entryLimits()...)
	}
	return append(limits, Limit{
		LimitSettled,
		"Whether the debt was settled or disputed since, and what else the journal holds.",
	}, Limit{
		LimitGoods,
		"Which customer paid which shop, and that goods arrived: the record names the two " +
			"nodes only.",
	})
}

// chainLimits are what the block headers leave open.
func (i *inspection) chainLimits() []Limit {
	var limits []Limit
	switch i.headers.Network() {
	case spv.Regtest:
		limits = append(limits, Limit{
			LimitDemo,
			"Anything outside this sandbox: regtest is a demonstration chain, whose blocks " +
				"anyone can make at no cost.",
		})
	case spv.Signet:
		limits = append(limits, Limit{
			LimitDemo,
			"Anything for real money: signet is a test network, whose operators decide which " +
				"blocks there are.",
		})
	default:
		limits = append(limits, Limit{
			LimitSource,
			"That no other headers have more work than those given: compare them with a second " +
				"source.",
		})
	}
	if count := i.confirmations(); count < confirmationsFinal {
		limits = append(limits, Limit{LimitFinal, fmt.Sprintf(
			"That the block stays: %d of the %d confirmations from which it is called final.",
			count, confirmationsFinal)})
	}
	return limits
}

// Text is the report for a terminal: a verdict, the steps, what is proven and what is not. It
// ends in a newline and has no character that a terminal acts on.
func (r Report) Text() string {
	var b strings.Builder
	if r.OK {
		b.WriteString("The proof holds.\n\n")
	} else {
		fmt.Fprintf(&b, "The proof fails at step %q.\n\n", r.Failed())
	}
	failed := false
	for _, step := range r.Steps {
		mark := "ok"
		switch {
		case failed:
			mark = "-"
		case !step.OK:
			mark, failed = "FAILED", true
		}
		fmt.Fprintf(&b, "  %-7s %-11s %s\n", mark, step.Name, printable(step.Text))
	}
	if len(r.Proven) > 0 {
		b.WriteString("\nProven:\n")
	}
	for _, text := range r.Proven {
		b.WriteString("  - " + printable(text) + "\n")
	}
	if len(r.NotProven) > 0 {
		b.WriteString("\nNot proven:\n")
	}
	for _, limit := range r.NotProven {
		b.WriteString("  - " + printable(limit.Text) + "\n")
	}
	return b.String()
}

// textRunesMax bounds the words of one line.
const textRunesMax = 1000

// printable replaces what a terminal could act on, and cuts what is too long. The words of a
// bundle are parsed before they are repeated; this is the second lock.
func printable(text string) string {
	count := 0
	return strings.Map(func(r rune) rune {
		if count++; count > textRunesMax {
			return -1
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
