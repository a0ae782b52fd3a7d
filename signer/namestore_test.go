package signer_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"seyfert/signer"
)

// TestNameStores: both stores keep several keys of a member, the first for new texts, and forget
// all of them at once.
func TestNameStores(t *testing.T) {
	files, err := signer.OpenNameFiles(privateDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]signer.NameStore{
		"files": files, "memory": signer.NewNameMemory(),
	} {
		t.Run(name, func(t *testing.T) {
			first, second := [32]byte{1}, [32]byte{2}
			for _, key := range [][32]byte{first, second, first} {
				if err := store.Save("ab", key); err != nil {
					t.Fatal(err)
				}
			}
			if err := store.Save("a", second); err != nil {
				t.Fatal(err)
			}
			if keys, err := store.Keys("ab"); err != nil ||
				!slices.Equal(keys, [][32]byte{first, second}) {
				t.Errorf("%x, %v", keys, err)
			}
			if key, ok, err := store.Load("ab"); err != nil || !ok || key != first {
				t.Errorf("%x, %v, %v", key, ok, err)
			}
			if ids, err := store.List(); err != nil || !slices.Equal(ids, []string{"a", "ab"}) {
				t.Errorf("%q, %v", ids, err)
			}
			for i := 3; i <= signer.NameKeysMax; i++ {
				if err := store.Save("ab", [32]byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := store.Save("ab", [32]byte{99}); err == nil {
				t.Error("more keys than the limit")
			}
			for range 2 {
				if err := store.Destroy("ab"); err != nil {
					t.Fatal(err)
				}
			}
			if keys, err := store.Keys("ab"); err != nil || len(keys) > 0 {
				t.Errorf("%x, %v", keys, err)
			}
		})
	}
}

// TestUnfinishedKey: a second key that a crash left in part is passed over and written again; a
// first one that is damaged is refused.
func TestUnfinishedKey(t *testing.T) {
	dir := privateDir(t)
	store, err := signer.OpenNameFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "mem_1.key")
	both := [][32]byte{{1}, {2}}
	for _, key := range both {
		if err := store.Save("mem_1", key); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := len(whole) / 2; size < len(whole); size += 7 {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if keys, err := store.Keys("mem_1"); err != nil || !slices.Equal(keys, both[:1]) {
			t.Fatalf("%d bytes: %x, %v", size, keys, err)
		}
		if err := store.Save("mem_1", both[1]); err != nil {
			t.Fatal(err)
		}
		if keys, err := store.Keys("mem_1"); err != nil || !slices.Equal(keys, both) {
			t.Fatalf("%d bytes: %x, %v", size, keys, err)
		}
	}
	for _, text := range []string{"", string(whole[:20]), "x" + string(whole[1:])} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Keys("mem_1"); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}

// privateDir is an empty directory that is closed to others.
func privateDir(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}
