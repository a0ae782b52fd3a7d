package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// locked are the files of the interop tests that say which modules of Node.js they need. The
// tests look for the modules in a folder named after the hash of both.
var locked = []string{"package.json", "package-lock.json"}

// modules puts the locked modules into the user's cache, where the repository stays clean and
// a second checkout finds them. Nothing that comes with them runs at install.
func modules() error {
	from := filepath.Join("..", "interop")
	hash, files := sha256.New(), map[string][]byte{}
	for _, name := range locked {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		hash.Write(data)
		files[name] = data
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	name := hex.EncodeToString(hash.Sum(nil)[:8])
	folder := filepath.Join(cache, "seyfert", "npm", name)
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(made, name), data, 0o644); err != nil {
			return err
		}
	}
	fmt.Println("fetch: npm ci into " + folder)
	command := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command.Dir = made
	if out, err := command.CombinedOutput(); err != nil {
		os.Stderr.Write(out)
		return fmt.Errorf("npm ci: %w", err)
	}
	if err := os.Rename(made, folder); err != nil {
		if _, there := os.Stat(folder); there != nil {
			return err
		}
	}
	return nil // made by us, or by another fetch at the same time
}
