package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"seyfert/server"
)

// door is a server with a bound on its connections. A request for /slow is answered when the
// test says so.
type door struct {
	t       *testing.T
	address string
	slow    chan struct{}
	entered chan struct{}
}

func newDoor(t *testing.T, most int) *door {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	d := &door{
		t: t, address: inner.Addr().String(),
		slow: make(chan struct{}), entered: make(chan struct{}, most),
	}
	listener := server.Limit(inner, most)
	s := &http.Server{
		ConnState: listener.Watch, ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				d.entered <- struct{}{}
				<-d.slow
			}
		}),
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		must(t, s.Close())
		<-served
	})
	return d
}

func (d *door) dial() net.Conn {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.address)
	must(d.t, err)
	d.t.Cleanup(func() { _ = conn.Close() })
	must(d.t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn
}

func (d *door) ask(conn net.Conn, path string) {
	d.t.Helper()
	_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: node.localhost\r\n\r\n")
	must(d.t, err)
}

// answered says whether an answer comes, or the connection ends without one.
func answered(conn net.Conn) bool {
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	return err == nil && answer.StatusCode == http.StatusOK
}

// TestSilentCallersKeepNobodyOut fills all places with callers who say nothing: new ones, and
// ones who asked once. The longest silent one makes room.
func TestSilentCallersKeepNobodyOut(t *testing.T) {
	const most = 4
	d := newDoor(t, most)
	var silent []net.Conn
	for n := range most {
		conn := d.dial()
		if n%2 == 1 {
			d.ask(conn, "/")
			if !answered(conn) {
				t.Fatalf("caller %d is not answered", n)
			}
		}
		silent = append(silent, conn)
		time.Sleep(20 * time.Millisecond)
	}
	late := d.dial()
	d.ask(late, "/")
	if !answered(late) {
		t.Fatal("the caller beyond the bound is not answered")
	}
	if _, err := silent[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the longest silent caller: %v, want the end", err)
	}
	d.ask(silent[3], "/")
	if !answered(silent[3]) {
		t.Error("a caller who was silent for a shorter time is not answered")
	}
}

// TestBusyCallersAreWaitedFor fills all places with requests under way: the next caller waits
// until one of them has its answer.
func TestBusyCallersAreWaitedFor(t *testing.T) {
	const most = 3
	d := newDoor(t, most)
	busy := make([]net.Conn, most)
	for n := range busy {
		busy[n] = d.dial()
		d.ask(busy[n], "/slow")
		<-d.entered
	}
	late := d.dial()
	d.ask(late, "/")
	must(t, late.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	if _, err := late.Read(make([]byte, 1)); err == nil {
		t.Fatal("the caller beyond the bound is answered at once")
	}
	d.slow <- struct{}{}
	close(d.slow)
	for n, conn := range busy {
		if !answered(conn) {
			t.Errorf("busy caller %d is not answered", n)
		}
		must(t, conn.Close())
	}
	must(t, late.SetReadDeadline(time.Now().Add(10*time.Second)))
	if !answered(late) {
		t.Error("the caller who waited is not answered")
	}
}
