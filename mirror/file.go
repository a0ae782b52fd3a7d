package mirror

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"seyfert/signer"
)

// file is the signer journal as the signer sees it.
type file struct {
	mirror *Mirror
}

// ReadAt implements signer.JournalFile.
func (f file) ReadAt(p []byte, offset int64) (int, error) {
	m := f.mirror
	m.disk.Lock()
	defer m.disk.Unlock()
	return m.local.file.ReadAt(p, offset)
}

// Size implements signer.JournalFile.
func (f file) Size() (int64, error) {
	m := f.mirror
	m.disk.Lock()
	defer m.disk.Unlock()
	return m.local.size, m.local.broken
}

// Settled implements signer.SharedFile.
func (f file) Settled() int64 {
	return f.mirror.settled.Load()
}

// Truncate implements signer.JournalFile. The signer cuts a torn frame when it is opened; what
// was durable is never cut so.
func (f file) Truncate(size int64) error {
	m := f.mirror
	m.disk.Lock()
	defer m.disk.Unlock()
	if err := m.local.whole(size); err != nil {
		return err
	}
	return m.checked(m.local.cut(size))
}

// Append implements signer.JournalFile: it writes p here and on the other replicas at the same
// time. After an ErrResting it is not known whether p stays, and nothing more is taken before
// the next Lead.
func (f file) Append(p []byte) error {
	m := f.mirror
	l, at, err := m.hand(p)
	if err != nil {
		return err
	}
	timer := time.NewTimer(appendWait)
	defer timer.Stop()
	if err := m.write(l, at, p); err != nil {
		return err
	}
	for {
		m.mu.Lock()
		done, moved := m.settled.Load() >= at+int64(len(p)), l.moved
		l.stuck = !done && err != nil
		m.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return fmt.Errorf("mirror: %w: %w", err, signer.ErrResting)
		}
		select {
		case <-moved:
		case <-l.over:
			err = errors.New("the leadership ended")
		case <-timer.C:
			err = fmt.Errorf("no majority within %v", appendWait)
		}
	}
}

// hand gives p to the goroutines that tend the other replicas. From here on it must be written
// here too, whatever comes: in one term no other bytes may stand there.
func (m *Mirror) hand(p []byte) (*lead, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lead
	switch {
	case m.reason != nil:
		return nil, 0, m.reason
	case l == nil || l.ended || l.stuck || !l.ready:
		return nil, 0, signer.ErrResting
	}
	at := l.size
	if count, size := signer.Frames(p, at); count != 1 || size != int64(len(p)) ||
		len(p) > frameMax {
		return nil, 0, fmt.Errorf("mirror: %d bytes are not one record at byte %d", len(p), at)
	}
	l.pending, l.size = slices.Clone(p), at+int64(len(p))
	l.kick()
	return l, at, nil
}

// write makes p durable here.
func (m *Mirror) write(l *lead, at int64, p []byte) error {
	members := m.cfg.Members()
	m.disk.Lock()
	defer m.disk.Unlock()
	if m.local.terms.Promised != l.term {
		m.mu.Lock()
		defer m.mu.Unlock()
		l.stuck = true
		return fmt.Errorf("%w: %w", ErrSuperseded, signer.ErrResting)
	}
	if m.local.size != at {
		return fmt.Errorf("mirror: the journal ends at byte %d, not %d", m.local.size, at)
	}
	if err := m.checked(m.local.add(p)); err != nil {
		return err
	}
	m.mu.Lock()
	l.synced = at + int64(len(p))
	m.raise(l.majority(members))
	l.wake()
	m.mu.Unlock()
	return nil
}
