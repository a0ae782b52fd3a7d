package bench

import (
	"math/bits"
	"time"
)

// Sizes of a histogram: each power of two is split into finerSteps, so that a quantile is too
// high by at most one part in finerSteps.
const (
	finerBits  = 5
	finerSteps = 1 << finerBits
	// latencyMax is the longest time that is told apart from longer ones.
	latencyMax = time.Duration(1)<<38 - 1 // four and a half minutes
)

// Histogram counts times in buckets, so that a run of any length takes the same room. One
// goroutine adds to it.
type Histogram struct {
	buckets [(38 - finerBits + 1) * finerSteps]uint64
	count   uint64
	longest time.Duration
}

// bucketOf maps the times from 0 to latencyMax to places of buckets, in order.
func bucketOf(d time.Duration) int {
	n := uint64(min(max(d, 0), latencyMax))
	if n < finerSteps {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - finerBits
	return (shift+1)*finerSteps + int(n>>shift) - finerSteps
}

// limitOf is the longest time that belongs to a bucket.
func limitOf(bucket int) time.Duration {
	if bucket < finerSteps {
		return time.Duration(bucket)
	}
	shift := bucket/finerSteps - 1
	return time.Duration(bucket%finerSteps+finerSteps+1)<<shift - 1
}

// Add counts one time.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucketOf(d)]++
	h.count++
	h.longest = max(h.longest, d)
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.longest = max(h.longest, other.longest)
}

// Quantile is the time that so many of a thousand did not take longer than; 0 for none at all.
func (h *Histogram) Quantile(permille uint64) time.Duration {
	// Rounded up, so that the last of a few counts as their 99th percent.
	rank := (h.count*permille + 999) / 1000
	seen := uint64(0)
	for i, n := range h.buckets {
		seen += n
		if n > 0 && seen >= rank {
			return min(limitOf(i), h.longest)
		}
	}
	return h.longest
}
