package core

import (
	"seyfert/clearing"
	"seyfert/ledger"
	"seyfert/payment"
	"seyfert/table"
	"seyfert/wire"
)

// cbor is the codec of every row: wire's deterministic CBOR.
type cbor struct{}

func (cbor) Marshal(v any) ([]byte, error)      { return wire.Marshal(v) }
func (cbor) Unmarshal(data []byte, v any) error { return wire.Unmarshal(data, v) }
func one(struct{}) []byte                       { return table.Key{}.Byte(0) }
func hash32(h [32]byte) []byte                  { return table.Key{}.Fixed(h[:]) }
func text(s string) []byte                      { return table.Key{}.Text(s) }
func number(n uint64) []byte                    { return table.Key{}.Uint64(n) }
func companyKey(id CompanyID) []byte            { return table.Key{}.Fixed(id[:]) }
func memberKey(id MemberID) []byte              { return table.Key{}.Fixed(id[:]) }
func accountKey(id ledger.AccountID) []byte     { return table.Key{}.Fixed(id[:]) }
func offerKey(id payment.OfferID) []byte        { return table.Key{}.Fixed(id[:]) }
func orderKey(id payment.OrderID) []byte        { return table.Key{}.Fixed(id[:]) }
func claimKey(id payment.ClaimID) []byte        { return table.Key{}.Fixed(id[:]) }
func transferKey(id clearing.TransferID) []byte { return table.Key{}.Fixed(id[:]) }
func day(d uint32) []byte                       { return table.Key{}.Uint64(uint64(d)) }
func messageKey(k MessageKey) []byte            { return table.Key{}.Text(k.Peer).Uint64(k.Seq) }
func noticeKey(k NoticeKey) []byte              { return table.Key{}.Text(k.Rail).Text(k.Notice) }

func virtualKey(k VirtualKey) []byte { return table.Key{}.Text(k.Rail).Text(k.Bank).Text(k.Number) }

func ownerKey(owner, purpose, detail string) table.Key {
	return table.Key{}.Text(owner).Text(purpose).Text(detail)
}

func positionKey(k PositionKey) []byte {
	return table.Key{}.Text(k.Peer).Text(k.Direction).Uint16(uint16(k.Currency)).Uint16(k.Due)
}

// newSchema builds the tables. Each prefix byte stands once.
func newSchema() schema {
	var s schema
	c := cbor{}
	s.node = table.New[struct{}, NodeRow](1, c, one)
	s.cursor = table.New[struct{}, Cursor](2, c, one)
	s.replays = table.New[[32]byte, replayRow](3, c, hash32)
	s.companies = table.New[CompanyID, CompanyRow](4, c, companyKey)
	s.members = table.New[MemberID, MemberRow](5, c, memberKey)
	s.credentials = table.New[[32]byte, CredentialRow](6, c, hash32)
	s.byOwner = table.NewIndex(8, func(r AccountRow) [][]byte {
		return [][]byte{ownerKey(r.Owner, r.Purpose, r.Detail).Uint16(uint16(r.Currency))}
	})
	s.accounts = table.New[ledger.AccountID, AccountRow](7, c, accountKey, s.byOwner)
	s.byHolder = table.NewIndex(10, func(r VirtualRow) [][]byte { return [][]byte{text(r.Owner)} })
	s.virtuals = table.New[VirtualKey, VirtualRow](9, c, virtualKey, s.byHolder)
	s.depositsOf = table.NewIndex(12, func(r DepositRow) [][]byte {
		return [][]byte{table.Key{}.Text(r.Owner).Int64Down(r.At)}
	})
	s.deposits = table.New[NoticeKey, DepositRow](11, c, noticeKey, s.depositsOf)
	s.paymentTables(c)
	s.peerTables(c)
	s.proofTables(c)
	s.bookTables(c)
	s.memberTables(c)
	return s
}

func (s *schema) paymentTables(c cbor) {
	s.offersOf = table.NewIndex(14, func(r OfferRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Company[:]).Int64Down(r.Created)}
	})
	s.offers = table.New[payment.OfferID, OfferRow](13, c, offerKey, s.offersOf)
	s.byHandle = table.NewIndex(16, func(r OrderRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Handle[:])}
	})
	s.ordersOf = table.NewIndex(17, func(r OrderRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Member[:]).Int64Down(r.Created)}
	})
	s.byHold = table.NewIndex(18, func(r OrderRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Hold[:])}
	})
	s.byOffer = table.NewIndex(19, func(r OrderRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.OfferHash[:])}
	})
	s.orders = table.New[payment.OrderID, OrderRow](15, c, orderKey,
		s.byHandle, s.ordersOf, s.byHold, s.byOffer)
	s.byQuote = table.NewIndex(21, func(r ClaimRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Quote.ID[:])}
	})
	s.claimsOf = table.NewIndex(22, func(r ClaimRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Company[:]).Int64Down(r.Created)}
	})
	s.claims = table.New[payment.ClaimID, ClaimRow](20, c, claimKey, s.byQuote, s.claimsOf)
}

