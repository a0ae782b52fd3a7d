package node

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"seyfert/journal"
)

// entriesMagic opens a file of journal entries; its last character is the format. The index of
// the first entry follows as u64, then for each entry:
//
//	length u32 | CRC-32C of the entry's bytes u32 | entry
//
// Numbers are big-endian, entries are as journal.Entry.Encode writes them.
const entriesMagic = "seyfert entries 1"

const entryHeadBytes = 8

// entriesFile writes journal entries, from one on without a gap.
type entriesFile struct {
	file *os.File
	out  *bufio.Writer
	next uint64
}

func createEntries(path string, first uint64) (*entriesFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	w := &entriesFile{file: file, out: bufio.NewWriterSize(file, 1<<20), next: first}
	head := binary.BigEndian.AppendUint64([]byte(entriesMagic), first)
	if _, err := w.out.Write(head); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

func (w *entriesFile) add(index uint64, e journal.Entry) error {
	if index != w.next {
		return fmt.Errorf("entry %d came where %d was due", index, w.next)
	}
	w.next++
	data := e.Encode()
	var head [entryHeadBytes]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(data)))
	binary.BigEndian.PutUint32(head[4:], entrySum(data))
	if _, err := w.out.Write(head[:]); err != nil {
		return err
	}
	_, err := w.out.Write(data)
	return err
}

func (w *entriesFile) close() error {
	return errors.Join(w.out.Flush(), w.file.Sync(), w.file.Close())
}

func entrySum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

// EntriesIn is a file of journal entries as a backup has it. It implements Entries.
type EntriesIn struct{ Path string }

// Read implements Entries. An entry that is damaged ends it with an error that names its index.
func (f EntriesIn) Read(from uint64, fn func(index uint64, e journal.Entry) bool) error {
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	head := make([]byte, len(entriesMagic)+8)
	_, err = io.ReadFull(in, head)
	if err != nil || string(head[:len(entriesMagic)]) != entriesMagic {
		return fmt.Errorf("%s is not a file of journal entries: %w", f.Path,
			errors.Join(err, errMagic))
	}
	first := binary.BigEndian.Uint64(head[len(entriesMagic):])
	if from < first {
		return fmt.Errorf("%s begins with entry %d, not with %d", f.Path, first, from)
	}
	for index := first; ; index++ {
		data, err := nextEntry(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		var e journal.Entry
		if err == nil && index >= from {
			e, err = journal.DecodeEntry(data)
		}
		if err != nil {
			return fmt.Errorf("read entry %d from %s: %w", index, f.Path, err)
		}
		if index >= from && !fn(index, e) {
			return nil
		}
	}
}

var errMagic = errors.New("it does not begin as one does")

// nextEntry reads one entry's bytes; io.EOF says that there is none.
func nextEntry(in io.Reader) ([]byte, error) {
	var head [entryHeadBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > journal.EntryBytesMax {
		return nil, fmt.Errorf("it is %d bytes long: over the limit", length)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, fmt.Errorf("it ends early: %w", io.ErrUnexpectedEOF)
	}
	if entrySum(data) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errors.New("it does not match its checksum")
	}
	return data, nil
}
