package auth_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"seyfert/auth"
)

// start is the moment at which the throttle tests begin.
var start = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func TestThrottle(t *testing.T) {
	throttle := auth.NewThrottle(auth.Limit{Burst: 3, Every: 10 * time.Second, Keys: 100})
	steps := []struct {
		at    time.Duration
		key   string
		retry time.Duration
	}{
		{0, "a", 0},
		{0, "a", 0},
		{0, "a", 0},
		{0, "a", 10 * time.Second},
		{0, "b", 0},
		{4 * time.Second, "a", 6 * time.Second},
		{4 * time.Second, "a", 6 * time.Second}, // a refusal costs nothing
		{10 * time.Second, "a", 0},
		{10 * time.Second, "a", 10 * time.Second},
		{25 * time.Second, "a", 0},
		{25 * time.Second, "a", 5 * time.Second},
		{time.Hour, "a", 0},
		{time.Hour, "a", 0},
		{time.Hour, "a", 0},
		{time.Hour, "a", 10 * time.Second},
		{0, "a", 10 * time.Second}, // the clock was set back: no worse than empty
		{10 * time.Second, "a", 0},
	}
	for i, step := range steps {
		retry, ok := throttle.Take(step.key, start.Add(step.at))
		if retry != step.retry || ok != (step.retry == 0) {
			t.Errorf("step %d: %v, %v, want %v", i, retry, ok, step.retry)
		}
	}
}

// TestThrottleCheck: looking costs nothing, and sees what the next try would be told.
func TestThrottleCheck(t *testing.T) {
	throttle := auth.NewThrottle(auth.Limit{Burst: 2, Every: 10 * time.Second, Keys: 2})
	for range 5 {
		if retry, ok := throttle.Check("a", start); !ok || retry != 0 {
			t.Fatalf("%v, %v before the first try", retry, ok)
		}
	}
	if throttle.Len() != 0 {
		t.Errorf("%d keys are remembered of looking", throttle.Len())
	}
	throttle.Take("a", start)
	throttle.Take("a", start)
	if retry, ok := throttle.Check("a", start.Add(3*time.Second)); ok || retry != 7*time.Second {
		t.Errorf("%v, %v when spent, want 7s", retry, ok)
	}
	for range 5 {
		if retry, ok := throttle.Check("a", start.Add(10*time.Second)); !ok || retry != 0 {
			t.Errorf("%v, %v after the wait", retry, ok)
		}
	}
	throttle.Take("a", start.Add(10*time.Second))
	if _, ok := throttle.Check("a", start.Add(10*time.Second)); ok {
		t.Error("spent again, and not seen")
	}
}

func TestThrottleKeysMaxIsReached(t *testing.T) {
	const keys = 100
	throttle := auth.NewThrottle(auth.Limit{Burst: 1, Every: time.Hour, Keys: keys})
	for i := range 10 * keys {
		if _, ok := throttle.Take(fmt.Sprint("key", i), start); !ok {
			t.Fatalf("key %d was locked out by the others", i)
		}
		if throttle.Len() > keys {
			t.Fatalf("%d keys are remembered, more than %d", throttle.Len(), keys)
		}
		// Whoever keeps trying is heard of, and so never forgotten in a flood of others.
		_, ok := throttle.Take("persistent", start)
		if ok != (i == 0) {
			t.Fatalf("after %d others: the persistent key was answered %v", i, ok)
		}
	}
	if throttle.Len() < keys/2 {
		t.Errorf("only %d keys are remembered", throttle.Len())
	}
}

// TestThrottleBound holds that no run of tries ever gets more than Burst and then one for each
// Every, and that waiting as told is always enough.
func TestThrottleBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := auth.Limit{
			Burst: rapid.IntRange(1, 10).Draw(t, "burst"),
			Every: time.Duration(rapid.Int64Range(1, 1e10).Draw(t, "every")),
			Keys:  2,
		}
		throttle := auth.NewThrottle(limit)
		now, passed := time.Duration(0), int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			now += time.Duration(rapid.Int64Range(0, 2e10).Draw(t, "pause"))
			retry, ok := throttle.Take("key", start.Add(now))
			if !ok {
				if retry < 1 || retry > limit.Every {
					t.Fatalf("told to wait %v", retry)
				}
				if _, early := throttle.Take("key", start.Add(now+retry-1)); early {
					t.Fatal("let in before the wait was over")
				}
				now += retry
				if _, ok = throttle.Take("key", start.Add(now)); !ok {
					t.Fatal("refused after waiting as told")
				}
			}
			passed++
			if most := int64(limit.Burst) + int64(now/limit.Every); passed > most {
				t.Fatalf("%d tries in %v, want at most %d", passed, now, most)
			}
		}
	})
}

func TestThrottleConcurrently(t *testing.T) {
	throttle := auth.NewThrottle(auth.Limit{Burst: 50, Every: time.Second, Keys: 10})
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if _, ok := throttle.Take("key", start); ok {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 50 {
		t.Errorf("%d tries passed, want 50", passed.Load())
	}
}

func TestThrottleLimitBounds(t *testing.T) {
	good := []auth.Limit{
		{Burst: 1, Every: auth.ThrottleSpanMax, Keys: auth.ThrottleKeysMax},
		{Burst: 1440, Every: time.Minute, Keys: 2},
	}
	for _, limit := range good {
		if _, ok := auth.NewThrottle(limit).Take("key", start); !ok {
			t.Errorf("%+v refuses the first try", limit)
		}
	}
	for _, limit := range []auth.Limit{
		{},
		{Burst: 0, Every: 1, Keys: 2},
		{Burst: 1, Every: 0, Keys: 2},
		{Burst: 1, Every: 1, Keys: 1},
		{Burst: 1, Every: 1, Keys: auth.ThrottleKeysMax + 1},
		{Burst: 1441, Every: time.Minute, Keys: 2},
		{Burst: 1 << 62, Every: 1 << 62, Keys: 2},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v did not panic", limit)
				}
			}()
			auth.NewThrottle(limit)
		}()
	}
}

func TestRetrySeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int64{
		0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 90 * time.Second: 90,
	} {
		if got := auth.RetrySeconds(wait); got != want {
			t.Errorf("RetrySeconds(%v) = %d, want %d", wait, got, want)
		}
	}
}
