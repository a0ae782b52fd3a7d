package core

import (
	"slices"

	"seyfert/clearing"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/wire"
)

// messageLife is how long after its making a message may still matter to its sender; it ends
// nothing about money by itself.
const messageLife = 24 * 60 * 60 * 1000

// epoch is the channel's epoch; it rises only by a resync (protocol.md B5.4), which this
// release does not have.
const epoch = 1

// addPeer pins a peer, or changes the credit of one. New keys of a known peer are refused: a
// rotation needs both keys' signatures and is not part of this release.
func addPeer(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[AddPeer](c)
	if refused != nil {
		return nil, refused
	}
	if refused := s.operator(c); refused != nil {
		return nil, refused
	}
	if wire.CheckDID(body.DID) != nil || body.DID == s.node.DID {
		return nil, fault.New(fault.Invalid, "did", "A peer has a did:web name of its own.")
	}
	if len(body.URL) > 2*TextMax || len(body.Descriptor) > wire.DescriptorBytesMax*2 ||
		len(body.Credit) > CreditsMax {
		return nil, fault.New(fault.TooLarge, "url", "The terms of the peer are too long.")
	}
	if other := s.peerOfKey(body.KeyID); other != "" && other != body.DID {
		return nil, fault.New(fault.Conflict, "descriptor", "Another peer has this key.")
	}
	old, known := get(s, s.tables.peers, body.DID)
	if known && (old.KeyID != body.KeyID || !slices.Equal(old.SealKey, body.SealKey)) {
		return nil, fault.New(fault.Conflict, "descriptor",
			"The peer's keys are not the pinned ones.")
	}
	row := PeerRow{
		DID: body.DID, URL: body.URL, Descriptor: body.Descriptor, KeyID: body.KeyID,
		Key: body.Key, SealKey: body.SealKey, Credit: body.Credit, Added: s.now,
	}
	if known {
		row.Added = old.Added
	}
	put(s, s.tables.peers, row.DID, row)
	if !known {
		if s.node.Peers >= PeersMax {
			return nil, fault.New(fault.Refused, "url", "A node has at most %d peers.", PeersMax)
		}
		s.node.Peers++
		put(s, s.tables.channels, row.DID, ChannelRow{})
	}
	s.state("peer", row.DID, wire.MustMarshal(row))
	s.event(EventRow{Kind: "peer", Subject: row.DID, Peer: row.DID})
	return row, nil
}

// peerOfKey names the peer that a signing key is pinned for, or is empty.
func (s *step) peerOfKey(keyID string) string {
	did := ""
	check(s.tables.peers.ScanIndex(s.tx, s.tables.byKey, text(keyID),
		func(_ []byte, row PeerRow) bool {
			did = row.DID
			return false
		}))
	return did
}

// send decides a message: its place in the channel and every byte of its payload are fixed
// here; delivering it only adds the signature (protocol.md A3).
func (s *step) send(peer, kind string, thread wire.UUID, body any) uint64 {
	channel, _ := get(s, s.tables.channels, peer)
	m := wire.Message{
		Version: wire.MessageVersion, Type: kind, ID: wire.UUID(newID[MessageID](s)),
		From: s.node.DID, To: peer, Thread: thread, Seq: channel.SendSeq + 1,
		Prev:  wire.Digest(channel.SendHash),
		Ack:   wire.MessageAck{Seq: channel.RecvSeq, Hash: wire.Digest(channel.RecvHash)},
		Epoch: epoch, CreatedAt: s.now, ExpiresAt: s.now + messageLife,
		Body: clearing.Canonical(body),
	}
	payload, err := m.Encode()
	check(err)
	channel.SendSeq, channel.SendHash = m.Seq, wire.MessageHash(payload)
	put(s, s.tables.channels, peer, channel)
	put(s, s.tables.sent, MessageKey{peer, m.Seq}, MessageRow{
		Seq: m.Seq, Hash: channel.SendHash, Type: kind, Payload: payload, At: s.now,
	})
	s.event(EventRow{Kind: "sent " + kind, Subject: wire.UUID(m.ID).String(), Peer: peer})
	return m.Seq
}