func (s *schema) peerTables(c cbor) {
	s.byKey = table.NewIndex(40, func(r PeerRow) [][]byte { return [][]byte{text(r.KeyID)} })
	s.peers = table.New[string, PeerRow](23, c, text, s.byKey)
	s.channels = table.New[string, ChannelRow](24, c, text)
	s.sent = table.New[MessageKey, MessageRow](25, c, messageKey)
	s.received = table.New[MessageKey, MessageRow](26, c, messageKey)
	s.receivedIDs = table.New[messageName, uint64](42, c, func(k messageName) []byte {
		return table.Key{}.Text(k.Peer).Fixed(k.ID[:])
	})
	s.transfers = table.New[clearing.TransferID, TransferRow](27, c, transferKey)
	s.positions = table.New[PositionKey, PositionRow](28, c, positionKey)
}

func (s *schema) bookTables(c cbor) {
	s.byReference = table.NewIndex(44, func(r MetadataRow) [][]byte {
		if r.Reference == "" || r.Version != 1 {
			return nil
		}
		return [][]byte{table.Key{}.Text(r.Owner).Text(r.Reference).Uint64(r.Number)}
	})
	s.metadata = table.New[MetadataKey, MetadataRow](43, c, metadataKey, s.byReference)
	// 45 is idPrefix.
	s.newestID = table.New[struct{}, newestRow](46, c, one)
	s.dated = table.New[datedKey, int64](47, c, datedKey.bytes)
}

func (s *schema) memberTables(c cbor) {
	s.passkeysOf = table.NewIndex(49, func(r PasskeyRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Member[:]).Uint64(uint64(r.Number))}
	})
	s.passkeys = table.New[[32]byte, PasskeyRow](48, c, hash32, s.passkeysOf)
	s.byRecovery = table.NewIndex(51, RecoveryRow.unspent)
	s.recoveries = table.New[MemberID, RecoveryRow](50, c, memberKey, s.byRecovery)
	s.sessionsOf = table.NewIndex(53, func(r SessionRow) [][]byte {
		return [][]byte{table.Key{}.Fixed(r.Member[:]).Int64Down(r.Created)}
	})
	s.sessions = table.New[[32]byte, SessionRow](52, c, hash32, s.sessionsOf)
	s.approvals = table.New[[32]byte, ApprovalRow](54, c, hash32)
}

func (s *schema) proofTables(c cbor) {
	s.chainOpen = table.NewIndex(30, func(r ChainRow) [][]byte {
		if r.State == ChainConfirmed {
			return nil
		}
		return [][]byte{number(r.Seq)}
	})
	s.chainSeq = table.NewIndex(31, func(r ChainRow) [][]byte { return [][]byte{number(r.Seq)} })
	s.bySpent = table.NewIndex(41, func(r ChainRow) [][]byte {
		if len(r.Raw) == 0 {
			return nil
		}
		return [][]byte{table.Key{}.Fixed(r.Outpoint[:])}
	})
	s.chain = table.New[string, ChainRow](29, c, text, s.chainOpen, s.chainSeq, s.bySpent)
	s.leaves = table.New[uint64, LeafRow](32, c, number)
	// 33 was a table of tree hashes.
	s.daysBySize = table.NewIndex(35, func(r DayRow) [][]byte { return [][]byte{number(r.Size)} })
	s.daysDown = table.NewIndex(38, func(r DayRow) [][]byte {
		return [][]byte{table.Key{}.Uint64Down(uint64(r.Day))}
	})
	s.daysOpen = table.NewIndex(39, func(r DayRow) [][]byte {
		if r.Note != "" {
			return nil
		}
		return [][]byte{number(uint64(r.Day))}
	})
	s.days = table.New[uint32, DayRow](34, c, day, s.daysBySize, s.daysDown, s.daysOpen)
	s.eventsBy = table.NewIndex(37, func(r EventRow) [][]byte {
		if r.Owner == "" {
			return nil
		}
		return [][]byte{table.Key{}.Text(r.Owner).Uint64(r.Seq)}
	})
	s.events = table.New[uint64, EventRow](36, c, number, s.eventsBy)
}
