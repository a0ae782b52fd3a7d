package export

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"seyfert/client"
	"seyfert/money"
)

// Files is a copy of a node's books in CSV files of a directory: entries.csv, accounts.csv with a
// line for each change of an account, and metadata.csv. position.json says how far they go. It is
// for one goroutine.
type Files struct {
	node *client.Client
	dir  string
	lock *os.File
	at   position
	// tables are entries, accounts and metadata.
	tables [3]*os.File
}

// The places of tables in Files and position.
const (
	tableEntries = iota
	tableAccounts
	tableMetadata
)

// position is how far the files go. What stands behind the sizes was not finished and is cut off.
type position struct {
	Format  string   `json:"format"`
	Version int      `json:"version"`
	Node    string   `json:"node"`
	Scope   string   `json:"scope"`
	Next    uint64   `json:"next_entry"`
	Detail  uint64   `json:"next_detail"`
	Sizes   [3]int64 `json:"sizes"`
	// Number, Index and Subject are of the newest entry.
	Number  uint64 `json:"number"`
	Index   uint64 `json:"journal_index"`
	Subject string `json:"subject"`
}

// headers are the first lines of the files.
func headers() [3][]string {
	return [3][]string{
		entryColumns(),
		append([]string{"number", "changed_at"}, accountColumns()...),
		append([]string{"number"}, metadataColumns()...),
	}
}

// OpenFiles opens a directory that holds a copy of this node's books, made with this key, or makes
// one. ErrForeign and ErrNewer say what it refuses.
func OpenFiles(ctx context.Context, node *client.Client, dir string) (_ *Files, err error) {
	f := &Files{node: node, dir: dir}
	whose, err := identify(ctx, node)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	f.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another process exports to %s: %w", dir, err)
	}
	if err := f.readPosition(whose); err != nil {
		return nil, err
	}
	if f.at.Number > 0 {
		if err := same(ctx, node, f.at.Number, f.at.Index, f.at.Subject); err != nil {
			return nil, err
		}
	}
	return f, f.openTables()
}

