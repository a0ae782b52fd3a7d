package core_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/ledger"
	"seyfert/wire"
)

// start is the time of the first entry, in Unix milliseconds.
const start = 1_795_000_000_000

// machine is one core under test and the shell that its commands would come from. Signatures
// are real where core reads them; what a shell verifies is told as facts.
type machine struct {
	t       testing.TB
	did     string
	key     ed25519.PrivateKey
	stores  *core.Memory
	core    *core.Core
	now     int64
	entries [][]byte
	ids     uint32
	// carried is how far each peer has been told our messages.
	carried map[string]uint64
}

func newMachine(t testing.TB, name string) *machine {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	m := &machine{
		t: t, did: "did:web:" + name + ".example", key: ed25519.NewKeyFromSeed(seed[:]),
		now: start, carried: map[string]uint64{},
	}
	m.open()
	return m
}

// open begins a core without any entry.
func (m *machine) open() {
	m.t.Helper()
	m.stores = core.NewMemory()
	var err error
	m.core, err = core.Open(m.stores.Stores(), ledger.NewBook())
	if err != nil {
		m.t.Fatal(err)
	}
}

// entry applies commands as one entry, a second after the last.
func (m *machine) entry(commands ...journal.Command) []journal.Result {
	m.t.Helper()
	m.now += 1000
	index := uint64(len(m.entries)) + 1
	seed := sha256.Sum256([]byte{byte(index), byte(index >> 8)})
	data := journal.Entry{
		Header: journal.Header{
			Format: journal.Format, Node: m.did, Time: m.now, Rule: core.RuleFirst, Seed: seed,
		},
		Commands: commands,
	}.Encode()
	m.entries = append(m.entries, data)
	e, err := journal.DecodeEntry(data)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.core.Apply(index, e)
}

func command(kind uint16, by journal.Principal, body any) journal.Command {
	return journal.Command{
		Kind: kind, Version: core.CommandVersion, Principal: by, Body: wire.MustMarshal(body),
	}
}

// do applies a command that must be carried out, and reads its answer.
func do[T any](m *machine, kind uint16, by journal.Principal, body any) (answer T) {
	m.t.Helper()
	result := m.entry(command(kind, by, body))[0]
	if result.Fault != nil {
		m.t.Fatalf("command %d: %v", kind, result.Fault)
	}
	if err := wire.Unmarshal(result.Body, &answer); err != nil {
		m.t.Fatal(err)
	}
	return answer
}

// refused applies a command that must be refused, and checks that it left nothing behind.
func (m *machine) refused(kind uint16, by journal.Principal, body any) *fault.Error {
	m.t.Helper()
	return m.refusedCommand(command(kind, by, body))
}

func (m *machine) refusedCommand(c journal.Command) *fault.Error {
	m.t.Helper()
	before := m.picture()
	result := m.entry(c)[0]
	if result.Fault == nil {
		m.t.Fatalf("command %d of %v was carried out", c.Kind, c.Principal)
	}
	if after := m.picture(); after != before {
		m.t.Fatalf("refused command %d left something behind", c.Kind)
	}
	return result.Fault
}

// picture is the state without how far the journal has come.
func (m *machine) picture() string {
	m.t.Helper()
	sum := sha256.New()
	err := m.stores.Tables.Scan(nil, nil, func(key, value []byte) bool {
		if key[0] != cursorPrefix {
			sum.Write(wire.MustMarshal([][]byte{key, value}))
		}
		return true
	})
	if err != nil {
		m.t.Fatal(err)
	}
	sum.Write(m.core.BookImage())
	return hex.EncodeToString(sum.Sum(nil))
}

// cursorPrefix is the table that holds how far the state has come.
const cursorPrefix = 2

// replay applies the same entries to a new core.
func (m *machine) replay() *machine {
	m.t.Helper()
	again := &machine{t: m.t, did: m.did, key: m.key, now: m.now, entries: slices.Clone(m.entries)}
	again.open()
	for i, data := range m.entries {
		e, err := journal.DecodeEntry(data)
		if err != nil {
			m.t.Fatal(err)
		}
		again.core.Apply(uint64(i)+1, e)
	}
	return again
}

// id makes the next id of a kind.
func id[K wire.Kind](m *machine) wire.ID[K] {
	m.ids++
	var random [10]byte
	binary.BigEndian.PutUint32(random[:], m.ids)
	return wire.NewID[K](m.now, random)
}

func (m *machine) keyID() string {
	return wire.Thumbprint(m.key.Public().(ed25519.PublicKey))
}

func (m *machine) sign(typ string, payload []byte) string {
	return wire.JWS{
		Typ: typ, KeyID: m.keyID(), Payload: payload,
		Signature: ed25519.Sign(m.key, wire.JWSInput(typ, m.keyID(), payload)),
	}.Compact()
}

// The principals of the tests.
func system() journal.Principal {
	return journal.Principal{Kind: journal.System, ID: core.OwnerNode}
}

func bank() journal.Principal { return journal.Principal{Kind: journal.Rail, ID: "bank"} }

// secret is the hash of a key, session or code with a name.
func secret(name string) [32]byte { return sha256.Sum256([]byte(name)) }

func principal(kind journal.PrincipalKind, subject, name string) journal.Principal {
	hash := secret(name)
	return journal.Principal{Kind: kind, ID: subject, Key: hex.EncodeToString(hash[:])}
}

func operator() journal.Principal { return principal(journal.Operator, core.OwnerNode, "operator") }

// channelName is the name of every channel here; core compares it and no more.
var channelName = strings.Repeat("ab", 32)
