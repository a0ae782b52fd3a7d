package verify

import (
	"encoding/base64"
	"fmt"
	"strings"

	"seyfert/proof"
	"seyfert/spv"
	"seyfert/wire"
)

// party is a node as its descriptor in the bundle shows it.
type party struct {
	descriptor wire.Descriptor
	// payload is the JCS text of the descriptor.
	payload []byte
	// key is the thumbprint of its current signing key; pinned says that the verifier
	// brought it along.
	key    string
	pinned bool
	// bound is the only key that its statements may be signed with, once the record has been
	// read; empty allows every signing key that the descriptor lists.
	bound string
}

// checkFormat reads the file; only a canonical bundle has a format.
func (i *inspection) checkFormat() Step {
	b, err := proof.ParseBundle(i.file)
	if err != nil {
		return failed("%s", reason(err))
	}
	i.bundle = b
	return held("A %s bundle of %d bytes in its one canonical form.",
		b.Format, len(i.file))
}

// checkNetwork holds the verifier's headers to the rules of the network that the bundle names.
func (i *inspection) checkNetwork() Step {
	network := spv.Network(i.bundle.Network)
	if _, err := network.Genesis(); err != nil {
		return failed("This program can't check headers of the network %q.", network)
	}
	if len(i.options.Headers) == 0 {
		return failed("No block headers were given to check against.")
	}
	chain, err := spv.ParseHeaders(network, i.options.Headers)
	if err != nil {
		return failed("The headers given are not those of %s: %v.", network, err)
	}
	i.headers = chain
	height, _ := chain.Tip()
	return held("%s: the headers given go from block 0 to block %d, each with the work "+
		"that it claims.%s", network, height, networkNote(network))
}

// networkNote marks networks on which a proof proves little.
func networkNote(network spv.Network) string {
	switch network {
	case spv.Regtest:
		return " This is a demonstration chain: it proves nothing outside its sandbox."
	case spv.Signet:
		return " This is a test network: its operators decide which blocks there are."
	}
	return ""
}

// checkDescriptors verifies that each descriptor carries its own key's signature. Whose keys
// these are is the next step's matter.
func (i *inspection) checkDescriptors() Step {
	var err error
	if i.node, err = readParty(i.bundle.Descriptor, i.bundle.Network); err != nil {
		return failed("The node's descriptor does not hold: %v.", err)
	}
	if i.ofOneNode() {
		return held("%s describes itself under its own signature.", i.node.descriptor.DID)
	}
	if i.peer, err = readParty(i.bundle.Statements.PeerDescriptor, i.bundle.Network); err != nil {
		return failed("The other node's descriptor does not hold: %v.", err)
	}
	if i.node.descriptor.DID == i.peer.descriptor.DID {
		return failed("Both descriptors are of one node.")
	}
	return held("%s and %s describe themselves, each under its own signature.",
		i.node.descriptor.DID, i.peer.descriptor.DID)
}

func readParty(jws, network string) (party, error) {
	d, j, err := wire.ParseDescriptor(jws)
	if err != nil {
		return party{}, err
	}
	if d.Chain.Network != network {
		return party{}, fmt.Errorf("its network is %s, the bundle's is %s",
			d.Chain.Network, network)
	}
	return party{descriptor: d, payload: j.Payload, key: j.KeyID}, nil
}

// checkPins compares the nodes with what the verifier knows of them. A pin that nothing can be
// compared with would check nothing without a word, so it is refused.
func (i *inspection) checkPins() Step {
	node := i.node.pin(i.options.Pin)
	if !node.OK {
		return node
	}
	if i.ofOneNode() {
		if i.options.PeerPin != "" {
			return failed("A pin of the other node (--peer) was given; this record is of %s "+
				"alone and has no other node.", i.node.descriptor.DID)
		}
		return node
	}
	peer := i.peer.pin(i.options.PeerPin)
	if !peer.OK {
		return peer
	}
	return held("%s %s", node.Text, peer.Text)
}

// pin compares the node with a pin, if there is one, and says what was compared.
func (p *party) pin(text string) Step {
	if text == "" {
		return held("%s: %s.", p.descriptor.DID, p.owner())
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, ".") {
		return p.pinDescriptor(text)
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil ||
		len(raw) != 32 || base64.RawURLEncoding.EncodeToString(raw) != text {
		return failed("The pin for %s is neither a key's thumbprint nor a node's descriptor.",
			p.descriptor.DID)
	}
	if text != p.key {
		return failed("The bundle is signed by key %s of %s; the pinned key is %s.",
			p.key, p.descriptor.DID, text)
	}
	p.pinned = true
	return held("%s: %s.", p.descriptor.DID, p.owner())
}

// pinDescriptor compares the node with a descriptor that the verifier has from elsewhere: the
// same name and the same signing key. Two descriptors of one serial that differ are evidence
// against the node (protocol.md A1), so they are refused too.
func (p *party) pinDescriptor(text string) Step {
	pinned, j, err := wire.ParseDescriptor(text)
	if err != nil {
		return failed("The pinned descriptor does not hold: %v.", err)
	}
	if pinned.DID != p.descriptor.DID {
		return failed("The bundle is of %s; the pinned descriptor is of %s.",
			p.descriptor.DID, pinned.DID)
	}
	if j.KeyID != p.key {
		return failed("The bundle is signed by key %s of %s; the pinned key is %s.",
			p.key, p.descriptor.DID, j.KeyID)
	}
	if pinned.Serial == p.descriptor.Serial && string(j.Payload) != string(p.payload) {
		return failed("%s has signed two different descriptors with serial %d.",
			pinned.DID, pinned.Serial)
	}
	p.pinned = true
	return held("%s: %s.", p.descriptor.DID, p.owner())
}

// owner says what is known about who holds the node's key.
func (p *party) owner() string {
	if p.pinned {
		return fmt.Sprintf("signed by key %s, which is the pinned one", p.key)
	}
	return fmt.Sprintf("signed by key %s, whose owner was not checked", p.key)
}

// open reads a message that the node signed to another: with the key that the record binds it
// to, or else with any signing key that its descriptor lists, since keys that were rotated out
// stay there for what they signed.
func (p *party) open(jws, kind, to string) (wire.Message, error) {
	j, err := wire.ParseJWS(jws)
	if err != nil {
		return wire.Message{}, err
	}
	if j.Typ != wire.TypMessage {
		return wire.Message{}, fmt.Errorf("it is signed as %q, not as a message", j.Typ)
	}
	if p.bound != "" && j.KeyID != p.bound {
		return wire.Message{}, fmt.Errorf("it is signed by key %s, and the signer of the record "+
			"had %s pinned", j.KeyID, p.bound)
	}
	key, listed := p.descriptor.Keys.Find(j.KeyID)
	if !listed {
		return wire.Message{}, fmt.Errorf("its key %s is not in the descriptor of %s",
			j.KeyID, p.descriptor.DID)
	}
	pub, err := key.Signing()
	if err != nil {
		return wire.Message{}, err
	}
	if err := j.Verify(pub); err != nil {
		return wire.Message{}, err
	}
	m, err := wire.ParseMessage(j.Payload)
	if err != nil {
		return wire.Message{}, err
	}
	if m.Type != kind || m.From != p.descriptor.DID || m.To != to {
		return wire.Message{}, fmt.Errorf("it is a %s from %s to %s", m.Type, m.From, m.To)
	}
	return m, nil
}
