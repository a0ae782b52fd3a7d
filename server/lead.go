package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/node"
	"seyfert/signer"
)

const (
	// catchUpTimeout bounds how long a node that is alone waits at its start for the chain, and
	// catchUpShort how long others wait for a new leader that does.
	catchUpTimeout = 20 * time.Second
	catchUpShort   = 3 * time.Second
	// wakeTimeout bounds one try to take the signer over from a majority; wakePause is between
	// two. After wakeTries another replica may try.
	wakeTimeout = 5 * time.Second
	wakePause   = 300 * time.Millisecond
	wakeTries   = 3
	// tendEvery is how often the leader looks after the other replicas; it keeps leadership
	// through fullTimes of these looks while its disk is full and theirs are not.
	tendEvery = time.Second
	fullTimes = 3
)

// unfit says that this replica can't lead, whatever is tried: its owner must do something.
type unfit struct{ error }

// Unwrap gives what is wrong.
func (e *unfit) Unwrap() error { return e.error }

// fail reports what the server can't go on after.
func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default: // enough is told
	}
}

// lead does the work of a leader whenever this replica is one, until ctx ends. It may have been
// woken already.
func (s *Server) lead(ctx context.Context, woken *journal.Lead) {
	if woken != nil {
		reign, cancel := during(ctx, *woken)
		s.work(reign, *woken)
		cancel()
	}
	for ctx.Err() == nil {
		lead, err := s.follow(ctx)
		if err != nil {
			return
		}
		reign, cancel := during(ctx, lead)
		if s.wakeUp(reign) {
			s.work(reign, lead)
		}
		cancel()
	}
}

// follow does what a replica does that does not lead, until it comes to lead.
func (s *Server) follow(ctx context.Context) (journal.Lead, error) {
	following, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	if s.replica != nil {
		work.Go(func() { s.node.RunFollower(following) })
	}
	lead, err := s.journal.Leading(ctx)
	stop()
	work.Wait()
	return lead, err
}

// during returns a context that ends with a leadership.
func during(ctx context.Context, lead journal.Lead) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-lead.Over:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// wakeUp gets ready to lead, and says whether it is.
func (s *Server) wakeUp(ctx context.Context) bool {
	for try := 1; ctx.Err() == nil; try++ {
		err := s.wake(ctx, catchUpShort)
		if err == nil {
			return true
		}
		s.rest()
		if _, final := errors.AsType[*unfit](err); final {
			s.fail(err)
			<-ctx.Done() // its owner closes this replica
			return false
		}
		if ctx.Err() != nil {
			return false
		}
		s.log.Warn("this replica can't lead yet and tries again",
			slog.String("error", err.Error()))
		if try%wakeTries == 0 {
			// It fails if there is nobody to take it; then this one goes on trying.
			_ = s.journal.TransferLeadership(ctx)
		}
		pause(ctx, wakePause)
	}
	return false
}

// pause waits, and says whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// wake makes this replica, which leads the journal, the one that signs and takes changes. An
// error is an *unfit when trying again is useless.
func (s *Server) wake(ctx context.Context, chainTime time.Duration) error {
	lead, err := s.journal.Leading(ctx)
	if err != nil {
		return err
	}
	if err := s.wakeSigner(ctx, lead.Term); err != nil {
		if errors.Is(err, signer.ErrJournal) || errors.Is(err, signer.ErrCorrupt) {
			err = &unfit{err}
		}
		return fmt.Errorf("wake the signer: %w", err)
	}
	if err := checkMemory(s.state, s.signer); err != nil {
		return &unfit{err}
	}
	s.role.set(waking)
	if err := s.configure(ctx); err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, chainTime)
	defer cancel()
	if err := s.node.CatchUp(reading); err != nil {
		// The node serves all the same: only payments between nodes need heights.
		s.log.Warn("the chain is not read up to its tip", slog.String("error", err.Error()))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.role.set(leading)
	return nil
}

// configure proposes what all replicas must agree on; a journal that says otherwise refuses.
func (s *Server) configure(ctx context.Context) error {
	if err := checkLanes(ctx, s.chain, s.signer, s.cfg.lanes()); err != nil {
		return err
	}
	descriptor, err := node.Describe(s.signer, s.cfg.description())
	if err != nil {
		return err
	}
	key, hash, err := s.cfg.operatorKey()
	if err != nil {
		return &unfit{err}
	}
	err = s.node.Configure(ctx, node.Setup{
		Currencies: s.cfg.Currencies, Thresholds: s.cfg.Thresholds, Descriptor: descriptor,
		OperatorKey: hash,
	})
	if f, ok := fault.Of(err); ok && f.Code != fault.Unavailable && f.Code != fault.TooMany {
		return &unfit{err}
	}
	if err != nil {
		return err
	}
	if err := s.activate(ctx); err != nil {
		return err
	}
	return s.checkOperator(key)
}

