package verify_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"

	"seyfert/spv"
)

// regtest is a chain that is mined here, with the work that regtest asks for: every other nonce
// will do.
type regtest struct {
	limit   *big.Int
	headers []spv.Header
}

func newRegtest(t testing.TB) *regtest {
	t.Helper()
	genesis, err := spv.Regtest.Genesis()
	if err != nil {
		t.Fatal(err)
	}
	limit, err := spv.Regtest.Limit()
	if err != nil {
		t.Fatal(err)
	}
	return &regtest{limit: limit, headers: []spv.Header{genesis}}
}

// mine adds a block with a coinbase and the given transactions, and returns its header and all
// its transaction ids.
func (r *regtest) mine(t testing.TB, raws ...[]byte) (spv.Header, [][32]byte) {
	t.Helper()
	var none [36]byte
	binary.LittleEndian.PutUint32(none[32:], 0xffffffff)
	height := byte(len(r.headers))
	txids := [][32]byte{txid(spend(none, []byte{height, height}))}
	for n, raw := range raws {
		// A block can't have one transaction twice.
		raw = append([]byte(nil), raw...)
		if n == 0 {
			raw[0] = height
		}
		txids = append(txids, txid(raw))
	}
	root, err := spv.MerkleRoot(txids)
	if err != nil {
		t.Fatal(err)
	}
	last := r.headers[len(r.headers)-1]
	h := spv.Header{
		Version: 4, Prev: last.Hash(), MerkleRoot: root, Bits: last.Bits,
		Time: max(last.Time+600, startDay*24*60*60),
	}
	work(&h, r.limit)
	r.headers = append(r.headers, h)
	return h, txids
}

// work searches the nonce.
func work(h *spv.Header, limit *big.Int) {
	for h.CheckPoW(limit) != nil {
		h.Nonce++
	}
}

// bytes are the headers as a verifier keeps them.
func (r *regtest) bytes() []byte {
	var raw []byte
	for _, h := range r.headers {
		raw = append(raw, h.Bytes()...)
	}
	return raw
}

// spend is a transaction without witnesses that spends one coin for an OP_RETURN output and
// the next coin, laid out by hand.
func spend(coin [36]byte, payload []byte) []byte {
	raw := []byte{2, 0, 0, 0, 1}
	raw = append(raw, coin[:]...)
	raw = append(raw, 0, 0xfd, 0xff, 0xff, 0xff, 2)
	raw = append(raw, make([]byte, 8)...)
	script := []byte{0x6a}
	if len(payload) >= 0x4c {
		script = append(script, 0x4c)
	}
	script = append(append(script, byte(len(payload))), payload...)
	raw = append(append(raw, byte(len(script))), script...)
	raw = binary.LittleEndian.AppendUint64(raw, 1_000_000)
	raw = append(raw, 34, 0x51, 0x20)
	raw = append(raw, make([]byte, 32)...)
	return append(raw, 0, 0, 0, 0)
}

func txid(raw []byte) [32]byte {
	once := sha256.Sum256(raw)
	return sha256.Sum256(once[:])
}
