// Command benchpeers measures this platform beside PostgreSQL on the same disk in the same
// minutes. The unit is T: the transactions per second of pgbench's TPC-B at scale 20 with 16
// clients, on a throw-away cluster with PostgreSQL's own defaults, so with fsync on.
//
// A round is T, a case of `seyfert bench`, T, the next case and so on; a case's multiple is
// taken of the mean of the two T around it. What is printed at the end is the median of the
// rounds, beside the floor that the case has to reach.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	// The cluster is told to end with the thread that started it.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchpeers:", err)
		os.Exit(1)
	}
}

// settings is what the command line says.
type settings struct {
	rounds  int
	seconds int
	only    *regexp.Regexp
	program string
	dir     string
	json    string
}

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("benchpeers", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 3, "how often everything is measured")
	flags.IntVar(&s.seconds, "seconds", 8, "length of one run of pgbench")
	only := flags.String("only", "", "run only the cases whose name this expression finds")
	flags.StringVar(&s.program, "program", "", "a built seyfert; empty means this checkout")
	flags.StringVar(&s.dir, "dir", "", "where the cluster and the nodes are made; "+
		"empty means the directory for temporary files")
	flags.StringVar(&s.json, "json", "", "write all figures to this file")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 || s.rounds < 1 || s.seconds < 1 {
		return s, errors.New("no arguments, one round and one second are the least")
	}
	for _, path := range []*string{&s.program, &s.dir, &s.json} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return s, err
		}
	}
	s.only, err = regexp.Compile(*only)
	return s, err
}

// build makes the program of this checkout in dir, unless one was named.
func (s settings) build(ctx context.Context, dir string) (string, error) {
	if s.program != "" {
		return s.program, nil
	}
	program := filepath.Join(dir, "seyfert")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/seyfert")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build seyfert: %w\n%s", err, text)
	}
	return program, nil
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(s.dir, "seyfert-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// The system user that PostgreSQL runs as has to reach its own folder below.
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	program, err := s.build(ctx, dir)
	if err != nil {
		return err
	}
	cluster, err := startCluster(ctx, filepath.Join(dir, "postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.close()) }()
	m := &measurement{
		settings: s, program: program, nodes: dir, cluster: cluster, out: out,
		Started: time.Now().UTC().Format(time.RFC3339), PostgreSQL: cluster.version,
		CPUs: runtime.NumCPU(), PgBench: strings.Join(cluster.bench(s.seconds), " "),
	}
	if err := m.rounds(ctx); err != nil {
		return err
	}
	m.print()
	return m.write()
}

// measurement collects the figures of all rounds.
type measurement struct {
	settings settings
	program  string
	nodes    string
	cluster  *cluster
	out      io.Writer

	Started    string     `json:"started"`
	PostgreSQL string     `json:"postgresql"`
	PgBench    string     `json:"pgbench"`
	CPUs       int        `json:"cpus"`
	Units      []unit     `json:"t"`
	Runs       []pair     `json:"runs"`
	Findings   []*finding `json:"findings"`
}

// unit is one T and the load of the machine when it was taken.
type unit struct {
	Round int     `json:"round"`
	TPS   float64 `json:"tps"`
	Load  string  `json:"load"`
}

// pair is one run of a case and the T that it is compared with.
type pair struct {
	Round   int     `json:"round"`
	Case    string  `json:"case"`
	Command string  `json:"command"`
	T       float64 `json:"t"`
	Figures figures `json:"figures"`
}

// rounds measures everything.
func (m *measurement) rounds(ctx context.Context) error {
	// The first run after loading writes each page whole into PostgreSQL's log and is slower.
	if _, err := m.cluster.tps(ctx, m.settings.seconds); err != nil {
		return err
	}
	for round := 1; round <= m.settings.rounds; round++ {
		before, err := m.unit(ctx, round)
		if err != nil {
			return err
		}
		for _, c := range cases {
			if !m.settings.only.MatchString(c.name) {
				continue
			}
			f, err := m.measure(ctx, c)
			if err != nil {
				return fmt.Errorf("case %s: %w", c.name, err)
			}
			after, err := m.unit(ctx, round)
			if err != nil {
				return err
			}
			p := pair{round, c.name, c.command(), (before + after) / 2, f}
			m.Runs = append(m.Runs, p)
			fmt.Fprintf(m.out, "  %-34s %s\n", c.name, c.line(p))
			before = after
		}
	}
	return nil
}

// unit measures one T.
func (m *measurement) unit(ctx context.Context, round int) (float64, error) {
	tps, err := m.cluster.tps(ctx, m.settings.seconds)
	if err != nil {
		return 0, err
	}
	u := unit{Round: round, TPS: tps, Load: load()}
	m.Units = append(m.Units, u)
	fmt.Fprintf(m.out, "round %d  T = %.0f/s  (load %s)\n", round, tps, u.Load)
	return tps, nil
}

// load is the machine's load in the last 1, 5 and 15 minutes, or nothing where it is not told.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	words := strings.Fields(string(text))
	return strings.Join(words[:min(3, len(words))], " ")
}

// write writes all figures as JSON.
func (m *measurement) write() error {
	if m.settings.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(m.settings.json, append(text, '\n'), 0o644)
}
