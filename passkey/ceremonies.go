package passkey

import (
	"sync"
	"time"

	"seyfert/fault"
)

// Limits of ceremonies under way.
const (
	// CeremonyLife is how long a challenge may be answered.
	CeremonyLife = 5 * time.Minute
	// CeremoniesMax is how many of one kind may be under way at a time.
	CeremoniesMax = 1 << 14
)

// Ceremonies remembers in RAM what each challenge was made for, until it is answered or its time
// is over. The zero value is empty. It is safe for concurrent use.
type Ceremonies[T any] struct {
	mu   sync.Mutex
	open map[[16]byte]ceremony[T] // guarded by mu
}

type ceremony[T any] struct {
	of      T
	expires time.Time
}

// Begin keeps a ceremony under an id that its caller drew at random. It fails with fault.TooMany
// while there are CeremoniesMax.
func (c *Ceremonies[T]) Begin(id [16]byte, of T, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[[16]byte]ceremony[T]{}
	}
	if len(c.open) >= CeremoniesMax {
		for id, old := range c.open {
			if !now.Before(old.expires) {
				delete(c.open, id)
			}
		}
	}
	if len(c.open) >= CeremoniesMax {
		return fault.New(fault.TooMany, "", "Too many passkeys are being asked for now.")
	}
	c.open[id] = ceremony[T]{of, now.Add(CeremonyLife)}
	return nil
}

// End takes a ceremony out: it is found once, and not after its time. The ceremony whose end
// fails must be begun again.
func (c *Ceremonies[T]) End(id [16]byte, now time.Time) (of T, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, exists := c.open[id]
	delete(c.open, id)
	if !exists || !now.Before(kept.expires) {
		return of, false
	}
	return kept.of, true
}
