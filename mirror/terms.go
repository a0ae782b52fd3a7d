package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"seyfert/signer"
	"seyfert/wire"
)

const (
	// TermsName is the name of the terms' file in a key directory.
	TermsName = "mirror.terms"
	// termsMagic opens the file; a digest and the CBOR of terms follow.
	termsMagic = "seyfert mirror terms 1\n"
	// termsBytesMax bounds what is read of it.
	termsBytesMax = 4 << 20
)

// TermFile keeps a replica's promise and the terms of its journal, a few hundred bytes that are
// replaced as a whole. OpenTerms has the one on disk.
type TermFile interface {
	// Load returns what Save stored last, nil if nothing was stored yet.
	Load() ([]byte, error)
	// Save stores data instead of what was there, whole or not at all; nil means durable.
	Save(data []byte) error
}

// Terms is the TermFile on disk.
type Terms struct {
	path string
}

// OpenTerms returns the TermFile at path, TermsName in the key directory. It looks at nothing.
func OpenTerms(path string) *Terms { return &Terms{path: path} }

// Load implements TermFile.
func (t *Terms) Load() ([]byte, error) {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, termsBytesMax+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(data) > termsBytesMax {
		return nil, fmt.Errorf("%s: longer than %d bytes", t.path, termsBytesMax)
	}
	return data, nil
}

// Save implements TermFile: a second file is written, synced and takes the first one's name.
func (t *Terms) Save(data []byte) error {
	next := t.path + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, t.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(t.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// terms is what a TermFile holds.
type terms struct {
	// Promised is the newest term that this replica promised itself to, and To its leader.
	Promised uint64 `cbor:"1,keyasint"`
	To       string `cbor:"2,keyasint"`
	// Spans are those of the journal.
	Spans []Span `cbor:"3,keyasint"`
	// Settled is a byte before which nothing is ever cut; more may be settled.
	Settled int64 `cbor:"4,keyasint"`
	// Cut is set while bytes behind it come and go that nobody was told of: whoever opens the
	// journal then cuts it there.
	Cut int64 `cbor:"5,keyasint"`
}

// Begin makes the terms of a replica that has none; those that are there stay. It is called once
// in a replica's life, before its replica key is written: Open refuses files without terms, for
// a replica that forgot its promise could break it.
func Begin(file TermFile) error {
	data, err := file.Load()
	if err != nil {
		return fmt.Errorf("mirror: terms: %w", err)
	}
	if data != nil {
		_, err := decodeTerms(data)
		return err
	}
	if err := file.Save(terms{Spans: []Span{{}}}.encode()); err != nil {
		return fmt.Errorf("mirror: terms: %w", err)
	}
	return nil
}

func (t terms) encode() []byte {
	text := wire.MustMarshal(t)
	sum := wire.Hash("terms", text)
	return append(append([]byte(termsMagic), sum[:]...), text...)
}

func decodeTerms(data []byte) (terms, error) {
	var t terms
	damaged := func(why string) (terms, error) {
		return terms{}, fmt.Errorf("%w: its terms: %s: %s", signer.ErrCorrupt, why, advice)
	}
	rest, ok := bytes.CutPrefix(data, []byte(termsMagic))
	if !ok || len(rest) < 32 {
		return damaged("another file, or its beginning was lost")
	}
	if sum := wire.Hash("terms", rest[32:]); !bytes.Equal(sum[:], rest[:32]) {
		return damaged("the checksum is wrong")
	}
	if err := wire.Unmarshal(rest[32:], &t); err != nil {
		return damaged(err.Error())
	}
	if t.Settled < 0 || t.Cut < 0 || t.Cut > 0 && t.Cut < t.Settled {
		return damaged("a place is out of range")
	}
	return t, nil
}

const advice = "do not change or delete these files; take this replica out of the node and let " +
	"it join anew with an empty directory"
