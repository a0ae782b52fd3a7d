package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"seyfert/auth"
	"seyfert/clearing"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/money"
	"seyfert/wire"
)

// Lives of what signs a member in.
const (
	// CodeLife is how long a one-time sign-in code may be used.
	CodeLife = 15 * time.Minute
	// SessionLife is how long a session lasts.
	SessionLife = 12 * time.Hour
	// RecoveryLife is how long who came with a recovery code may make a passkey.
	RecoveryLife = 15 * time.Minute
)

// Prefixes of secrets other than API keys.
const (
	CodePrefix     = "code"
	SessionPrefix  = "mst"
	RecoveryPrefix = "rec"
)

// Setup is what all replicas must agree on; it is the journal's first command.
type Setup struct {
	Currencies  []money.Currency
	Thresholds  []money.Amount
	Descriptor  string
	OperatorKey [32]byte
}

// Configure proposes the setup. On a journal that has one, an equal setup changes nothing and
// a differing one is refused. A newer descriptor is taken up.
func (n *Node) Configure(ctx context.Context, s Setup) error {
	err := n.act(ctx, core.KindConfigure, core.Configure{
		DID: n.DID(), Network: n.cfg.Signer.Network(), Currencies: s.Currencies,
		Thresholds: s.Thresholds, Descriptor: s.Descriptor, OperatorKey: s.OperatorKey,
	})
	if err != nil {
		return err
	}
	d, _, err := wire.ParseDescriptor(s.Descriptor)
	if err != nil {
		return err
	}
	if held := read(n.state, core.View.Node); d.Serial > held.Serial {
		return n.act(ctx, core.KindDescribe, core.Describe{
			Descriptor: s.Descriptor, Serial: d.Serial,
		})
	}
	return nil
}

// ActivateRules brings rule versions into force, one after the other, up to one that this program
// and those of all other replicas know.
func (n *Node) ActivateRules(ctx context.Context, most uint16) error {
	for {
		rule := read(n.state, core.View.Node).Rule
		if rule >= min(most, core.RuleVersion) {
			return nil
		}
		if err := n.act(ctx, core.KindActivate, core.Activate{Rule: rule + 1}); err != nil {
			return fmt.Errorf("activate rule version %d: %w", rule+1, err)
		}
	}
}

// Authenticate finds who a secret belongs to: an API key or a session. The error is the same
// for a secret that never was and for one that ended.
func (n *Node) Authenticate(secret string) (Caller, error) {
	refused := fault.New(fault.Unauthenticated, "Authorization",
		"The key or session is not valid.")
	hash, err := auth.HashKey(secret)
	if err != nil {
		if hash, err = auth.HashToken(SessionPrefix, secret); err != nil {
			return Caller{}, refused
		}
	}
	var row core.CredentialRow
	var ok bool
	n.state.Read(func(v core.View) { row, ok = v.Credential(hash, n.cfg.Now().UnixMilli()) })
	if !ok || row.Use == core.UseCode || row.Use == core.UseRecovery {
		return Caller{}, refused
	}
	return Caller{Kind: row.Kind, ID: row.Subject, Key: hex.EncodeToString(hash[:])}, nil
}

// CreateCompany opens a company and makes its first API key, which is shown once: a repeated
// request gets the company without it.
func (n *Node) CreateCompany(ctx context.Context, by Caller, r Request,
	name string,
) (Company, auth.Secret, error) {
	if by.Kind != journal.Operator {
		return Company{}, "", forbidden()
	}
	if err := plainName(name); err != nil {
		return Company{}, "", err
	}
	secret, hash, err := auth.NewKey(n, n.cfg.Live)
	if err != nil {
		return Company{}, "", err
	}
	id := newID[core.CompanyID](n)
	row, replayed, err := propose[core.CompanyRow](ctx, n, by, core.KindAddCompany, r,
		core.AddCompany{ID: id, Name: name, Alias: "pay:" + id.String(), KeyHash: hash})
	if err != nil {
		return Company{}, "", err
	}
	if replayed {
		secret = ""
	}
	return companyView(row), secret, nil
}

