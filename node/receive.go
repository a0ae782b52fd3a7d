package node

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"net/http"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/peer"
	"seyfert/wire"
)

// Receive takes messages of a peer in order, as its signed request brought them, and answers
// each. The request's signature was checked by the transport; what counts here is the signature
// of each message under the peer's pinned key.
func (n *Node) Receive(ctx context.Context, from string, messages []string) ([]peer.Answer, error) {
	answers := make([]peer.Answer, 0, len(messages))
	for _, text := range messages {
		answer, err := n.receive(ctx, from, text)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func (n *Node) receive(ctx context.Context, from, text string) (peer.Answer, error) {
	jws, m, err := n.openMessage(from, text)
	if err != nil {
		return refusedAnswer(err), nil
	}
	body := core.Receive{JWS: jws.Compact()}
	n.addFacts(&body, m)
	by := Caller{Kind: journal.Peer, ID: from, Key: jws.KeyID}
	got, _, err := propose[core.Received](ctx, n, by, core.KindReceive, Request{}, body)
	if err != nil {
		if _, ok := fault.Of(err); ok {
			return refusedAnswer(err), nil
		}
		return peer.Answer{}, err
	}
	return answerOf(got), nil
}

// openMessage checks that a message is from this peer to this node and signed with its key.
func (n *Node) openMessage(from, text string) (wire.JWS, wire.Message, error) {
	invalid := fault.New(fault.Invalid, "messages", "The message is not a statement of the peer.")
	jws, err := wire.ParseJWS(text)
	if err != nil || jws.Typ != wire.TypMessage {
		return wire.JWS{}, wire.Message{}, invalid
	}
	m, err := wire.ParseMessage(jws.Payload)
	if err != nil || m.From != from || m.To != n.DID() {
		return wire.JWS{}, wire.Message{}, invalid
	}
	key, known := n.pinned(from)
	if !known || jws.Verify(key) != nil {
		return wire.JWS{}, wire.Message{}, invalid
	}
	return jws, m, nil
}

// addFacts finds out what core cannot know about a message: signatures inside it, the opened
// receipt, the preimage that the node's secret gives. A body that cannot be read gets no facts
// and is refused by core with its place in the channel kept.
func (n *Node) addFacts(body *core.Receive, m wire.Message) {
	switch m.Type {
	case core.TypeClaimPresent:
		var present core.ClaimPresent
		if wire.UnmarshalJCS(m.Body, &present) != nil {
			return
		}
		if !present.Quote.InTime(read(n.state, core.View.Node).TipHeight) {
			return // judged before the receipt is opened (protocol.md A4); core refuses too
		}
		offer, signed, err := n.openOffer(present.Claim.Offer)
		if err != nil {
			return
		}
		facts := n.claimFacts(present.Claim, offer, signed && offer.Issuer == m.From)
		body.Facts = &facts
		if channel, known, err := n.channel(n.DID(), m.From); known && err == nil {
			hash := channel.Hash()
			body.Channel = hex.EncodeToString(hash[:])
		}
	case core.TypePrepare:
		var prepare clearing.Prepare
		if wire.UnmarshalJCS(m.Body, &prepare) != nil {
			return
		}
		preimage := n.cfg.Signer.Preimage(clearing.PreimageInput(prepare))
		body.Preimage = preimage[:]
	}
}

// answerOf puts core's answer into the words of the transport (protocol.md A3).
func answerOf(got core.Received) peer.Answer {
	switch got.Outcome {
	case core.OutcomeAccepted:
		return peer.Answer{Status: http.StatusOK, Outcome: got.Outcome}
	case core.OutcomeRepeated:
		if got.Code == core.OutcomeRefused {
			return peer.Answer{Status: http.StatusUnprocessableEntity, Outcome: got.Code}
		}
		return peer.Answer{Status: http.StatusOK, Outcome: core.OutcomeAccepted}
	case core.OutcomeRefused:
		return peer.Answer{
			Status: http.StatusUnprocessableEntity, Outcome: got.Outcome, Code: got.Code,
			Detail: got.Detail,
		}
	}
	return peer.Answer{
		Status: http.StatusConflict, Outcome: got.Outcome, ExpectedSeq: got.Seq,
		ExpectedHash: wire.Digest(got.Hash), GotHash: wire.Digest(got.Other),
	}
}

func refusedAnswer(err error) peer.Answer {
	refused, ok := fault.Of(err)
	if !ok {
		refused = fault.New(fault.Invalid, "", "The message can't be read.")
	}
	status := http.StatusBadRequest
	if refused.Code == fault.Unavailable || refused.Code == fault.TooMany {
		status = http.StatusServiceUnavailable
	}
	return peer.Answer{
		Status: status, Outcome: "unread", Code: clearing.CodeBad, Detail: refused.Message,
	}
}

// Messages gives a peer our signed messages to it from a seq on, so that it can catch up.
func (n *Node) Messages(did string, from uint64) ([]string, error) {
	return n.cfg.Signer.SignedMessages(did, from, wire.MessageBatchMax)
}

// PeerKey finds the peer that a signing key belongs to, for the transport's receiver.
func (n *Node) PeerKey(keyID string) (string, ed25519.PublicKey, bool) {
	var row core.PeerRow
	var known bool
	n.state.Read(func(v core.View) { row, known = v.PeerByKey(keyID) })
	return row.DID, row.Key, known
}

// Descriptor is the node's own signed descriptor.
func (n *Node) Descriptor() string { return read(n.state, core.View.Node).Descriptor }
