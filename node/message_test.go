package node_test

import (
	"context"
	"net/http"
	"testing"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/peer"
	"seyfert/wire"
)

// unknown is a body that no handler acts on.
type unknown struct {
	Claim string `json:"claimId"`
}

// TestChannel: a message that is repeated gets its answer again, one that contradicts what was
// said is shown with both hashes, one that comes too early says what is expected. Nothing of
// it changes what follows.
func TestChannel(t *testing.T) {
	s := newScene(t, 1000, "seoul")
	seoul := s.actors[0]
	r := s.addRogue(1000)
	first := r.message(seoul, "peer.propose", unknown{"a"}, nil)
	answer := r.post(seoul, first)
	if answer.Status != http.StatusUnprocessableEntity || answer.Outcome != core.OutcomeRefused {
		t.Fatalf("a type that is not known: %+v", answer)
	}
	again := r.post(seoul, first)
	if again.Status != answer.Status || again.Outcome != answer.Outcome {
		t.Errorf("repeated: %+v, first it was %+v", again, answer)
	}
	hash := wire.MessageHash(payloadOf(t, first))
	fork := r.message(seoul, "peer.propose", unknown{"b"}, nil)
	answer = r.post(seoul, fork)
	want := peer.Answer{
		Status: http.StatusConflict, Outcome: core.OutcomeFork, ExpectedSeq: 1,
		ExpectedHash: wire.Digest(hash), GotHash: wire.Digest(wire.MessageHash(payloadOf(t, fork))),
	}
	if answer != want {
		t.Errorf("forked: %+v, want %+v", answer, want)
	}
	r.seq, r.prev = 1, wire.Digest(hash)
	gap := r.message(seoul, "peer.propose", unknown{"c"}, func(m *wire.Message) { m.Seq = 3 })
	answer = r.post(seoul, gap)
	if answer.Status != http.StatusConflict || answer.Outcome != core.OutcomeGap ||
		answer.ExpectedSeq != 2 || answer.ExpectedHash != wire.Digest(hash) {
		t.Errorf("too early: %+v", answer)
	}
	unchained := r.message(seoul, "peer.propose", unknown{"d"}, func(m *wire.Message) {
		m.Prev[0] ^= 1
	})
	if answer = r.post(seoul, unchained); answer.Outcome != core.OutcomeGap {
		t.Errorf("unchained: %+v", answer)
	}
	firstPayload, err := wire.ParseMessage(payloadOf(t, first))
	must(t, err)
	reused := r.message(seoul, "peer.propose", unknown{"f"}, func(m *wire.Message) {
		m.ID = firstPayload.ID
	})
	answer = r.post(seoul, reused)
	want.GotHash = wire.Digest(wire.MessageHash(payloadOf(t, reused)))
	if answer != want {
		t.Errorf("an id used again under the next seq: %+v, want %+v", answer, want)
	}
	if answer = r.say(seoul, "peer.propose", unknown{"e"}); answer.Outcome != core.OutcomeRefused {
		t.Errorf("the next message: %+v", answer)
	}
}

func payloadOf(t *testing.T, text string) []byte {
	t.Helper()
	jws, err := wire.ParseJWS(text)
	must(t, err)
	return jws.Payload
}

// TestMalformedBodiesKeepTheirPlace: whatever a body holds, its message is answered, has its
// place in the channel, and the next one is taken.
func TestMalformedBodiesKeepTheirPlace(t *testing.T) {
	s := newScene(t, 1000, "seoul")
	seoul := s.actors[0]
	r := s.addRogue(1000)
	id := clearing.TransferID(wire.NewUUID(1, [10]byte{1}))
	for _, kind := range []string{
		core.TypeClaimPresent, core.TypeClaimResult, core.TypePrepare, core.TypeAccept,
		core.TypeReject, core.TypeFulfil, core.TypeAck, "settlement.paid",
	} {
		for _, body := range []any{
			struct{}{},
			unknown{"x"},
			map[string]any{"transferId": id.String()},
			map[string]any{"transferId": 7, "prepareHash": []int{1}},
			clearing.Accept{Transfer: id, PrepareHash: "00"},
			clearing.Reject{Transfer: id, PrepareHash: "00", Code: "T04"},
			clearing.Fulfil{Transfer: id, PrepareHash: "00", Preimage: "11"},
			clearing.Ack{Transfer: id, PrepareHash: "00", FulfilHash: "11", ClearSeq: 1},
			core.ClaimResult{Claim: payment.ClaimID(id), Result: core.ClaimPaid},
		} {
			answer := r.say(seoul, kind, body)
			if answer.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s with %+v: %+v", kind, body, answer)
			}
		}
	}
	peers := seoul.peers()
	if peers[0].Received != r.seq {
		t.Errorf("the channel is at %d, the rogue at %d", peers[0].Received, r.seq)
	}
	if r.count("") != 0 {
		t.Errorf("the rogue was sent %d messages", r.count(""))
	}
}

