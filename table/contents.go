package table

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// contentsName is the file of a checkpoint that lists the others. The library takes a damaged
// list of tables (manifest) for one that ends early, and would open an older state or none;
// the sorted tables themselves carry checksums that every read compares.
const contentsName = "contents"

// contentsBytesMax bounds what is read of a list: a line for each file.
const contentsBytesMax = 16 << 20

// content is what the list says of one file.
type content struct {
	size int64
	sum  uint32 // CRC32C; 0 for sorted tables
}

// contents lists the files of a checkpoint by name.
type contents map[string]content

// linked says whether a file is a sorted table: never changed in place, and so shared between
// checkpoints and live stores.
func linked(name string) bool {
	kind := filepath.Ext(name)
	return kind == ".sst" || kind == ".blob"
}

// seal writes the list of what is in dir, and syncs it.
func seal(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, name := range names {
		c, err := measure(fs, fs.PathJoin(dir, name), io.Discard)
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%08x %d %s\n", c.sum, c.size, name)
	}
	fmt.Fprintf(&list, "%08x\n", checksum(list.Bytes()))
	file, err := fs.Create(fs.PathJoin(dir, contentsName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(list.Bytes())
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	directory, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// openContents reads the list of a checkpoint and counts its files.
func openContents(fs vfs.FS, dir string) (contents, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	listed, err := readContents(fs, dir)
	if err != nil {
		return nil, err
	}
	if len(names) != len(listed)+1 {
		return nil, fmt.Errorf("%d files where %d are listed", len(names)-1, len(listed))
	}
	return listed, nil
}

func readContents(fs vfs.FS, dir string) (contents, error) {
	file, err := fs.Open(fs.PathJoin(dir, contentsName))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, contentsBytesMax))
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	if len(lines) < 2 || lines[len(lines)-1] != "" {
		return nil, errors.New("the list of files is cut off")
	}
	lines, last := lines[:len(lines)-2], lines[len(lines)-2]
	if fmt.Sprintf("%08x\n", checksum([]byte(strings.Join(lines, "")))) != last {
		return nil, errors.New("the list of files is damaged")
	}
	listed := make(contents)
	for _, line := range lines {
		var c content
		var name string
		if _, err := fmt.Sscanf(line, "%x %d %s\n", &c.sum, &c.size, &name); err != nil {
			return nil, fmt.Errorf("list of files: %w", err)
		}
		listed[name] = c
	}
	return listed, nil
}

// measure returns what the list says of a file, and copies it unless it is a sorted table.
func measure(fs vfs.FS, path string, copied io.Writer) (content, error) {
	info, err := fs.Stat(path)
	if err != nil {
		return content{}, err
	}
	if !info.Mode().IsRegular() {
		return content{}, fmt.Errorf("%s is not a file", path)
	}
	if linked(path) {
		return content{size: info.Size()}, nil
	}
	file, err := fs.Open(path)
	if err != nil {
		return content{}, err
	}
	defer file.Close()
	hash := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size, err := io.Copy(io.MultiWriter(hash, copied), file)
	return content{size: size, sum: hash.Sum32()}, err
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}
