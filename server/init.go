package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"seyfert/auth"
	"seyfert/signer"
)

// Made is what Init tells the operator. Nothing in it is secret; the files are.
type Made struct {
	DID        string
	Thumbprint string
	// Scripts are the P2TR output scripts in hex that the first coins of the lanes pay to.
	Scripts []string
	// OperatorFile holds the operator's API key, BankFile the secret shared with the bank.
	OperatorFile, BankFile string
}

// lanesOffered is how many lane scripts Init shows: one for anchors, one for
// records.
const lanesOffered = 2

// Init makes a node's keys and secrets once. On a node that has them it changes nothing and
// tells the same, so that it may be asked again for the scripts to fund.
func Init(cfg Config, random io.Reader) (Made, error) {
	if err := cfg.validate(); err != nil {
		return Made{}, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return Made{}, err
	}
	_, err := os.Stat(cfg.keysDir())
	if errors.Is(err, fs.ErrNotExist) {
		if err := signer.Create(cfg.keysDir(), random, cfg.DID, cfg.Network); err != nil {
			return Made{}, fmt.Errorf("make keys: %w", err)
		}
	}
	if err := makeSecrets(cfg, random); err != nil {
		return Made{}, err
	}
	s, err := signer.Open(cfg.keysDir())
	if err != nil {
		return Made{}, err
	}
	defer s.Close()
	if s.DID() != cfg.DID || s.Network() != cfg.Network {
		return Made{}, fmt.Errorf("the keys in %s belong to %s on %s",
			cfg.keysDir(), s.DID(), s.Network())
	}
	made := Made{
		DID: s.DID(), Thumbprint: s.KeyID(),
		OperatorFile: cfg.operatorFile(), BankFile: cfg.bankFile(),
	}
	for n := range lanesOffered {
		made.Scripts = append(made.Scripts, hex.EncodeToString(s.LaneScript(n)))
	}
	return made, nil
}

// makeSecrets makes the operator's API key and the secret shared with the bank.
func makeSecrets(cfg Config, random io.Reader) error {
	operator, _, err := auth.NewKey(random, cfg.Network == networkMainnet)
	if err != nil {
		return err
	}
	if err := writeOnce(cfg.operatorFile(), string(operator)); err != nil {
		return err
	}
	secret := make([]byte, 32)
	if _, err := io.ReadFull(random, secret); err != nil {
		return err
	}
	return writeOnce(cfg.bankFile(), hex.EncodeToString(secret))
}

// writeOnce writes a secret file, unless there is one.
func writeOnce(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text+"\n")
	return errors.Join(err, f.Sync(), f.Close())
}
