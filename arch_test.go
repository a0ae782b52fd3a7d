package seyfert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors is the plan of the house: a room imports only rooms on a strictly lower floor.
// ARCHITECTURE.md draws the same table; both change in one commit.
var floors = map[string]int{
	"fault":  0, // the one error that callers are told
	"money":  0, // amounts, currencies, rounding, splits
	"wire":   0, // canonical bytes, ids, signed and sealed envelopes, on-chain layouts
	"merkle": 0, // the journal tree, checkpoints, proofs
	"spv":    0, // Bitcoin headers, work and transactions checked by ourselves
	"table":  0, // typed tables and transactions over Pebble and memory
	"egress": 0, // the one client for requests that leave a node

	"journal/wal": 0, // raft's log on disk

	"ledger":  1, // double entry in RAM
	"journal": 1, // the durable ordered log
	"signer":  1, // keys, and what may be signed with them

	"payment":  2, // offers, orders, receipts, claims, the match
	"clearing": 2, // transfers and obligations between nodes
	"proof":    2, // the leaves and bundles that prove what happened
	"mirror":   2, // the signer journal and members' keys on several replicas
	"identity": 2, // credentials, pairwise ids, match codes, hand-over

	"core":         3, // the deterministic state machine
	"chain":        3, // Bitcoin behind a small interface
	"peer":         3, // transport between nodes
	"auth":         3, // API keys, sessions, throttles
	"passkey":      3, // questions to authenticators, and their answers
	"rail/bank":    3, // deposit notices of a bank
	"rail/banksim": 3, // a simulated bank, which shares no code with it

	"node": 4, // the shell around core

	"api":    5, // the JSON API
	"web":    5, // the pages
	"verify": 5, // offline checks of proof bundles
	"client": 5, // the Go client of the API

	"server": 6, // the wiring of a node's process
	"export": 6, // copies of a node's books

	"bench":   7, // what a node takes of time, processor and disk
	"sandbox": 7, // the test bed
	"simtest": 7, // nodes in one thread from one seed
	"interop": 7, // our formats and other people's programs

	"cmd/seyfert":    8, // flags and configuration
	"examples/claim": 8, // a shop's signature with the Go SDK
	"examples/books": 8, // a company's books with the Go SDK

	".": 9, // this package: its tests may see the whole house
}

// never lists imports that a room refuses although its floor would allow them. An entry ends
// in "/..." when it covers everything below it. Tests are held to floors and refusals as well,
// but for those of floor 5 and up: they look at whole nodes from outside.
var never = map[string][]string{
	"spv":  {"github.com/btcsuite/..."},
	"core": {"seyfert/egress", "seyfert/signer", "net/http"},
	"verify": {
		"seyfert/core", "seyfert/chain", "seyfert/peer", "seyfert/auth", "seyfert/node",
		"seyfert/rail/...",
	},
	"api":    {"seyfert/core", "seyfert/table", "seyfert/journal"},
	"web":    {"seyfert/core", "seyfert/table", "seyfert/ledger", "seyfert/journal"},
	"client": {"seyfert/core", "seyfert/table", "seyfert/node"},
	"export": {"seyfert/core", "seyfert/table", "seyfert/node"},
}

// pure lists the rooms that do no input or output of their own: the same call gives the same
// answer on every machine.
var pure = []string{
	"fault", "money", "wire", "merkle", "spv", "ledger", "payment", "clearing",
	"proof", "identity", "core",
}

