// Package verify checks proof bundles offline and says in plain words what they prove and what
// they do not.
//
// It reads nothing but what it is given: a bundle, block headers that the verifier trusts, and
// pins. It never touches a file, a clock, a network, a key or a node's state, and shares no
// code with the rooms that make bundles beyond the layouts themselves.
//
// What a verifier trusts besides mathematics is what goes into Options. Everything else is in
// the bundle and hangs together: the record is a leaf of the journal tree, the tree's checkpoint
// is signed by the node's key, the lane that the node's descriptor names leads coin by coin to
// the transaction that commits to the checkpoint, and that transaction is in a block of the
// headers given (DESIGN.md).
package verify

import (
	"fmt"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/spv"
)

// Names of the steps, in the order in which Check takes them.
const (
	StepFormat     = "format"
	StepNetwork    = "network"
	StepDescriptor = "descriptor"
	StepNode       = "node"
	StepRecord     = "record"
	StepStatements = "statements"
	StepCheckpoint = "checkpoint"
	StepPosition   = "position"
	StepAnchor     = "anchor"
	StepBlock      = "block"
	StepWork       = "work"
)

// Options are what the verifier brings along and trusts.
type Options struct {
	// Headers are block headers of 80 bytes each, from the network's first block on, without
	// gaps: whether these are the headers of the chain with the most work is for their source
	// to vouch. They are required.
	Headers []byte
	// Pin is the node that the bundle must be of: the thumbprint of its signing key, or the
	// text of a descriptor that the verifier has from elsewhere. Empty leaves the key's owner
	// unchecked, and the report says so.
	Pin string
	// PeerPin is the same for the other node of a transfer between two nodes. A bundle of what
	// happened inside one node has no other one and fails with it.
	PeerPin string
	// Confirmations is the least number that the block must have by Headers; 0 asks for none
	// beyond the block itself.
	Confirmations int64
}

// Step is one check and its outcome in plain words.
type Step struct {
	// Name is one of the Step constants.
	Name string
	// OK says that the check was made and held.
	OK bool
	// Text says what was found, in one or two sentences.
	Text string
}

// Limit is one thing that a bundle does not prove.
type Limit struct {
	// Name is one of the Limit constants; a page may translate it.
	Name string
	// Text says it in plain words.
	Text string
}

// Names of limits.
const (
	// LimitOwner says that Pin was empty, LimitPeer that PeerPin was.
	LimitOwner = "owner"
	LimitPeer  = "peer"
	// LimitDemo says that the chain is a demonstration chain or a test network.
	LimitDemo = "demo"
	// LimitSource says that the headers stand and fall with who gave them.
	LimitSource = "source"
	// LimitFinal says that the block has too few confirmations to be called final.
	LimitFinal = "final"
	// LimitSettled and LimitGoods are what no record of a transfer between nodes can show.
	LimitSettled = "settled"
	LimitGoods   = "goods"
	// LimitAccounts, LimitBooks and LimitRest are what no line of one node's history can show.
	LimitAccounts = "accounts"
	LimitBooks    = "books"
	LimitRest     = "rest"
)

// Report is the outcome of Check.
type Report struct {
	// Steps has every step once and in order; those after a failed one were not reached.
	Steps []Step
	// OK says that every step held.
	OK bool
	// Proven is what the bundle proves; it is empty unless OK.
	Proven []string
	// NotProven is what it does not prove; it is empty unless OK.
	NotProven []Limit
}

// notReached is the text of every step after the one that failed.
const notReached = "Not reached."

// Failed returns the name of the step that failed, or "" if none did.
func (r Report) Failed() string {
	for _, step := range r.Steps {
		if !step.OK {
			return step.Name
		}
	}
	return ""
}

// inspection is what the steps have found so far; each may rely on those before it.
type inspection struct {
	file    []byte
	options Options

	bundle  proof.Bundle
	headers *spv.Chain
	// node made the record; peer is the other node of a transfer between two.
	node, peer party
	// record is that of a transfer between two nodes, entry that of a line of one node's history.
	record     clearing.Cleared
	entry      ledger.Record
	checkpoint merkle.Checkpoint
	anchor     spv.Tx
	height     int64
}

// Check takes the steps one after the other until one fails. It never panics, whatever the
// bundle: a bundle that is not one fails at StepFormat.
func Check(bundle []byte, o Options) Report {
	i := &inspection{file: bundle, options: o}
	steps := []struct {
		name string
		take func() Step
	}{
		{StepFormat, i.checkFormat},
		{StepNetwork, i.checkNetwork},
		{StepDescriptor, i.checkDescriptors},
		{StepNode, i.checkPins},
		{StepRecord, i.checkRecord},
		{StepStatements, i.checkStatements},
		{StepCheckpoint, i.checkCheckpoint},
		{StepPosition, i.checkPosition},
		{StepAnchor, i.checkAnchor},
		{StepBlock, i.checkBlock},
		{StepWork, i.checkWork},
	}
	r := Report{OK: true}
	for _, step := range steps {
		if !r.OK {
			r.Steps = append(r.Steps, Step{Name: step.name, Text: notReached})
			continue
		}
		taken := step.take()
		r.OK = taken.OK
		r.Steps = append(r.Steps, Step{Name: step.name, OK: r.OK, Text: taken.Text})
	}
	if r.OK {
		r.Proven, r.NotProven = i.proven(), i.notProven()
	}
	return r
}

// held and failed are the outcomes of a step.
func held(format string, args ...any) Step {
	return Step{OK: true, Text: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) Step {
	return Step{Text: fmt.Sprintf(format, args...)}
}

// reason is an error in the words for a person.
func reason(err error) string {
	if refused, ok := fault.Of(err); ok {
		return refused.Message
	}
	return err.Error()
}
