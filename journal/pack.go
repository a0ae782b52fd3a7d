package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A cut travels as one stream: a magic number u32, the index of its entry u64, the time in that
// entry's header i64, the number of files u32; for each file the length of its name u16, the
// name, its size u64 and its bytes; and the SHA-256 of everything before.
const packMagic = 0x534a4331 // "SJC1"; another layout takes another number

// Limits of a cut that is sent.
const (
	// CutFilesMax bounds the files of one cut.
	CutFilesMax = 1 << 16
	// CutNameMax bounds the name of one, in bytes.
	CutNameMax = 512
)

// pack reads the files of a cut as one stream.
type pack struct {
	size   int64
	parts  []part // what is left
	open   *os.File
	reader io.Reader // over the part that is read now
	sum    hash.Hash
	ended  bool
}

// part is what a stream is made of: bytes, or a file's.
type part struct {
	bytes []byte
	file  CutFile
}

func newPack(m *mark, files []CutFile) (*pack, error) {
	if len(files) > CutFilesMax {
		return nil, fmt.Errorf("a cut of %d files: over the limit", len(files))
	}
	be := binary.BigEndian
	head := be.AppendUint32(nil, packMagic)
	head = be.AppendUint64(head, m.Index)
	head = be.AppendUint64(head, uint64(m.Time))
	head = be.AppendUint32(head, uint32(len(files)))
	p := &pack{sum: sha256.New(), size: sha256.Size}
	for _, f := range files {
		if !properName(f.Name) || f.Size < 0 {
			return nil, fmt.Errorf("a cut with the file %q of %d bytes", f.Name, f.Size)
		}
		head = be.AppendUint16(head, uint16(len(f.Name)))
		head = be.AppendUint64(append(head, f.Name...), uint64(f.Size))
		p.parts = append(p.parts, part{bytes: head}, part{file: f})
		p.size += int64(len(head)) + f.Size
		head = nil
	}
	if head != nil {
		p.parts = append(p.parts, part{bytes: head})
		p.size += int64(len(head))
	}
	return p, nil
}

// properName says whether a name stays within a directory.
func properName(name string) bool {
	return name != "" && len(name) <= CutNameMax && filepath.IsLocal(name) &&
		!strings.Contains(name, `\`)
}

// Read implements io.Reader.
func (p *pack) Read(buf []byte) (int, error) {
	for {
		if p.reader == nil {
			if err := p.next(); err != nil {
				return 0, err
			}
		}
		n, err := p.reader.Read(buf)
		p.sum.Write(buf[:n])
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		p.reader = nil
		if n > 0 {
			return n, nil
		}
	}
}

// next goes on to the next part, or to the sum behind all.
func (p *pack) next() error {
	if len(p.parts) == 0 {
		if p.ended {
			return io.EOF
		}
		p.ended = true
		p.reader = bytes.NewReader(p.sum.Sum(nil))
		return nil
	}
	now := p.parts[0]
	p.parts = p.parts[1:]
	if now.bytes != nil {
		p.reader = bytes.NewReader(now.bytes)
		return nil
	}
	if err := p.close(); err != nil {
		return err
	}
	f, err := os.Open(now.file.Path)
	if err != nil {
		return err
	}
	p.open = f
	p.reader = &exactly{from: f, left: now.file.Size, name: now.file.Path}
	return nil
}

func (p *pack) close() error {
	if p.open == nil {
		return nil
	}
	f := p.open
	p.open = nil
	return f.Close()
}

// exactly reads so many bytes, and an error if there are fewer.
type exactly struct {
	from io.Reader
	left int64
	name string
}

// Read implements io.Reader.
func (e *exactly) Read(buf []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.from.Read(buf[:min(int64(len(buf)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) {
		if e.left > 0 {
			return n, fmt.Errorf("%s is %d bytes short", e.name, e.left)
		}
		err = nil
	}
	return n, err
}

// unpack writes the files of a stream into a directory and syncs them. It sets the mark's index
// and time.
func unpack(stream io.Reader, dir string, m *mark) error {
	sum := sha256.New()
	in := io.TeeReader(stream, sum)
	be := binary.BigEndian
	var head [24]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return fmt.Errorf("read a cut: %w", err)
	}
	count := be.Uint32(head[20:])
	if be.Uint32(head[:]) != packMagic || count > CutFilesMax {
		return errors.New("read a cut: another format")
	}
	m.Index, m.Time = be.Uint64(head[4:]), int64(be.Uint64(head[12:]))
	dirs := map[string]bool{dir: true}
	for range count {
		if err := unpackFile(in, dir, dirs); err != nil {
			return fmt.Errorf("read a cut: %w", err)
		}
	}
	want := sum.Sum(nil)
	have := make([]byte, len(want))
	if _, err := io.ReadFull(stream, have); err != nil {
		return fmt.Errorf("read a cut: %w", err)
	}
	if !bytes.Equal(have, want) {
		return errors.New("read a cut: it does not match its checksum")
	}
	for made := range dirs {
		if err := syncDir(made); err != nil {
			return err
		}
	}
	return nil
}

// unpackFile writes the next file. It notes the directories that it makes.
func unpackFile(in io.Reader, dir string, dirs map[string]bool) error {
	var word [8]byte
	if _, err := io.ReadFull(in, word[:2]); err != nil {
		return err
	}
	text := make([]byte, min(int(binary.BigEndian.Uint16(word[:])), CutNameMax+1))
	if _, err := io.ReadFull(in, text); err != nil {
		return err
	}
	name := string(text)
	if !properName(name) {
		return fmt.Errorf("a file is called %q", name)
	}
	if _, err := io.ReadFull(in, word[:]); err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	for made := filepath.Dir(path); !dirs[made]; made = filepath.Dir(made) {
		dirs[made] = true
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, in, int64(binary.BigEndian.Uint64(word[:])))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
