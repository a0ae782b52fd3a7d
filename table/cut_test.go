package table_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"seyfert/table"
)

// cut is one cut of the crash test on its way.
type cut struct {
	world      *world
	disk       *disk
	checkpoint *table.Checkpoint
	number     uint64
	ids        [][]byte
}

// cutNameBytes is the length of a finished cut's name.
const cutNameBytes = 20

func cutNumber(name string) uint64 {
	n, _ := strconv.ParseUint(name, 10, 64)
	return n
}

// make writes the cut and sends its number if it is surely on the disk, otherwise 0.
func (c *cut) make(done chan<- uint64) {
	err := c.write()
	if errors.Is(err, table.ErrDisturbed) {
		c.world.disturbed++
	} else if err != nil && !c.disk.isDown() && !c.disk.isFull() {
		c.world.fail("cut %d: %v", c.number, err)
	}
	if err != nil || c.disk.isDown() {
		done <- 0
		return
	}
	c.world.cuts++
	done <- c.number
}

func (c *cut) write() error {
	defer c.checkpoint.Abandon()
	fs := c.disk
	name := fmt.Sprintf("/cuts/%020d", c.number)
	making := name + ".making"
	if err := errors.Join(fs.RemoveAll(making), fs.MkdirAll(making, 0o700)); err != nil {
		return err
	}
	if err := c.ingest(); err != nil {
		return err
	}
	if err := c.world.history.Sync(); err != nil {
		return err
	}
	if err := c.checkpoint.Finish(making + "/tables"); err != nil {
		return err
	}
	if err := writeManifest(fs, making, c.number); err != nil {
		return err
	}
	if err := errors.Join(syncDir(fs, making), fs.Rename(making, name),
		syncDir(fs, "/cuts")); err != nil {
		return err
	}
	return c.prune()
}

// prune keeps two cuts.
func (c *cut) prune() error {
	names, err := c.disk.List("/cuts")
	if err != nil {
		return err
	}
	var finished []string
	for _, name := range names {
		if len(name) == cutNameBytes {
			finished = append(finished, name)
		}
	}
	slices.Sort(finished)
	for len(finished) > 2 {
		if err := c.disk.RemoveAll("/cuts/" + finished[0]); err != nil {
			return err
		}
		finished = finished[1:]
	}
	return nil
}

// ingest brings the ids of the cut into the tables.
func (c *cut) ingest() error {
	first := c.number - uint64(len(c.ids)) + 1
	numbers := make(map[string]uint64)
	for i, id := range c.ids {
		numbers[string(id)] = first + uint64(i)
	}
	slices.SortFunc(c.ids, bytes.Compare)
	return c.world.tables.Ingest(func(yield func(key, value []byte) bool) {
		for _, id := range c.ids {
			if !yield(id, binary.BigEndian.AppendUint64(nil, numbers[string(id)])) {
				return
			}
		}
	})
}

// A manifest is the number of the cut and a checksum.
func writeManifest(fs vfs.FS, dir string, number uint64) error {
	file, err := fs.Create(dir+"/manifest", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	text := binary.BigEndian.AppendUint64(nil, number)
	text = binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(text))
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func readManifest(fs vfs.FS, dir string) (uint64, error) {
	file, err := fs.Open(dir + "/manifest")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil || len(text) != 12 ||
		crc32.ChecksumIEEE(text[:8]) != binary.BigEndian.Uint32(text[8:]) {
		return 0, errors.Join(err, errors.New("the manifest is damaged"))
	}
	return binary.BigEndian.Uint64(text), nil
}