// TestForeignMessages: only a known peer's own messages to this node, signed with its pinned
// key, get into its channel.
func TestForeignMessages(t *testing.T) {
	s := newScene(t, 1000, "seoul", "tokyo")
	seoul, tokyo := s.actors[0], s.actors[1]
	r := s.addRogue(1000)
	forged := *r
	forged.did = tokyo.did
	stranger := *r
	stranger.did = "did:web:stranger.localhost"
	tests := []struct{ name, from, text string }{
		{"no message", r.did, "x"},
		{"in another node's name", tokyo.did, forged.message(seoul, "peer.propose", unknown{}, nil)},
		{"handed in by another", tokyo.did, r.message(seoul, "peer.propose", unknown{}, nil)},
		{"to another node", r.did, r.message(tokyo, "peer.propose", unknown{}, nil)},
		{"a stranger", stranger.did, stranger.message(seoul, "peer.propose", unknown{}, nil)},
		{"a flipped bit", r.did, flipPart(r.message(seoul, "peer.propose", unknown{}, nil), 2, 1)},
		{"another epoch", r.did, r.message(seoul, "peer.propose", unknown{},
			func(m *wire.Message) { m.Epoch = 2 })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answers, err := seoul.node.Receive(context.Background(), test.from, []string{test.text})
			must(t, err)
			if answers[0].Status != http.StatusBadRequest {
				t.Errorf("%+v", answers[0])
			}
		})
	}
	for _, p := range seoul.peers() {
		if p.Received != 0 {
			t.Errorf("the channel with %s is at %d", p.DID, p.Received)
		}
	}
}

// presented is a scene in which a shop of tokyo has presented a claim to the rogue, which
// plays the payer's node. It returns the quote that came with the claim.
func presented(t *testing.T) (*scene, *rogue, person, node.ClaimRequest, clearing.Quote) {
	t.Helper()
	s := newScene(t, 1000, "tokyo")
	tokyo := s.actors[0]
	r := s.addRogue(100_000)
	shop := tokyo.shop("Kanda Paper")
	offer := shop.offer(15_000)
	receipt := wire.SealedReceipt{
		Node: r.did, KeyID: tokyo.signer.SealingKeyID(), Sealed: make([]byte, 120),
	}
	c := shop.claim(offer, receipt.String())
	shop.submit(c)
	tokyo.deliver()
	var present core.ClaimPresent
	if !r.last(core.TypeClaimPresent, &present) {
		t.Fatal("no claim was presented")
	}
	return s, r, shop, c, present.Quote
}

// TestPrepareAgain: a prepare that comes twice in two messages is answered once; another one
// under its transfer's id is refused as a message. Either way the channel goes on. (The second
// answer once contradicted the first: the signer refused it, and everything after it.)
func TestPrepareAgain(t *testing.T) {
	s, r, shop, c, quote := presented(t)
	tokyo := s.actors[0]
	p := quote.Prepare()
	for range 2 {
		if answer := r.say(tokyo, core.TypePrepare, p); answer.Status != http.StatusOK {
			t.Fatalf("a prepare: %+v", answer)
		}
	}
	other := p
	other.Due++
	if answer := r.say(tokyo, core.TypePrepare, other); answer.Outcome != core.OutcomeRefused {
		t.Errorf("another prepare under the id: %+v", answer)
	}
	tokyo.deliver()
	if r.count("transfer.accept") != 1 || r.count("transfer.fulfil") != 1 ||
		r.count("transfer.reject") != 0 {
		t.Errorf("the rogue heard %d messages about the transfer", r.count("transfer."))
	}
	var fulfil clearing.Fulfil
	r.last(core.TypeFulfil, &fulfil)
	if !fulfil.Fits(p) {
		t.Fatal("the fulfil does not fit")
	}
	ack := clearing.Ack{
		Transfer: p.Transfer, PrepareHash: fulfil.PrepareHash,
		FulfilHash: clearing.BodyHash(fulfil), Due: p.Due, ClearSeq: 1,
	}
	for range 2 {
		if answer := r.say(tokyo, core.TypeAck, ack); answer.Status != http.StatusOK {
			t.Fatalf("an ack: %+v", answer)
		}
	}
	if state := shop.state(c); state != core.ClaimPaid {
		t.Errorf("the claim is %s", state)
	}
	if got := shop.won(); got != balance(15_000, 0) {
		t.Errorf("the shop has %+v", got)
	}
}

