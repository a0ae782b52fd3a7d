package bench_test

import (
	"testing"
	"time"

	"seyfert/bench"
)

// TestQuantiles holds the quantiles of many times to those of a sorted list: never too low, and
// too high by less than one part in 32.
func TestQuantiles(t *testing.T) {
	for _, last := range []time.Duration{1, 31, 32, 33, 1000, 5_000_000, 90_000_000_000} {
		var times []time.Duration
		for i := range time.Duration(2000) {
			times = append(times, last*(i+1)/2000)
		}
		for _, permille := range []uint64{1, 500, 990, 999, 1000} {
			want := times[(2000*permille+999)/1000-1]
			have := counted(times...).Quantile(permille)
			if have < want || have > want+want/32 {
				t.Errorf("up to %v: %d of a thousand are %v, found %v", last, permille, want, have)
			}
		}
	}
	if have := counted().Quantile(500); have != 0 {
		t.Errorf("of no time at all: %v", have)
	}
	if have := counted(-1, 1<<50).Quantile(1000); have < 4*time.Minute {
		t.Errorf("of a time that is too long: %v", have)
	}
}

func counted(times ...time.Duration) *bench.Histogram {
	var h bench.Histogram
	for _, d := range times {
		h.Add(d)
	}
	return &h
}
