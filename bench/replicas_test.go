package bench_test

import (
	"testing"

	"seyfert/bench"
)

// TestReplicas posts to three replicas for a moment. That each of them has every transfer that
// was answered once, and that their state hashes are the same, Run checks itself.
func TestReplicas(t *testing.T) {
	f := mustRun(t, short(bench.Replicas, 4, 20))
	if f.Transfers == 0 || f.Transfers%20 != 0 || f.P50 <= 0 || f.CPU <= 0 {
		t.Errorf("figures are missing: %+v", f)
	}
	if f.Disk.Journal < 128 || f.Disk.History < 150 || f.Disk.Tiles < 64 {
		t.Errorf("a transfer left less than it holds: %+v", f.Disk)
	}
}