// CreateMember opens a member. The name is sealed with the member's own key before it is
// proposed.
func (n *Node) CreateMember(ctx context.Context, by Caller, r Request,
	name string,
) (Member, error) {
	if by.Kind != journal.Operator {
		return Member{}, forbidden()
	}
	if err := plainName(name); err != nil {
		return Member{}, err
	}
	id := newID[core.MemberID](n)
	sealed, err := n.cfg.Signer.SealName(id.String(), name)
	if err != nil {
		return Member{}, n.signed(err)
	}
	row, _, err := propose[core.MemberRow](ctx, n, by, core.KindAddMember, r,
		core.AddMember{ID: id, SealedName: sealed})
	if err != nil {
		return Member{}, err
	}
	return n.memberView(row)
}

// plainName judges a name before it is proposed.
func plainName(name string) error {
	if wire.PlainText(name, core.TextMax) {
		return nil
	}
	return fault.New(fault.Invalid, "name",
		"A name is plain text of 1 to %d bytes that can be seen.", core.TextMax)
}

// CreateSignIn makes a one-time code that signs a member in within CodeLife.
func (n *Node) CreateSignIn(ctx context.Context, by Caller, member string) (auth.Secret,
	time.Time, error,
) {
	var id core.MemberID
	if err := parseID("member", member, &id); err != nil {
		return "", time.Time{}, err
	}
	code, hash, err := auth.NewToken(n, CodePrefix)
	if err != nil {
		return "", time.Time{}, err
	}
	expires := n.cfg.Now().Add(CodeLife)
	_, _, err = propose[core.CredentialRow](ctx, n, by, core.KindAddCredential, Request{},
		core.AddCredential{
			Hash: hash, Use: core.UseCode, Kind: journal.Member, Subject: id.String(),
			Expires: expires.UnixMilli(),
		})
	return code, expires.UTC(), err
}

// SignIn turns a one-time code into a session. A code that is not living never gets as far as
// the journal, which strangers could fill otherwise.
func (n *Node) SignIn(ctx context.Context, code string) (auth.Secret, time.Time, error) {
	codeHash, err := auth.HashToken(CodePrefix, code)
	if err != nil || !n.codeLives(codeHash) {
		return "", time.Time{}, fault.New(fault.Unauthenticated, "code",
			"The code is not valid any more.")
	}
	session, hash, err := auth.NewToken(n, SessionPrefix)
	if err != nil {
		return "", time.Time{}, err
	}
	expires := n.cfg.Now().Add(SessionLife)
	_, _, err = propose[core.CredentialRow](ctx, n, Caller{Kind: journal.Public},
		core.KindRedeemCode, Request{},
		core.RedeemCode{Code: codeHash, Session: hash, Expires: expires.UnixMilli()})
	return session, expires.UTC(), err
}

func (n *Node) codeLives(hash [32]byte) bool {
	var row core.CredentialRow
	var lives bool
	n.state.Read(func(v core.View) { row, lives = v.Credential(hash, n.cfg.Now().UnixMilli()) })
	return lives && row.Use == core.UseCode
}

// SignOut ends the caller's own key or session.
func (n *Node) SignOut(ctx context.Context, by Caller) error {
	hash, err := wire.ParseDigest(by.Key)
	if err != nil {
		return forbidden()
	}
	_, _, err = propose[core.CredentialRow](ctx, n, by, core.KindEndCredential, Request{},
		core.EndCredential{Hash: [32]byte(hash)})
	return err
}

// OpenVirtualAccount binds a number that a bank issued to the wallet of a company or member, or to
// the account of a company's books that is named.
func (n *Node) OpenVirtualAccount(ctx context.Context, by Caller, r Request,
	a VirtualAccount,
) (VirtualAccount, error) {
	currency, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return VirtualAccount{}, fault.New(fault.Invalid, "currency",
			"The currency is not known.")
	}
	for _, text := range [][2]string{{"rail", a.Rail}, {"bank", a.Bank}, {"number", a.Number}} {
		if !wire.PlainText(text[1], core.TextMax) {
			return VirtualAccount{}, fault.New(fault.Invalid, text[0],
				"This is not plain text that can be seen.")
		}
	}
	open := core.OpenVirtual{
		Rail: a.Rail, Bank: a.Bank, Number: a.Number, Currency: currency, Owner: a.Owner,
	}
	if a.Account != "" {
		open.Account = new(ledger.AccountID)
		if parseID("account", a.Account, open.Account) != nil {
			return VirtualAccount{}, noAccount()
		}
	}
	row, _, err := propose[core.VirtualRow](ctx, n, by, core.KindOpenVirtual, r, open)
	if err != nil {
		return VirtualAccount{}, err
	}
	return virtualView(row), nil
}

