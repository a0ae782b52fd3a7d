# Every target is one line of Go. Settings: T=30s (fuzz), SEED=, STEPS=, CYCLES=, ARGS=.
GO   ?= go
TOOL  = $(GO) tool -modfile=tools/go.mod
T    ?= 30s

# Rooms whose work is shared by goroutines; the others have none.
RACE  = $(patsubst %,./%/...,$(wildcard table journal signer mirror core chain peer auth rail node api web client server export sandbox))

.PHONY: check lint test race fuzz sim bench bench-peers run sandbox soak browser openapi

check: lint test ## everything that must hold before a commit

lint: ## format, vet, staticcheck
	@unformatted=$$($(TOOL) gofumpt -l .) && test -z "$$unformatted" || { echo "not gofumpt: $$unformatted"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

test: ## all tests; fetches what they need, or says what is skipped
	@$(GO) run -C tools ./fetch chromium curl npm postgres
	$(GO) test ./...
	$(GO) test -C tools ./...

race: ## the race detector where goroutines share something
	@$(GO) run -C tools ./fetch chromium gcc
	CGO_ENABLED=1 $(GO) test -race -short $(RACE)

fuzz: ## every fuzz target for T each
	$(GO) run -C tools ./fuzz $(T)

sim: ## deterministic simulation: SEED= and STEPS= choose the run
	$(GO) run ./cmd/seyfert simulate $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS))

bench: ## benchmarks beside the code
	$(GO) test -run='^$$' -bench=. -benchmem ./...

bench-peers: ## our speed beside PostgreSQL's on this disk: ARGS="-rounds 1 -only HTTP"
	@$(GO) run -C tools ./fetch postgres
	@$(GO) run -C tools ./benchpeers $(ARGS)

run: ## the program: make run ARGS="verify bundle.json"
	$(GO) run ./cmd/seyfert $(ARGS)

sandbox: ## two nodes, a shop, a bank and a chain on this machine
	$(GO) run ./cmd/seyfert sandbox $(ARGS)

soak: ## a long simulation from SEED, or one drawn and printed, CYCLES kills of processes, crashes of disks
	@seed=$(or $(SEED),$$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')); echo "soak: SEED=$$seed"; \
	$(GO) run ./cmd/seyfert simulate --steps $(or $(STEPS),1000000) --seed $$seed
	$(GO) test -count=1 -timeout=2h -run='^(TestKilled|TestBooksAreLinearizable|TestRollingRestart|TestReplicatedNodeTrades)$$' -v ./cmd/seyfert -args -cycles $(or $(CYCLES),100)
	$(GO) test -count=1 -timeout=2h -run='^Test(Crashes|ChangedBits|LostSyncs)$$' -v ./journal/wal -args -cycles 20000
	$(GO) test -count=1 -timeout=2h -run='^TestCrashCycles$$' -v ./journal -args -cycles 2000
	$(GO) test -count=1 -timeout=2h -run='^TestCrashes$$' -v ./table -args -cycles 5000
	$(GO) test -count=1 -timeout=2h -run='^TestWorlds$$' -v ./mirror -args -seeds 10000

browser: ## the pages in a real browser
	@$(GO) run -C tools ./fetch chromium
	$(GO) test -count=1 -run=Browser -v ./web/... ./sandbox/...

openapi: ## write openapi/ again from the code
	$(GO) test -count=1 -run=OpenAPI ./api -update
