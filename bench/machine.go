package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is where a report comes from.
type Machine struct {
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	OS   string `json:"os"`
}

func machine() Machine {
	return Machine{
		CPUs: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH,
	}
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

// processTime is the processor time that this process has used, in user and system mode.
func processTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// ticksPerSecond is the unit of /proc/stat, which is the same on every Linux.
const ticksPerSecond = 100

// busyTime is the processor time that all processes of the machine have used, and what the
// machine below a virtual one has taken away; 0 where it is not told.
func busyTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	// cpu  user nice system idle iowait irq softirq steal ...
	line, _, _ := strings.Cut(string(text), "\n")
	words := strings.Fields(line)
	total := time.Duration(0)
	for _, at := range []int{1, 2, 3, 6, 7, 8} {
		if at < len(words) {
			ticks, err := strconv.ParseInt(words[at], 10, 64)
			if err != nil {
				return 0
			}
			total += time.Duration(ticks) * time.Second / ticksPerSecond
		}
	}
	return total
}

// spent is the processor time that passed while something was measured: by this process, and
// by all others together.
type spent struct {
	begin     time.Time
	own, busy time.Duration
}

// spend begins to count.
func spend() (spent, error) {
	own, err := processTime()
	return spent{time.Now(), own, busyTime()}, err
}

// end returns this process's time since then, and the share of the machine that others used.
func (s spent) end() (own time.Duration, others float64, err error) {
	now, err := processTime()
	own = now - s.own
	if s.busy == 0 {
		return own, 0, err
	}
	whole := time.Since(s.begin) * time.Duration(runtime.NumCPU())
	return own, max(0, float64(busyTime()-s.busy-own)/float64(whole)), err
}

// syncsProbed is how often the disk is asked to sync for one probe.
const syncsProbed = 500

// probeSync measures how long the disk takes to make 4 KiB durable that overwrite what is in
// the file already: what a journal of any make has to wait for.
func probeSync(dir string, h *Histogram) (err error) {
	file, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	page := make([]byte, 4<<10)
	for at := range int64(syncsProbed) {
		if _, err := file.WriteAt(page, at*int64(len(page))); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	for at := range int64(syncsProbed) {
		start := time.Now()
		if _, err := file.WriteAt(page, at*int64(len(page))); err != nil {
			return err
		}
		if err := syscall.Fdatasync(int(file.Fd())); err != nil {
			return err
		}
		h.Add(time.Since(start))
	}
	return nil
}

// sizeOf adds up the files below a path, each once however many names it has. What is missing
// has no size; files may come and go meanwhile.
func sizeOf(path string) (int64, error) {
	seen := map[uint64]bool{}
	total := int64(0)
	err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			if seen[stat.Ino] {
				return nil
			}
			seen[stat.Ino] = true
		}
		total += info.Size()
		return nil
	})
	return total, err
}
