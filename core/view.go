package core

import (
	"fmt"

	"seyfert/clearing"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/money"
	"seyfert/payment"
	"seyfert/table"
)

// PageMax bounds the rows that one read returns.
const PageMax = 200

// View reads a state between two entries. It may not be used while Apply runs; the node's read
// gateway sees to that and to who may see what. Storage that cannot be read panics, as in Apply.
type View struct{ c *Core }

// View returns the reader of this state, once it is settled.
func (c *Core) View() View {
	c.Settle()
	return View{c}
}

// Cursor says how far the state has come.
func (v View) Cursor() Cursor { return v.c.cursor }

// Node is the row about the node itself; its DID is empty before the first command.
func (v View) Node() NodeRow {
	row, _ := view(v, v.c.tables.node, struct{}{})
	return row
}

// Company, Member, Offer, Order, Claim, Transfer, Peer, Channel, Day and ChainRow find one row.
func (v View) Company(id CompanyID) (CompanyRow, bool) { return view(v, v.c.tables.companies, id) }

// Member finds a member.
func (v View) Member(id MemberID) (MemberRow, bool) { return view(v, v.c.tables.members, id) }

// Offer finds an offer of this node.
func (v View) Offer(id payment.OfferID) (OfferRow, bool) { return view(v, v.c.tables.offers, id) }

// Order finds an order of this node's members.
func (v View) Order(id payment.OrderID) (OrderRow, bool) { return view(v, v.c.tables.orders, id) }

// Claim finds a claim of this node's companies.
func (v View) Claim(id payment.ClaimID) (ClaimRow, bool) { return view(v, v.c.tables.claims, id) }

// Transfer finds a transfer with a peer.
func (v View) Transfer(id clearing.TransferID) (TransferRow, bool) {
	return view(v, v.c.tables.transfers, id)
}

// Peer finds a peer.
func (v View) Peer(did string) (PeerRow, bool) { return view(v, v.c.tables.peers, did) }

// Channel finds both hash chains with a peer.
func (v View) Channel(did string) (ChannelRow, bool) { return view(v, v.c.tables.channels, did) }

// Day finds a closed day.
func (v View) Day(d uint32) (DayRow, bool) { return view(v, v.c.tables.days, d) }

// ChainRow finds a chain row.
func (v View) ChainRow(id string) (ChainRow, bool) { return view(v, v.c.tables.chain, id) }

// Account finds whose an account is.
func (v View) Account(id ledger.AccountID) (AccountRow, bool) {
	return view(v, v.c.tables.accounts, id)
}

// Credential finds a living key, session or code by the hash of its secret, at a time in Unix
// milliseconds.
func (v View) Credential(hash [32]byte, now int64) (CredentialRow, bool) {
	row, exists := v.c.credentials[hash]
	if !exists {
		row, exists = view(v, v.c.tables.credentials, hash)
	}
	if !exists || !row.live(now) {
		return CredentialRow{}, false
	}
	return row, true
}

// Sent and Received find one message of a channel.
func (v View) Sent(peer string, seq uint64) (MessageRow, bool) {
	return view(v, v.c.tables.sent, MessageKey{peer, seq})
}

// Received finds a message that a peer sent.
func (v View) Received(peer string, seq uint64) (MessageRow, bool) {
	return view(v, v.c.tables.received, MessageKey{peer, seq})
}

