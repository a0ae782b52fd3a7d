package egress_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seyfert/egress"
)

// nameserver is a DNS server on loopback that answers every name with the addresses it was
// last told, so that a test can move a name between two lookups as an attacker would.
type nameserver struct {
	conn net.PacketConn

	mu      sync.Mutex // guards answers and asked
	answers [][]netip.Addr
	asked   int
}

// newNameserver starts a nameserver that gives the first set of addresses to the first lookup,
// the next to the next, and the last to all later ones.
func newNameserver(tb testing.TB, answers ...[]netip.Addr) *nameserver {
	tb.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &nameserver{conn: conn, answers: answers}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run()
	}()
	tb.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}

// resolver returns a resolver that asks this server.
func (s *nameserver) resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp4", s.conn.LocalAddr().String())
		},
	}
}

// lookups returns how many A questions were asked.
func (s *nameserver) lookups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// run answers questions until the socket is closed.
func (s *nameserver) run() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := s.answer(buffer[:n]); answer != nil {
			s.conn.WriteTo(answer, from)
		}
	}
}

// answer builds the reply to one question (RFC 1035 section 4): its header and question
// again, then an address record for each address of the asked family.
func (s *nameserver) answer(question []byte) []byte {
	const headerSize, typeA, typeAAAA = 12, 1, 28
	end := headerSize
	for end < len(question) && question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5
	if end > len(question) {
		return nil
	}
	kind := binary.BigEndian.Uint16(question[end-4:])
	s.mu.Lock()
	addresses := s.answers[min(s.asked, len(s.answers)-1)]
	if kind == typeA {
		s.asked++
	}
	s.mu.Unlock()
	reply := append([]byte(nil), question[:end]...)
	binary.BigEndian.PutUint16(reply[2:], 0x8180) // an answer, recursion available
	count := uint16(0)
	for _, a := range addresses {
		if (kind == typeA) != a.Is4() || kind != typeA && kind != typeAAAA {
			continue
		}
		count++
		reply = append(reply, 0xc0, headerSize)            // the question's name
		reply = binary.BigEndian.AppendUint16(reply, kind) // type
		reply = append(reply, 0, 1, 0, 0, 0, 0)            // class IN, no caching
		reply = binary.BigEndian.AppendUint16(reply, uint16(a.BitLen()/8))
		reply = append(reply, a.AsSlice()...)
	}
	binary.BigEndian.PutUint16(reply[6:], count)
	clear(reply[8:12]) // no authority or additional records
	return reply
}

// addresses parses a list of addresses.
func addresses(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestNamesThatLeadInside(t *testing.T) {
	var hits atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	for _, list := range [][]netip.Addr{
		addresses("127.0.0.1"),
		addresses("::1"),
		addresses("10.0.0.1"),
		addresses("169.254.169.254"),
		addresses("0.0.0.0"),
		addresses("100.64.0.1"),
		addresses("192.168.0.1", "127.0.0.1", "::1"),
		addresses("::ffff:127.0.0.1"),
		addresses("64:ff9b::7f00:1"),
		addresses("fd00::1"),
	} {
		names := newNameserver(t, list)
		// The sandbox is no wider for names that DNS answers.
		for _, loopback := range []bool{false, true} {
			p := egress.Policy{Loopback: loopback, Timeout: 5 * time.Second}
			p.Resolver = names.resolver()
			c := newClient(t, p)
			target := "https://rebind.example.:" + port(t, server) + "/"
			_, err := c.Do(t.Context(), "POST", target, nil, []byte("x"))
			if !errors.Is(err, egress.ErrAddress) {
				t.Errorf("%v, loopback %v: %v, want ErrAddress", list, loopback, err)
			}
		}
		if names.lookups() == 0 {
			t.Errorf("%v: the name was never asked for", list)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived inside", hits.Load())
	}
}

// TestRebinding moves a name from a public address, which a check before dialling would have
// seen, to loopback: the second answer is judged as the first was.
func TestRebinding(t *testing.T) {
	var hits atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	names := newNameserver(t, addresses("1.1.1.1"), addresses("127.0.0.1"))
	resolver := names.resolver()
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.")
	if err != nil || len(first) != 1 || !egress.Public(first[0].Unmap()) {
		t.Fatalf("first lookup: %v, %v", first, err)
	}
	c := newClient(t, egress.Policy{Timeout: 5 * time.Second, Resolver: resolver})
	for range 3 {
		target := "https://rebind.example.:" + port(t, server) + "/"
		_, err := c.Do(t.Context(), "GET", target, nil, nil)
		if !errors.Is(err, egress.ErrAddress) {
			t.Errorf("second lookup: %v, want ErrAddress", err)
		}
		if _, err := c.HTTP().Get(target); !errors.Is(err, egress.ErrAddress) {
			t.Errorf("second lookup by a library: %v, want ErrAddress", err)
		}
	}
	if hits.Load() != 0 || names.lookups() < 7 {
		t.Errorf("%d requests arrived after %d lookups", hits.Load(), names.lookups())
	}
}

// TestLocalNamesAskNoServer holds that *.localhost is answered by the dialer itself: DNS could
// otherwise point the sandbox's own names elsewhere.
func TestLocalNamesAskNoServer(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	names := newNameserver(t, addresses("10.0.0.1"))
	p := sandbox
	p.Resolver = names.resolver()
	c := newClient(t, p)
	for _, host := range []string{"localhost", "seoul.localhost", "a.b.LOCALHOST", "x.localhost."} {
		target := "http://" + host + ":" + port(t, server)
		if _, err := c.Do(t.Context(), "GET", target, nil, nil); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if names.lookups() != 0 {
		t.Errorf("DNS was asked %d times", names.lookups())
	}
}
