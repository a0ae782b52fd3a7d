// Command fuzz runs every fuzz target of the module in the parent folder, one after another,
// each for the time given as its only argument (such as 30s), and stops at the first failure.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("give one duration, such as 30s")
	}
	if _, err := time.ParseDuration(arguments[0]); err != nil {
		return err
	}
	targets, err := list()
	if err != nil {
		return err
	}
	for i, t := range targets {
		fmt.Printf("%d/%d %s %s\n", i+1, len(targets), t.Package, t.Name)
		pattern := "^" + t.Name + "$"
		command := exec.Command("go", "test", "-run=^$", "-fuzz="+pattern,
			"-fuzztime="+arguments[0], "-fuzzminimizetime=1x", t.Package)
		command.Dir, command.Stdout, command.Stderr = "..", os.Stdout, os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s %s: %w", t.Package, t.Name, err)
		}
	}
	return nil
}

// target is one fuzz function.
type target struct{ Package, Name string }

// list asks go test which fuzz functions there are.
func list() ([]target, error) {
	command := exec.Command("go", "test", "-json", "-list=^Fuzz", "./...")
	command.Dir, command.Stderr = "..", os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("list targets: %w", err)
	}
	var targets []target
	lines := json.NewDecoder(bufio.NewReader(bytes.NewReader(out)))
	for {
		var line struct{ Package, Output string }
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return targets, nil
		} else if err != nil {
			return nil, fmt.Errorf("list targets: %w", err)
		}
		if name := strings.TrimSpace(line.Output); strings.HasPrefix(name, "Fuzz") {
			targets = append(targets, target{Package: line.Package, Name: name})
		}
	}
}
