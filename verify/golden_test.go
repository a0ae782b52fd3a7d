package verify_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"seyfert/verify"
)

// update writes the files under testdata anew; the difference is to be read before it is
// committed, since bundles that were handed out must go on being good.
var update = flag.Bool("update", false, "write testdata anew")

// TestGolden holds the format to bundles of the first day, and the words to what was reviewed.
func TestGolden(t *testing.T) {
	w := newWorld(t, "")
	files := map[string][]byte{"testdata/headers.bin": w.chain.bytes()}
	for name, c := range w.samples(t) {
		file := mustEncode(t, c.bundle)
		files["testdata/"+name+".json"] = file
		o := verify.Options{Headers: w.chain.bytes()}
		files["testdata/"+name+".txt"] = []byte(verify.Check(file, o).Text())
		o.Pin = c.by.keyID
		if c.bundle.Statements != nil {
			o.PeerPin = w.other(c.by).keyID
		}
		files["testdata/"+name+"-pinned.txt"] = []byte(verify.Check(file, o).Text())
		o.Headers = o.Headers[:2*80]
		files["testdata/"+name+"-failed.txt"] = []byte(verify.Check(file, o).Text())
	}
	for path, want := range files {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from what this program makes (%v); see -update", path, err)
		}
	}
}

// other is the other node.
func (w *world) other(m *member) *member {
	if m == w.payer {
		return w.payee
	}
	return w.payer
}

// A verifier has a bundle, headers that it trusts, and the key that it expects.
func ExampleCheck() {
	bundle, err := os.ReadFile("testdata/payer.json")
	if err != nil {
		panic(err)
	}
	headers, err := os.ReadFile("testdata/headers.bin")
	if err != nil {
		panic(err)
	}
	r := verify.Check(bundle, verify.Options{
		Headers: headers, Pin: "YKHiIfTV_JjPaMw98wZrvKEr78fyuL9pCfkBy-TnO5k",
	})
	fmt.Println("holds:", r.OK)
	for _, limit := range r.NotProven {
		fmt.Println("not proven:", limit.Name)
	}

	bundle = bytes.Replace(bundle, []byte(`"leaf":3`), []byte(`"leaf":2`), 1)
	fmt.Println("failed step:", verify.Check(bundle, verify.Options{Headers: headers}).Failed())
	// Output:
	// holds: true
	// not proven: peer
	// not proven: demo
	// not proven: settled
	// not proven: goods
	// failed step: position
}

// What happened inside one node is signed by that node alone, so that there is no other one.
func ExampleCheck_posting() {
	bundle, err := os.ReadFile("testdata/posted.json")
	if err != nil {
		panic(err)
	}
	headers, err := os.ReadFile("testdata/headers.bin")
	if err != nil {
		panic(err)
	}
	o := verify.Options{Headers: headers, Pin: "YKHiIfTV_JjPaMw98wZrvKEr78fyuL9pCfkBy-TnO5k"}
	r := verify.Check(bundle, o)
	fmt.Println("holds:", r.OK)
	for _, limit := range r.NotProven {
		fmt.Println("not proven:", limit.Name)
	}
	o.PeerPin = o.Pin
	fmt.Println("failed step with another node's pin:", verify.Check(bundle, o).Failed())
	// Output:
	// holds: true
	// not proven: demo
	// not proven: accounts
	// not proven: books
	// not proven: rest
	// failed step with another node's pin: node
}