// Notice is a rail's word that money came in, its authenticity checked by the rail.
type Notice struct {
	Rail, ID, Bank, Number string
	Amount                 money.Amount
}

// TakeNotice credits a deposit. The rail's own id makes it happen once.
func (n *Node) TakeNotice(ctx context.Context, notice Notice) (Deposit, error) {
	by := Caller{Kind: journal.Rail, ID: notice.Rail}
	row, _, err := propose[core.DepositRow](ctx, n, by, core.KindDeposit, Request{},
		core.Deposit{
			Rail: notice.Rail, Notice: notice.ID, Bank: notice.Bank, Number: notice.Number,
			Amount: notice.Amount,
		})
	if err != nil {
		return Deposit{}, err
	}
	return read(n.state, func(v core.View) Deposit { return depositView(v, row) }), nil
}

// PeerTerms is what the operator agrees with a peer: where it is, which key it has, and the
// credit that this node gives it.
type PeerTerms struct {
	URL        string
	Descriptor string
	// Thumbprint is the signing key that the operator compared; empty accepts what is served
	// at first contact.
	Thumbprint string
	Credit     []money.Amount
}

// AddPeer pins a peer's keys, or changes the terms of one that is pinned.
func (n *Node) AddPeer(ctx context.Context, by Caller, t PeerTerms) (Peer, error) {
	d, _, err := wire.ParseDescriptor(t.Descriptor)
	if err != nil {
		return Peer{}, fault.New(fault.Invalid, "descriptor", "The descriptor does not hold.")
	}
	if d.Chain.Network != n.cfg.Signer.Network() {
		return Peer{}, fault.New(fault.Refused, "descriptor",
			"The peer is on another Bitcoin network.")
	}
	key, keyID, err := d.SigningKey()
	if err != nil {
		return Peer{}, fault.New(fault.Invalid, "descriptor", "The descriptor has no key.")
	}
	sealing, _, err := d.SealingKey()
	if err != nil {
		return Peer{}, fault.New(fault.Invalid, "descriptor", "The descriptor has no key.")
	}
	if _, err := n.cfg.Signer.ChannelShared(sealing.Bytes()); err != nil {
		return Peer{}, fault.New(fault.Refused, "descriptor",
			"The peer's sealing key is of low order: no record could be sealed to it.")
	}
	if t.Thumbprint != "" && t.Thumbprint != keyID {
		return Peer{}, fault.New(fault.Refused, "thumbprint",
			"The peer's key has another thumbprint.")
	}
	terms := core.AddPeer{
		DID: d.DID, URL: t.URL, Descriptor: t.Descriptor, KeyID: keyID, Key: key,
		SealKey: sealing.Bytes(),
	}
	for _, limit := range t.Credit {
		terms.Credit = append(terms.Credit, clearing.Credit{Limit: limit, InFlightMax: limit})
	}
	row, _, err := propose[core.PeerRow](ctx, n, by, core.KindAddPeer, Request{}, terms)
	if err != nil {
		return Peer{}, err
	}
	return read(n.state, func(v core.View) Peer { return peerView(v, row) }), nil
}

// CloseDay closes a day of the node's calendar: the checkpoint is fixed and its anchor queued.
// The zero day means today.
func (n *Node) CloseDay(ctx context.Context, by Caller, d uint32) (Day, error) {
	if d == 0 {
		d = n.today()
	}
	row, _, err := propose[core.DayRow](ctx, n, by, core.KindCloseDay, Request{},
		core.CloseDay{Day: d})
	if err != nil {
		return Day{}, err
	}
	return read(n.state, func(v core.View) Day { return n.dayView(v, row) }), nil
}

// today is days since 1970 of the node's calendar, which is UTC in this release.
func (n *Node) today() uint32 { return uint32(n.cfg.Now().Unix() / (24 * 60 * 60)) }

func forbidden() error {
	return fault.New(fault.Forbidden, "", "This caller may not do that.")
}
