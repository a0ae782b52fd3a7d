// Package banksim is a simulated bank for the sandbox and for tests: it issues account numbers
// to one node, takes cash in on them and tells the node by signed notices, again and again
// until the node has taken each of them.
//
// It was written from the description of the notice and shares no code with the room that
// reads it, so that a mistake in one is not repeated in the other. It never touches a node but
// by HTTP, and it never moves money that is worth anything.
package banksim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"seyfert/money"
)

const (
	// PoolMax is how many account numbers one bank can issue.
	PoolMax = 100_000
	// WaitingMax bounds the notices that the node has not taken yet.
	WaitingMax = 10_000
	// AnswerBytesMax bounds how much of the node's answer is read.
	AnswerBytesMax = 4 << 10

	retryFirst = 200 * time.Millisecond
	retryMax   = 10 * time.Second
)

// What the bank refuses.
var (
	// ErrPool says that every number of the pool has been issued.
	ErrPool = errors.New("banksim: no account number is left")
	// ErrNumber says that cash came for a number that the bank has not issued.
	ErrNumber = errors.New("banksim: account number not issued")
	// ErrAmount says that there is no cash in a deposit.
	ErrAmount = errors.New("banksim: deposit of nothing")
	// ErrWaiting says that too many notices wait for the node.
	ErrWaiting = errors.New("banksim: too many notices wait")
)

// Config is what a Bank is made of.
type Config struct {
	// Name is the bank's code in its notices, such as "hangang".
	Name string
	// URL is where the node takes notices, Secret what both sign them with.
	URL    string
	Secret []byte
	// File keeps the bank's books between starts; empty keeps them in memory only.
	File string
	// HTTP sends the notices.
	HTTP *http.Client
	// Now is the bank's clock.
	Now func() time.Time
}

// Faults are what the bank can be told to do wrong.
type Faults struct {
	// Duplicate sends each notice twice.
	Duplicate bool
	// Delay lets so much time pass between the cash and its notice.
	Delay time.Duration
}

// Bank is one simulated bank. It is safe for concurrent use.
type Bank struct {
	cfg Config
	// wake tells Run that there is a new notice.
	wake chan struct{}
	// sendMu lets one goroutine at a time send, so that notices keep their order.
	sendMu sync.Mutex

	mu     sync.Mutex // guards books and faults
	books  books
	faults Faults
}

// New opens a bank with the books in its file, if there are any. The error says that the file
// cannot be read or is no books of this bank.
func New(cfg Config) (*Bank, error) {
	if cfg.Name == "" || cfg.URL == "" || len(cfg.Secret) == 0 || cfg.HTTP == nil ||
		cfg.Now == nil {
		return nil, errors.New("banksim: name, URL, secret, HTTP client and clock are needed")
	}
	b := &Bank{cfg: cfg, wake: make(chan struct{}, 1)}
	kept, err := openBooks(cfg.File, cfg.Name)
	if err != nil {
		return nil, err
	}
	b.books = kept
	return b, nil
}

// SetFaults changes what the bank does wrong from now on.
func (b *Bank) SetFaults(f Faults) {
	b.mu.Lock()
	b.faults = f
	b.mu.Unlock()
	b.signal()
}

// Issue gives a new account number from the pool. Errors: ErrPool, or the file's.
func (b *Bank) Issue() (number string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.books.Issued == PoolMax {
		return "", ErrPool
	}
	if err := b.change(func(kept *books) { kept.Issued++ }); err != nil {
		return "", err
	}
	return accountNumber(b.books.Issued), nil
}

// Deposit takes cash in on an issued number and tries to tell the node once; Run tells it again
// until it has heard. The error says that the cash was not taken: ErrNumber, ErrAmount,
// ErrWaiting, or the file's.
func (b *Bank) Deposit(ctx context.Context, number string, amount money.Amount) error {
	if amount.IsZero() {
		return ErrAmount
	}
	b.mu.Lock()
	err := b.book(number, amount)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	b.Deliver(ctx) // a node that does not answer now will be told again
	b.signal()
	return nil
}