// TestFloors holds the house to its plan.
func TestFloors(t *testing.T) {
	faults, warnings := inspect(".", floors)
	for _, w := range warnings {
		t.Log("warning: " + w)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

// plant is one file of a small house with one thing wrong in it.
type plant struct {
	name, path, text, want string
}

// plants has one case for each rule that inspect enforces.
var plants = []plant{
	{
		"a higher floor", "money/x.go", `import _ "seyfert/core"`,
		"money/x.go: floor 0 imports seyfert/core on floor 3",
	},
	{
		"the same floor", "money/x.go", `import _ "seyfert/wire"`,
		"money/x.go: floor 0 imports seyfert/wire on floor 0",
	},
	{
		"a higher floor from a test", "money/x_test.go", `import _ "seyfert/core"`,
		"money/x_test.go: floor 0 imports seyfert/core on floor 3",
	},
	{
		"an unknown room", "core/x.go", `import _ "seyfert/attic"`,
		"core/x.go: imports seyfert/attic, which has no floor",
	},
	{
		"a room without a floor", "attic/attic.go", "",
		"attic: no floor in arch_test.go",
	},
	{
		"a name that says nothing", "util/util.go", "",
		`util: the name "util" says nothing about the domain`,
	},
	{
		"a refused import", "spv/x.go", `import _ "github.com/btcsuite/btcd/wire"`,
		"spv/x.go: spv never imports github.com/btcsuite/btcd/wire",
	},
	{
		"input and output in a pure room", "wire/x.go", `import _ "os"`,
		"wire/x.go: a pure room never imports os",
	},
	{
		"the clock", "money/x.go", "import clock \"time\"\nvar now = clock.Now",
		"money/x.go:4: reads the clock (time.Now)",
	},
	{
		"the clock in core", "core/x.go", "import \"time\"\nvar now = time.Since(time.Time{})",
		"core/x.go:4: reads the clock (time.Since)",
	},
	{
		"chance", "core/x.go", `import _ "math/rand/v2"`,
		"core/x.go: imports math/rand/v2: randomness is passed in",
	},
	{
		"chance of the system", "core/x.go", `import _ "crypto/rand"`,
		"core/x.go: imports crypto/rand: randomness is passed in",
	},
	{
		"a goroutine in core", "core/x.go", "func f() { go f() }",
		"core/x.go:3: starts a goroutine",
	},
	{
		"a timer in core", "core/x.go", "import \"time\"\nvar later = time.After",
		"core/x.go:4: reads the clock (time.After)",
	},
	{
		"the network in core", "core/x.go", `import _ "net/http"`,
		"core/x.go: core never imports net/http",
	},
	{
		"a key in core", "core/x.go", `import _ "seyfert/signer"`,
		"core/x.go: core never imports seyfert/signer",
	},
	{
		"a float", "money/x.go", "type rate float64",
		"money/x.go:3: uses float64",
	},
	{
		"a float literal", "wire/x.go", "const rate = 1.5",
		"wire/x.go:3: uses the float 1.5",
	},
	{
		"a long file", "core/x.go", strings.Repeat("// A line.\n", linesMax),
		fmt.Sprintf("core/x.go: %d lines, the most is %d", linesMax+3, linesMax),
	},
	{
		"init", "core/x.go", "func init() {}",
		"core/x.go:3: has an init function",
	},
	{
		"another name than its folder", "core/x.go", "package heart",
		"core/x.go: package heart in folder core",
	},
}

// TestFloorsCatch plants each fault in a house that is sound without it.
func TestFloorsCatch(t *testing.T) {
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			house := mustBuildHouse(t)
			mustPlant(t, house, p.path, p.text)
			faults, _ := inspect(house, planted)
			if !slices.Contains(faults, p.want) {
				t.Errorf("want %q, have %q", p.want, faults)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		if faults, _ := inspect(mustBuildHouse(t), planted); len(faults) != 0 {
			t.Errorf("a sound house has faults: %q", faults)
		}
	})
	t.Run("a room without a doc comment", func(t *testing.T) {
		house := mustBuildHouse(t)
		mustWrite(t, house, "core/core.go", "package core\n")
		faults, _ := inspect(house, planted)
		want := "core: no doc comment that starts with \"Package core\""
		if !slices.Contains(faults, want) {
			t.Errorf("want %q, have %q", want, faults)
		}
	})
}

// planted is the plan of the house that plants are set in.
var planted = map[string]int{"money": 0, "wire": 0, "spv": 0, "core": 3}

// mustBuildHouse writes one sound file for each room of planted.
func mustBuildHouse(tb testing.TB) string {
	tb.Helper()
	house := tb.TempDir()
	for room := range planted {
		text := fmt.Sprintf("// Package %s is a room.\npackage %s\n", room, room)
		mustWrite(tb, house, room+"/"+room+".go", text)
	}
	return house
}

// mustPlant adds a file with the given text to a room, with a doc comment if it is the first.
func mustPlant(tb testing.TB, house, path, text string) {
	tb.Helper()
	room := filepath.Dir(path)
	clause := "package " + room
	if strings.HasSuffix(path, "_test.go") {
		clause += "_test"
	}
	if strings.HasPrefix(text, "package ") {
		clause, text = text, ""
	}
	if _, err := os.Stat(filepath.Join(house, room)); err != nil {
		clause = fmt.Sprintf("// Package %s is a room.\n%s", room, clause)
	}
	mustWrite(tb, house, path, clause+"\n\n"+text+"\n")
}

func mustWrite(tb testing.TB, house, path, text string) {
	tb.Helper()
	full := filepath.Join(house, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
