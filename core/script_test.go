package core_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"seyfert/clearing"
	"seyfert/core"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/wire"
)

// script is two nodes between which a checkout is played by hand: seoul pays, tokyo is paid.
type script struct {
	t            testing.TB
	seoul, tokyo *machine
	member       core.MemberID
	shop, local  core.CompanyID
	shopKey      ed25519.PrivateKey
	preimages    map[clearing.TransferID][32]byte
}

const tip = 200

func won(n uint64) money.Amount { return money.New(money.KRW, n) }

// newScript configures both nodes and opens who lives on them.
func newScript(t testing.TB) *script {
	t.Helper()
	seed := secret("shop key")
	s := &script{
		t: t, seoul: newMachine(t, "seoul"), tokyo: newMachine(t, "tokyo"),
		shopKey:   ed25519.NewKeyFromSeed(seed[:]),
		preimages: map[clearing.TransferID][32]byte{},
	}
	for _, m := range []*machine{s.seoul, s.tokyo} {
		do[core.NodeRow](m, core.KindConfigure, system(), core.Configure{
			DID: m.did, Network: "regtest", Currencies: []money.Currency{money.KRW, money.JPY},
			Thresholds: []money.Amount{won(10_000)}, Descriptor: "first",
			OperatorKey: secret("operator"),
		})
		do[core.NodeRow](m, core.KindDescribe, system(), core.Describe{Descriptor: "second", Serial: 1})
		do[int64](m, core.KindSeeChain, system(), core.SeeChain{Height: tip, Hash: [32]byte{1}})
	}
	s.trust(s.seoul, s.tokyo, 50_000)
	s.trust(s.tokyo, s.seoul, 50_000)
	s.shop, s.local = s.company(s.tokyo, "Kanda Paper"), s.company(s.seoul, "Here")
	s.settleMember()
	return s
}

func (s *script) trust(m, other *machine, credit uint64) {
	s.t.Helper()
	seal := secret("sealing " + other.did)
	do[core.PeerRow](m, core.KindAddPeer, operator(), core.AddPeer{
		DID: other.did, URL: "http://" + other.did, Descriptor: "its descriptor",
		KeyID: other.keyID(), Key: other.key.Public().(ed25519.PublicKey), SealKey: seal[:],
		Credit: []clearing.Credit{{Limit: won(credit), InFlightMax: won(credit)}},
	})
}

func (s *script) company(m *machine, name string) core.CompanyID {
	s.t.Helper()
	company := core.CompanyID(id[companyKind](m))
	return do[core.CompanyRow](m, core.KindAddCompany, operator(), core.AddCompany{
		ID: company, Name: name, Alias: "pay:" + name, KeyHash: secret(name),
	}).ID
}

type companyKind struct{}

func (companyKind) Prefix() string { return "com" }

// settleMember opens a member with a session, a virtual account and 100,000 won.
func (s *script) settleMember() {
	s.t.Helper()
	m := s.seoul
	s.member = core.MemberID(id[companyKind](m))
	do[core.MemberRow](m, core.KindAddMember, operator(), core.AddMember{
		ID: s.member, SealedName: []byte("sealed"),
	})
	do[core.CredentialRow](m, core.KindAddCredential, operator(), core.AddCredential{
		Hash: secret("code"), Use: core.UseCode, Kind: journal.Member,
		Subject: s.member.String(), Expires: start + 900_000,
	})
	do[core.CredentialRow](m, core.KindRedeemCode, journal.Principal{Kind: journal.Public},
		core.RedeemCode{Code: secret("code"), Session: secret("session"), Expires: start * 2})
	do[core.VirtualRow](m, core.KindOpenVirtual, operator(), core.OpenVirtual{
		Rail: "bank", Bank: "hana", Number: "110-1", Currency: money.KRW,
		Owner: s.member.String(),
	})
	s.deposit("n1", "110-1", 100_000)
}

func (s *script) deposit(notice, number string, amount uint64) core.DepositRow {
	s.t.Helper()
	return do[core.DepositRow](s.seoul, core.KindDeposit, bank(), core.Deposit{
		Rail: "bank", Notice: notice, Bank: "hana", Number: number, Amount: won(amount),
	})
}

func (s *script) customer() journal.Principal {
	return principal(journal.Member, s.member.String(), "session")
}

func (s *script) seller() journal.Principal {
	return principal(journal.Company, s.shop.String(), "Kanda Paper")
}

