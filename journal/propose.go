package journal

import "context"

// Propose writes the command, together with whatever else waits, and returns what the machine
// answered, after the entry is synced and applied. The body must not be changed afterwards.
// When ctx ends only the waiting ends: the command may still be carried out. An error is a
// *fault.Error (invalid, too large, too many, unavailable), a *NotLeader, which is one too, or
// comes from ctx; a command that the machine refuses is a result with a Fault, not an error.
func (j *Raft) Propose(ctx context.Context, c Command) (Result, error) {
	if refused := c.validate(); refused != nil {
		return Result{}, refused
	}
	if ctx.Err() != nil {
		return Result{}, waitError(ctx)
	}
	if j.roles.current() == nil {
		return Result{}, j.refusal()
	}
	outcome, err := j.queue.add(c.normal())
	if err != nil {
		return Result{}, err
	}
	select {
	case a := <-outcome:
		return a.result, a.err
	case <-ctx.Done():
	}
	return Result{}, waitError(ctx)
}

// gather turns what waits into entries until the queue is closed and empty.
func (j *Raft) gather() {
	defer close(j.flights)
	budget := EntryBytesMax - headerBytesMax - len(j.settings.Node)
	for {
		// The slot comes first: while none is free the batch grows.
		j.slots <- struct{}{}
		batch := j.queue.take(budget)
		if len(batch) == 0 {
			return
		}
		f := &flight{batch: batch, applied: make(chan []Result, 1)}
		f.refused = j.launch(f)
		j.flights <- f
	}
}

func (j *Raft) isBroken() bool {
	select {
	case <-j.broken:
		return true
	default:
		return false
	}
}

// launch makes an entry of the batch and proposes it, or says why not.
func (j *Raft) launch(f *flight) error {
	j.launching.Lock()
	defer j.launching.Unlock()
	lead := j.roles.current()
	if lead == nil {
		return j.refusal()
	}
	f.over = lead.over
	header := j.settings.header(max(j.newest, j.applier.newestTime()))
	j.newest = header.Time
	f.entry = Entry{Header: header, Commands: make([]Command, len(f.batch))}
	for i := range f.batch {
		f.entry.Commands[i] = f.batch[i].command
	}
	f.data = f.entry.Encode()
	if j.store.Short(2*(j.bytes.Load()+int64(len(f.data)))+reserveBytes) != nil {
		return errNoRoom
	}
	j.bytes.Add(int64(len(f.data)))
	j.applier.expect(f)
	j.underWay.Add(1)
	// The outcome comes from the applier. Raft's own answer is not waited for: it can stay
	// away for ever when raft ends, and any error of it ends the leadership, which watch sees.
	j.raft.Apply(f.data, 0)
	return nil
}

// refusal says why nothing can be proposed here and now.
func (j *Raft) refusal() error {
	if j.isBroken() || j.queue.isClosed() || j.cluster == nil {
		return errStopped
	}
	leader, _ := j.Leader()
	return &NotLeader{Leader: leader}
}

// respond answers the callers of each entry, in order, until gather has ended.
func (j *Raft) respond() {
	defer close(j.answered)
	for f := range j.flights {
		results, err := j.outcome(f)
		for i, w := range f.batch {
			if err != nil {
				w.answer <- answer{err: err}
			} else {
				w.answer <- answer{result: results[i]}
			}
		}
		if f.refused == nil {
			j.bytes.Add(-int64(len(f.data)))
			j.underWay.Done()
		}
		<-j.slots
	}
}

// outcome waits until an entry is applied, or nobody can say any more that it will be.
func (j *Raft) outcome(f *flight) ([]Result, error) {
	if f.refused != nil {
		return nil, f.refused
	}
	select {
	case results := <-f.applied:
		return results, nil
	case <-f.over:
	case <-j.halted:
	}
	select {
	case results := <-f.applied:
		return results, nil
	default:
		return nil, errUnknown
	}
}
