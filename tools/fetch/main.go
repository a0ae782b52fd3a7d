// Command fetch gets what the tests need and Go cannot bring: the Debian packages named on
// the command line, of which "chromium", "curl", "gcc", "npm" and "postgres" are known; with
// "npm" also the locked modules of the interop tests.
//
// What is missing is installed with apt-get when that can be done (as root). Otherwise fetch
// says in one line what will be skipped and why, and exits 0; with CI=true a missing program
// is a failure, so that nothing is skipped there unseen.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// need is one program that some tests cannot do without.
type need struct {
	programs []string // any of them will do; one with a slash is a pattern of paths
	packages []string // what apt-get installs
	skipped  string   // what does not run without it

	then func() error // what is done with the programs, nil if nothing
}

// needs is keyed by the name used on the command line.
var needs = map[string]need{
	"chromium": {
		programs: []string{"chromium", "chromium-browser", "google-chrome", "chrome"},
		packages: []string{"chromium", "fonts-noto-cjk"},
		skipped:  "browser tests",
	},
	"curl": {
		programs: []string{"curl"},
		packages: []string{"curl"},
		skipped:  "test of examples/checkout.sh",
	},
	"gcc": {
		programs: []string{"gcc", "cc", "clang"},
		packages: []string{"gcc", "libc6-dev"},
		skipped:  "race detector",
	},
	"npm": {
		programs: []string{"npm"},
		packages: []string{"nodejs", "npm"},
		skipped:  "tests with other people's programs",
		then:     modules,
	},
	"postgres": {
		programs: []string{"/usr/lib/postgresql/*/bin/pgbench"},
		packages: []string{"postgresql", "postgresql-contrib"},
		skipped:  "comparison with PostgreSQL and the export to it",
	},
}

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		n, ok := needs[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "fetch: %q is not known\n", name)
			os.Exit(2)
		}
		if err := n.fetch(); err != nil {
			fmt.Printf("SKIPPED: %s: no %s here, and %v\n", n.skipped, name, err)
			failed = true
		} else if n.then == nil {
			continue
		} else if err := n.then(); err != nil {
			fmt.Printf("SKIPPED: %s: %v\n", n.skipped, err)
			failed = true
		}
	}
	if failed && os.Getenv("CI") == "true" {
		fmt.Println("FAIL: nothing may be skipped with CI=true")
		os.Exit(1)
	}
}

// fetch installs what is missing, or says why it cannot.
func (n need) fetch() error {
	if n.present() {
		return nil
	}
	hint := "apt-get install " + strings.Join(n.packages, " ")
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can install it: run sudo %s", hint)
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("there is no apt-get to install it with")
	}
	fmt.Println("fetch: " + hint)
	install := append([]string{"install", "-y", "-q", "--no-install-recommends"}, n.packages...)
	for _, arguments := range [][]string{{"update", "-q"}, install} {
		command := exec.Command("apt-get", arguments...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			os.Stderr.Write(out)
			return fmt.Errorf("apt-get %s: %w", arguments[0], err)
		}
	}
	if !n.present() {
		return errors.New("it is not there after apt-get install")
	}
	return nil
}

func (n need) present() bool {
	for _, program := range n.programs {
		if _, err := exec.LookPath(program); err == nil {
			return true
		}
		if found, err := filepath.Glob(program); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
