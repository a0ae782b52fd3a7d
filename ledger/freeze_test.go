package ledger_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"seyfert/ledger"
	"seyfert/money"
)

// stir commits one entry that touches accounts all over the book, opens some, and makes, takes
// from and ends holds. n is the entry's number; the same numbers give the same book.
func stir(tb testing.TB, b *ledger.Book, n, number uint64) (next uint64) {
	tb.Helper()
	accounts, _ := b.Len()
	pick := func(k uint64) ledger.AccountID { return account(1 + k%uint64(accounts)) }
	d := b.Begin(entryTime)
	for k := range uint64(40) {
		from, to := pick(n*977+k*31), pick(n*977+k*31+1+k%5)
		must(tb, d.Post(move(transfer(n<<8+k+1), 1, leg(from, to, won(1+k)))))
	}
	for k := range uint64(4) {
		h := ledger.Hold{
			ID: hold(n<<8 + k + 1), Debit: pick(n + k), Credit: pick(n + k + 1), Amount: won(9),
			Expires: int64(entryTime + 1 + n%7),
		}
		must(tb, d.Hold(h))
	}
	if n > 1 {
		old := (n - 1) << 8
		must(tb, d.Capture(hold(old+1), move(transfer(old+200), 1), won(3), true))
		must(tb, d.Capture(hold(old+2), move(transfer(old+201), 1), won(9), false))
		must(tb, d.Void(hold(old+3)))
		must(tb, d.Bind(hold(old+4)))
	}
	for k := range uint64(3) {
		s := ledger.Spec{
			ID: account(uint64(accounts) + k + 1), Currency: money.KRW, Kind: ledger.Liability,
		}
		if k == 1 {
			s.Limits.Velocity = ledger.Velocity{Period: 1000, Count: 1000}
		}
		must(tb, d.Open(s))
	}
	if n%3 == 0 {
		must(tb, d.SetLimits(pick(n*13), ledger.Limits{
			Ceiling: ledger.Bound{Set: true, Amount: won(1 << 40)},
		}))
	}
	return number + uint64(len(d.Commit(n, number)))
}

// TestImagesBesideCommits writes images while later drafts commit, two of them at once: each is
// the book as it was when it was frozen.
func TestImagesBesideCommits(t *testing.T) {
	b := manyBook(t, 500)
	number := uint64(1)
	var writers sync.WaitGroup
	for n := uint64(1); n <= 60; n++ {
		if n%4 == 0 {
			want := b.Encode()
			image := b.Freeze()
			writers.Add(1)
			go func() {
				defer writers.Done()
				defer image.Release()
				var got bytes.Buffer
				size, err := image.WriteTo(&got)
				if err != nil || size != int64(got.Len()) || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("an image of %d bytes, %v, differs from the frozen book", size, err)
				}
			}()
		}
		number = stir(t, b, n, number)
	}
	writers.Wait()
}

// TestImageDoesNotTellTheWay goes on with a book and with what was read from its image: holds
// end in other places of memory, and the images stay the same bytes.
func TestImageDoesNotTellTheWay(t *testing.T) {
	one := manyBook(t, 50)
	number := uint64(1)
	for n := uint64(1); n <= 20; n++ {
		number = stir(t, one, n, number)
	}
	two, err := ledger.ReadBook(bytes.NewReader(one.Encode()))
	must(t, err)
	for n := uint64(21); n <= 40; n++ {
		stir(t, two, n, number)
		number = stir(t, one, n, number)
		if !bytes.Equal(one.Encode(), two.Encode()) {
			t.Fatalf("after entry %d the images differ", n)
		}
	}
}

// failing takes some bytes and then fails.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(data []byte) (int, error) {
	n := min(len(data), f.left)
	f.left -= n
	if n < len(data) {
		return n, errFull
	}
	return n, nil
}

func TestImageOnAFullDisk(t *testing.T) {
	image := manyBook(t, 2000).Freeze()
	defer image.Release()
	for _, room := range []int{0, 1, 70_000, 200_000} {
		size, err := image.WriteTo(&failing{left: room})
		if !errors.Is(err, errFull) || size != int64(room) {
			t.Errorf("room for %d: wrote %d, %v", room, size, err)
		}
	}
	if _, err := image.WriteTo(io.Discard); err != nil {
		t.Error(err)
	}
}

func TestReleasedImage(t *testing.T) {
	image := ledger.NewBook().Freeze()
	image.Release()
	panics(t, "a second release", image.Release)
	panics(t, "writing a released image", func() { _, _ = image.WriteTo(io.Discard) })
}

// TestReadBookInPieces reads an image that comes byte by byte.
func TestReadBookInPieces(t *testing.T) {
	b := manyBook(t, 30)
	stir(t, b, 1, 1)
	image := b.Encode()
	back, err := ledger.ReadBook(io.MultiReader(
		bytes.NewReader(image[:5]), oneByte{bytes.NewReader(image[5:])},
	))
	if err != nil || !bytes.Equal(back.Encode(), image) {
		t.Errorf("read %v", err)
	}
	broken := io.MultiReader(bytes.NewReader(image[:500]), brokenReader{})
	if _, err := ledger.ReadBook(broken); !errors.Is(err, errFull) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type oneByte struct{ io.Reader }

func (o oneByte) Read(data []byte) (int, error) { return o.Reader.Read(data[:min(1, len(data))]) }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errFull }
