package verify_test

import (
	"bytes"
	"slices"
	"testing"

	"seyfert/proof"
	"seyfert/verify"
)

// FuzzCheck gives any file and any headers. Nothing but the genuine bundles may pass, and the
// report is always whole and printable.
func FuzzCheck(f *testing.F) {
	w := newWorld(f, "")
	var genuine [][]byte
	for _, by := range []*member{w.payer, w.payee} {
		for number := range 2 {
			file := w.mustFile(f, by, number)
			genuine = append(genuine, file)
			f.Add(file, w.chain.bytes())
		}
	}
	for number := range w.lines {
		file := mustEncode(f, w.line(f, number))
		genuine = append(genuine, file)
		f.Add(file, w.chain.bytes())
	}
	f.Add([]byte("{}"), []byte{})
	f.Fuzz(func(t *testing.T, file, headers []byte) {
		judge(t, verify.Check(file, verify.Options{Headers: headers}), func() bool {
			for _, known := range genuine {
				if bytes.Equal(known, file) {
					return true
				}
			}
			return false
		})
	})
}

// FuzzParts puts any bytes where a bundle that is otherwise good has no signature of its own,
// so that every step is reached.
func FuzzParts(f *testing.F) {
	w := newWorld(f, "")
	known := []proof.Bundle{w.bundle(f, w.payer, 0), w.line(f, lineFee), w.line(f, lineHeld)}
	var files [][]byte
	for which, b := range known {
		files = append(files, mustEncode(f, b))
		data, err := b.Record.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		add := func(spend, header []byte) {
			f.Add(uint8(which), data, b.Checkpoint, b.Position.Leaf, b.Day.Number, b.Anchor.Lane,
				b.Anchor.Index, spend, header)
		}
		last := b.Anchor.Spends[len(b.Anchor.Spends)-1]
		spend, header := mustHex(f, last), mustHex(f, b.Anchor.Header)
		add(spend, header)
		add(spend[:64], header)
		add(mustHex(f, b.Anchor.Spends[0]), header)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte, checkpoint string, leaf int64,
		day, lane, index uint32, spend, header []byte,
	) {
		at := int(which) % len(known)
		b, file := known[at], files[at]
		b.Record = proof.NewRecord(b.Record.Kind, b.Record.Salt, data)
		b.Checkpoint, b.Position.Leaf, b.Day.Number = checkpoint, leaf, day
		b.Anchor.Lane, b.Anchor.Index, b.Anchor.Header = lane, index, hexOf(header)
		b.Anchor.Spends = slices.Clone(b.Anchor.Spends)
		b.Anchor.Spends[len(b.Anchor.Spends)-1] = hexOf(spend)
		changed, err := b.Encode()
		if err != nil {
			return
		}
		o := verify.Options{Headers: w.chain.bytes(), Pin: w.payer.keyID}
		judge(t, verify.Check(changed, o), func() bool { return bytes.Equal(changed, file) })
		again, err := recompute(b).Encode()
		if err != nil {
			return
		}
		judge(t, verify.Check(again, o), func() bool { return bytes.Equal(again, file) })
	})
}

func judge(t *testing.T, r verify.Report, genuine func() bool) {
	t.Helper()
	if r.OK && !genuine() {
		t.Fatal("a forged bundle passes")
	}
	if r.OK != (r.Failed() == "") || len(r.Steps) != 11 || r.OK != (len(r.Proven) > 0) {
		t.Fatalf("a report that contradicts itself:\n%s", r.Text())
	}
	checkPrintable(t, r.Text())
}
