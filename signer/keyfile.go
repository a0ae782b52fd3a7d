package signer

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The files of a key directory. Each secret has a file of its own, so that each can be moved,
// backed up and rotated alone; docs/keys.md says how.
const (
	identityFile = "identity.key"
	sealingFile  = "sealing.key"
	recoveryFile = "recovery.key"
	anchorFile   = "anchor.seed"
	preimageFile = "preimage.key"
	nodeFile     = "node.json"
	journalFile  = "signer.journal"
	lockFile     = "lock"
	nameDir      = "names"

	keyFileFormat = "seyfert key 1 %s %x\n"
	openNoFollow  = syscall.O_NOFOLLOW
	// nodeFileBytesMax bounds what is read of node.json.
	nodeFileBytesMax = 4096
)

// nodeRecord is node.json: what the keys belong to, and a hash that binds them together.
type nodeRecord struct {
	Format       int    `json:"format"`
	DID          string `json:"did"`
	Network      string `json:"network"`
	RecoveryHash string `json:"recoveryHash"`
	Check        string `json:"check"`
}

// Create makes the keys of node did, whose anchors go to the named Bitcoin network, in the
// directory dir. It makes dir with mode 0700 and each file with mode 0600, and refuses a
// directory that holds anything. The recovery key is written beside the others for the
// operator to move offline; Open does not need it.
func Create(dir string, random io.Reader, did, network string) error {
	keys, err := NewKeys(random, did, network)
	if err != nil {
		return err
	}
	if err := makeEmptyDir(dir); err != nil {
		return err
	}
	check, err := keys.check()
	if err != nil {
		return err
	}
	secrets := []struct {
		name   string
		secret []byte
	}{
		{identityFile, keys.identity.Seed()},
		{sealingFile, keys.sealing.Bytes()},
		{recoveryFile, keys.recoverySeed[:]},
		{anchorFile, keys.anchorSeed[:]},
		{preimageFile, keys.preimage[:]},
	}
	for _, s := range secrets {
		text := fmt.Appendf(nil, keyFileFormat, s.name, s.secret)
		if err := writeNew(filepath.Join(dir, s.name), text); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, nameDir), 0o700); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	file, err := createFile(filepath.Join(dir, journalFile))
	if err != nil {
		return err
	}
	if err := errors.Join(Begin(keys, file), file.Close()); err != nil {
		return err
	}
	// node.json comes last: a directory without it was never used and may be removed.
	text, err := json.Marshal(nodeRecord{
		Format: 1, DID: did, Network: network,
		RecoveryHash: keys.recoveryHash, Check: hex.EncodeToString(check[:]),
	})
	if err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	if err := writeNew(filepath.Join(dir, nodeFile), append(text, '\n')); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// makeEmptyDir makes dir, or accepts one that is there, private and empty.
func makeEmptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	if err := checkPrivateDir(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == nodeFile {
			return fmt.Errorf("key directory %s: a node's keys are already here", dir)
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("key directory %s: not empty and without %s, so no node ever used "+
			"it; if an earlier init was interrupted, remove the directory", dir, nodeFile)
	}
	return nil
}

