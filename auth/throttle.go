package auth

import (
	"hash/maphash"
	"sync"
	"time"
)

// Bounds on what a Limit may ask for.
const (
	// ThrottleKeysMax is the most keys that one Throttle remembers.
	ThrottleKeysMax = 1 << 20
	// ThrottleSpanMax is the longest time in which a spent Throttle fills again.
	ThrottleSpanMax = 24 * time.Hour
)

// Limit says how often one caller may try.
type Limit struct {
	// Burst is how many tries may come at once.
	Burst int
	// Every is the time after which one more is allowed.
	Every time.Duration
	// Keys is how many callers are remembered, 2 to ThrottleKeysMax. With more than that
	// trying at the same time, those heard of longest ago start again with a full burst:
	// a flood of callers must not lock the others out.
	Keys int
}

// Throttle is a token bucket for each key, such as an address or an account. It is safe for
// concurrent use and reads no clock.
type Throttle struct {
	limit Limit
	seeds [2]maphash.Seed

	// mu guards recent and older. A key's number is the time in Unix nanoseconds at which
	// its bucket is full again (the generic cell rate algorithm, ITU-T I.371): one integer a
	// key, and no division. Keys move to recent when heard of; when recent holds half of
	// limit.Keys it becomes older, and what older held is forgotten.
	mu     sync.Mutex
	recent map[throttleKey]int64
	older  map[throttleKey]int64
}

// throttleKey is a key's hash, so that a long key takes no more room than a short one. Nobody
// outside the process knows its seeds.
type throttleKey [2]uint64

// NewThrottle makes a Throttle. A Limit out of its bounds is a programmer error and panics.
func NewThrottle(l Limit) *Throttle {
	if l.Burst < 1 || l.Every < 1 || l.Keys < 2 || l.Keys > ThrottleKeysMax ||
		int64(l.Burst) > int64(ThrottleSpanMax/l.Every) {
		panic("auth: throttle limit out of bounds")
	}
	return &Throttle{
		limit:  l,
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		recent: make(map[throttleKey]int64),
		older:  make(map[throttleKey]int64),
	}
}

// Take counts one try of a key. When it is one too many, ok is false, nothing is counted, and
// retryAfter is how long the caller has to wait; API answers round it up to whole seconds.
func (t *Throttle) Take(key string, now time.Time) (retryAfter time.Duration, ok bool) {
	return t.try(key, now, 1)
}

// Check is Take without counting: it says what the next try would be told. It is for tries that
// count only when they fail.
func (t *Throttle) Check(key string, now time.Time) (retryAfter time.Duration, ok bool) {
	return t.try(key, now, 0)
}

// try looks at a key's bucket, and takes count times one try out of it.
func (t *Throttle) try(key string, now time.Time, count int64) (time.Duration, bool) {
	short := throttleKey{maphash.String(t.seeds[0], key), maphash.String(t.seeds[1], key)}
	every := int64(t.limit.Every)
	span := every * int64(t.limit.Burst)
	current := now.UnixNano()

	t.mu.Lock()
	defer t.mu.Unlock()
	full, known := t.recent[short]
	if !known {
		full = t.older[short]
	}
	// Never before now, and, should the clock have been set back, never beyond an empty
	// bucket.
	full = min(max(full, current), current+span)
	if wait := full + every - (current + span); wait > 0 {
		t.keep(short, full)
		return time.Duration(wait), false
	}
	if count > 0 {
		t.keep(short, full+count*every)
	}
	return 0, true
}

// Len returns how many keys are remembered, at most Limit.Keys.
func (t *Throttle) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.recent) + len(t.older)
}

// keep notes a key's number in recent; the caller holds mu.
func (t *Throttle) keep(key throttleKey, full int64) {
	if _, known := t.recent[key]; !known && len(t.recent) >= t.limit.Keys/2 {
		t.older = t.recent
		t.recent = make(map[throttleKey]int64)
	}
	delete(t.older, key)
	t.recent[key] = full
}

// RetrySeconds rounds a wait up to the whole seconds of a Retry-After header (RFC 9110
// section 10.2.3).
func RetrySeconds(wait time.Duration) int64 {
	return int64((wait + time.Second - 1) / time.Second)
}
