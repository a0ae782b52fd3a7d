package journal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"seyfert/journal"
	"seyfert/journal/wal"
)

// certificate makes one of any key.
func certificate(tb testing.TB, public, private any) tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<35, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// TestStrangersStayOut connects to a replica as those do who are none.
func TestStrangersStayOut(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(2)
	member, r := c.replicas[1], c.replicas[0]
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := certificate(t, member.key.Public(), member.key)
	cases := map[string]*tls.Config{
		"a stranger's key": {Certificates: []tls.Certificate{certificate(t, public, private)}},
		"another kind of key": {
			Certificates: []tls.Certificate{certificate(t, other.Public(), other)},
		},
		"no key": {},
		"its own key": {
			Certificates: []tls.Certificate{certificate(t, r.key.Public(), r.key)},
		},
		"a member's certificate without the key": {Certificates: []tls.Certificate{{
			Certificate: good.Certificate, PrivateKey: private,
		}}},
		"an older TLS": {
			Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12,
		},
		"another protocol": {
			Certificates: []tls.Certificate{good}, NextProtos: []string{"http/1.1"},
		},
	}
	for name, config := range cases {
		config.InsecureSkipVerify = true
		if config.NextProtos == nil {
			config.NextProtos = []string{journal.ProtocolRaft}
		}
		if err := talk(t, r.address, config); err == nil {
			t.Errorf("%s was let in", name)
		}
	}
	config := &tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{good},
		NextProtos: []string{journal.ProtocolRaft},
	}
	if err := talk(t, r.address, config); err != nil {
		t.Errorf("a member was kept out: %v", err)
	}
	mustPropose(t, c.leader().Raft, "still goes on")
}

// talk connects and sends what raft does not know; a connection that is let in is closed for it
// only after a while.
func talk(tb testing.TB, address string, config *tls.Config) error {
	tb.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		tb.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return nil
	}
	return err
}

// TestForwardProtocol speaks over the layer as a node does to its other replicas.
func TestForwardProtocol(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(2)
	a, b := c.replicas[0], c.replicas[1]
	served := make(chan error, 1)
	go func() {
		conn, err := b.layer.Listener(journal.ProtocolForward).Accept()
		if err == nil {
			_, err = io.Copy(conn, io.LimitReader(conn, 5))
			_ = conn.Close()
		}
		served <- err
	}()
	conn, err := a.layer.Dial(t.Context(), b.id, journal.ProtocolForward)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if string(text) != "hello" || <-served != nil {
		t.Fatalf("heard %q, %v", text, err)
	}
	_ = conn.Close()
	if _, err := a.layer.Dial(t.Context(), journal.IDOf(make([]byte, 32)),
		journal.ProtocolForward); err == nil {
		t.Error("a stranger was called")
	}
	// Who is at a member's address must have the member's key.
	stranger := c.mustMake(t.TempDir(), nil)
	c.replicas = c.replicas[:2]
	b.mustStop()
	stranger.address = b.address
	stranger.cluster = &cluster{tb: t, replicas: []*replica{stranger}}
	stranger.disk = wal.NewDisk()
	stranger.mustStart()
	_, err = a.layer.Dial(t.Context(), b.id, journal.ProtocolForward)
	if err == nil || !strings.Contains(err.Error(), b.address) {
		t.Fatalf("another replica at %s answered: %v", b.address, err)
	}
	stranger.mustStop()
	b.mustStart()
	c.catchUp(b)
}

// TestHandshakesAreLimited opens connections that never say who they are.
func TestHandshakesAreLimited(t *testing.T) {
	c := newCluster(t, 0)
	c.mustGrow(1)
	r := c.replicas[0]
	var open []net.Conn
	for range journal.HandshakesMax {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	waitFor(t, func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			return false
		}
		open = append(open, conn)
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		return err == io.EOF || err != nil && strings.Contains(err.Error(), "reset")
	})
	for _, conn := range open {
		_ = conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := second(r.Leading(ctx)); err != nil {
		t.Fatal(err)
	}
	c.mustJoin() // they are let in again
}

// TestLayerMustBeWhole makes layers that cannot be.
func TestLayerMustBeWhole(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, cfg := range []journal.LayerConfig{{}, {Listener: socket}, {
		Listener: socket, Key: make([]byte, 5),
	}} {
		if _, err := journal.NewTLSLayer(cfg); err == nil {
			t.Errorf("made one of %+v", cfg)
		}
	}
	if _, err := journal.ReplicaID("voter-1").Key(); err == nil {
		t.Error("a name without a key has one")
	}
	for _, cluster := range []*journal.Cluster{{}, {Pace: time.Millisecond}} {
		cfg := raftConfig(t.TempDir(), &tape{})
		cfg.Cluster = cluster
		if _, err := journal.Open(cfg); err == nil {
			t.Errorf("opened with %+v", cluster)
		}
	}
}