// book writes a deposit into the books; the caller holds mu.
func (b *Bank) book(number string, amount money.Amount) error {
	if !b.books.issued(number) {
		return fmt.Errorf("%w: %.40q", ErrNumber, number)
	}
	if len(b.books.Waiting) == WaitingMax {
		return ErrWaiting
	}
	return b.change(func(kept *books) {
		kept.Notices++
		kept.Waiting = append(kept.Waiting, deposit{
			ID: fmt.Sprintf("%s-%08d", b.cfg.Name, kept.Notices), Number: number,
			Currency: amount.Currency().Code(), Amount: amount.Decimal(), At: b.cfg.Now(),
		})
	})
}

// change writes changed books to the file before they count; the caller holds mu.
func (b *Bank) change(edit func(kept *books)) error {
	next := b.books.clone()
	edit(&next)
	if err := next.save(b.cfg.File); err != nil {
		return err
	}
	b.books = next
	return nil
}

// Waiting counts the notices that the node has not taken yet.
func (b *Bank) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.books.Waiting)
}

// Deliver sends each notice that is due, in order, until one is not taken. It returns how many
// were taken, and why the next was not.
func (b *Bank) Deliver(ctx context.Context) (taken int, err error) {
	b.sendMu.Lock()
	defer b.sendMu.Unlock()
	for {
		next, duplicate, due := b.next()
		if !due {
			return taken, nil
		}
		if err := b.send(ctx, next); err != nil {
			return taken, err
		}
		if duplicate {
			if err := b.send(ctx, next); err != nil {
				return taken, err
			}
		}
		if err := b.taken(next.ID); err != nil {
			return taken, err
		}
		taken++
	}
}

// next is the first notice that waits, if it is due.
func (b *Bank) next() (d deposit, duplicate, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.books.Waiting) == 0 {
		return deposit{}, false, false
	}
	d = b.books.Waiting[0]
	return d, b.faults.Duplicate, b.cfg.Now().Sub(d.At) >= b.faults.Delay
}

// taken strikes the first notice off.
func (b *Bank) taken(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.books.Waiting) == 0 || b.books.Waiting[0].ID != id {
		panic("banksim: another goroutine struck a notice off")
	}
	return b.change(func(kept *books) { kept.Waiting = kept.Waiting[1:] })
}

// Run tells the node until ctx ends.
func (b *Bank) Run(ctx context.Context) {
	pause := retryFirst
	for ctx.Err() == nil {
		if _, err := b.Deliver(ctx); err != nil {
			pause = min(2*pause, retryMax)
		} else {
			pause = retryFirst
		}
		timer := time.NewTimer(pause)
		if b.Waiting() == 0 {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// signal wakes Run; one signal that waits is enough.
func (b *Bank) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// document is a notice as the node is told.
type document struct {
	ID        string `json:"notice_id"`
	Bank      string `json:"bank"`
	Number    string `json:"account_number"`
	Currency  string `json:"currency"`
	Amount    string `json:"amount"`
	ValueDate string `json:"value_date"`
}

// send signs and sends one notice. Anything but a 2xx is an error: the node may not have it.
func (b *Bank) send(ctx context.Context, d deposit) error {
	body, err := json.Marshal(document{
		ID: d.ID, Bank: b.cfg.Name, Number: d.Number, Currency: d.Currency, Amount: d.Amount,
		ValueDate: d.At.UTC().Format(time.DateOnly),
	})
	if err != nil {
		return fmt.Errorf("write notice %s: %w", d.ID, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send notice %s: %w", d.ID, err)
	}
	at := strconv.FormatInt(b.cfg.Now().Unix(), 10)
	mac := hmac.New(sha256.New, b.cfg.Secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Bank-Timestamp", at)
	r.Header.Set("X-Bank-Signature", hex.EncodeToString(mac.Sum(nil)))
	answer, err := b.cfg.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("send notice %s: %w", d.ID, err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, AnswerBytesMax))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("send notice %s: the node answers %d", d.ID, answer.StatusCode)
	}
	return nil
}
