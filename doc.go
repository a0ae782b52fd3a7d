// Package seyfert is an open payments platform that an institution runs as a node: one binary
// with its wallets, its double-entry ledger, push payments and clearing with other nodes.
//
// Nodes trade with each other directly and write what they owe each other, encrypted, to the
// Bitcoin blockchain, from which anyone entitled to it can recompute and prove it offline.
//
// The package itself holds no code. The rooms are its folders, each opened by a comment that
// says what it is and what it never touches; ARCHITECTURE.md draws their floors, and
// arch_test.go holds every import to them. The program is cmd/seyfert:
//
//	go run ./cmd/seyfert sandbox
package seyfert
