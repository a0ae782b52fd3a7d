package journal

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Limits of connections between replicas.
const (
	// HandshakesMax is the number of connections that say who they are at a time; more are
	// closed.
	HandshakesMax = 64
	// handshakeTimeout bounds that.
	handshakeTimeout = 10 * time.Second
	// callTimeout bounds a call of raft's; one that sends a cut has this for each 256 KiB.
	callTimeout = 10 * time.Second
	// pooledMax is the number of idle connections to each replica.
	pooledMax = 3
)

// The protocols of connections between replicas, by their names in TLS.
const (
	// ProtocolRaft is raft's.
	ProtocolRaft = "seyfert-raft"
	// ProtocolForward is for what a node itself says to its other replicas, such as commands
	// that came to one that does not lead.
	ProtocolForward = "seyfert-forward"
)

// LayerConfig says how a replica talks to the others.
type LayerConfig struct {
	// Listener takes the others' connections. The layer closes it.
	Listener net.Listener
	// Key is this replica's own.
	Key ed25519.PrivateKey
	// Address is where the others reach Listener; empty means its own address.
	Address string
	// Known are the others that a replica trusts which has no journal yet.
	Known []Replica
	// Dial connects to an address; nil means over TCP. Tests cut lines here.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// TLSLayer is the connections between the replicas of a node: TLS 1.3, both sides with a
// certificate that is nothing but a key, and that key must be a member's.
type TLSLayer struct {
	cfg    LayerConfig
	id     ReplicaID
	certs  []tls.Certificate
	ctx    context.Context // ends with the layer, and with it what dials
	cancel context.CancelFunc
	work   sync.WaitGroup

	state    sync.Mutex // guards all below
	members  func() []Replica
	conns    map[net.Conn]ReplicaID
	shaking  int
	closed   bool
	incoming map[string]chan net.Conn // by protocol
}

// NewTLSLayer starts to take connections. Until it is given to a journal none is let in.
func NewTLSLayer(cfg LayerConfig) (*TLSLayer, error) {
	if len(cfg.Key) != ed25519.PrivateKeySize || cfg.Listener == nil {
		return nil, errors.New("journal: a layer without key or listener")
	}
	if cfg.Address == "" {
		cfg.Address = cfg.Listener.Addr().String()
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}
	}
	certificate, err := certify(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("journal: make a certificate: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &TLSLayer{
		cfg: cfg, id: IDOf(cfg.Key.Public().(ed25519.PublicKey)),
		certs: []tls.Certificate{certificate}, ctx: ctx, cancel: cancel,
		conns: map[net.Conn]ReplicaID{},
		incoming: map[string]chan net.Conn{
			ProtocolRaft: make(chan net.Conn), ProtocolForward: make(chan net.Conn),
		},
	}
	l.work.Go(l.accept)
	return l, nil
}

// ID returns this replica's name.
func (l *TLSLayer) ID() ReplicaID { return l.id }

// Address returns where the others reach this replica.
func (l *TLSLayer) Address() string { return l.cfg.Address }

// admit says who the members are, from now on, and closes the connections of all others.
func (l *TLSLayer) admit(members func() []Replica) {
	l.state.Lock()
	l.members = members
	l.state.Unlock()
	l.refresh()
}

// refresh closes the connections of those who are no members any more.
func (l *TLSLayer) refresh() {
	trusted := l.trusted()
	l.state.Lock()
	defer l.state.Unlock()
	for conn, id := range l.conns {
		if _, ok := find(trusted, id); !ok && id != "" {
			_ = conn.Close()
		}
	}
}

// trusted returns whom this replica talks to.
func (l *TLSLayer) trusted() []Replica {
	l.state.Lock()
	members := l.members
	l.state.Unlock()
	if members == nil {
		return nil
	}
	if now := members(); len(now) > 0 {
		return now
	}
	return l.cfg.Known
}

// config is what a handshake of the layer needs.
func (l *TLSLayer) config(protocols []string, check func(ReplicaID) error) *tls.Config {
	return pinned(l.certs, protocols, check)
}

// accept takes connections until the layer is closed.
func (l *TLSLayer) accept() {
	for {
		conn, err := l.cfg.Listener.Accept()
		if err != nil {
			if l.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of files, say
			continue
		}
		if !l.track(conn, true) {
			_ = conn.Close()
			continue
		}
		l.work.Go(func() { l.welcome(conn) })
	}
}

// track notes a connection, so that Close closes it. It refuses one too many.
func (l *TLSLayer) track(conn net.Conn, shaking bool) bool {
	l.state.Lock()
	defer l.state.Unlock()
	if l.closed || shaking && l.shaking == HandshakesMax {
		return false
	}
	if shaking {
		l.shaking++
	}
	l.conns[conn] = ""
	return true
}

// welcome finds out who connected, and hands the connection to whom it is for.
func (l *TLSLayer) welcome(conn net.Conn) {
	ctx, cancel := context.WithTimeout(l.ctx, handshakeTimeout)
	defer cancel()
	var id ReplicaID
	secure := tls.Server(conn, l.config([]string{ProtocolRaft, ProtocolForward},
		func(other ReplicaID) error {
			id = other
			if _, ok := find(l.trusted(), other); !ok || other == l.id {
				return errors.New("the other side is no member")
			}
			return nil
		}))
	err := secure.HandshakeContext(ctx)
	l.state.Lock()
	l.shaking--
	l.state.Unlock()
	if err != nil {
		l.drop(conn)
		return
	}
	wrapped := l.wrap(conn, secure, id)
	select {
	case l.incoming[secure.ConnectionState().NegotiatedProtocol] <- wrapped:
	case <-l.ctx.Done():
		_ = wrapped.Close()
	}
}

// linked is a connection that the layer knows of until it is closed.
type linked struct {
	*tls.Conn
	layer *TLSLayer
	under net.Conn
}

// Close implements net.Conn.
func (c *linked) Close() error {
	c.layer.drop(c.under)
	return nil
}

// wrap notes whose connection it is.
func (l *TLSLayer) wrap(under net.Conn, secure *tls.Conn, id ReplicaID) net.Conn {
	l.state.Lock()
	defer l.state.Unlock()
	if _, tracked := l.conns[under]; tracked {
		l.conns[under] = id
	}
	return &linked{Conn: secure, layer: l, under: under}
}

// drop closes a connection for good.
func (l *TLSLayer) drop(conn net.Conn) {
	l.state.Lock()
	delete(l.conns, conn)
	l.state.Unlock()
	_ = conn.Close() // what was written is answered by the other side, or it is not
}

// Dial connects to a member with a protocol.
func (l *TLSLayer) Dial(ctx context.Context, id ReplicaID, protocol string) (net.Conn, error) {
	member, ok := find(l.trusted(), id)
	if !ok {
		return nil, fmt.Errorf("%s is no member", id)
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	conn, err := l.cfg.Dial(ctx, member.Address)
	if err != nil {
		return nil, err
	}
	if !l.track(conn, false) {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	secure := tls.Client(conn, l.config([]string{protocol}, func(other ReplicaID) error {
		if other != id {
			return fmt.Errorf("at %s there is another replica", member.Address)
		}
		return nil
	}))
	if err := secure.HandshakeContext(ctx); err != nil {
		l.drop(conn)
		return nil, fmt.Errorf("connect to the replica at %s: %w", member.Address, err)
	}
	return l.wrap(conn, secure, id), nil
}

// Close ends all connections, and takes no more. It may be called more than once.
func (l *TLSLayer) Close() error {
	l.state.Lock()
	l.closed = true
	for conn := range l.conns {
		_ = conn.Close()
	}
	l.state.Unlock()
	l.cancel()
	err := l.cfg.Listener.Close()
	l.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Listener returns the connections of one protocol, as they come.
func (l *TLSLayer) Listener(protocol string) net.Listener {
	return &listener{layer: l, conns: l.incoming[protocol]}
}

// listener is the connections of one protocol.
type listener struct {
	layer *TLSLayer
	conns chan net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.layer.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The layer goes on.
func (l *listener) Close() error { return nil }

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return address(l.layer.Address()) }

// address is where a replica is, by name.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

// stream is the layer as raft sees it. It implements raft.StreamLayer.
type stream struct{ *listener }

// Dial implements raft.StreamLayer: an address stands for the member that has it.
func (s stream) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	for _, m := range s.layer.trusted() {
		if m.Address == string(to) {
			ctx, cancel := context.WithTimeout(s.layer.ctx, timeout)
			defer cancel()
			return s.layer.Dial(ctx, m.ID, ProtocolRaft)
		}
	}
	return nil, fmt.Errorf("no member has the address %s", to)
}

// connect returns what raft talks to the others with.
func (j *Raft) connect() raft.Transport {
	if j.cluster == nil {
		_, alone := raft.NewInmemTransport(aloneID)
		return alone
	}
	j.transport = newTransport(j.cluster.Layer)
	return j.transport
}

// disconnect ends all connections.
func (j *Raft) disconnect() {
	if j.cluster != nil {
		if err := j.cluster.Layer.Close(); err != nil {
			j.fail(fmt.Errorf("journal: close the connections: %w", err))
		}
	}
}