// offer is a signed offer of a company, and its row.
func (s *script) offer(m *machine, company core.CompanyID, name string,
	amount uint64,
) core.OfferRow {
	s.t.Helper()
	o := payment.Offer{
		Issuer: m.did, ID: payment.OfferID(id[companyKind](m)), Company: company.String(),
		Name: name, Alias: "pay:" + name, Origins: []string{},
		PayeeKey: text64(s.shopKey.Public().(ed25519.PublicKey)),
		Amount:   payment.WireAmount(won(amount)),
		Uses:     payment.UsesOnce, IssuedAt: m.now / 1000, Expires: m.now/1000 + 180,
	}
	return do[core.OfferRow](m, core.KindCreateOffer,
		principal(journal.Company, company.String(), name),
		core.CreateOffer{Company: company, JWS: m.sign(payment.OfferType, o.Payload())})
}

// order lets the member approve an offer.
func (s *script) order(offer core.OfferRow) core.OrderRow {
	s.t.Helper()
	m := s.seoul
	return do[core.OrderRow](m, core.KindApproveOrder, s.customer(), s.approval(offer))
}

func (s *script) approval(offer core.OfferRow) core.ApproveOrder {
	m := s.seoul
	order := payment.OrderID(id[companyKind](m))
	kid := secret("sealing")
	receipt := wire.SealedReceipt{Node: m.did, KeyID: text64(kid[:]), Sealed: make([]byte, 120)}
	copy(receipt.Sealed, order[:])
	return core.ApproveOrder{
		ID: order, Member: s.member, Offer: offer.JWS, Handle: order,
		Receipt: receipt.String(), Hold: ledger.HoldID(id[companyKind](m)),
	}
}

// facts are what seoul's shell finds out about a claim on an order.
func (s *script) facts(c payment.Claim, order core.OrderRow) *payment.Facts {
	amount, err := payment.Money(c.Amount)
	if err != nil {
		s.t.Fatal(err)
	}
	return &payment.Facts{
		KeySigned: true, OfferSigned: true, Opened: true,
		Receipt: payment.Receipt{
			Handle: order.Handle, Amount: order.Amount, PayeeKey: order.PayeeKey,
			OfferHash: order.OfferHash, Expires: order.Expires,
		},
		Digest: payment.ClaimDigest(c.ID, c.Receipt, order.OfferHash, c.Alias, amount),
	}
}

// claim is the shop's claim on an order, with tokyo's quote.
func (s *script) claim(offer core.OfferRow, order core.OrderRow) core.SubmitClaim {
	m := s.tokyo
	transfer := clearing.TransferID(id[companyKind](m))
	preimage := secret("preimage " + transfer.String())
	s.preimages[transfer] = preimage
	return core.SubmitClaim{
		Company: s.shop, Payer: s.seoul.did, KeySigned: true, OfferSigned: true,
		Claim: payment.Claim{
			ID: payment.ClaimID(id[companyKind](m)), Receipt: order.Receipt, Offer: offer.JWS,
			Alias: "pay:Kanda Paper", Amount: payment.WireAmount(offer.Amount),
			Signature: strings.Repeat("A", 86),
		},
		Quote: clearing.Quote{
			ID: clearing.QuoteID(id[companyKind](m)), Transfer: transfer, Channel: channelName,
			Amount: payment.WireAmount(offer.Amount), Due: uint16(m.now/86_400_000) + clearing.DueDays,
			Condition: clearing.Condition(preimage), CommitByHeight: tip + clearing.MarginQuote,
			ValidUntilHeight: tip + clearing.MarginPrepare,
		},
	}
}

// carry takes the messages that one node has for the other there, as its shell would.
func (s *script) carry(from, to *machine, order core.OrderRow) (outcomes []string) {
	s.t.Helper()
	by := journal.Principal{Kind: journal.Peer, ID: from.did, Key: from.keyID()}
	for _, row := range from.core.View().SentFrom(to.did, from.carried[to.did]+1, 100) {
		m, err := wire.ParseMessage(row.Payload)
		if err != nil {
			s.t.Fatal(err)
		}
		body := core.Receive{JWS: from.sign(wire.TypMessage, row.Payload)}
		switch m.Type {
		case core.TypeClaimPresent:
			var present core.ClaimPresent
			if err := wire.UnmarshalJCS(m.Body, &present); err != nil {
				s.t.Fatal(err)
			}
			body.Facts, body.Channel = s.facts(present.Claim, order), channelName
		case core.TypePrepare:
			var prepare clearing.Prepare
			if err := wire.UnmarshalJCS(m.Body, &prepare); err != nil {
				s.t.Fatal(err)
			}
			preimage := s.preimages[prepare.Transfer]
			body.Preimage = preimage[:]
		}
		got := do[core.Received](to, core.KindReceive, by, body)
		outcomes = append(outcomes, m.Type+" "+got.Outcome)
		from.carried[to.did] = row.Seq
	}
	if seq := from.carried[to.did]; seq > 0 {
		do[core.ChannelRow](from, core.KindDelivered, system(), core.Delivered{Peer: to.did, Seq: seq})
	}
	return outcomes
}

