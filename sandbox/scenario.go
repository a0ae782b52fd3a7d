package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"seyfert/client"
	"seyfert/money"
)

// Stage is what a scenario is played on: two nodes known by their URLs and their operators'
// keys, a bank and a miner. The sandbox is one; nodes in processes of their own are another.
type Stage struct {
	Seoul, Tokyo Actor
	// Issue gets an account number from the bank for a wallet of seoul.
	Issue func() (bank, number string, err error)
	// Pay makes the bank announce a deposit to seoul.
	Pay func(ctx context.Context, number string, amount money.Amount) error
	// Mine mines blocks.
	Mine func(ctx context.Context, blocks int) error
	// Dir is where the proofs are written.
	Dir string
}

// Actor is one node, seen from outside.
type Actor struct {
	URL        string
	Thumbprint string
	Operator   *client.Client
}

// Result is what a scenario reports. It is ok only if every check of every step held.
type Result struct {
	Scenario string            `json:"scenario"`
	OK       bool              `json:"ok"`
	Steps    []StepResult      `json:"steps"`
	Payment  *PaymentResult    `json:"payment,omitempty"`
	Balances map[string]string `json:"balances"`
	Anchor   *AnchorResult     `json:"anchor,omitempty"`
	Bundle   string            `json:"bundle"`
	Headers  string            `json:"headers"`
}

// StepResult is one step; MS is how long it took in milliseconds.
type StepResult struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	MS     int64  `json:"ms"`
	Detail string `json:"detail"`
}

// PaymentResult names the payment that went through.
type PaymentResult struct {
	Offer    string       `json:"offer"`
	Order    string       `json:"order"`
	Claim    string       `json:"claim"`
	Transfer string       `json:"transfer"`
	Amount   money.Amount `json:"amount"`
	State    string       `json:"state"`
}

// AnchorResult is where the payer's node anchored the day of the payment.
type AnchorResult struct {
	Network       string `json:"network"`
	TxID          string `json:"txid"`
	Height        int64  `json:"height"`
	Confirmations int64  `json:"confirmations"`
}

// Scenarios lists what can be played.
func Scenarios() []string { return []string{"checkout"} }

// Play plays a scenario on a stage and prints each step with its time. An error means that
// the scenario is not known; a failed step is told in the result.
func Play(ctx context.Context, name string, stage Stage, out io.Writer) (Result, error) {
	if name != "checkout" {
		return Result{}, fmt.Errorf("there is no scenario %q; there are %q", name, Scenarios())
	}
	p := &play{
		stage: stage, out: out,
		result: Result{Scenario: name, OK: true, Balances: map[string]string{}},
	}
	for _, step := range p.checkout() {
		if !p.step(ctx, step) {
			break
		}
	}
	return p.result, nil
}

// step is one named part of a scenario; it returns what it saw, in words.
type step struct {
	name string
	play func(ctx context.Context) (string, error)
}

// step plays one step and writes down how it went.
func (p *play) step(ctx context.Context, s step) bool {
	start := time.Now()
	detail, err := s.play(ctx)
	took := time.Since(start)
	mark := "ok  "
	if err != nil {
		mark, detail, p.result.OK = "FAIL", err.Error(), false
	}
	p.result.Steps = append(p.result.Steps, StepResult{
		Name: s.name, OK: err == nil, MS: took.Milliseconds(), Detail: detail,
	})
	fmt.Fprintf(p.out, "%s %6d ms  %-22s %s\n", mark, took.Milliseconds(), s.name, detail)
	return err == nil
}

// WriteResult writes the result as JSON.
func WriteResult(path string, r Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Stage makes the world a stage; proofs are written to dir.
func (w *World) Stage(dir string) Stage {
	actor := func(p *Place) Actor {
		return Actor{URL: p.URL, Thumbprint: p.Thumbprint, Operator: p.Operator}
	}
	return Stage{
		Seoul: actor(w.Seoul), Tokyo: actor(w.Tokyo), Dir: dir,
		Issue: func() (string, string, error) { return w.issue() },
		Pay:   w.pay,
		Mine:  w.Mine,
	}
}

// keep writes a file of the proof.
func (p *play) keep(name string, data []byte) (string, error) {
	path := filepath.Join(p.stage.Dir, name)
	return path, os.WriteFile(path, data, 0o644)
}

// expect turns a comparison into a step's error.
func expect[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s is %v, not %v", what, got, want)
}

// all joins what went wrong in a step.
func all(errs ...error) error { return errors.Join(errs...) }
