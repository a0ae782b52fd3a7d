package node

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"seyfert/auth"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/passkey"
	"seyfert/payment"
	"seyfert/wire"
)

// Passkeys are the ceremonies in which a node's members use passkeys at one origin. What a
// ceremony was begun for is in RAM alone: whoever begins at a leader that goes begins again.
type Passkeys struct {
	node      *Node
	site      *passkey.Site
	signUps   passkey.Ceremonies[signUp]
	signIns   passkey.Ceremonies[[32]byte]
	adds      passkey.Ceremonies[adding]
	approvals passkey.Ceremonies[approving]
}

// signUp is whom a passkey is being made for.
type signUp struct {
	challenge [32]byte
	member    core.MemberID
	name      string
}

// adding is a passkey being made for whoever came with a session.
type adding struct {
	challenge [32]byte
	by        Caller
}

// approving is the order whose challenge is being signed.
type approving struct {
	challenge [32]byte
	by        Caller
	offer     payment.Offer
	order     core.ApproveOrder
}

// Passkeys opens the ceremonies at an origin. An error says why browsers make no passkeys there.
func (n *Node) Passkeys(origin string) (*Passkeys, error) {
	site, err := passkey.New(origin, n.DID())
	if err != nil {
		return nil, err
	}
	return &Passkeys{node: n, site: site}, nil
}

// Ceremony is a question to a browser. Its answer comes back with the id.
type Ceremony struct {
	ID  string          `json:"ceremony"`
	Ask json.RawMessage `json:"ask"`
}

// draw makes the id of a ceremony and a challenge.
func (p *Passkeys) draw() (id [16]byte, challenge [32]byte) {
	p.node.random(id[:])
	p.node.random(challenge[:])
	return id, challenge
}

// begun is the question of a ceremony that was kept.
func begun(id [16]byte, ask []byte, err error) (Ceremony, error) {
	return Ceremony{ID: hex.EncodeToString(id[:]), Ask: ask}, err
}

// end takes a ceremony by its id, once.
func end[T any](p *Passkeys, from *passkey.Ceremonies[T], id string) (T, error) {
	raw, err := hex.DecodeString(id)
	if err == nil && len(raw) == 16 {
		if of, found := from.End([16]byte(raw), p.node.cfg.Now()); found {
			return of, nil
		}
	}
	var none T
	return none, fault.New(fault.Refused, "ceremony",
		"This took too long, or was answered already. Begin again.")
}

// BeginSignUp asks for the passkey of a new member.
func (p *Passkeys) BeginSignUp(name string) (Ceremony, error) {
	if err := plainName(name); err != nil {
		return Ceremony{}, err
	}
	id, challenge := p.draw()
	member := newID[core.MemberID](p.node)
	ask := p.site.AskCreate(challenge, passkey.User{ID: member[:], Name: name}, nil)
	return begun(id, ask, p.signUps.Begin(id, signUp{challenge, member, name}, p.node.cfg.Now()))
}

// SignUp opens the member with the passkey that the browser made, and signs her in.
func (p *Passkeys) SignUp(ctx context.Context, id string, answer []byte) (auth.Secret, error) {
	n := p.node
	of, err := end(p, &p.signUps, id)
	if err != nil {
		return "", err
	}
	key, err := p.created(of.challenge, answer)
	if err != nil {
		return "", err
	}
	sealed, err := n.cfg.Signer.SealName(of.member.String(), of.name)
	if err != nil {
		return "", n.signed(err)
	}
	session, hash, err := auth.NewToken(n, SessionPrefix)
	if err != nil {
		return "", err
	}
	_, _, err = propose[core.MemberRow](ctx, n, Caller{Kind: journal.Public}, core.KindSignUp,
		Request{}, core.SignUp{
			Member: core.AddMember{ID: of.member, SealedName: sealed}, Passkey: key,
			Session: hash, Expires: n.cfg.Now().Add(SessionLife).UnixMilli(),
		})
	return session, err
}

// created judges the answer to a question for a new passkey.
func (p *Passkeys) created(challenge [32]byte, answer []byte) (core.NewPasskey, error) {
	key, err := p.site.Created(challenge, answer)
	if err != nil {
		p.note(err)
		return core.NewPasskey{}, err
	}
	return core.NewPasskey{
		ID: key.ID, Public: key.Public, Flags: key.Flags, Counter: key.Counter,
	}, nil
}

// BeginSignIn asks for a passkey of any member.
func (p *Passkeys) BeginSignIn() (Ceremony, error) {
	id, challenge := p.draw()
	ask := p.site.AskGet(challenge, nil)
	return begun(id, ask, p.signIns.Begin(id, challenge, p.node.cfg.Now()))
}

// SignIn opens a session for the member whose passkey answered.
func (p *Passkeys) SignIn(ctx context.Context, id string, answer []byte) (auth.Secret, error) {
	n := p.node
	challenge, err := end(p, &p.signIns, id)
	if err != nil {
		return "", err
	}
	proof, _, err := p.asserted(challenge, answer)
	if err != nil {
		return "", err
	}
	session, hash, err := auth.NewToken(n, SessionPrefix)
	if err != nil {
		return "", err
	}
	_, _, err = propose[core.PasskeyRow](ctx, n, Caller{Kind: journal.Public},
		core.KindUsePasskey, Request{}, core.UsePasskey{
			Assertion: proof, Session: hash,
			Expires: n.cfg.Now().Add(SessionLife).UnixMilli(),
		})
	p.note(err)
	return session, err
}

