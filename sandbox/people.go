package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seyfert/client"
	"seyfert/egress"
	"seyfert/money"
	"seyfert/rail/banksim"
)

// saved is what the world must remember between starts beside what the nodes keep: who is who,
// and the shop's keys. It is written when all of it exists, with mode 0600.
type saved struct {
	Customer Customer     `json:"customer"`
	Shop     shopIdentity `json:"shop"`
}

// shopIdentity is the demo shop's account at tokyo.
type shopIdentity struct {
	Company string `json:"company"`
	APIKey  string `json:"api_key"`
	KeySeed string `json:"key_seed"`
}

// bankName is the simulated bank's.
const bankName = "한강은행 Hangang Bank"

// shopName is the demo shop's company at tokyo.
const shopName = "神田紙店 Kanda Paper"

// newClient speaks to a node of the world; *.localhost is loopback.
func newClient(url, key string) *client.Client {
	out := egress.New(egress.Policy{Loopback: true, Timeout: 40 * time.Second})
	return client.New(client.Config{URL: url, Key: key, HTTP: out.HTTP()})
}

// people takes up who lives in the world, or lets them move in the first time.
func (w *World) people(ctx context.Context) error {
	secret, err := os.ReadFile(filepath.Join(w.Seoul.Dir, "bank.secret"))
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(secret)))
	if err != nil {
		return err
	}
	out := egress.New(egress.Policy{Loopback: true})
	w.Bank, err = banksim.New(banksim.Config{
		Name: bankName, URL: w.Seoul.URL + "/rail/bank/notices", Secret: key,
		File: filepath.Join(w.cfg.Dir, "bank.json"), HTTP: out.HTTP(), Now: w.cfg.Now,
	})
	if err != nil {
		return fmt.Errorf("open the bank: %w", err)
	}
	file := filepath.Join(w.cfg.Dir, "world.json")
	var s saved
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
	case errors.Is(err, fs.ErrNotExist):
		if s, err = w.moveIn(ctx); err != nil {
			return fmt.Errorf("make the first customer and shop: %w", err)
		}
		if text, err = json.MarshalIndent(s, "", "  "); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
	default:
		return err
	}
	w.Customer = s.Customer
	if w.Shop, err = newShop(w, s.Shop); err != nil {
		return err
	}
	w.Tokyo.testKey.Store(&testKey{shopName, s.Shop.APIKey})
	return nil
}

// moveIn makes the customer and the shop through the operators' APIs.
func (w *World) moveIn(ctx context.Context) (saved, error) {
	company, err := w.Tokyo.Operator.CreateCompany(ctx, shopName)
	if err != nil {
		return saved{}, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return saved{}, err
	}
	s := saved{Shop: shopIdentity{
		Company: company.Company.ID, APIKey: company.APIKey,
		KeySeed: hex.EncodeToString(key.Seed()),
	}}
	member, err := w.Seoul.Operator.CreateMember(ctx, "김민지 Kim Minji")
	if err != nil {
		return saved{}, err
	}
	bank, number, err := w.issue()
	if err != nil {
		return saved{}, err
	}
	_, err = w.Seoul.Operator.OpenVirtualAccount(ctx, client.VirtualAccount{
		Rail: "bank", Bank: bank, Number: number, Currency: "KRW", Owner: member.ID,
	})
	if err != nil {
		return saved{}, err
	}
	s.Customer = Customer{Member: member.ID, Name: member.Name, Bank: bank, Number: number}
	if !w.cfg.Bare {
		err = w.pay(ctx, number, money.New(money.KRW, DepositKRW))
	}
	return s, err
}

// issue gets a virtual account number from the bank's pool.
func (w *World) issue() (bank, number string, err error) {
	number, err = w.Bank.Issue()
	return bankName, number, err
}

// pay makes the bank announce a deposit to a number.
func (w *World) pay(ctx context.Context, number string, amount money.Amount) error {
	return w.Bank.Deposit(ctx, number, amount)
}