// receive takes one message of a peer into the channel and acts on it. The signature was
// verified by the shell against the pinned key; core checks the chain.
func receive(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Receive](c)
	if refused != nil {
		return nil, refused
	}
	jws, err := wire.ParseJWS(body.JWS)
	if err != nil {
		return nil, fault.New(fault.Invalid, "messages", "A message is not a JWS.")
	}
	m, err := wire.ParseMessage(jws.Payload)
	if err != nil {
		return nil, fault.New(fault.Invalid, "messages", "A message can't be read.")
	}
	peer, known := get(s, s.tables.peers, m.From)
	if !known || c.Principal.Kind != journal.Peer || c.Principal.ID != m.From ||
		jws.KeyID != peer.KeyID {
		return nil, denied()
	}
	if m.To != s.node.DID || m.Epoch != epoch {
		return nil, fault.New(fault.Invalid, "messages", "A message is for another channel.")
	}
	hash := wire.MessageHash(jws.Payload)
	channel, _ := get(s, s.tables.channels, m.From)
	if answer, handled := s.order(channel, m, hash); handled {
		return answer, nil
	}
	channel.RecvSeq, channel.RecvHash = m.Seq, hash
	put(s, s.tables.channels, m.From, channel)
	put(s, s.tables.receivedIDs, messageName{m.From, m.ID}, m.Seq)
	row := MessageRow{
		Seq: m.Seq, Hash: hash, Type: m.Type, Payload: jws.Payload, JWS: body.JWS, At: s.now,
		Answer: OutcomeAccepted,
	}
	s.event(EventRow{
		Kind: "received " + m.Type, Subject: m.ID.String(), Peer: m.From,
	})
	answer := Received{Outcome: OutcomeAccepted}
	mark := s.mark()
	if refused := s.act(m, body); refused != nil {
		s.undo(mark)
		answer = Received{
			Outcome: OutcomeRefused, Code: clearing.CodeBad, Detail: refused.Message,
		}
		row.Answer = OutcomeRefused
	}
	put(s, s.tables.received, MessageKey{m.From, m.Seq}, row)
	return answer, nil
}

// order answers a message that is not the next one: repeats get the stored answer, other bytes
// under a known seq or a known id are a fork, a gap is told with what is expected.
func (s *step) order(channel ChannelRow, m wire.Message, hash [32]byte) (Received, bool) {
	if m.Seq <= channel.RecvSeq {
		row, _ := get(s, s.tables.received, MessageKey{m.From, m.Seq})
		if row.Hash == hash {
			return Received{Outcome: OutcomeRepeated, Code: row.Answer}, true
		}
		return Received{
			Outcome: OutcomeFork, Seq: m.Seq, Hash: row.Hash, Other: hash,
		}, true
	}
	if seq, used := get(s, s.tables.receivedIDs, messageName{m.From, m.ID}); used {
		row, _ := get(s, s.tables.received, MessageKey{m.From, seq})
		return Received{Outcome: OutcomeFork, Seq: seq, Hash: row.Hash, Other: hash}, true
	}
	if m.Seq != channel.RecvSeq+1 || [32]byte(m.Prev) != channel.RecvHash {
		return Received{
			Outcome: OutcomeGap, Seq: channel.RecvSeq + 1, Hash: channel.RecvHash,
		}, true
	}
	return Received{}, false
}

// act hands a message to its family. A fault refuses the message: what its handler did is
// undone, and the message keeps its place in the channel.
func (s *step) act(m wire.Message, body Receive) *fault.Error {
	switch m.Type {
	case TypeClaimPresent:
		return s.onClaimPresent(m, body)
	case TypeClaimResult:
		return s.onClaimResult(m)
	case TypePrepare:
		return s.onPrepare(m, body.Preimage)
	case TypeAccept:
		return s.onAccept(m)
	case TypeReject:
		return s.onReject(m)
	case TypeFulfil:
		return s.onFulfil(m)
	case TypeAck:
		return s.onAck(m)
	}
	return fault.New(fault.Invalid, "type", "Messages of this type are not known.")
}

// readBody reads a canonical body strictly.
func readBody(m wire.Message, body any) *fault.Error {
	if wire.UnmarshalJCS(m.Body, body) != nil {
		return fault.New(fault.Invalid, "body", "The body is not that of a %s.", m.Type)
	}
	return nil
}

// delivered notes up to where a peer has our messages, so that a restart does not begin anew.
func delivered(s *step, c journal.Command) (any, *fault.Error) {
	body, refused := decode[Delivered](c)
	if refused != nil {
		return nil, refused
	}
	if c.Principal.Kind != journal.System {
		return nil, denied()
	}
	channel, exists := get(s, s.tables.channels, body.Peer)
	if !exists || body.Seq > channel.SendSeq {
		return nil, fault.New(fault.Invalid, "seq", "No such message was sent.")
	}
	channel.Delivered = max(channel.Delivered, body.Seq)
	put(s, s.tables.channels, body.Peer, channel)
	return channel, nil
}
