package signer

import (
	"crypto/cipher"
	"fmt"
	"io"

	"seyfert/fault"

	"golang.org/x/crypto/chacha20poly1305"
)

// Limits of personal data.
const (
	// NameBytesMax is the longest personal text that is sealed at once, in bytes.
	NameBytesMax = 4096
	// NameKeysMax is the number of keys of one member.
	NameKeysMax = 16
)

// nameIDBytesMax is the longest member id.
const nameIDBytesMax = 64

// SealName seals a member's personal data (a name, a phone, an address) with the member's own
// key, which is made and made durable at the first call. The result may be proposed to the
// journal; DestroyName makes it unreadable for ever. Errors: invalid, too_large, refused when
// the key was destroyed.
func (s *Signer) SealName(memberID, text string) ([]byte, error) {
	if err := CheckMember(memberID); err != nil {
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
	}
	// A key that is there may still be on this replica alone.
	if err := s.names.Save(memberID, key); err != nil {
		return nil, fmt.Errorf("member key: %w", err)
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
	if err := CheckMember(memberID); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.readable(); err != nil {
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
	const nonce = chacha20poly1305.NonceSizeX
	if len(sealed) < nonce || len(sealed) > nonce+NameBytesMax+chacha20poly1305.Overhead {
		return "", fault.New(fault.Invalid, "text", "the sealed text has an impossible length")
	}
	if text, ok, err := openName(key, memberID, sealed); ok || err != nil {
		return text, err
	}
	keys, err := s.names.Keys(memberID)
	if err != nil {
		return "", fmt.Errorf("member key: %w", err)
	}
	for _, key := range keys {
		if text, ok, err := openName(key, memberID, sealed); ok || err != nil {
			return text, err
		}
	}
	return "", fault.New(fault.Invalid, "text", "the sealed text does not open")
}

// openName tries one key of a member.
func openName(key [32]byte, memberID string, sealed []byte) (text string, ok bool, err error) {
	aead, err := nameCipher(key)
	if err != nil {
		return "", false, err
	}
	const nonce = chacha20poly1305.NonceSizeX
	opened, err := aead.Open(nil, sealed[:nonce], sealed[nonce:], nameAAD(memberID))
	return string(opened), err == nil, nil
}

// DestroyName destroys a member's key for ever. The signer journal says so before the key
// goes, so that a key which a backup brings back is destroyed again at the next Open.
func (s *Signer) DestroyName(memberID string) error {
	if err := CheckMember(memberID); err != nil {
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

// CheckMember keeps ids to what is safe as a file name.
func CheckMember(id string) error {
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
