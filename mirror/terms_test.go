package mirror_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"seyfert/mirror"
	"seyfert/signer"
)

// config is a mirror over a machine's disk that reaches nobody.
func config(r *replica) mirror.Config {
	r.handle = &handle{disk: r.disk}
	return mirror.Config{
		Journal: journal{r.handle}, Names: memberKeys{r.handle}, Terms: termFile{r.handle},
		Transport: direct{}, Members: func() mirror.Membership {
			return mirror.Membership{Self: r.id, Voters: []string{r.id}}
		},
	}
}

func TestTermsOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), mirror.TermsName)
	file := mirror.OpenTerms(path)
	if data, err := file.Load(); data != nil || err != nil {
		t.Fatalf("%x, %v", data, err)
	}
	must(t, mirror.Begin(file))
	begun, err := file.Load()
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	must(t, mirror.Begin(file)) // what is there stays
	must(t, file.Save([]byte("other")))
	if data, _ := file.Load(); string(data) != "other" {
		t.Errorf("%q", data)
	}
	if err := mirror.Begin(file); !errors.Is(err, signer.ErrCorrupt) {
		t.Errorf("begun over damage: %v", err)
	}
	must(t, file.Save(begun))
}

// TestOpenRefuses: a replica that forgot or lost something does not open.
func TestOpenRefuses(t *testing.T) {
	fresh := func() *replica { return newWorld(1, 1, mistakeNone).replicas[0] }
	used := func() *replica {
		n := newNode(t, "a")
		defer n.close()
		a := n.world.find("a")
		n.lead(a, 1)
		n.sign(a, 3)
		n.lead(a, 2) // the terms say now what is settled
		return a
	}
	for name, damage := range map[string]func() *replica{
		"no terms": func() *replica { r := fresh(); r.disk.terms = nil; return r },
		"a changed bit": func() *replica {
			r := fresh()
			r.disk.terms = slices.Clone(r.disk.terms)
			r.disk.terms[len(r.disk.terms)-1] ^= 1
			return r
		},
		"cut terms": func() *replica { r := fresh(); r.disk.terms = r.disk.terms[:40]; return r },
		"a shorter journal": func() *replica {
			r := used()
			r.disk.file = r.disk.file[:len(r.disk.file)-1]
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := mirror.Open(config(damage())); !errors.Is(err, signer.ErrCorrupt) {
				t.Errorf("%v", err)
			}
		})
	}
	r := used()
	m, err := mirror.Open(config(r))
	must(t, err)
	defer m.Close()
	if err := m.Journal().Truncate(int64(len(r.disk.file)) - 1); !errors.Is(err, signer.ErrCorrupt) {
		t.Errorf("what was settled is cut: %v", err)
	}
	if _, err := mirror.Open(mirror.Config{}); err == nil {
		t.Error("opened without parts")
	}
}

// TestOpenWith: a key directory on disk with a mirror over it.
func TestOpenWith(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r := newWorld(1, 1, mistakeNone).replicas[0]
	must(t, signer.Create(dir, r.rng, seoul, "regtest"))
	terms := mirror.OpenTerms(filepath.Join(dir, mirror.TermsName))
	must(t, mirror.Begin(terms))
	var m *mirror.Mirror
	open := func() *signer.Signer {
		s, err := signer.OpenWith(dir, func(
			file signer.JournalFile, names signer.NameStore,
		) (signer.SharedFile, signer.NameStore, error) {
			c := config(r)
			c.Journal, c.Names, c.Terms = file, names, terms
			var err error
			if m, err = mirror.Open(c); err != nil {
				return nil, nil, err
			}
			return m.Journal(), m.Names(), nil
		})
		must(t, err)
		return s
	}
	s := open()
	payload := message(1, [32]byte{}, newWorld(1, 0, mistakeNone).random, 0)
	if _, err := s.SignMessage(payload); !errors.Is(err, signer.ErrResting) {
		t.Fatalf("signs at rest: %v", err)
	}
	must(t, m.Lead(context.Background(), 1))
	must(t, s.Wake())
	jws, err := s.SignMessage(payload)
	must(t, err)
	sealed, err := s.SealName("mem_1", "Kim Hana")
	must(t, err)
	m.Close()
	must(t, s.Close())

	s = open()
	if text, err := s.OpenName("mem_1", sealed); err != nil || text != "Kim Hana" {
		t.Errorf("%q, %v", text, err)
	}
	must(t, m.Lead(context.Background(), 2))
	must(t, s.Wake())
	if again, err := s.SignMessage(payload); err != nil || again != jws {
		t.Errorf("%q, %v", again, err)
	}
	m.Close()
	must(t, s.Close())
}
