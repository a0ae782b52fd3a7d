package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"seyfert/signer"
	"seyfert/wire"
)

const (
	// rememberedMax is how many keys a leader remembers as held by a majority, or as unsent.
	rememberedMax = 1 << 16
	// keysBatch is the number of members whose keys are brought at once.
	keysBatch = 100
)

// errDestroyed answers for a member whose keys were destroyed here.
var errDestroyed = errors.New("mirror: the member's keys were destroyed")

// names is the store of members' keys as the signer sees it.
type names struct {
	mirror *Mirror

	// mu guards the rest. Whoever holds it asks for no other lock.
	mu      sync.Mutex
	own     signer.NameStore
	gone    map[string]bool // members whose keys were destroyed, as the signer told
	listing []string        // for the pages of one comparison
}

// saving is a key on its way to a majority. Mirror.mu guards it.
type saving struct {
	id    string
	owed  uint64
	acked map[string]bool
}

// Load implements signer.NameStore. Without a key of its own this replica asks the others; "none"
// is what a majority says.
func (n *names) Load(memberID string) (key [32]byte, ok bool, err error) {
	keys, gone, err := n.held(memberID)
	if err != nil || gone {
		return key, false, err
	}
	if len(keys) == 0 {
		keys, err = n.ask(memberID, true)
	}
	if len(keys) == 0 {
		return key, false, err
	}
	return keys[0], true, nil
}

// Keys implements signer.NameStore: what this replica and a majority have.
func (n *names) Keys(memberID string) ([][32]byte, error) {
	if _, gone, err := n.held(memberID); err != nil || gone {
		return nil, err
	}
	if _, err := n.ask(memberID, false); err != nil {
		return nil, err
	}
	keys, _, err := n.held(memberID)
	return keys, err
}

// held returns the keys that are here.
func (n *names) held(memberID string) (keys [][32]byte, gone bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	keys, err = n.own.Keys(memberID)
	return keys, n.gone[memberID], err
}

// keep adds keys to those that are here, and tells whether one was new.
func (n *names) keep(memberID string, keys [][32]byte) (fresh bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone[memberID] {
		return false, nil
	}
	have, err := n.own.Keys(memberID)
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		if slices.Contains(have, key) {
			continue
		}
		if err := n.own.Save(memberID, key); err != nil {
			return fresh, err
		}
		fresh = true
	}
	return fresh, nil
}

