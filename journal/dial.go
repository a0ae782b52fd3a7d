package journal

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// ErrOtherReplica says that another replica than the one that was named answers at an address.
var ErrOtherReplica = errors.New("another replica is at this address")

// DialReplica connects to a replica from outside a layer: for one that is no member yet, or has no
// journal open. Nobody but the holder of the key that is named is spoken to; whether key is let in
// is the other side's to say.
func DialReplica(
	ctx context.Context, key ed25519.PrivateKey, to Replica, protocol string,
) (net.Conn, error) {
	certificate, err := certify(key)
	if err != nil {
		return nil, fmt.Errorf("journal: make a certificate: %w", err)
	}
	dialer := tls.Dialer{Config: pinned([]tls.Certificate{certificate}, []string{protocol},
		func(other ReplicaID) error {
			if other != to.ID {
				return ErrOtherReplica
			}
			return nil
		})}
	return dialer.DialContext(ctx, "tcp", to.Address)
}

// pinned is what a handshake needs. check judges the other side by what it proved.
func pinned(
	certificates []tls.Certificate, protocols []string, check func(ReplicaID) error,
) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: certificates, NextProtos: protocols,
		ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true,
		// Names and authorities say nothing here: VerifyConnection compares the key itself.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || state.NegotiatedProtocol == "" {
				return errors.New("the other side is no replica")
			}
			key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok {
				return errors.New("the other side has no replica's key")
			}
			return check(IDOf(key))
		},
	}
}

// certify makes a certificate of a key, which says nothing else: it is checked by nobody but
// those who know the key.
func certify(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<37, 0), // RFC 5280 has years up to 9999
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