// readPosition reads how far the files go, and checks whose they are.
func (f *Files) readPosition(whose source) error {
	text, err := os.ReadFile(filepath.Join(f.dir, "position.json"))
	if errors.Is(err, fs.ErrNotExist) {
		f.at = position{
			Format: format, Version: version, Node: whose.node, Scope: whose.scope, Next: 1,
			Detail: 1,
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &f.at); err != nil {
		return fmt.Errorf("read position.json (%w): %w", err, ErrForeign)
	}
	switch {
	case f.at.Format != format:
		return fmt.Errorf("position.json is %q: %w", f.at.Format, ErrForeign)
	case f.at.Version > version:
		return fmt.Errorf("position.json has version %d: %w", f.at.Version, ErrNewer)
	case f.at.Node != whose.node || f.at.Scope != whose.scope:
		return fmt.Errorf("%s holds %s of %s, and this is %s of %s: %w", f.dir, f.at.Scope,
			f.at.Node, whose.scope, whose.node, ErrForeign)
	}
	return nil
}

// openTables cuts off what was not finished. Files of a directory without a position are not ours.
func (f *Files) openTables() error {
	for i, name := range [...]string{"entries.csv", "accounts.csv", "metadata.csv"} {
		file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		f.tables[i] = file
		info, err := file.Stat()
		if err != nil {
			return err
		}
		switch size := f.at.Sizes[i]; {
		case info.Size() < size:
			return fmt.Errorf("%s has %d bytes, and %d were written: make a new copy", name,
				info.Size(), size)
		case size == 0 && info.Size() > 0:
			if err := f.checkUnfinished(file, headers()[i]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := file.Truncate(f.at.Sizes[i]); err != nil {
			return err
		}
		if _, err := file.Seek(f.at.Sizes[i], io.SeekStart); err != nil {
			return err
		}
	}
	if f.at.Sizes != [3]int64{} {
		return nil
	}
	return f.write(f.at, func(w [3]*csv.Writer) error {
		for i, header := range headers() {
			if err := w[i].Write(header); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkUnfinished says whether a file without a position is one that we began.
func (f *Files) checkUnfinished(file *os.File, header []string) error {
	want := strings.Join(header, ",") + "\n"
	begun := make([]byte, len(want))
	n, err := file.ReadAt(begun, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.HasPrefix(want, string(begun[:n])) {
		return ErrForeign
	}
	return nil
}

// Close ends the copy. What was begun and not finished is cut off at the next start.
func (f *Files) Close() error {
	var errs []error
	for _, file := range append(f.tables[:], f.lock) {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

// CatchUp copies everything that the node has when it is called.
func (f *Files) CatchUp(ctx context.Context) (Position, error) {
	for goal := uint64(0); ; {
		b, err := read(ctx, f.node, f.at.Next, 0)
		if err != nil {
			return Position{}, err
		}
		if err := f.details(ctx); err != nil {
			return Position{}, err
		}
		if b.next > b.from {
			if err := f.entries(b); err != nil {
				return Position{}, err
			}
		}
		if goal == 0 {
			goal = b.newest
		}
		if f.at.Next > goal {
			return Position{Entries: f.at.Next - 1, Newest: b.newest}, nil
		}
	}
}

func (f *Files) entries(b *batch) error {
	next := f.at
	next.Next = b.next
	if len(b.changes) > 0 {
		last := &b.changes[len(b.changes)-1]
		next.Number, next.Index, next.Subject = last.Number, last.Index, subjectOf(last)
	}
	return f.write(next, func(w [3]*csv.Writer) error {
		for i := range b.changes {
			if err := w[tableEntries].Write(entryLine(&b.changes[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// details copies accounts and metadata up to the newest.
func (f *Files) details(ctx context.Context) error {
	for {
		page, err := f.node.Details(ctx, f.at.Detail, client.DetailsMax)
		if err != nil || page.Next == f.at.Detail {
			return err
		}
		next := f.at
		next.Detail = page.Next
		err = f.write(next, func(w [3]*csv.Writer) error {
			for _, d := range page.Details {
				if err := detailLine(w, d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// write appends to the files and then says how far they go. Lines are on the disk before that.
func (f *Files) write(next position, lines func(w [3]*csv.Writer) error) error {
	var buffers [3]*bufio.Writer
	var writers [3]*csv.Writer
	for i, file := range f.tables {
		buffers[i] = bufio.NewWriterSize(file, 1<<16)
		writers[i] = csv.NewWriter(buffers[i])
	}
	if err := lines(writers); err != nil {
		return err
	}
	for i, file := range f.tables {
		writers[i].Flush()
		if err := errors.Join(writers[i].Error(), buffers[i].Flush(), file.Sync()); err != nil {
			return fmt.Errorf("write %s: %w", file.Name(), err)
		}
		size, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		next.Sizes[i] = size
	}
	if err := f.keep(next); err != nil {
		return fmt.Errorf("write position.json: %w", err)
	}
	f.at = next
	return nil
}

// keep replaces position.json.
func (f *Files) keep(p position) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(f.dir, "position.json")
	file, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// entryLine is an entry in the order of entryColumns.
func entryLine(c *client.Change) []string {
	effective, expires := c.At, ""
	if c.Effective != nil {
		effective = *c.Effective
	}
	if c.Expires != nil {
		expires = stamp(*c.Expires)
	}
	return []string{
		strconv.FormatUint(c.Number, 10), strconv.FormatUint(c.Index, 10), stamp(c.At),
		stamp(effective), expires, c.Kind, strconv.Itoa(int(c.Code)), strconv.Itoa(int(c.Leg)),
		c.Transfer, c.Hold, c.Reverses, strconv.FormatBool(c.More), c.Debit, c.Credit,
		c.Amount.Currency().Code(), strconv.Itoa(c.Amount.Currency().Digits()), c.Amount.Minor(),
		signedMinor(c.DebitBalance), signedMinor(c.CreditBalance),
	}
}

// detailLine writes a detail into the file that it belongs to.
func detailLine(w [3]*csv.Writer, d client.Detail) error {
	number := strconv.FormatUint(d.Number, 10)
	if t := d.Metadata; t != nil {
		text, err := json.Marshal(t.Metadata)
		if err != nil {
			return err
		}
		return w[tableMetadata].Write([]string{
			number, t.Subject, strconv.FormatUint(t.Version, 10), t.Reference, string(text),
			stamp(t.At),
		})
	}
	a := d.Account
	if a == nil {
		return nil
	}
	currency, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return fmt.Errorf("account %s: %w", a.ID, err)
	}
	limits, err := json.Marshal(a.Limits)
	if err != nil {
		return err
	}
	return w[tableAccounts].Write([]string{
		number, stamp(d.At), a.ID, a.Owner, a.Purpose, strconv.Itoa(int(a.Code)), a.Kind,
		a.Currency, strconv.Itoa(currency.Digits()), a.Name, strings.Join(a.Flags, " "),
		string(limits), stamp(a.Created),
	})
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func signedMinor(s *money.Signed) string {
	switch {
	case s == nil:
		return ""
	case s.Negative:
		return "-" + s.Amount.Minor()
	}
	return s.Amount.Minor()
}
