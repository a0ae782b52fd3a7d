package server

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seyfert/journal"
)

// What a replica has of its own, beside the node's keys: its key, and whom it trusted when it
// joined.

// replicaKeyFormat is the one line of a replica's key file: the Ed25519 seed in hex.
const replicaKeyFormat = "seyfert key 1 replica.key %x\n"

func (c Config) replicaKeyFile() string { return filepath.Join(c.keysDir(), "replica.key") }
func (c Config) joinedFile() string     { return filepath.Join(c.Dir, "joined.json") }

// replicaKey reads the key of this replica, or makes it. The directory for keys must be there.
func replicaKey(cfg Config, random io.Reader) (ed25519.PrivateKey, error) {
	path := cfg.replicaKeyFile()
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeReplicaKey(path, random)
	}
	if err != nil {
		return nil, fmt.Errorf("the replica's key: %w", err)
	}
	prefix := fmt.Sprintf(strings.TrimSuffix(replicaKeyFormat, "\n"), "")
	digits, ok := strings.CutPrefix(text, prefix)
	seed, err := hex.DecodeString(digits)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s is not one line that reads %q and %d hex digits: put back its "+
			"backup; without one take this replica out of the node (seyfert replica remove) and "+
			"let the machine join anew in an empty directory", path, prefix, 2*ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func makeReplicaKey(path string, random io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("make the replica's key: %w", err)
	}
	if err := replaceFile(path, fmt.Appendf(nil, replicaKeyFormat, seed)); err != nil {
		return nil, fmt.Errorf("make the replica's key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// replaceFile writes a file that this user alone may read, whole or not at all, durably.
func replaceFile(path string, data []byte) error {
	half := path + ".half"
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(half, path), syncDir(filepath.Dir(path)))
}

// joinedRecord is what a joined replica keeps of the members that were there when it joined: it
// trusts them until its own journal says who the members are.
type joinedRecord struct {
	Members []memberRecord `json:"members"`
}

type memberRecord struct {
	ID      journal.ReplicaID `json:"id"`
	Address string            `json:"address"`
}

func recordsOf(members []journal.Replica) []memberRecord {
	records := make([]memberRecord, len(members))
	for i, m := range members {
		records[i] = memberRecord{ID: m.ID, Address: m.Address}
	}
	return records
}

// known returns the members that a joined replica trusts while its journal knows of none, and
// whether it joined at all. A replica that did not is the first of its node.
func (c Config) known() (members []journal.Replica, joined bool, err error) {
	data, err := os.ReadFile(c.joinedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var record joinedRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return nil, false, fmt.Errorf("%s: %w: let this machine join anew in an empty directory",
			c.joinedFile(), err)
	}
	if len(record.Members) == 0 || len(record.Members) > journal.MembersMax {
		return nil, false, fmt.Errorf("%s names %d replicas: let this machine join anew in an "+
			"empty directory", c.joinedFile(), len(record.Members))
	}
	for _, m := range record.Members {
		if _, err := m.ID.Key(); err != nil {
			return nil, false, fmt.Errorf("%s: %w", c.joinedFile(), err)
		}
		members = append(members, journal.Replica{ID: m.ID, Address: m.Address})
	}
	return members, true, nil
}

// joinFiles are the files of a node that a joining replica needs, below its directory. The
// recovery key is not among them: it belongs offline. Members' keys and what was signed come
// when the replica runs.
var joinFiles = []string{
	"keys/identity.key", "keys/sealing.key", "keys/anchor.seed", "keys/preimage.key",
	"keys/node.json", joinSignerJournal, "operator.key", "bank.secret",
}

const (
	// joinSignerJournal begins with the same frame on every replica.
	joinSignerJournal = "keys/signer.journal"
	// joinChainSecret is where a joined replica keeps what opens the Bitcoin node, which stands
	// elsewhere on the first replica's machine.
	joinChainSecret = "chain.secret"
	// joinFileBytesMax bounds one of the files.
	joinFileBytesMax = 64 << 10
	// joinBytesMax bounds all that a joining replica is sent.
	joinBytesMax = 2 << 20
)

// joinParcel is what a joining replica is sent.
type joinParcel struct {
	DID     string            `json:"did"`
	Config  json.RawMessage   `json:"config"`
	Files   map[string][]byte `json:"files"`
	Members []memberRecord    `json:"members"`
}

// parcel reads what a joining replica needs.
func (c Config) parcel(members []journal.Replica) (joinParcel, error) {
	config, err := json.Marshal(c)
	if err != nil {
		return joinParcel{}, err
	}
	p := joinParcel{
		DID: c.DID, Config: config, Files: map[string][]byte{}, Members: recordsOf(members),
	}
	for _, name := range joinFiles {
		read := readJoinFile
		if name == joinSignerJournal {
			read = readOwnerFrame
		}
		if p.Files[name], err = read(filepath.Join(c.Dir, name)); err != nil {
			return joinParcel{}, err
		}
	}
	for _, path := range []string{c.Chain.TokenFile, c.Chain.PasswordFile} {
		if path == "" {
			continue
		}
		if p.Files[joinChainSecret], err = readJoinFile(path); err != nil {
			return joinParcel{}, err
		}
	}
	return p, nil
}

func readJoinFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, joinFileBytesMax+1))
	if err == nil && len(data) > joinFileBytesMax {
		err = fmt.Errorf("%s is over %d bytes", path, joinFileBytesMax)
	}
	return data, err
}

// readOwnerFrame reads the beginning of a signer journal: its first line and its first frame,
// which says whose journal it is. The layout is in signer/DESIGN.md.
func readOwnerFrame(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, joinFileBytesMax))
	if err != nil {
		return nil, err
	}
	const header = 12
	begin := bytes.IndexByte(data, '\n') + 1
	if begin == 0 || len(data) < begin+header {
		return nil, fmt.Errorf("%s has no first frame", path)
	}
	end := int64(begin+header) + int64(binary.BigEndian.Uint32(data[begin:]))
	if end > int64(len(data)) {
		return nil, fmt.Errorf("the first frame of %s is over %d bytes", path, joinFileBytesMax)
	}
	return data[:end], nil
}
