package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// NameStore keeps the members' keys apart from the signer journal, whose bytes are never
// taken out: a key that is destroyed must be gone. NameFiles and NameMemory implement it.
// Calls come one at a time.
type NameStore interface {
	// Load returns the key of a member that new texts are sealed with, or ok false.
	Load(memberID string) (key [32]byte, ok bool, err error)
	// Keys returns every key that a text of the member may be sealed with, at most NameKeysMax.
	// There is more than one only where replicas made keys without knowing of each other's.
	Keys(memberID string) ([][32]byte, error)
	// Save adds a key of a member, durably; one that is there is no error.
	Save(memberID string, key [32]byte) error
	// Destroy removes the keys of a member, durably; none is no error.
	Destroy(memberID string) error
	// List returns the ids of all members that have a key, sorted.
	List() ([]string, error)
}

// NameFiles is a NameStore with one file a member, mode 0600, in a directory. A file has a line
// for each key.
type NameFiles struct {
	dir string
}

// nameSuffix ends the name of a member's file.
const nameSuffix = ".key"

// OpenNameFiles uses the directory dir, which must be there and closed to others.
func OpenNameFiles(dir string) (*NameFiles, error) {
	if err := checkPrivateDir(dir); err != nil {
		return nil, err
	}
	return &NameFiles{dir: dir}, nil
}

func (n *NameFiles) path(memberID string) string {
	return filepath.Join(n.dir, memberID+nameSuffix)
}

// Load implements NameStore.
func (n *NameFiles) Load(memberID string) (key [32]byte, ok bool, err error) {
	return first(n.Keys(memberID))
}

// first is the key that new texts are sealed with.
func first(keys [][32]byte, err error) (key [32]byte, ok bool, _ error) {
	if err != nil || len(keys) == 0 {
		return key, false, err
	}
	return keys[0], true, nil
}

// Keys implements NameStore. A last line that a crash left unfinished is passed over: its Save
// never returned.
func (n *NameFiles) Keys(memberID string) ([][32]byte, error) {
	line := len(nameLine(memberID, [32]byte{}))
	text, err := readPrivate(n.path(memberID), NameKeysMax*line+line-1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys [][32]byte
	for len(text) >= line || len(keys) == 0 {
		own, rest := text[:min(line, len(text))], text[min(line, len(text)):]
		digits := strings.TrimSuffix(string(own), "\n")
		digits = digits[max(0, len(digits)-2*keyBytes):]
		var key [32]byte
		if !unhex(digits, key[:]) || string(own) != string(nameLine(memberID, key)) {
			return nil, fmt.Errorf("%s: line %d does not read %q and %d hex digits; put back the "+
				"backup of that file", n.path(memberID), len(keys)+1,
				strings.TrimSpace(fmt.Sprintf(keyFileFormat, memberID, "")), 2*keyBytes)
		}
		keys, text = append(keys, key), rest
	}
	return keys, nil
}

func nameLine(memberID string, key [32]byte) []byte {
	return fmt.Appendf(nil, keyFileFormat, memberID, key[:])
}

// Save implements NameStore.
func (n *NameFiles) Save(memberID string, key [32]byte) error {
	keys, err := n.Keys(memberID)
	switch {
	case err != nil:
		return err
	case slices.Contains(keys, key):
		return nil
	case len(keys) >= NameKeysMax:
		return fmt.Errorf("member %s has %d keys already", memberID, NameKeysMax)
	case len(keys) > 0:
		return n.add(memberID, len(keys), key)
	}
	// A crash while writing must not leave half a key under the final name.
	half := filepath.Join(n.dir, "half")
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(half, nameLine(memberID, key)); err != nil {
		return err
	}
	if err := os.Rename(half, n.path(memberID)); err != nil {
		return err
	}
	return syncDir(n.dir)
}

// add writes one more key behind those that a file has. The file stays the same one, so that
// Destroy overwrites every byte that a key ever had.
func (n *NameFiles) add(memberID string, have int, key [32]byte) error {
	f, err := os.OpenFile(n.path(memberID), os.O_WRONLY|openNoFollow, 0)
	if err != nil {
		return err
	}
	line := nameLine(memberID, key)
	_, err = f.WriteAt(line, int64(have*len(line)))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Destroy implements NameStore. It overwrites the keys before it removes the file; on storage
// that never writes in place only the end of the backups' life makes the destruction complete.
func (n *NameFiles) Destroy(memberID string) error {
	f, err := os.OpenFile(n.path(memberID), os.O_WRONLY|openNoFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Remove(n.path(memberID)); err != nil {
		return err
	}
	return syncDir(n.dir)
}

// List implements NameStore.
func (n *NameFiles) List() ([]string, error) {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), nameSuffix); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // "a.key" stands behind "ab.key"
	return ids, nil
}

// NameMemory is a NameStore in RAM for simulation and tests.
type NameMemory struct {
	keys map[string][][32]byte
}

// NewNameMemory returns an empty NameMemory.
func NewNameMemory() *NameMemory { return &NameMemory{keys: map[string][][32]byte{}} }

// Load implements NameStore.
func (n *NameMemory) Load(memberID string) (key [32]byte, ok bool, err error) {
	return first(n.Keys(memberID))
}

// Keys implements NameStore.
func (n *NameMemory) Keys(memberID string) ([][32]byte, error) {
	return slices.Clone(n.keys[memberID]), nil
}

// Save implements NameStore.
func (n *NameMemory) Save(memberID string, key [32]byte) error {
	if keys := n.keys[memberID]; !slices.Contains(keys, key) {
		if len(keys) >= NameKeysMax {
			return fmt.Errorf("member %s has %d keys already", memberID, NameKeysMax)
		}
		n.keys[memberID] = append(keys, key)
	}
	return nil
}

// Destroy implements NameStore.
func (n *NameMemory) Destroy(memberID string) error {
	delete(n.keys, memberID)
	return nil
}

// List implements NameStore.
func (n *NameMemory) List() ([]string, error) {
	return slices.Sorted(maps.Keys(n.keys)), nil
}
