// Package bench measures a node: it starts a throw-away one with the wiring of `seyfert serve`,
// every answer after its fsync, lets callers post as fast as they are answered, and tells what
// that came to beside what the disk itself takes for one sync.
//
// The callers are in the same process and share its processors. It never changes how a node
// works: only the bounds on how often one caller may ask are lifted.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

// Bounds of a case.
const (
	// CallersMax is the largest number of callers.
	CallersMax = 1024
	// AccountsMax is the largest number of accounts.
	AccountsMax = 10_000_000
	// IDsMax is the largest number of transfers that a node is filled with before a start.
	IDsMax = 1_000_000_000
	// LengthMax is the longest that one case may post.
	LengthMax = time.Hour
)

// Way is how transfers come to the node, or what of it is measured.
type Way string

// The ways.
const (
	// Ledger posts in the node's own process.
	Ledger Way = "ledger"
	// HTTP posts one transfer a request, as JSON.
	HTTP Way = "http"
	// Bulk posts batches as JSON, Binary as instructions of fixed size.
	Bulk   Way = "bulk"
	Binary Way = "binary"
	// Replay starts a node that has to read its whole journal again.
	Replay Way = "replay"
	// Start starts a node at its newest cut.
	Start Way = "start"
)

// Case says what is measured.
type Case struct {
	Way Way `json:"way"`
	// Callers post side by side, Batch transfers each time.
	Callers int `json:"callers"`
	Batch   int `json:"batch"`
	// Accounts is how many there are. Debits and credits are spread over all of them at random,
	// so that hardly any is still in the processor's cache; Hot credits one of them always.
	Accounts int  `json:"accounts"`
	Hot      bool `json:"hot"`
	// Transfers is how many the node holds already when Replay or Start measure it.
	Transfers int `json:"filled,omitempty"`
	// Length is how long is posted. What comes before it, the opening of accounts and Warmup,
	// is not counted.
	Length time.Duration `json:"-"`
	Warmup time.Duration `json:"-"`
}

// Name says shortly which case it is.
func (c Case) Name() string {
	switch c.Way {
	case Replay:
		return fmt.Sprintf("replay, %d transfers", c.Transfers)
	case Start:
		return fmt.Sprintf("start, %d accounts, %d ids", c.Accounts, c.Transfers)
	}
	kind := "cold"
	if c.Hot {
		kind = "hot"
	}
	return fmt.Sprintf("%s, %d x %d, %s", c.Way, c.Callers, c.Batch, kind)
}

func (c Case) validate() error {
	switch {
	case c.Callers < 1 || c.Callers > CallersMax:
		return fmt.Errorf("callers: 1 to %d", CallersMax)
	case c.Accounts < 2 || c.Accounts > AccountsMax:
		return fmt.Errorf("accounts: 2 to %d", AccountsMax)
	case c.Batch < 1 || c.Batch > BatchMax:
		return fmt.Errorf("batch: 1 to %d", BatchMax)
	case c.Way == HTTP && c.Batch != 1:
		return errors.New("batch: http posts one transfer a request; bulk posts more")
	case c.Length < 0 || c.Length > LengthMax || c.Warmup < 0 || c.Warmup > LengthMax:
		return fmt.Errorf("seconds: up to %d", LengthMax/time.Second)
	case c.Transfers < 0 || c.Transfers > IDsMax:
		return fmt.Errorf("ids: up to %d", IDsMax)
	}
	return nil
}

// Config says where and how cases run.
type Config struct {
	// Dir is where the node's directory is made and removed again: on the disk to be measured.
	Dir string
	// Profile, if set, takes a profile of the processor while transfers are posted, or while
	// the node starts.
	Profile io.Writer
	Log     *slog.Logger
}

// Report is what runs came to.
type Report struct {
	Started string    `json:"started"` // RFC 3339
	Machine Machine   `json:"machine"`
	Cases   []Figures `json:"cases"`
}

// NewReport is an empty report of this machine.
func NewReport(now time.Time) *Report {
	return &Report{Started: now.UTC().Format(time.RFC3339), Machine: machine()}
}

// Write writes a report as JSON.
func (r *Report) Write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Figures is what one case came to. Times are in microseconds unless they say otherwise.
type Figures struct {
	Name string `json:"name"`
	Case
	Seconds   float64 `json:"seconds"`
	Transfers uint64  `json:"transfers"`
	PerSecond float64 `json:"transfers_per_second"`
	// P50, P99 and Longest are of one call, so of one batch.
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Longest float64 `json:"longest_us"`
	// Sync is what the disk takes to make 4 KiB durable, before and after the run.
	SyncP50 float64 `json:"fdatasync_p50_us"`
	SyncP99 float64 `json:"fdatasync_p99_us"`
	// Pause is the longest time in which no caller was answered; Cuts is how many cuts were
	// made meanwhile.
	Pause float64 `json:"pause_us"`
	Cuts  int     `json:"cuts"`
	// CPU is of the whole process, callers included.
	CPU float64 `json:"cpu_us_per_transfer"`
	// Disk is what each transfer left behind.
	Disk Disk `json:"bytes_per_transfer"`
	// Start is how long a node took to start, in seconds.
	Start float64 `json:"start_seconds,omitempty"`
	// Memory is the heap in use at the end, in bytes, after what is dead was swept.
	Memory uint64 `json:"heap_bytes"`
	// Load is the machine's load average at the end; Others is the share of all its processors
	// that other processes used during the run, from 0 to 1.
	Load   string  `json:"load"`
	Others float64 `json:"others_share"`
}

// Disk is bytes on disk for one transfer, by what holds them.
type Disk struct {
	Journal float64 `json:"journal"`
	History float64 `json:"history"`
	// Tables are the domain's rows, the index of ids and everything else of the state.
	Tables float64 `json:"tables"`
	Tiles  float64 `json:"tiles"`
}

// Run measures one case on a node of its own.
func Run(ctx context.Context, cfg Config, c Case) (Figures, error) {
	if err := c.validate(); err != nil {
		return Figures{}, err
	}
	dir, err := os.MkdirTemp(cfg.Dir, "seyfert-bench-")
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Name: c.Name(), Case: c}
	r := &run{cfg: cfg, c: c, dir: dir, figures: &f}
	switch c.Way {
	case Replay, Start:
		err = r.restart(ctx)
	case Replicas:
		err = r.replicas(ctx)
	default:
		err = r.post(ctx)
	}
	return f, errors.Join(err, os.RemoveAll(dir))
}

// run is one case on its way.
type run struct {
	cfg     Config
	c       Case
	dir     string
	figures *Figures
	sync    Histogram
}

// profiled runs fn under the profiler, if one is asked for.
func (r *run) profiled(fn func() error) (err error) {
	if r.cfg.Profile != nil {
		if err := pprof.StartCPUProfile(r.cfg.Profile); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return fn()
}

// ended fills in what is known at the end of every case.
func (r *run) ended() {
	f := r.figures
	f.SyncP50, f.SyncP99 = micros(r.sync.Quantile(500)), micros(r.sync.Quantile(990))
	f.Load, f.Others = load(), round(f.Others)
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f.Memory = memory.HeapAlloc
}

func micros(d time.Duration) float64 { return round(float64(d) / float64(time.Microsecond)) }

// round keeps two decimals, which is more than is known.
func round(value float64) float64 { return math.Round(value*100) / 100 }