// Undelivered lists our messages to a peer that it has not accepted yet, in order.
func (v View) Undelivered(peer string, limit int) []MessageRow {
	channel, _ := v.Channel(peer)
	from := table.Key{}.Text(peer).Uint64(channel.Delivered + 1)
	var rows []MessageRow
	check(v.c.tables.sent.ScanFrom(v.c.store, text(peer), from,
		func(_ []byte, row MessageRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// SentFrom lists our messages to a peer from a seq on, for a peer that catches up.
func (v View) SentFrom(peer string, seq uint64, limit int) []MessageRow {
	var rows []MessageRow
	check(v.c.tables.sent.ScanFrom(v.c.store, text(peer), table.Key{}.Text(peer).Uint64(seq),
		func(_ []byte, row MessageRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// AccountsOf lists an owner's accounts; purpose may be empty for all.
func (v View) AccountsOf(owner, purpose string) []AccountRow {
	prefix := table.Key{}.Text(owner)
	if purpose != "" {
		prefix = prefix.Text(purpose)
	}
	var rows []AccountRow
	check(v.c.tables.accounts.ScanIndex(v.c.store, v.c.tables.byOwner, prefix,
		func(_ []byte, row AccountRow) bool {
			rows = append(rows, row)
			return true
		}))
	return rows
}

// Balance is the ledger's view of an account.
func (v View) Balance(id ledger.AccountID) (ledger.Account, bool) { return v.c.book.Account(id) }

// Totals is the sum of all debits and credits per currency; they are equal.
func (v View) Totals() []ledger.Total { return v.c.book.Totals() }

// Entry is one line of an account's history.
type Entry struct {
	Record ledger.Record
	Debit  bool
}

// Due says whether something waits for time to pass: a hold whose expiry has come.
func (v View) Due(now int64) bool {
	next, exists := v.c.book.NextDue()
	return exists && next <= now
}

// History lists an account's lines, newest first, by following the back-pointers. before is the
// number of the account's line to continue below, or 0 for the newest; a number that is not a
// line of the account has nothing below it. At most limit and one records are read.
func (v View) History(id ledger.AccountID, before uint64, limit int) []Entry {
	return v.HistoryFrom(id, 0, before, limit)
}

// HistoryFrom is History from one of the account's lines on, 0 for the newest, where before
// names none.
func (v View) HistoryFrom(id ledger.AccountID, last, before uint64, limit int) []Entry {
	account, exists := v.c.book.Account(id)
	if !exists || limit < 1 || before > v.c.cursor.Records {
		return nil
	}
	from := account.LastRecord
	if last != 0 {
		from = last
	}
	if before != 0 {
		line := v.Record(before)
		_, _, previous, ok := line.Of(id)
		if !ok {
			return nil
		}
		from = previous
	}
	var entries []Entry
	check(ledger.History(id, from, v.c.stores.History.At, func(r ledger.Record) bool {
		entries = append(entries, Entry{Record: r, Debit: r.Debit == id})
		return len(entries) < limit
	}))
	return entries
}

// Virtuals lists an owner's virtual accounts.
func (v View) Virtuals(owner string) []VirtualRow {
	return scanIndex(v, v.c.tables.virtuals, v.c.tables.byHolder, text(owner), PageMax)
}

// Deposits lists an owner's deposits, newest first.
func (v View) Deposits(owner string, limit int) []DepositRow {
	return scanIndex(v, v.c.tables.deposits, v.c.tables.depositsOf, text(owner), limit)
}

// Deposit finds a deposit by the rail's own id.
func (v View) Deposit(rail, notice string) (DepositRow, bool) {
	return view(v, v.c.tables.deposits, NoticeKey{rail, notice})
}

// Orders lists a member's orders, newest first.
func (v View) Orders(member MemberID, limit int) []OrderRow {
	return scanIndex(v, v.c.tables.orders, v.c.tables.ordersOf, memberKey(member), limit)
}

// Offers lists a company's offers, newest first.
func (v View) Offers(company CompanyID, limit int) []OfferRow {
	return scanIndex(v, v.c.tables.offers, v.c.tables.offersOf, companyKey(company), limit)
}

// Claims lists a company's claims, newest first.
func (v View) Claims(company CompanyID, limit int) []ClaimRow {
	return scanIndex(v, v.c.tables.claims, v.c.tables.claimsOf, companyKey(company), limit)
}

// Companies lists companies, Members members and Peers peers, in the order of their ids.
func (v View) Companies() []CompanyRow { return scan(v, v.c.tables.companies, nil, PageMax) }

// Members lists members.
func (v View) Members() []MemberRow { return scan(v, v.c.tables.members, nil, PageMax) }

// Peers lists all peers; PeersMax bounds them.
func (v View) Peers() []PeerRow { return scan(v, v.c.tables.peers, nil, PeersMax) }

// PeerByKey finds the peer that a signing key is pinned for.
func (v View) PeerByKey(keyID string) (PeerRow, bool) {
	rows := scanIndex(v, v.c.tables.peers, v.c.tables.byKey, text(keyID), 1)
	if len(rows) == 0 {
		return PeerRow{}, false
	}
	return rows[0], true
}

// ChainOpen lists chain rows that are not confirmed, ChainRows all of them, oldest first.
func (v View) ChainOpen(limit int) []ChainRow {
	return scanIndex(v, v.c.tables.chain, v.c.tables.chainOpen, nil, limit)
}

// ChainRows lists every chain row from a seq on, oldest first.
func (v View) ChainRows(from uint64, limit int) []ChainRow {
	var rows []ChainRow
	check(v.c.tables.chain.ScanIndexFrom(v.c.store, v.c.tables.chainSeq, nil, number(from),
		func(_ []byte, row ChainRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// Spend finds the chain row whose transaction spends a coin of ours.
func (v View) Spend(coin [36]byte) (ChainRow, bool) {
	rows := scanIndex(v, v.c.tables.chain, v.c.tables.bySpent, table.Key{}.Fixed(coin[:]), 1)
	if len(rows) == 0 {
		return ChainRow{}, false
	}
	return rows[0], true
}

// Days lists the newest closed days, newest first.
func (v View) Days(limit int) []DayRow {
	return scanIndex(v, v.c.tables.days, v.c.tables.daysDown, nil, limit)
}

// DaysOpen lists closed days whose checkpoint is not signed yet, oldest first.
func (v View) DaysOpen() []DayRow {
	return scanIndex(v, v.c.tables.days, v.c.tables.daysOpen, nil, PageMax)
}

// DayCovering is the first closed day whose checkpoint covers a leaf.
func (v View) DayCovering(leaf int64) (DayRow, bool) {
	var row DayRow
	var found bool
	check(v.c.tables.days.ScanIndexFrom(v.c.store, v.c.tables.daysBySize, nil,
		number(uint64(leaf)+1), func(_ []byte, r DayRow) bool {
			row, found = r, true
			return false
		}))
	return row, found
}

// Events lists what happened from a number on, oldest first.
func (v View) Events(from uint64, limit int) []EventRow {
	var rows []EventRow
	check(v.c.tables.events.ScanFrom(v.c.store, nil, number(from),
		func(_ []byte, row EventRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// EventsOf lists what belongs to a company or a member from a number on, oldest first.
func (v View) EventsOf(owner string, from uint64, limit int) []EventRow {
	var rows []EventRow
	prefix := table.Key{}.Text(owner)
	check(v.c.tables.events.ScanIndexFrom(v.c.store, v.c.tables.eventsBy, prefix,
		table.Key{}.Text(owner).Uint64(from), func(_ []byte, row EventRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// Leaf finds an audit leaf and Prove its inclusion in the tree of the first size leaves.
func (v View) Leaf(index int64) (LeafRow, bool) {
	return view(v, v.c.tables.leaves, uint64(index))
}

// Prove returns the inclusion proof of a leaf in the tree of the first size leaves.
func (v View) Prove(leaf, size int64) ([]merkle.Hash, error) {
	hashes, err := v.c.tree.Prove(leaf, size)
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d of %d: %w", leaf, size, err)
	}
	return hashes, nil
}

// Root is the root of the journal tree of the first size leaves.
func (v View) Root(size int64) (merkle.Hash, error) { return v.c.tree.RootAt(size) }

// Tile reads a C2SP tile of the journal tree.
func (v View) Tile(t merkle.Tile) ([]byte, error) { return v.c.tree.ReadTile(t) }

// Books is where the node stands with a peer in one currency.
type Books struct {
	Currency                      money.Currency
	Payable, Receivable, InFlight money.Amount
}

// Books returns what stands between the node and a peer, in the node's order of currencies.
func (v View) Books(peer string) []Books {
	var books []Books
	for _, currency := range v.Node().Currencies {
		b := Books{
			Currency: currency, Payable: money.New(currency, 0),
			Receivable: money.New(currency, 0), InFlight: money.New(currency, 0),
		}
		for _, row := range v.AccountsOf(OwnerNode, "") {
			if row.Detail != peer || row.Currency != currency {
				continue
			}
			account, _ := v.Balance(row.ID)
			balance, _ := account.Balance()
			switch row.Purpose {
			case PurposePayable:
				b.Payable = balance
			case PurposeReceivable:
				b.Receivable = balance
			case PurposeInFlight:
				b.InFlight = account.CreditsPending
			}
		}
		books = append(books, b)
	}
	return books
}

func view[K, V any](v View, t table.Table[K, V], key K) (V, bool) {
	row, ok, err := t.Get(v.c.store, key)
	check(err)
	return row, ok
}

func scan[K, V any](v View, t table.Table[K, V], prefix []byte, limit int) []V {
	var rows []V
	check(t.Scan(v.c.store, prefix, func(_ []byte, row V) bool {
		rows = append(rows, row)
		return len(rows) < limit
	}))
	return rows
}

func scanIndex[K, V any](v View, t table.Table[K, V], index table.Index[V], prefix []byte,
	limit int,
) []V {
	var rows []V
	check(t.ScanIndex(v.c.store, index, prefix, func(_ []byte, row V) bool {
		rows = append(rows, row)
		return len(rows) < limit
	}))
	return rows
}
