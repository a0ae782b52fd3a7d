package server

import (
	"context"
	"crypto/ed25519"
	"net"
	"time"

	"seyfert/journal"
)

// joinDialTimeout bounds one try to reach a member.
const joinDialTimeout = 5 * time.Second

// dialMember connects to a member of a node that this replica is not one of yet, and so has no
// layer for. The member lets it in once it was added.
func dialMember(ctx context.Context, own ed25519.PrivateKey, to journal.Replica) (
	net.Conn, error,
) {
	ctx, cancel := context.WithTimeout(ctx, joinDialTimeout)
	defer cancel()
	return journal.DialReplica(ctx, own, to, journal.ProtocolForward)
}