// TestRejectAgain: prepares that were never quoted are rejected, each transfer once.
func TestRejectAgain(t *testing.T) {
	s, r, shop, c, quote := presented(t)
	tokyo := s.actors[0]
	foul := quote.Prepare()
	foul.Amount.Value = "15001"
	foul.Transfer = clearing.TransferID(wire.NewUUID(1, [10]byte{1}))
	for range 2 {
		if answer := r.say(tokyo, core.TypePrepare, foul); answer.Status != http.StatusOK {
			t.Fatalf("a foul prepare: %+v", answer)
		}
	}
	foul.Amount.Value = "15002"
	if answer := r.say(tokyo, core.TypePrepare, foul); answer.Outcome != core.OutcomeRefused {
		t.Errorf("another prepare under a rejected id: %+v", answer)
	}
	tokyo.deliver()
	if r.count("transfer.reject") != 1 {
		t.Errorf("the rogue heard %d rejects", r.count("transfer.reject"))
	}
	if answer := r.say(tokyo, core.TypePrepare, quote.Prepare()); answer.Status != http.StatusOK {
		t.Fatalf("the quoted prepare: %+v", answer)
	}
	tokyo.deliver()
	if r.count("transfer.fulfil") != 1 {
		t.Error("the quoted prepare was not fulfilled")
	}
	if state := shop.state(c); state != core.ClaimPending {
		t.Errorf("the claim is %s", state)
	}
}

// TestResultAfterAccept: once the transfer is accepted only its own messages end the claim.
func TestResultAfterAccept(t *testing.T) {
	s, r, shop, c, quote := presented(t)
	tokyo := s.actors[0]
	r.say(tokyo, core.TypePrepare, quote.Prepare())
	var id payment.ClaimID
	must(t, id.UnmarshalText([]byte(c.ID)))
	result := core.ClaimResult{Claim: id, Result: core.ClaimRefused}
	if answer := r.say(tokyo, core.TypeClaimResult, result); answer.Status != http.StatusOK {
		t.Errorf("a result: %+v", answer)
	}
	if state := shop.state(c); state != core.ClaimPending {
		t.Errorf("the claim is %s while its transfer is under way", state)
	}
}

// TestFoulAcks: an ack that does not fit changes nothing and the right one still clears.
func TestFoulAcks(t *testing.T) {
	s, r, shop, c, quote := presented(t)
	tokyo := s.actors[0]
	p := quote.Prepare()
	r.say(tokyo, core.TypePrepare, p)
	tokyo.deliver()
	var fulfil clearing.Fulfil
	r.last(core.TypeFulfil, &fulfil)
	good := clearing.Ack{
		Transfer: p.Transfer, PrepareHash: fulfil.PrepareHash,
		FulfilHash: clearing.BodyHash(fulfil), Due: p.Due, ClearSeq: 1,
	}
	for name, change := range map[string]func(a *clearing.Ack){
		"another prepare":  func(a *clearing.Ack) { a.PrepareHash = flipHex(a.PrepareHash) },
		"another fulfil":   func(a *clearing.Ack) { a.FulfilHash = flipHex(a.FulfilHash) },
		"another due date": func(a *clearing.Ack) { a.Due++ },
		"no number":        func(a *clearing.Ack) { a.ClearSeq = 0 },
		"another transfer": func(a *clearing.Ack) { a.Transfer[15] ^= 1 },
	} {
		ack := good
		change(&ack)
		if answer := r.say(tokyo, core.TypeAck, ack); answer.Outcome != core.OutcomeRefused {
			t.Errorf("%s: %+v", name, answer)
		}
		if got := shop.won(); got != balance(0, 0) {
			t.Errorf("%s: the shop has %+v", name, got)
		}
	}
	if answer := r.say(tokyo, core.TypeAck, good); answer.Status != http.StatusOK {
		t.Errorf("the ack: %+v", answer)
	}
	if state := shop.state(c); state != core.ClaimPaid {
		t.Errorf("the claim is %s", state)
	}
}

// TestAckOfAnyNumber: a signed ack commits its payer, so the shop is paid even if the number on it
// is not the next one; the payment after it clears as well.
func TestAckOfAnyNumber(t *testing.T) {
	s, r, shop, c, quote := presented(t)
	tokyo := s.actors[0]
	p := quote.Prepare()
	r.say(tokyo, core.TypePrepare, p)
	tokyo.deliver()
	var fulfil clearing.Fulfil
	r.last(core.TypeFulfil, &fulfil)
	answer := r.say(tokyo, core.TypeAck, clearing.Ack{
		Transfer: p.Transfer, PrepareHash: fulfil.PrepareHash,
		FulfilHash: clearing.BodyHash(fulfil), Due: p.Due, ClearSeq: 2,
	})
	if answer.Status != http.StatusOK {
		t.Errorf("the ack: %+v", answer)
	}
	if state := shop.state(c); state != core.ClaimPaid {
		t.Errorf("the claim is %s", state)
	}
}

func flipHex(text string) string {
	last := byte('0')
	if text[len(text)-1] == '0' {
		last = '1'
	}
	return text[:len(text)-1] + string(last)
}