// pay plays a whole checkout of so many won and says what was said.
func (s *script) pay(amount uint64) (core.SubmitClaim, core.OrderRow, []string) {
	s.t.Helper()
	offer := s.offer(s.tokyo, s.shop, "Kanda Paper", amount)
	order := s.order(offer)
	claim := s.claim(offer, order)
	do[core.ClaimRow](s.tokyo, core.KindSubmitClaim, s.seller(), claim)
	var said []string
	for range 3 {
		said = append(said, s.carry(s.tokyo, s.seoul, order)...)
		said = append(said, s.carry(s.seoul, s.tokyo, order)...)
	}
	return claim, order, said
}

// closeDay closes a day on a node and anchors it.
func (s *script) closeDay(m *machine, day uint32) {
	s.t.Helper()
	row := do[core.DayRow](m, core.KindCloseDay, operator(), core.CloseDay{Day: day})
	note, err := merkle.SignCheckpoint(
		merkle.Checkpoint{Origin: row.Origin, Size: int64(row.Size), Root: row.Root},
		m.key.Public().(ed25519.PublicKey),
		func(text []byte) ([]byte, error) { return ed25519.Sign(m.key, text), nil })
	if err != nil {
		s.t.Fatal(err)
	}
	do[core.DayRow](m, core.KindSignCheckpoint, system(), core.SignCheckpoint{Day: day, Note: note})
	for i, open := range m.core.View().ChainOpen(10) {
		do[core.ChainRow](m, core.KindStartChain, system(), core.StartChain{
			Row: open.ID, Lease: m.now + 10_000,
		})
		txid := secret(fmt.Sprintf("%s %s", m.did, open.ID))
		do[core.ChainRow](m, core.KindSentChain, system(), core.SentChain{
			Row: open.ID, Raw: []byte{1, 2, 3}, TxID: txid, Outpoint: [36]byte{byte(i)},
		})
		do[int64](m, core.KindSeeChain, system(), core.SeeChain{
			Height: tip + 1, Hash: [32]byte{2},
			Seen: []core.Seen{{Row: open.ID, Height: tip + 1, Block: [32]byte{2}}},
		})
	}
}

// play is everything that a node of this release does, once.
func play(t testing.TB) *script {
	t.Helper()
	s := newScript(t)
	s.deposit("n2", "nobody's", 5)
	s.pay(15_000)
	s.pay(40_000) // beyond tokyo's credit
	local := s.offer(s.seoul, s.local, "Here", 700)
	order := s.order(local)
	claim := s.claim(local, order)
	claim.Company, claim.Payer, claim.Claim.Alias = s.local, s.seoul.did, "pay:Here"
	claim.Local = s.facts(claim.Claim, order)
	do[core.ClaimRow](s.seoul, core.KindSubmitClaim,
		principal(journal.Company, s.local.String(), "Here"), claim)
	s.order(s.offer(s.tokyo, s.shop, "Kanda Paper", 9)) // nobody claims it
	for _, m := range []*machine{s.seoul, s.tokyo} {
		s.closeDay(m, 20_775)
		m.now += 200_000
		do[int64](m, core.KindTick, system(), struct{}{})
	}
	s.seoul.entry( // an entry of many commands, one of which is refused
		command(core.KindDeposit, bank(), core.Deposit{
			Rail: "bank", Notice: "n3", Bank: "hana", Number: "110-1", Amount: won(1),
		}),
		command(core.KindDeposit, bank(), core.Deposit{Rail: "bank", Notice: "n4"}),
		command(core.KindTick, system(), struct{}{}),
	)
	do[core.CredentialRow](s.seoul, core.KindEndCredential, s.customer(),
		core.EndCredential{Hash: secret("session")})
	activateAll(s.seoul)
	do[*int](s.seoul, core.KindCompare, system(), core.Compare{
		Index: s.seoul.core.Applied(), Hash: s.seoul.core.StateHash(),
	})
	keepBooks(s.seoul)
	return s
}

func text64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func hexText(b [32]byte) string { return hex.EncodeToString(b[:]) }

func creditOf(amount uint64) clearing.Credit {
	return clearing.Credit{Limit: won(amount), InFlightMax: won(amount)}
}

// wallet is the member's account in won.
func (s *script) wallet() ledger.Account {
	s.t.Helper()
	v := s.seoul.core.View()
	for _, row := range v.AccountsOf(s.member.String(), core.PurposeWallet) {
		if row.Currency == money.KRW {
			account, _ := v.Balance(row.ID)
			return account
		}
	}
	s.t.Fatal("the member has no wallet")
	return ledger.Account{}
}
