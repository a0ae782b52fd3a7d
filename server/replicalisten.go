package server

import (
	"net"
	"sync"
)

// doors are the connections of a listener that goes on when they are closed: that of the layer,
// which ends with the journal. Whoever comes later is sent away.
type doors struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newDoors(l net.Listener) *doors {
	return &doors{Listener: l, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// run hands connections on until the listener ends.
func (d *doors) run() {
	defer d.Close()
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return
		}
		select {
		case d.conns <- conn:
		case <-d.closed:
			_ = conn.Close() // told by the end of it
		}
	}
}

// Accept implements net.Listener.
func (d *doors) Accept() (net.Conn, error) {
	select {
	case conn := <-d.conns:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (d *doors) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}
