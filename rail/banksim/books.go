package banksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// books is what the bank remembers.
type books struct {
	Bank string `json:"bank"`
	// Issued counts the account numbers issued, Notices the notices ever made.
	Issued  int `json:"issued"`
	Notices int `json:"notices"`
	// Waiting are the notices that the node has not taken, oldest first.
	Waiting []deposit `json:"waiting"`
}

// deposit is cash that came in, and the notice of it.
type deposit struct {
	ID       string    `json:"id"`
	Number   string    `json:"number"`
	Currency string    `json:"currency"`
	Amount   string    `json:"amount"`
	At       time.Time `json:"at"`
}

// openBooks reads the books in a file; without a file, or without one yet, they are empty.
func openBooks(file, bank string) (books, error) {
	kept := books{Bank: bank, Waiting: []deposit{}}
	if file == "" {
		return kept, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return books{}, fmt.Errorf("read the bank's books: %w", err)
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		return books{}, fmt.Errorf("read the bank's books in %s: %w", file, err)
	}
	if kept.Bank != bank || kept.Issued < 0 || kept.Issued > PoolMax ||
		kept.Notices < len(kept.Waiting) || len(kept.Waiting) > WaitingMax {
		return books{}, fmt.Errorf("%s is not the books of %s", file, bank)
	}
	return kept, nil
}

// save replaces the file by these books, in one step, so that a crash leaves the old or the new.
func (k books) save(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("write the bank's books: %w", err)
	}
	next := file + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("write the bank's books: %w", err)
	}
	if err := os.Rename(next, file); err != nil {
		return fmt.Errorf("write the bank's books: %w", err)
	}
	return nil
}

func (k books) clone() books {
	k.Waiting = slices.Clone(k.Waiting)
	return k
}

// issued says whether a number is one of those issued.
func (k books) issued(number string) bool {
	digits := strings.ReplaceAll(number, "-", "")
	if len(digits) != numberDigits {
		return false
	}
	ordinal, err := strconv.Atoi(digits[len(branch) : len(digits)-1])
	return err == nil && 1 <= ordinal && ordinal <= k.Issued &&
		accountNumber(ordinal) == number
}

const (
	// branch opens every account number, and ordinalDigits count the accounts.
	branch        = "110"
	ordinalDigits = 6
	numberDigits  = len(branch) + ordinalDigits + 1
)

// accountNumber writes the nth account number of the pool, "110-000-001-7": the last digit is
// a Luhn check digit (ISO/IEC 7812-1), so that a mistyped number is no number of another.
func accountNumber(n int) string {
	digits := branch + fmt.Sprintf("%0*d", ordinalDigits, n)
	return digits[:3] + "-" + digits[3:6] + "-" + digits[6:] + "-" + string(luhn(digits))
}

// luhn is the digit that makes a row of digits pass the Luhn check.
func luhn(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return byte('0' + (10-sum%10)%10)
}
