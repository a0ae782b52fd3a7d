package verify_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"

	"seyfert/merkle"
	"seyfert/proof"
	"seyfert/spv"
	"seyfert/wire"
)

// changes are the values that are put in a node's place, one after the other.
func changes(v any) []any {
	switch v := v.(type) {
	case string:
		return changedTexts(v)
	case []byte:
		list := []any{append(slices.Clone(v), 0), append(slices.Clone(v), 0xff), []byte{}}
		if len(v) == 0 {
			return list
		}
		if len(v) == 2 {
			list = append(list, []byte{0x01, 0x88}) // the number of JPY
		}
		for _, at := range []int{0, len(v) / 2, len(v) - 1} {
			for _, bit := range []byte{1, 0x80} {
				flipped := slices.Clone(v)
				flipped[at] ^= bit
				list = append(list, flipped)
			}
		}
		return append(list, v[:len(v)-1])
	case json.Number:
		n, _ := v.Int64()
		var list []any
		for _, other := range []int64{n + 1, n - 1, 0, 2 * n, wire.JCSIntegerMax} {
			list = append(list, json.Number(strconv.FormatInt(other, 10)))
		}
		return append(list, string(v), nil)
	case uint32:
		return []any{v + 1, v - 1, uint32(0), ^v, v ^ 1<<31}
	case uint64:
		return []any{v + 1, v - 1, uint64(0), v ^ 1<<62}
	case []any:
		return changedLists(v)
	case tree:
		more := maps.Clone(v)
		more["9more"] = "0"
		list := []any{more, tree{}}
		for name := range v {
			less := maps.Clone(v)
			delete(less, name)
			list = append(list, less)
		}
		return list
	}
	return nil
}

func changedTexts(v string) []any {
	list := []any{v + "0", v + " ", v + "\n", "", strings.ToUpper(v), v + v, "\x1b[31m" + v}
	for _, at := range []int{0, len(v) / 2, len(v) - 1} {
		if at < 0 || at >= len(v) {
			continue
		}
		other := "0"
		if v[at] == '0' {
			other = "1"
		}
		list = append(list, v[:at]+other+v[at+1:])
	}
	if len(v) > 0 {
		list = append(list, v[:len(v)-1], v[1:])
	}
	return list
}

func changedLists(v []any) []any {
	list := []any{[]any{}, nil}
	for i := range v {
		list = append(list, slices.Delete(slices.Clone(v), i, i+1),
			slices.Insert(slices.Clone(v), i, v[i]))
		if i > 0 {
			swapped := slices.Clone(v)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			list = append(list, swapped)
		}
	}
	return list
}

// nodes calls visit for every node of a tree, the root included, with its path and with a
// function that returns the whole tree with another value in the node's place.
func nodes(path string, v any, put func(any) any, visit func(string, any, func(any) any)) {
	visit(path, v, put)
	switch v := v.(type) {
	case tree:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			nodes(path+"/"+name, v[name], func(other any) any {
				changed := maps.Clone(v)
				changed[name] = other
				return put(changed)
			}, visit)
		}
	case []any:
		for i := range v {
			nodes(path+"/"+strconv.Itoa(i), v[i], func(other any) any {
				changed := slices.Clone(v)
				changed[i] = other
				return put(changed)
			}, visit)
		}
	}
}