// ask asks the voters for a member's keys and keeps them. It has enough when a majority has
// answered, or with one set when anybody has a key.
func (n *names) ask(memberID string, one bool) ([][32]byte, error) {
	m := n.mirror
	now := m.cfg.Members()
	ctx, cancel := context.WithTimeout(context.Background(), keysWait)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer cancel()
	answers := make(chan [][32]byte, len(now.Voters))
	count := 0
	for _, id := range now.Voters {
		if id == now.Self {
			count++
			continue
		}
		asked.Go(func() {
			q := Request{Kind: AskKeys, Members: []Member{{ID: memberID}}}
			if a, err := m.call(ctx, id, q); err == nil && a.Taken {
				var keys [][32]byte
				for _, member := range a.Members {
					if member.ID == memberID {
						keys = member.Keys
					}
				}
				answers <- keys
			}
		})
	}
	for ; count <= len(now.Voters)/2; count++ {
		select {
		case keys := <-answers:
			if _, err := n.keep(memberID, keys); err != nil {
				return nil, err
			}
			if one && len(keys) > 0 {
				return keys, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("mirror: keys of a member: %w", signer.ErrResting)
		}
	}
	keys, _, err := n.held(memberID)
	return keys, err
}

// Save implements signer.NameStore: nil means that the key is durable on a majority.
func (n *names) Save(memberID string, key [32]byte) error {
	n.mu.Lock()
	err := n.own.Save(memberID, key)
	if n.gone[memberID] {
		err = errors.Join(errDestroyed, n.own.Destroy(memberID))
	}
	n.mu.Unlock()
	if err != nil {
		return err
	}
	m := n.mirror
	token := wire.Hash("held", []byte(memberID), key[:])
	m.mu.Lock()
	l := m.lead
	if l == nil || l.ended || !l.ready {
		m.mu.Unlock()
		return signer.ErrResting
	}
	if l.held[token] {
		m.mu.Unlock()
		return nil
	}
	s := &saving{id: memberID, owed: l.owe(memberID, nil), acked: map[string]bool{}}
	l.savings = append(l.savings, s)
	m.mu.Unlock()
	err = m.spread(l, s)
	m.mu.Lock()
	defer m.mu.Unlock()
	l.savings = slices.DeleteFunc(l.savings, func(x *saving) bool { return x == s })
	if err == nil {
		if len(l.held) >= rememberedMax {
			clear(l.held)
		}
		l.held[token] = true
	}
	return err
}

// owe notes that all other replicas but one may lack keys of a member. The caller holds mu.
func (l *lead) owe(memberID string, but *peer) uint64 {
	l.owed++
	for _, p := range l.peers {
		if p != but {
			p.owe(memberID, l.owed)
		}
	}
	return l.owed
}

func (p *peer) owe(memberID string, owed uint64) {
	if len(p.unsent) >= rememberedMax {
		clear(p.unsent)
		p.pages = pages{} // a comparison finds them
	}
	p.unsent[memberID] = owed
	p.kick()
}

// spread waits until a majority has a key.
func (m *Mirror) spread(l *lead, s *saving) error {
	timer := time.NewTimer(appendWait)
	defer timer.Stop()
	for {
		now := m.cfg.Members()
		m.mu.Lock()
		count, moved := 0, l.moved
		for _, id := range now.Voters {
			if id == now.Self || s.acked[id] {
				count++
			}
		}
		m.mu.Unlock()
		if count > len(now.Voters)/2 {
			return nil
		}
		select {
		case <-moved:
		case <-l.over:
			return signer.ErrResting
		case <-timer.C:
			return fmt.Errorf("mirror: no majority within %v: %w", appendWait, signer.ErrResting)
		}
	}
}

// Destroy implements signer.NameStore: it destroys what is here. Every other replica does the same
// when its signer comes to the record of it in the journal; until then nothing brings the keys
// back here.
func (n *names) Destroy(memberID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone[memberID] = true
	return n.own.Destroy(memberID)
}

// List implements signer.NameStore.
func (n *names) List() ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.own.List()
}

// nextKeys brings a replica keys that it may lack.
func (m *Mirror) nextKeys(p *peer) (q Request, found bool, err error) {
	m.mu.Lock()
	p.carried = map[string]uint64{}
	for _, id := range slices.Sorted(maps.Keys(p.unsent)) {
		if len(p.carried) < keysBatch {
			p.carried[id] = p.unsent[id]
		}
	}
	ids := slices.Sorted(maps.Keys(p.carried))
	m.mu.Unlock()
	q = Request{Kind: AskSave}
	for _, id := range ids {
		keys, _, err := m.names.held(id)
		if err != nil {
			return q, false, err
		}
		q.Members = append(q.Members, Member{ID: id, Keys: keys})
	}
	return q, true, nil
}

// sent notes that a replica has the keys that the last request carried. Those of a member that it
// was owed again meanwhile may have been read before.
func (m *Mirror) sent(l *lead, p *peer, a Answer) error {
	if !a.Taken {
		return errors.New("mirror: a replica takes no keys")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, owed := range p.carried {
		if p.unsent[id] == owed {
			delete(p.unsent, id)
		}
	}
	for _, s := range l.savings {
		if p.carried[s.id] >= s.owed {
			s.acked[p.id] = true
		}
	}
	l.wake()
	return nil
}

// show answers AskKeys.
func (n *names) show(q Request) (Answer, error) {
	a := Answer{Taken: true}
	for _, m := range q.Members {
		keys, gone, err := n.held(m.ID)
		if err != nil {
			return Answer{}, err
		}
		if len(keys) > 0 && !gone {
			a.Members = append(a.Members, Member{ID: m.ID, Keys: keys})
		}
	}
	return a, nil
}

// accept answers AskSave.
func (n *names) accept(q Request) (Answer, error) {
	for _, m := range q.Members {
		if _, err := n.keep(m.ID, m.Keys); err != nil {
			return Answer{}, err
		}
	}
	return Answer{Taken: true}, nil
}
