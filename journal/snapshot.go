package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/raft"
)

var errNoSnapshot = errors.New("journal: the machine makes cuts by itself")

// snapshots shows raft the machine's cuts as its snapshots. It implements raft.SnapshotStore:
// raft reads them to send one to a replica that has fallen behind the log, and stores one that
// it is sent. It never makes one.
type snapshots struct {
	store    *store
	cuts     Cuts
	applier  *applier
	incoming string // the directory for a cut that comes in

	state sync.Mutex // guards all below
	// marks are those of the cuts that are kept, oldest first; before keep has run, that of the
	// one that raft starts from is the last.
	marks []mark
	// looks counts the calls of keep. held are the cuts that are being sent, or were lately.
	looks int
	held  map[*outgoing]bool
	// received is the cut that came in and is to be installed.
	received *mark
}

func newSnapshots(s *store, cuts Cuts, a *applier, incoming string) *snapshots {
	return &snapshots{
		store: s, cuts: cuts, applier: a, incoming: incoming, held: map[*outgoing]bool{},
	}
}

// members returns the members by the newest word of log and marks.
func (s *snapshots) members() (c raft.Configuration, known bool) {
	s.state.Lock()
	defer s.state.Unlock()
	c, _ = s.configurationAt(s.store.Next() - 1)
	return c, len(c.Servers) > 0
}

func (m *mark) id() string { return fmt.Sprintf("%d-%d", m.Term, m.Place) }

func (m *mark) meta() *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: m.id(), Index: m.Place, Term: m.Term,
		Configuration: m.configuration(), ConfigurationIndex: m.Settled,
	}
}

// List implements raft.SnapshotStore, newest first.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	s.state.Lock()
	defer s.state.Unlock()
	var metas []*raft.SnapshotMeta
	for i := len(s.marks) - 1; i >= 0; i-- {
		metas = append(metas, s.marks[i].meta())
	}
	return metas, nil
}

// Open implements raft.SnapshotStore. Of a cut that came in it gives nothing to read: the files
// are there.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.state.Lock()
	defer s.state.Unlock()
	if s.received != nil && s.received.id() == id {
		return s.received.meta(), io.NopCloser(bytes.NewReader(nil)), nil
	}
	for i := range s.marks {
		if s.marks[i].id() == id {
			return s.send(&s.marks[i])
		}
	}
	return nil, nil, fmt.Errorf("no cut %s", id)
}

// send opens a cut to be read as one stream. The caller holds state.
func (s *snapshots) send(m *mark) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if s.cuts == nil {
		return nil, nil, errNoSnapshot
	}
	files, release, err := s.cuts.Open(m.Index)
	if err != nil {
		return nil, nil, fmt.Errorf("open the cut at entry %d: %w", m.Index, err)
	}
	pack, err := newPack(m, files)
	if err != nil {
		release()
		return nil, nil, err
	}
	meta := m.meta()
	meta.Size = pack.size
	out := &outgoing{
		pack: pack, release: release, snapshots: s, place: m.Place, begun: s.looks,
	}
	s.held[out] = true
	return meta, out, nil
}

// outgoing is a cut on its way to another replica.
type outgoing struct {
	*pack
	release   func()
	snapshots *snapshots
	place     uint64
	// begun is the look at which the sending began, until the last one at which the logs from
	// place on are held; zero while it goes on. The snapshots' state guards until.
	begun, until int
}

// Close implements io.Closer. The entries behind the cut stay for a while: the other replica
// needs them next.
func (o *outgoing) Close() error {
	err := o.pack.close()
	o.release()
	o.snapshots.state.Lock()
	defer o.snapshots.state.Unlock()
	now := o.snapshots.looks
	o.until = now + (now - o.begun) + sentKept
	return err
}

// Create implements raft.SnapshotStore, for a cut that comes in.
func (s *snapshots) Create(_ raft.SnapshotVersion, index, term uint64, c raft.Configuration,
	settled uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	if s.cuts == nil {
		return nil, errNoSnapshot
	}
	if err := errors.Join(os.RemoveAll(s.incoming), os.Mkdir(s.incoming, 0o700)); err != nil {
		return nil, err
	}
	m := &mark{Place: index, Term: term, Members: membersOf(c), Settled: settled}
	reader, writer := io.Pipe()
	in := &incoming{snapshots: s, mark: m, writer: writer, done: make(chan error, 1)}
	go func() {
		err := unpack(reader, s.incoming, m)
		_ = reader.CloseWithError(err) // never fails
		in.done <- err
	}()
	return in, nil
}

// incoming is a cut on its way here. It implements raft.SnapshotSink.
type incoming struct {
	snapshots *snapshots
	mark      *mark
	writer    *io.PipeWriter
	done      chan error // receives the outcome of unpacking, once
}

// Write implements io.Writer.
func (in *incoming) Write(p []byte) (int, error) { return in.writer.Write(p) }

// ID implements raft.SnapshotSink.
func (in *incoming) ID() string { return in.mark.id() }

// Close implements io.Closer: the cut is here as a whole.
func (in *incoming) Close() error {
	_ = in.writer.Close() // never fails
	if err := <-in.done; err != nil {
		return errors.Join(err, os.RemoveAll(in.snapshots.incoming))
	}
	in.snapshots.state.Lock()
	defer in.snapshots.state.Unlock()
	in.snapshots.received = in.mark
	return nil
}

// Cancel implements raft.SnapshotSink: no more of the cut comes.
func (in *incoming) Cancel() error {
	_ = in.writer.CloseWithError(errCancelled) // never fails
	<-in.done
	return os.RemoveAll(in.snapshots.incoming)
}

var errCancelled = errors.New("the cut was not sent to its end")

// install puts the machine onto the cut that came in, and begins the log behind it. The mark is
// durable before the machine moves: should the process end in between, begin finds both.
func (s *snapshots) install() (index uint64, at int64, err error) {
	s.state.Lock()
	defer s.state.Unlock()
	m := s.received
	if m == nil {
		return 0, 0, errors.New("no cut has come in")
	}
	s.received = nil
	if err := s.store.writeMarks(append(s.marks, *m)); err != nil {
		return 0, 0, err
	}
	if err := s.cuts.Install(m.Index, s.incoming); err != nil {
		return 0, 0, err
	}
	if err := s.store.Reset(m.Place, m.Index); err != nil {
		return 0, 0, s.store.note(err)
	}
	s.marks = []mark{*m}
	return m.Index, m.Time, errors.Join(s.store.writeMarks(s.marks), os.RemoveAll(s.incoming))
}
