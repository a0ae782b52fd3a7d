package simtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"seyfert/core"
	"seyfert/peer"
)

// LateMax is the number of posts that wait somewhere in the network; one more pushes out the
// oldest, which is then lost.
const LateMax = 64

// errNetwork is all that a sender learns when no answer came.
var errNetwork = errors.New("no answer came")

// network carries posts between processes. Whatever it does to a post, the sender cannot tell
// whether it arrived.
type network struct {
	world *world
	// healed turns every fault off.
	healed bool
	// cut holds the pairs that cannot reach each other, in both directions.
	cut map[[2]string]bool
	// late are posts that arrive at another time, in no order.
	late []post
}

// post is one batch of messages on its way.
type post struct {
	from, to string
	messages []string
}

// link is a process's way into the network.
type link struct {
	network *network
	from    string
	fuse    *fuse
}

// Post implements node.Transport.
func (l link) Post(_ context.Context, to peer.Address, jws []string) ([]peer.Answer, error) {
	if err := l.fuse.pass(); err != nil {
		return nil, err
	}
	answers, err := l.network.send(post{from: l.from, to: to.DID, messages: slices.Clone(jws)})
	if broken := l.fuse.pass(); broken != nil {
		return nil, broken
	}
	return answers, err
}

// fate is what becomes of a post, in parts of a hundred.
const (
	fateLost       = 8  // it never arrives
	fateLate       = 16 // it arrives some other time
	fateShort      = 20 // its first messages arrive, then the connection breaks
	fateAnswerLost = 28 // it arrives, its answer does not
	fateTwice      = 36 // it arrives now and again some other time
)

// send decides a post's fate.
func (n *network) send(p post) ([]peer.Answer, error) {
	w := n.world
	w.counts.Posts++
	if n.healed {
		return n.arrive(p)
	}
	if n.cut[pair(p.from, p.to)] {
		w.counts.Cut++
		return nil, errNetwork
	}
	switch fate := w.random.IntN(100); {
	case fate < fateLost:
		w.counts.Lost++
		return nil, errNetwork
	case fate < fateLate:
		n.delay(p)
		return nil, errNetwork
	case fate < fateShort:
		w.counts.Lost++
		p.messages = p.messages[:w.random.IntN(len(p.messages))]
		_, err := n.arrive(p)
		return nil, errors.Join(errNetwork, err)
	case fate < fateAnswerLost:
		w.counts.Lost++
		_, err := n.arrive(p)
		return nil, errors.Join(errNetwork, err)
	case fate < fateTwice:
		n.delay(p)
	}
	return n.arrive(p)
}

func (n *network) delay(p post) {
	if len(n.late) == LateMax {
		n.late = slices.Delete(n.late, 0, 1)
		n.world.counts.Lost++
	}
	n.world.counts.Late++
	n.late = append(n.late, p)
}

// arrive hands a post to its receiver. An answer that honest nodes never give to each other is
// remembered as a failed check, since the node under it only sees an answer.
func (n *network) arrive(p post) ([]peer.Answer, error) {
	to := n.world.host(p.to)
	if len(p.messages) == 0 {
		return nil, nil
	}
	answers, err := to.process.node.Receive(context.Background(), p.from, p.messages)
	if err != nil {
		if to.process.fuse.blown {
			return nil, errNetwork
		}
		return nil, err
	}
	for i, answer := range answers {
		accepted := answer.Status == http.StatusOK
		gap := answer.Status == http.StatusConflict && answer.Outcome == core.OutcomeGap
		if !accepted && !gap {
			n.world.fail(fmt.Errorf("%s answered message %d of %s with %d %s %s: %s", p.to, i,
				p.from, answer.Status, answer.Outcome, answer.Code, answer.Detail))
		}
	}
	return answers, nil
}

// deliverLate lets any one of the late posts arrive.
func (n *network) deliverLate() error {
	if len(n.late) == 0 {
		return nil
	}
	at := n.world.random.IntN(len(n.late))
	p := n.late[at]
	n.late = slices.Delete(n.late, at, at+1)
	if n.cut[pair(p.from, p.to)] && !n.healed {
		n.world.counts.Cut++
		return nil
	}
	n.world.counts.Repeated++
	if _, err := n.arrive(p); err != nil && !errors.Is(err, errNetwork) {
		return err
	}
	return nil
}

// pair names a connection without direction.
func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }
