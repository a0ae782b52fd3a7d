package wire_test

import (
	"testing"

	"seyfert/wire"
)

// BenchmarkID writes and reads the text of an id: most of what a request of many transfers says.
func BenchmarkID(b *testing.B) {
	id := wire.NewID[accountKind](1_795_000_000_000, [10]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	text := id.String()
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = id.String()
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := wire.ParseID[accountKind](text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
