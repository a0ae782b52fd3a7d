package server

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

	"seyfert/journal"
)

// joinDialTimeout bounds one try to reach a member.
const joinDialTimeout = 5 * time.Second

// errOther says that another replica than the one that was named answers at an address.
var errOther = errors.New("another replica is at this address")

// dialMember connects to a member of a node that this replica is not one of yet, and so has no
// journal and no layer for: TLS 1.3 with this replica's own key, and nobody but the holder of
// the key that was named is spoken to. The member lets it in once it was added.
func dialMember(ctx context.Context, own ed25519.PrivateKey, to journal.Replica) (
	net.Conn, error,
) {
	certificate, err := certificateOf(own)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinDialTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
		NextProtos: []string{journal.ProtocolForward}, SessionTicketsDisabled: true,
		// Names and authorities say nothing here: VerifyConnection compares the key itself.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errOther
			}
			key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok || journal.IDOf(key) != to.ID {
				return errOther
			}
			return nil
		},
	}}
	return dialer.DialContext(ctx, "tcp", to.Address)
}

// certificateOf makes a certificate that is nothing but a key.
func certificateOf(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0),
		NotAfter: time.Unix(1<<37, 0), // RFC 5280 has years up to 9999
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