// activate brings the rules into force that the program of every voter knows. While one of them
// can't be asked nothing changes.
func (s *Server) activate(ctx context.Context) error {
	most := uint16(core.RuleVersion)
	if s.ruleInForce() >= most {
		return nil
	}
	for _, said := range s.askVoters(ctx, 0) {
		if said == nil {
			return nil
		}
		most = min(most, said.Rule)
	}
	return s.node.ActivateRules(ctx, most)
}

func (s *Server) ruleInForce() (rule uint16) {
	s.state.Read(func(v core.View) { rule = v.Node().Rule })
	return rule
}

// work does the node's work towards the outside while this replica leads and is awake. When it
// returns nothing of it runs, and nothing is signed any more.
func (s *Server) work(ctx context.Context, lead journal.Lead) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var workers sync.WaitGroup
	workers.Go(func() { s.node.Run(ctx) })
	if s.replica != nil {
		s.log.Info("this replica leads", slog.Uint64("term", lead.Term))
		workers.Go(func() { s.compare(ctx) })
		workers.Go(func() { s.tend(ctx, cancel) })
	}
	<-ctx.Done()
	s.rest()
	workers.Wait()
}

// rest ends a leadership: no change is taken any more and nothing is signed.
func (s *Server) rest() {
	if s.replica != nil { // one that is alone leads until it ends
		s.role.set(following)
		s.restSigner()
	}
}

// tend looks after the other replicas while this one leads: rules come into force when all know
// them, and who has caught up is given a vote. When the signer has lost its majority it ends the
// leadership's work, to begin anew.
func (s *Server) tend(ctx context.Context, end context.CancelFunc) {
	for full := 0; pause(ctx, tendEvery); {
		if !s.signer.Awake() {
			end()
			return
		}
		full++
		if !s.room.low.Load() {
			full = 0
		}
		if full >= fullTimes && s.othersHaveRoom(ctx) {
			full = 0
			s.log.Warn("the disk is full: another replica is asked to lead")
			_ = s.journal.TransferLeadership(ctx) // it is tried again
			continue
		}
		if err := errors.Join(s.activate(ctx), s.promote(ctx)); err != nil && ctx.Err() == nil {
			s.log.Warn("the other replicas are not looked after and that is tried again",
				slog.String("error", err.Error()))
		}
	}
}

// othersHaveRoom says whether another voter could lead that has room on its disk.
func (s *Server) othersHaveRoom(ctx context.Context) bool {
	return slices.ContainsFunc(s.askVoters(ctx, 0), func(said *condition) bool {
		return said != nil && !said.Full
	})
}

// promote gives votes to members that have caught up.
func (s *Server) promote(ctx context.Context) error {
	var errs []error
	for _, m := range s.journal.Replicas() {
		if m.Voter || !s.caughtUp(ctx, m.ID) {
			continue
		}
		err := s.settleSigner(ctx)
		if err == nil {
			err = s.journal.Promote(ctx, m.ID)
		}
		if f, ok := fault.Of(err); ok && f.Code == fault.TooMany {
			continue // a node has its voters, and this one waits
		}
		if err == nil {
			s.log.Info("a replica has a vote now", slog.String("replica", string(m.ID)))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// caughtUp says whether a member has all that it needs to lead.
func (s *Server) caughtUp(ctx context.Context, id journal.ReplicaID) bool {
	have, ok := s.journal.Progress(id)
	if !ok || have+journal.PromoteLagMax < s.state.Applied() || !s.levelOf(id) {
		return false
	}
	said := s.askStatus(ctx, id, 0)
	return said != nil && said.Rule >= s.ruleInForce() &&
		said.Index+journal.PromoteLagMax >= s.state.Applied()
}

// description is the node in its descriptor.
func (c Config) description() node.Description {
	return node.Description{
		SNP: c.Origin, API: c.Origin, Currencies: c.Currencies, Rails: []string{"bank"},
		Lanes: c.lanes(),
	}
}
