package server

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// ConnectionsMax is how many connections a node has open for callers, at most. Where a process
// may open few files it is half of those: the other half is for tables, journal and peers. A
// node whose files run out can't flush its tables, and ends.
const ConnectionsMax = 4096

// connectionsMax is the bound on this machine.
func connectionsMax() (int, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 0, err
	}
	return int(min(ConnectionsMax, max(1, files.Cur/2))), nil
}

// Connections is a listener with a bound on what is open at a time. A caller who comes when all
// are in use gets the place of the one that has been silent for longest between its requests,
// or waits until one ends: strangers who open connections and say nothing keep nobody out.
type Connections struct {
	net.Listener
	// places has one value for each open connection.
	places chan struct{}
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex // guards the following
	silent *list.List // of net.Conn, the longest silent first
	at     map[net.Conn]*list.Element
}

// Limit bounds the connections of a listener. The http.Server that serves it must have Watch as
// its ConnState.
func Limit(l net.Listener, most int) *Connections {
	return &Connections{
		Listener: l, places: make(chan struct{}, most), closed: make(chan struct{}),
		silent: list.New(), at: make(map[net.Conn]*list.Element),
	}
}

// Accept implements net.Listener.
func (c *Connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case c.places <- struct{}{}:
	default:
		c.endSilent()
		select {
		case c.places <- struct{}{}:
		case <-c.closed:
			return nil, errors.Join(net.ErrClosed, conn.Close())
		}
	}
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-c.places })}, nil
}

// Close implements net.Listener.
func (c *Connections) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// Watch keeps account of who is silent. It is for http.Server.ConnState.
func (c *Connections) Watch(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[conn]; ok {
		c.silent.Remove(e)
		delete(c.at, conn)
	}
	if state == http.StateNew || state == http.StateIdle {
		c.at[conn] = c.silent.PushBack(conn)
	}
}

// endSilent ends the connection that has been silent for longest, if there is one.
func (c *Connections) endSilent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.silent.Front()
	if e == nil {
		return
	}
	conn := c.silent.Remove(e).(net.Conn)
	delete(c.at, conn)
	_ = conn.Close() // its caller is told by the end of it
}

// placed is a connection that gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (p *placed) Close() error {
	p.leave()
	return p.Conn.Close()
}
