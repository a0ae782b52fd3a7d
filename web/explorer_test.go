package web_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
)

// TestScalarIsUnchanged compares the script with the hash that is noted beside it, and bounds what
// it adds to the program.
func TestScalarIsUnchanged(t *testing.T) {
	const most = 1_300_000 // bytes in the program
	file, err := os.Open("static/vendor/scalar.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() > most {
		t.Errorf("the script weighs %d bytes (%v), the most is %d", info.Size(), err, most)
	}
	script, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, script); err != nil {
		t.Fatal(err)
	}
	noted, err := os.ReadFile("static/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if have := hex.EncodeToString(sum.Sum(nil)); !strings.Contains(string(noted), have) {
		t.Errorf("the script's SHA-256 is %s, which is not what is noted", have)
	}
}
