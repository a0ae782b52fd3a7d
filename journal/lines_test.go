package journal_test

import (
	"context"
	"errors"
	"net"
	"sync"
)

// lines are a replica's connections, which can be cut or held.
type lines struct {
	state sync.Mutex // guards all below
	conns map[*cable]bool
	dead  bool
	held  chan struct{} // closed when no longer held
}

// cable is one connection. Over one that is held nothing comes and goes.
type cable struct {
	net.Conn
	lines *lines
}

func (l *lines) add(conn net.Conn) (net.Conn, error) {
	l.state.Lock()
	defer l.state.Unlock()
	if l.dead {
		return nil, errors.Join(errors.New("the line is cut"), conn.Close())
	}
	if l.conns == nil {
		l.conns = map[*cable]bool{}
	}
	w := &cable{conn, l}
	l.conns[w] = true
	return w, nil
}

func (l *lines) dial(ctx context.Context, address string) (net.Conn, error) {
	l.wait()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return l.add(conn)
}

// cut closes all connections and lets none be made, until mend.
func (l *lines) cut() {
	l.state.Lock()
	defer l.state.Unlock()
	l.dead = true
	for w := range l.conns {
		_ = w.Conn.Close()
	}
	l.conns = nil
}

func (l *lines) mend() {
	l.state.Lock()
	defer l.state.Unlock()
	l.dead = false
}

// hold stops all connections until the returned function is called, as if the whole process
// stood still for the others.
func (l *lines) hold() (release func()) {
	l.state.Lock()
	defer l.state.Unlock()
	held := make(chan struct{})
	l.held = held
	return func() {
		l.state.Lock()
		l.held = nil
		l.state.Unlock()
		close(held)
	}
}

func (l *lines) wait() {
	l.state.Lock()
	held := l.held
	l.state.Unlock()
	if held != nil {
		<-held
	}
}

func (w *cable) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.lines.wait()
	return n, err
}

func (w *cable) Write(p []byte) (int, error) {
	w.lines.wait()
	return w.Conn.Write(p)
}

// line is a listener of a replica.
type line struct {
	net.Listener
	lines *lines
}

func (l *line) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if w, err := l.lines.add(conn); err == nil {
			return w, nil
		}
	}
}