// at returns the node at a path, if the tree has it.
func at(v any, path string) (any, bool) {
	for _, name := range strings.Split(path, "/")[1:] {
		switch node := v.(type) {
		case tree:
			child, ok := node[name]
			if !ok {
				return nil, false
			}
			v = child
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(node) {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// recompute does what an attacker without keys would do after changing a bundle: every hash
// that depends on what was changed is computed anew, from the leaf up to the block's work. What
// can't be read is left as it is.
func recompute(b proof.Bundle) proof.Bundle {
	b.Anchor.Spends = slices.Clone(b.Anchor.Spends)
	_, text, _ := strings.Cut(b.Descriptor, ".")
	text, _, _ = strings.Cut(text, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(text)
	d, _ := wire.ParseDescriptorPayload(payload)
	c := recomputeRoot(&b)
	recomputeSpends(&b, d, c)
	recomputeBlock(&b)
	return b
}

// recomputeRoot puts the root that the record leads to into the checkpoint.
func recomputeRoot(b *proof.Bundle) merkle.Checkpoint {
	lines := strings.Split(b.Checkpoint, "\n")
	if len(lines) < 3 {
		return merkle.Checkpoint{}
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	data, _ := b.Record.Bytes()
	leaf := proof.LeafData(b.Record.Kind, b.Record.Salt, data)
	if root, ok := climb(b.Position, size, merkle.LeafHash(leaf[:])); ok && err == nil {
		lines[2] = base64.StdEncoding.EncodeToString(root[:])
		b.Checkpoint = strings.Join(lines, "\n")
	}
	root, _ := base64.StdEncoding.DecodeString(lines[2])
	c := merkle.Checkpoint{Origin: lines[0], Size: size}
	copy(c.Root[:], root)
	return c
}

// climb is the root that a leaf leads to (RFC 9162 section 2.1.3.2).
func climb(p proof.Position, size int64, hash merkle.Hash) (merkle.Hash, bool) {
	if p.Leaf < 0 || p.Leaf >= size {
		return hash, false
	}
	at, last := uint64(p.Leaf), uint64(size-1)
	for _, sibling := range p.Proof {
		if last == 0 {
			return hash, false
		}
		if at&1 == 1 || at == last {
			hash = merkle.NodeHash(merkle.Hash(sibling), hash)
			if at&1 == 0 {
				shift := bits.TrailingZeros64(at | 1<<63)
				at, last = at>>shift, last>>shift
			}
		} else {
			hash = merkle.NodeHash(hash, merkle.Hash(sibling))
		}
		at, last = at>>1, last>>1
	}
	return hash, last == 0
}

// recomputeSpends chains the lane's transactions anew and lets the last commit to c.
func recomputeSpends(b *proof.Bundle, d wire.Descriptor, c merkle.Checkpoint) {
	inner := merkle.DayRoot(c.Origin, uint64(c.Size), c.Root, b.Day.Totals)
	root, err := wire.DailyRoot(b.Network, wire.DIDHash(d.DID), b.Day.Number, inner)
	if err != nil || uint64(b.Anchor.Lane) >= uint64(len(d.Chain.Lanes)) {
		return
	}
	coin := d.Chain.Lanes[b.Anchor.Lane].Coin
	for i, text := range b.Anchor.Spends {
		raw, _ := hex.DecodeString(text)
		tx, err := spv.ParseTx(raw)
		if err != nil {
			return
		}
		tx.Inputs[0].Outpoint = coin
		for n, out := range tx.Outputs {
			if i == len(b.Anchor.Spends)-1 && len(out.Script) > 0 && out.Script[0] == 0x6a {
				tx.Outputs[n].Script = append([]byte{0x6a, 35, 0x53, 0x59, 0x15}, root[:]...)
			}
		}
		coin = wire.NewOutpoint(tx.TxID(), 1)
		b.Anchor.Spends[i] = hex.EncodeToString(tx.Bytes())
	}
}

// recomputeBlock gives the header the root that the anchor leads to, and work.
func recomputeBlock(b *proof.Bundle) {
	limit, _ := spv.Regtest.Limit()
	raw, _ := hex.DecodeString(b.Anchor.Header)
	h, err := spv.ParseHeader(raw)
	anchor, _ := hex.DecodeString(b.Anchor.Spends[len(b.Anchor.Spends)-1])
	if err != nil || h.Bits != 0x207fffff {
		return
	}
	branch := spv.Branch{Index: b.Anchor.Index}
	for _, text := range b.Anchor.Siblings {
		sibling, _ := hex.DecodeString(text)
		branch.Siblings = append(branch.Siblings, [32]byte(sibling))
	}
	if tx, err := spv.ParseTx(anchor); err == nil {
		anchor = tx.Stripped()
	}
	if root, err := branch.Root(txid(anchor)); err == nil {
		h.MerkleRoot = root
	}
	work(&h, limit)
	b.Anchor.Header = hex.EncodeToString(h.Bytes())
}

// resign signs a signed text of an unfolded bundle with a key of the attacker, under the
// attacker's key id or under the one that stands there.
func resign(t testing.TB, key ed25519.PrivateKey, v tree, own bool) tree {
	t.Helper()
	v = maps.Clone(v)
	header, ok := v["header"].(tree)
	payload, kept := v["payload"].(tree)
	if !ok || !kept {
		return v
	}
	if own {
		header = maps.Clone(header)
		header["kid"] = wire.Thumbprint(key.Public().(ed25519.PublicKey))
		v["header"] = header
	}
	input := base64.RawURLEncoding.EncodeToString(foldJSON(t, header)) + "." +
		base64.RawURLEncoding.EncodeToString(foldJSON(t, payload))
	v["signature"] = ed25519.Sign(key, []byte(input))
	return v
}

func hexOf(raw []byte) string { return hex.EncodeToString(raw) }
