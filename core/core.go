// Package core is the node's state machine: it applies journal entries, one after another, and
// turns each command into rows, ledger postings, audit leaves and outgoing messages that change
// together or not at all.
//
// It is a pure function of the journal. It never touches a clock, randomness, a secret key, the
// network or a file, and starts no goroutine: time and seed come with the entry, verified facts
// come in the command. The same journal gives the same state, byte for byte, on every replica and
// on every replay; StateHash is how that is checked. An entry is decided by Decide and written by
// a Seal, which may run beside the next Decide: seal.go says how.
//
// A command family has one file: setup, passkeys, sessions, wallet, offer, order, claim, channel,
// transfer, day, chain. Each loads rows, asks the pure rooms below (payment, clearing, ledger) and
// writes what they decide. Reads are in view.go.
package core

import (
	"fmt"

	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/merkle"
	"seyfert/table"
	"seyfert/wire"
)

// Core is the state of a node. It has one owner: nothing in it may be called while Apply, Decide,
// Freeze or Thaw runs.
type Core struct {
	tables schema
	stores Stores
	store  table.Store // stores.Tables
	book   *ledger.Book
	tree   *merkle.Tree
	ids    *ids
	// at is how far entries are decided, cursor how far they are written. They are the same once
	// under is done.
	at      position
	cursor  Cursor
	under   *Seal
	seals   [2]Seal // used in turns
	node    NodeRow // the row as the last entry left it
	posting posting
	scratch scratch
	// credentials are those read lately.
	credentials credentials
	// hashes are the state hashes after the last entries, each at its index modulo their number.
	hashes [HashesKept][32]byte
	// handlers is the constant table from command kind to handler.
	handlers map[uint16]handler
}

// scratch is memory that each seal uses again: tree hashes, history and leaves on their way.
type scratch struct{ hashes, history, leaf []byte }

// position is how far entries are decided.
type position struct {
	index, records uint64
	time           int64
}

// handler decides one command. A fault leaves nothing behind; any other problem is a
// programmer's error or broken storage and panics.
type handler func(s *step, c journal.Command) (answer any, refused *fault.Error)

// Open takes up the state that the stores and the book hold, which must be one cut: the same
// entry's. Empty stores and a new book are the state before the first entry.
func Open(stores Stores, book *ledger.Book) (*Core, error) {
	c := &Core{
		tables: newSchema(), stores: stores, store: stores.Tables, book: book,
		credentials: credentials{},
	}
	cursor, _, err := c.tables.cursor.Get(c.store, struct{}{})
	if err != nil {
		return nil, fmt.Errorf("read cursor: %w", err)
	}
	if err := stores.fits(cursor); err != nil {
		return nil, err
	}
	c.cursor, c.at = cursor, position{cursor.Index, cursor.Records, cursor.Time}
	if c.node, _, err = c.tables.node.Get(c.store, struct{}{}); err != nil {
		return nil, fmt.Errorf("read the node's row: %w", err)
	}
	if c.tree, err = merkle.NewTree(merkle.Filed{Records: stores.Hashes}, cursor.Leaves); err != nil {
		return nil, err
	}
	if c.ids, err = openIDs(&c.tables, c.store); err != nil {
		return nil, fmt.Errorf("read the newest id: %w", err)
	}
	c.handlers = handlers()
	return c, nil
}

func handlers() map[uint16]handler {
	return map[uint16]handler{
		KindConfigure:      configure,
		KindDescribe:       describe,
		KindTick:           tick,
		KindAddCompany:     addCompany,
		KindAddMember:      addMember,
		KindAddCredential:  addCredential,
		KindEndCredential:  endCredential,
		KindRedeemCode:     redeemCode,
		KindSignUp:         since(RulePasskeys, signUp),
		KindAddPasskey:     since(RulePasskeys, addPasskey),
		KindRemovePasskey:  since(RulePasskeys, removePasskey),
		KindUsePasskey:     since(RulePasskeys, usePasskey),
		KindSetRecovery:    since(RulePasskeys, setRecovery),
		KindUseRecovery:    since(RulePasskeys, useRecovery),
		KindEndSessions:    since(RulePasskeys, endSessions),
		KindOpenVirtual:    openVirtual,
		KindDeposit:        deposit,
		KindCreateOffer:    createOffer,
		KindApproveOrder:   approveOrder,
		KindPasskeyOrder:   since(RulePasskeys, passkeyOrder),
		KindSubmitClaim:    submitClaim,
		KindAddPeer:        addPeer,
		KindReceive:        receive,
		KindDelivered:      delivered,
		KindCloseDay:       closeDay,
		KindSignCheckpoint: signCheckpoint,
		KindStartChain:     startChain,
		KindSentChain:      sentChain,
		KindSeeChain:       seeChain,
		KindOpenAccounts:   openAccounts,
		KindSetAccount:     setAccount,
		KindPost:           post,
		KindAnnotate:       annotate,
		KindActivate:       activate,
		KindCompare:        compare,
	}
}

// since is a command that older rules do not know. Under them it is refused as programs refuse it
// that are older than the command.
func since(rule uint16, decide handler) handler {
	return func(s *step, c journal.Command) (any, *fault.Error) {
		if s.rule < rule {
			return nil, fault.New(fault.Invalid, "", "Command kind %d is not known.", c.Kind)
		}
		return decide(s, c)
	}
}

// Apply decides one entry and makes its changes permanent in the stores. index is the journal's
// count and must follow the last one. It implements journal.Machine.
func (c *Core) Apply(index uint64, e journal.Entry) []journal.Result {
	results, seal := c.Decide(index, e)
	if seal != nil {
		seal.Run()
	}
	return results
}

// Applied is the index of the last entry in the state.
func (c *Core) Applied() uint64 { return c.at.index }

// StateHash chains the write-set of every entry so far; equal journals give equal hashes.
func (c *Core) StateHash() [32]byte {
	c.Settle()
	return c.cursor.StateHash
}

// Time is the node's time: that of the last entry, which never runs backwards.
func (c *Core) Time() int64 { return c.at.time }

// Records is the number of history records in the state.
func (c *Core) Records() uint64 { return c.at.records }

// BookImage is the ledger's checkpoint image.
func (c *Core) BookImage() []byte { return c.book.Encode() }

// decode reads a command's body; a body that cannot be read was proposed by a faulty shell of
// this very version, and refusing it keeps the journal going.
func decode[T any](c journal.Command) (T, *fault.Error) {
	var body T
	if c.Version != CommandVersion {
		return body, fault.New(fault.Invalid, "", "Command version %d is not known.", c.Version)
	}
	if err := wire.Unmarshal(c.Body, &body); err != nil {
		return body, fault.New(fault.Invalid, "", "The command's body can't be read.")
	}
	return body, nil
}
