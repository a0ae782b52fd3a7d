package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"seyfert/api"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/node"
)

// Room on the disk. A node that has less than its reserve takes no commands, so that what it has
// accepted, and the cut that may be under way, always find room: a disk that refuses a write of
// the state is the end of the process.
const (
	// ReserveMiBDefault is the reserve when the configuration says nothing: the journal's queue
	// and next file, what waits to be written of history and tables, and a cut of a million
	// accounts.
	ReserveMiBDefault = 512
	// ReserveMiBMax is the largest reserve that may be configured.
	ReserveMiBMax = 1 << 20
	// startShare is the part of the reserve without which a node does not start: opening writes.
	startShare = 8
	// roomEvery is how often the disk is asked. The fastest disks fill a part of the reserve in
	// that time.
	roomEvery = 200 * time.Millisecond
)

// room watches the disks that the node writes to, and stands before the journal: while there is
// too little room it refuses every command, from outside and of the node's own workers. What is
// refused is in no entry; the workers try again.
type room struct {
	// dirs are on the disks that are watched.
	dirs    []string
	reserve uint64 // bytes
	free    func(dir string) (uint64, error)
	journal node.Journal
	log     *slog.Logger
	low     atomic.Bool
}

func (s *Server) newRoom(parts Parts, log *slog.Logger) *room {
	r := &room{
		dirs: []string{
			s.cfg.Dir, s.cfg.stateDir(), s.cfg.journalDir(), s.cfg.keysDir(),
		},
		reserve: s.cfg.reserve(), free: parts.Free, log: log,
	}
	if r.free == nil {
		r.free = freeBytes
	}
	return r
}

// reserve is the room that is kept, in bytes.
func (c Config) reserve() uint64 {
	if c.ReserveMiB == 0 {
		return ReserveMiBDefault << 20
	}
	return uint64(c.ReserveMiB) << 20
}

// freeBytes is the room that a user's process has on the disk of a directory.
func freeBytes(dir string) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, fmt.Errorf("ask for the room on the disk of %s: %w", dir, err)
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), nil
}

// least returns the directory with the least room.
func (r *room) least() (dir string, free uint64, err error) {
	for _, d := range r.dirs {
		n, err := r.free(d)
		if errors.Is(err, fs.ErrNotExist) {
			continue // made at the first start
		}
		if err != nil {
			return d, 0, err
		}
		if dir == "" || n < free {
			dir, free = d, n
		}
	}
	return dir, free, nil
}

// atStart refuses to start on a disk that is so full that opening could fail half-way.
func (r *room) atStart() error {
	dir, free, err := r.least()
	if err != nil || dir == "" || free >= r.reserve/startShare {
		return err
	}
	return fmt.Errorf("the disk of %s has room for %d MiB, the node needs %d MiB to start: make "+
		"room and start it again; nothing was changed", dir, free>>20, r.reserve/startShare>>20)
}

// look asks the disks once. It takes an eighth more than the reserve to take commands again, so
// that a disk at the limit does not make the node change its mind with every entry.
func (r *room) look() {
	dir, free, err := r.least()
	if err != nil {
		r.log.Error("the room on the disk is not known", slog.String("error", err.Error()))
		return
	}
	was := r.low.Load()
	need := r.reserve
	if was {
		need += r.reserve / 8
	}
	if now := free < need; now != was {
		r.low.Store(now)
		say := r.log.Warn
		text := "there is room on the disk again: commands are taken"
		if now {
			say, text = r.log.Error, "the disk is full up to the reserve: no commands are taken "+
				"until there is room"
		}
		say(text, slog.String("disk_of", dir), slog.Uint64("room_mib", free>>20),
			slog.Uint64("needed_mib", need>>20))
	}
}

// watch looks until ctx ends.
func (r *room) watch(ctx context.Context) {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look()
		}
	}
}

// errFull is what is answered while there is too little room.
func errFull() *fault.Error {
	return fault.New(fault.Unavailable, "", "The node's disk is full. Nothing was changed; the "+
		"same request may be sent again when there is room.").Because(fault.DiskFull)
}

// Propose implements node.Journal.
func (r *room) Propose(ctx context.Context, c journal.Command) (journal.Result, error) {
	if r.low.Load() {
		return journal.Result{}, errFull()
	}
	return r.journal.Propose(ctx, c)
}

// guard refuses changes that come from outside before anything is signed for them: the signer
// journal grows on the same disk. Pages are left to answer in their own way.
func (r *room) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		reads := request.Method == http.MethodGet || request.Method == http.MethodHead ||
			request.Method == http.MethodOptions
		if reads || !r.low.Load() || !forPrograms(request.URL.Path) {
			next.ServeHTTP(w, request)
			return
		}
		api.WriteFault(w, errFull())
	})
}

// forPrograms says whether a path is of the API, the peers or the bank.
func forPrograms(path string) bool {
	for _, prefix := range []string{"/v1/", "/snp/", "/rail/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
