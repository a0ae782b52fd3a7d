// Command claim shows how a shop signs with the Go SDK: it makes the key that the shop's offers
// name, and the claim of a receipt that a customer brought.
//
//	claim -key FILE                              make the key if there is none; print its public half
//	claim -key FILE -offer JWS -receipt TEXT     print the claim to POST to /v1/claims
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"seyfert/client"
	"seyfert/money"
)

func main() {
	file := flag.String("key", "shop.key", "file of the shop's key")
	offer := flag.String("offer", "", "the offer, as POST /v1/offers answered it")
	receipt := flag.String("receipt", "", "the receipt that the customer brought")
	value := flag.Uint64("won", 15_000, "the offer's amount in won")
	flag.Parse()
	if err := run(*file, *offer, *receipt, money.New(money.KRW, *value)); err != nil {
		fmt.Fprintln(os.Stderr, "claim:", err)
		os.Exit(1)
	}
}

func run(file, offer, receipt string, amount money.Amount) error {
	key, err := readKey(file)
	if err != nil {
		return err
	}
	if offer == "" {
		fmt.Println(client.PayeeKey(key.Public().(ed25519.PublicKey)))
		return nil
	}
	claim, err := client.SignClaim(key, rand.Reader, time.Now(), offer, receipt, amount)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(claim)
}

// readKey reads the shop's key, or makes one that only its owner may read.
func readKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return key, os.WriteFile(file, []byte(hex.EncodeToString(key.Seed())+"\n"), 0o600)
	}
	if err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s does not hold a key", file)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
