package peer_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"seyfert/peer"
)

func TestBackoff(t *testing.T) {
	b := peer.Backoff{First: 100 * time.Millisecond, Max: time.Second}
	tests := []struct {
		failures int
		random   uint64
		want     time.Duration
	}{
		{1, 0, 50 * time.Millisecond},
		{1, 50_000_000, 100 * time.Millisecond},
		{1, 50_000_001, 50 * time.Millisecond},
		{2, 0, 100 * time.Millisecond},
		{3, 0, 200 * time.Millisecond},
		{4, 0, 400 * time.Millisecond},
		{5, 0, 500 * time.Millisecond},
		{6, 500_000_000, time.Second},
		{math.MaxInt, 0, 500 * time.Millisecond},
	}
	for _, test := range tests {
		if got := b.Delay(test.failures, test.random); got != test.want {
			t.Errorf("Delay(%d, %d) = %v, want %v", test.failures, test.random, got, test.want)
		}
	}
}

func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Int64Range(1, int64(peer.BackoffMax)).Draw(t, "first")
		b := peer.Backoff{
			First: time.Duration(first),
			Max:   time.Duration(rapid.Int64Range(first, int64(peer.BackoffMax)).Draw(t, "max")),
		}
		failures := rapid.IntRange(1, 100).Draw(t, "failures")
		got := b.Delay(failures, rapid.Uint64().Draw(t, "random"))
		if got < b.First/2 || got > b.Max {
			t.Fatalf("%v after %d failures", got, failures)
		}
		shortest, longer := b.Delay(failures, 0), b.Delay(failures+1, 0)
		if longer < shortest {
			t.Fatalf("shorter after more failures: %v, %v", shortest, longer)
		}
	})
}

func TestBackoffPanics(t *testing.T) {
	good := peer.Backoff{First: 1, Max: peer.BackoffMax}
	for _, test := range []struct {
		b        peer.Backoff
		failures int
	}{
		{peer.Backoff{}, 1},
		{peer.Backoff{First: 2, Max: 1}, 1},
		{peer.Backoff{First: 1, Max: peer.BackoffMax + 1}, 1},
		{good, 0},
		{good, -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v after %d failures did not panic", test.b, test.failures)
				}
			}()
			test.b.Delay(test.failures, 0)
		}()
	}
}
