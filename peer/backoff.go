package peer

import "time"

// BackoffMax is the longest pause that a Backoff may have.
const BackoffMax = time.Hour

// Backoff says how long to wait before a message is sent again: twice as long each time, with
// jitter, so that the peers of a node that comes back do not all arrive at once.
type Backoff struct {
	// First is the longest pause after the first failure.
	First time.Duration
	// Max is the longest pause of all.
	Max time.Duration
}

// Delay returns the pause after a number of failures, from 1 up: between one half and the
// whole of First times 2^(failures-1), at most Max. random is any uniform 64 bits. A Backoff
// out of order or no failure is a programmer error and panics.
func (b Backoff) Delay(failures int, random uint64) time.Duration {
	if b.First < 1 || b.Max < b.First || b.Max > BackoffMax || failures < 1 {
		panic("peer: backoff out of order")
	}
	pause := b.First
	for range failures - 1 {
		if pause > b.Max/2 {
			pause = b.Max
			break
		}
		pause *= 2
	}
	half := pause / 2
	return pause - half + time.Duration(random%uint64(half+1))
}
