package node_test

import (
	"bytes"
	"testing"

	"seyfert/chain"
	"seyfert/fault"
	"seyfert/node"
)

// TestHeadersInPages: one read gives HeadersMax headers at most, from where it is asked to.
func TestHeadersInPages(t *testing.T) {
	s := newScene(t, 1, "seoul")
	n := s.actors[0].node
	for range node.HeadersMax / chain.MineBlocksMax {
		s.mine(chain.MineBlocksMax)
		s.settle()
	}
	tip, _, err := s.chain.Tip(t.Context())
	must(t, err)
	var all []byte
	for {
		page, err := n.Headers(int64(len(all)/80), node.HeadersMax)
		must(t, err)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	if len(all) != 80*int(tip+1) {
		t.Fatalf("%d headers, want %d", len(all)/80, tip+1)
	}
	for _, part := range []struct{ from, count, want int }{
		{0, 1, 1},
		{0, node.HeadersMax, node.HeadersMax},
		{7, 5, 5},
		{int(tip), 5, 1},
		{int(tip) + 1, 5, 0},
		{1 << 62, node.HeadersMax, 0},
	} {
		page, err := n.Headers(int64(part.from), part.count)
		must(t, err)
		if len(page) != 80*part.want {
			t.Errorf("from %d on %d headers, want %d", part.from, len(page)/80, part.want)
		}
		if part.want > 0 && !bytes.Equal(page, all[80*part.from:][:80*part.want]) {
			t.Errorf("from %d on are other headers", part.from)
		}
	}
	for _, bad := range []struct {
		from  int64
		count int
	}{{-1, 1}, {0, 0}, {0, -1}, {0, node.HeadersMax + 1}} {
		_, err := n.Headers(bad.from, bad.count)
		if f, ok := fault.Of(err); !ok || f.Code != fault.Invalid {
			t.Errorf("%d from %d on: %v", bad.count, bad.from, err)
		}
	}
}
