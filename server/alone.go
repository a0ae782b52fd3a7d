package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"seyfert/journal"
)

// lost refuses to go on alone while another replica lives: each would take itself for the node.
// Whoever answers is known by his key, also while he lets nobody in; who asks need not be.
func (s *Server) lost(ctx context.Context, others []journal.Replica) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	answers := make([]bool, len(others))
	var asking sync.WaitGroup
	for i, other := range others {
		asking.Go(func() {
			conn, err := dialMember(ctx, key, other)
			if answers[i] = err == nil; answers[i] {
				_ = conn.Close()
			}
		})
	}
	asking.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	var gone []string
	for i, other := range others {
		if answers[i] {
			return fmt.Errorf("--alone: replica %s at %s answers, so it is not lost: two nodes "+
				"would sign against each other. Nothing was changed. Start the others, or run "+
				"seyfert join if this machine was removed", other.ID, other.Address)
		}
		gone = append(gone, fmt.Sprintf("%s at %s", other.ID, other.Address))
	}
	if len(gone) > 0 {
		s.log.Warn("this replica goes on alone: none of the others may ever be started again",
			slog.String("others", strings.Join(gone, ", ")))
	}
	return nil
}