// asserted judges the answer to a question for an assertion.
func (p *Passkeys) asserted(challenge [32]byte, answer []byte) (
	core.Assertion, core.Evidence, error,
) {
	proof, err := p.site.Asserted(challenge, answer, func(id []byte) (passkey.Known, bool) {
		var row core.PasskeyRow
		var known bool
		p.node.state.Read(func(v core.View) { row, known = v.Passkey(core.PasskeyHash(id)) })
		return passkey.Known{Owner: row.Member[:], Public: row.Public},
			known && row.Removed == 0
	})
	if err != nil {
		p.note(err)
		return core.Assertion{}, core.Evidence{}, err
	}
	a := core.Assertion{
		Passkey: core.PasskeyHash(proof.ID), Challenge: challenge, Flags: proof.Flags,
		Counter: proof.Counter,
	}
	return a, core.Evidence{
		Data: proof.Data, Client: proof.Client, Signature: proof.Signature,
	}, nil
}

// note says in the log what was wrong with a passkey's answer, and not whose it is.
func (p *Passkeys) note(err error) {
	refused, ok := fault.Of(err)
	switch {
	case !ok:
	case refused.Field == "counter":
		p.node.cfg.Log.Warn("a passkey's counter went back: there may be a copy of it")
	default:
		p.node.cfg.Log.Info("a passkey's answer was refused", "error", err.Error())
	}
}

// BeginAdd asks a member, or who came with a recovery code, for one more passkey.
func (p *Passkeys) BeginAdd(by Caller) (Ceremony, error) {
	member, err := memberOf(by)
	if err != nil {
		return Ceremony{}, err
	}
	var row core.MemberRow
	have := [][]byte{}
	p.node.state.Read(func(v core.View) {
		row, _ = v.Member(member)
		for _, key := range v.Passkeys(member) {
			have = append(have, key.ID)
		}
	})
	view, err := p.node.memberView(row)
	if err != nil {
		return Ceremony{}, err
	}
	id, challenge := p.draw()
	ask := p.site.AskCreate(challenge, passkey.User{ID: member[:], Name: view.Name}, have)
	return begun(id, ask, p.adds.Begin(id, adding{challenge, by}, p.node.cfg.Now()))
}

// Add takes the passkey that BeginAdd asked for.
func (p *Passkeys) Add(ctx context.Context, by Caller, id string, answer []byte) error {
	of, err := end(p, &p.adds, id)
	if err != nil {
		return err
	}
	member, err := memberOf(by)
	if err != nil {
		return err
	}
	if of.by != by {
		return forbidden()
	}
	key, err := p.created(of.challenge, answer)
	if err != nil {
		return err
	}
	_, _, err = propose[core.PasskeyRow](ctx, p.node, by, core.KindAddPasskey, Request{},
		core.AddPasskey{Member: member, Passkey: key})
	return err
}

// BeginApprove asks for the assertion over an order: the challenge is the order's own.
func (p *Passkeys) BeginApprove(by Caller, text string) (Ceremony, error) {
	n := p.node
	order, offer, err := n.draftOrder(by, text)
	if err != nil {
		return Ceremony{}, err
	}
	var source ledger.AccountID
	allowed := [][]byte{}
	n.state.Read(func(v core.View) {
		for _, row := range v.AccountsOf(order.Member.String(), core.PurposeWallet) {
			if row.Currency == offer.Total().Currency() {
				source = row.ID
			}
		}
		for _, key := range v.Passkeys(order.Member) {
			allowed = append(allowed, key.ID)
		}
	})
	if len(allowed) == 0 {
		return Ceremony{}, fault.New(fault.Forbidden, "passkey", "Make a passkey first.")
	}
	approval, err := payment.ApprovalOf(offer, source, order.Handle)
	if err != nil {
		return Ceremony{}, err
	}
	id, _ := p.draw()
	of := approving{challenge: approval.Challenge(), by: by, offer: offer, order: order}
	return begun(id, p.site.AskGet(of.challenge, allowed),
		p.approvals.Begin(id, of, n.cfg.Now()))
}

// Approve holds the money of the order that BeginApprove drafted, and of no other.
func (p *Passkeys) Approve(ctx context.Context, by Caller, id string, answer []byte) (
	Order, error,
) {
	n := p.node
	of, err := end(p, &p.approvals, id)
	if err != nil {
		return Order{}, err
	}
	if of.by != by {
		return Order{}, forbidden()
	}
	proof, evidence, err := p.asserted(of.challenge, answer)
	if err != nil {
		return Order{}, err
	}
	if err := n.sealOrder(&of.order, of.offer); err != nil {
		return Order{}, err
	}
	row, _, err := propose[core.OrderRow](ctx, n, by, core.KindPasskeyOrder, Request{},
		core.PasskeyOrder{
			Order: of.order, Assertion: proof, Evidence: evidence,
		})
	if err != nil {
		p.note(err)
		return Order{}, err
	}
	return read(n.state, func(v core.View) Order { return n.orderView(v, row) }), nil
}

// memberOf is the member that a caller is.
func memberOf(by Caller) (core.MemberID, error) {
	var member core.MemberID
	if by.Kind != journal.Member {
		return member, forbidden()
	}
	return member, parseID("member", by.ID, &member)
}

// hashOf is the hash of the credential that a caller came with.
func hashOf(by Caller) ([32]byte, error) {
	hash, err := wire.ParseDigest(by.Key)
	if err != nil {
		return [32]byte{}, forbidden()
	}
	return [32]byte(hash), nil
}
