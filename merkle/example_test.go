package merkle_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"seyfert/merkle"
)

// A log grows, signs a checkpoint and proves one of its leaves; a reader who has only the
// checkpoint and the key checks the proof.
func Example() {
	store := new(merkle.Memory)
	tree, err := merkle.NewTree(store, 0)
	if err != nil {
		panic(err)
	}
	for _, record := range []string{"hold", "capture", "deposit"} {
		stored, err := tree.Append(merkle.LeafHash([]byte(record)))
		if err != nil {
			panic(err)
		}
		*store = append(*store, stored...)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pub := key.Public().(ed25519.PublicKey)
	checkpoint := merkle.Checkpoint{
		Origin: "did:web:a.example/journal/1", Size: tree.Size(), Root: tree.Root(),
	}
	signed, err := merkle.SignCheckpoint(checkpoint, pub, func(text []byte) ([]byte, error) {
		return ed25519.Sign(key, text), nil
	})
	if err != nil {
		panic(err)
	}
	proof, err := tree.Prove(1, tree.Size())
	if err != nil {
		panic(err)
	}

	opened, err := merkle.OpenCheckpoint(signed, "did:web:a.example/journal/1", pub)
	if err != nil {
		panic(err)
	}
	leaf := merkle.LeafHash([]byte("capture"))
	fmt.Println(opened.Size, merkle.CheckInclusion(proof, opened.Size, 1, leaf, opened.Root))
	// Output: 3 <nil>
}

func BenchmarkAppend(b *testing.B) {
	tree, err := merkle.NewTree(new(merkle.Memory), 0)
	if err != nil {
		b.Fatal(err)
	}
	leaf := merkle.LeafHash(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.Append(leaf); err != nil {
			b.Fatal(err)
		}
	}
}