// readKeys reads and checks every key file of dir but the recovery key's, which may be offline
// and is not read.
func readKeys(dir string) (Keys, error) {
	if err := checkPrivateDir(dir); err != nil {
		return Keys{}, err
	}
	node, err := readNode(filepath.Join(dir, nodeFile))
	if err != nil {
		return Keys{}, err
	}
	recovery := filepath.Join(dir, recoveryFile)
	info, err := os.Lstat(recovery)
	if err == nil {
		err = checkMode(recovery, info, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Keys{}, fmt.Errorf("recovery key: %w", err)
	}
	k := Keys{did: node.DID, network: node.Network, recoveryHash: node.RecoveryHash}
	var identity, sealing [keyBytes]byte
	for _, s := range []struct {
		name   string
		secret *[keyBytes]byte
	}{
		{identityFile, &identity},
		{sealingFile, &sealing},
		{anchorFile, &k.anchorSeed},
		{preimageFile, &k.preimage},
	} {
		if err := readSecret(filepath.Join(dir, s.name), s.name, s.secret); err != nil {
			return Keys{}, err
		}
	}
	k.identity = ed25519.NewKeyFromSeed(identity[:])
	if k.sealing, err = ecdh.X25519().NewPrivateKey(sealing[:]); err != nil {
		return Keys{}, fmt.Errorf("%s: %w", sealingFile, err)
	}
	if k.lanes, err = newLaneKeys(k.anchorSeed[:], k.network); err != nil {
		return Keys{}, err
	}
	check, err := k.check()
	if err != nil {
		return Keys{}, err
	}
	if hex.EncodeToString(check[:]) != node.Check {
		return Keys{}, fmt.Errorf("key directory %s: the key files and %s do not belong "+
			"together: one was damaged or replaced; put back the backup of that file", dir, nodeFile)
	}
	return k, nil
}

func readNode(path string) (nodeRecord, error) {
	text, err := readPrivate(path, nodeFileBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nodeRecord{}, fmt.Errorf("%w: no node's keys are here; run seyfert init", err)
	}
	if err != nil {
		return nodeRecord{}, err
	}
	var node nodeRecord
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&node); err != nil {
		return nodeRecord{}, fmt.Errorf("%s: %w", path, err)
	}
	if node.Format != 1 {
		return nodeRecord{}, fmt.Errorf("%s: format %d is not known", path, node.Format)
	}
	if err := checkNode(node.DID, node.Network); err != nil {
		return nodeRecord{}, fmt.Errorf("%s: %w", path, err)
	}
	return node, nil
}

// readSecret reads the key file of one secret.
func readSecret(path, name string, secret *[keyBytes]byte) error {
	prefix := fmt.Sprintf(keyFileFormat, name, "")
	prefix = prefix[:len(prefix)-1]
	text, err := readPrivate(path, len(prefix)+2*keyBytes+1)
	if err != nil {
		return err
	}
	digits, okEnd := bytes.CutSuffix(text, []byte("\n"))
	digits, okBegin := bytes.CutPrefix(digits, []byte(prefix))
	if !okEnd || !okBegin || !unhex(string(digits), secret[:]) {
		return fmt.Errorf("%s: it is not one line that reads %q and %d hex digits; "+
			"put back the backup of that file", path, prefix, 2*keyBytes)
	}
	return nil
}

// unhex decodes digits into out, all of it or nothing.
func unhex(digits string, out []byte) bool {
	decoded, err := hex.DecodeString(digits)
	if err != nil || len(decoded) != len(out) {
		return false
	}
	copy(out, decoded)
	return true
}

// readPrivate reads a file of at most sizeMax bytes that nobody else may read.
func readPrivate(path string, sizeMax int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	if err := checkPrivate(f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(sizeMax)+1))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(text) > sizeMax {
		return nil, fmt.Errorf("key file %s: longer than %d bytes", path, sizeMax)
	}
	return text, nil
}

// checkPrivate refuses an open file that is not a regular one of this user alone.
func checkPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("key file %s: not a regular file", f.Name())
	}
	return checkMode(f.Name(), info, 0o600)
}

func checkPrivateDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("key directory %s: not a directory", dir)
	}
	return checkMode(dir, info, 0o700)
}

// checkMode refuses what group or others may touch, and what another user owns.
func checkMode(name string, info fs.FileInfo, want fs.FileMode) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s: others may read or write it (mode %04o): set mode %04o, and if "+
			"others use this machine take the key as known to them", name, mode, want)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: it belongs to another user", name)
	}
	return nil
}

// writeNew writes a file that must not exist yet, mode 0600, and returns after fsync.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// lockDir takes the lock of dir for this process, until the file is closed.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|openNoFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key directory: %w", err)
	}
	if err := checkPrivate(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("key directory %s: another process signs with "+
			"these keys; two would sign against each other: %w", dir, err), f.Close())
	}
	return f, nil
}
