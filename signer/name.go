package signer

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"seyfert/fault"

	"golang.org/x/crypto/chacha20poly1305"
)

// NameBytesMax is the longest personal text that is sealed at once, in bytes.
const NameBytesMax = 4096

// nameIDBytesMax is the longest member id.
const nameIDBytesMax = 64

// NameStore keeps one key per member, apart from the signer journal, whose bytes are never
// taken out: a key that is destroyed must be gone. NameFiles and NameMemory implement it.
// Calls come one at a time.
type NameStore interface {
	// Load returns the key of a member, or ok false.
	Load(memberID string) (key [32]byte, ok bool, err error)
	// Save stores the key of a member that has none, durably.
	Save(memberID string, key [32]byte) error
	// Destroy removes the key of a member, durably; one that is not there is no error.
	Destroy(memberID string) error
}

// SealName seals a member's personal data (a name, a phone, an address) with the member's own
// key, which is made and made durable at the first call. The result may be proposed to the
// journal; DestroyName makes it unreadable for ever. Errors: invalid, too_large, refused when
// the key was destroyed.
func (s *Signer) SealName(memberID, text string) ([]byte, error) {
	if err := checkMemberID(memberID); err != nil {
		return nil, err
	}
	if len(text) > NameBytesMax {
		return nil, fault.New(fault.TooLarge, "text", "the text is over %d bytes", NameBytesMax)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	if s.state.destroyed[memberID] {
		return nil, fault.New(fault.Refused, "member", "the member's key was destroyed")
	}
	key, ok, err := s.names.Load(memberID)
	if err != nil {
		return nil, fmt.Errorf("member key: %w", err)
	}
	if !ok {
		if _, err := io.ReadFull(s.random, key[:]); err != nil {
			return nil, fmt.Errorf("make member key: %w", err)
		}
		if err := s.names.Save(memberID, key); err != nil {
			return nil, fmt.Errorf("member key: %w", err)
		}
	}
	// The nonce is 24 random bytes: a member's key seals few texts, and none may repeat one.
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+
		len(text)+chacha20poly1305.Overhead)
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return nil, fmt.Errorf("seal name: %w", err)
	}
	aead, err := nameCipher(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, []byte(text), nameAAD(memberID)), nil
}

// OpenName opens what SealName made for the same member. Errors: invalid, not_found when the
// member has no key (never had, or destroyed).
func (s *Signer) OpenName(memberID string, sealed []byte) (string, error) {
	if err := checkMemberID(memberID); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return "", err
	}
	if s.state.destroyed[memberID] {
		return "", fault.New(fault.NotFound, "member", "the member has no key")
	}
	key, ok, err := s.names.Load(memberID)
	if err != nil {
		return "", fmt.Errorf("member key: %w", err)
	}
	if !ok {
		return "", fault.New(fault.NotFound, "member", "the member has no key")
	}
	aead, err := nameCipher(key)
	if err != nil {
		return "", err
	}
	const nonce = chacha20poly1305.NonceSizeX
	if len(sealed) < nonce || len(sealed) > nonce+NameBytesMax+chacha20poly1305.Overhead {
		return "", fault.New(fault.Invalid, "text", "the sealed text has an impossible length")
	}
	text, err := aead.Open(nil, sealed[:nonce], sealed[nonce:], nameAAD(memberID))
	if err != nil {
		return "", fault.New(fault.Invalid, "text", "the sealed text does not open")
	}
	return string(text), nil
}

// DestroyName destroys a member's key for ever. The signer journal says so before the key
// goes, so that a key which a backup brings back is destroyed again at the next Open.
func (s *Signer) DestroyName(memberID string) error {
	if err := checkMemberID(memberID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if !s.state.destroyed[memberID] {
		if err := s.write(record{Destroyed: memberID}); err != nil {
			return err
		}
	}
	if err := s.names.Destroy(memberID); err != nil {
		return fmt.Errorf("destroy member key: %w", err)
	}
	return nil
}

func nameCipher(key [32]byte) (cipher.AEAD, error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("member key: %w", err)
	}
	return aead, nil
}

func nameAAD(memberID string) []byte { return []byte("seyfert/v1/name\x00" + memberID) }

// checkMemberID keeps ids to what is safe as a file name.
func checkMemberID(id string) error {
	ok := id != "" && len(id) <= nameIDBytesMax
	for _, r := range id {
		ok = ok && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_')
	}
	if !ok {
		return fault.New(fault.Invalid, "member", "the member id is not 1 to %d letters, "+
			"digits and underscores", nameIDBytesMax)
	}
	return nil
}

// NameFiles is a NameStore with one file a member, mode 0600, in a directory.
type NameFiles struct {
	dir string
}

// OpenNameFiles uses the directory dir, which must be there and closed to others.
func OpenNameFiles(dir string) (*NameFiles, error) {
	if err := checkPrivateDir(dir); err != nil {
		return nil, err
	}
	return &NameFiles{dir: dir}, nil
}

func (n *NameFiles) path(memberID string) string {
	return filepath.Join(n.dir, memberID+".key")
}

// Load implements NameStore.
func (n *NameFiles) Load(memberID string) (key [32]byte, ok bool, err error) {
	err = readSecret(n.path(memberID), memberID, &key)
	if errors.Is(err, fs.ErrNotExist) {
		return key, false, nil
	}
	return key, err == nil, err
}

// Save implements NameStore.
func (n *NameFiles) Save(memberID string, key [32]byte) error {
	// A crash while writing must not leave half a key under the final name.
	half := filepath.Join(n.dir, "half")
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(half, fmt.Appendf(nil, keyFileFormat, memberID, key[:])); err != nil {
		return err
	}
	if err := os.Rename(half, n.path(memberID)); err != nil {
		return err
	}
	return syncDir(n.dir)
}

// Destroy implements NameStore. It overwrites the key before it removes the file; on storage
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

// NameMemory is a NameStore in RAM for simulation and tests.
type NameMemory struct {
	keys map[string][32]byte
}

// NewNameMemory returns an empty NameMemory.
func NewNameMemory() *NameMemory { return &NameMemory{keys: map[string][32]byte{}} }

// Load implements NameStore.
func (n *NameMemory) Load(memberID string) (key [32]byte, ok bool, err error) {
	key, ok = n.keys[memberID]
	return key, ok, nil
}

// Save implements NameStore.
func (n *NameMemory) Save(memberID string, key [32]byte) error {
	n.keys[memberID] = key
	return nil
}

// Destroy implements NameStore.
func (n *NameMemory) Destroy(memberID string) error {
	delete(n.keys, memberID)
	return nil
}
