package node

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"seyfert/money"
	"seyfert/signer"
	"seyfert/wire"
)

// Description is what an operator decides about the node's published descriptor.
type Description struct {
	// SNP is where peers send messages, API the public API; origins without a path.
	SNP, API   string
	Currencies []money.Currency
	Rails      []string
	// Lanes are the first anchor coins, with their values in satoshi.
	Lanes []signer.Lane
}

// Describe signs the node's first descriptor, or the next one if something in it has changed,
// and tells the signer its lanes. The same description again gives the same descriptor.
func Describe(s *signer.Signer, d Description) (string, error) {
	if len(d.Lanes) > 0 {
		if err := s.SetLanes(d.Lanes); err != nil {
			return "", fmt.Errorf("set lanes: %w", err)
		}
	}
	next := wire.Descriptor{
		DID: s.DID(), RecoveryKeyHash: s.RecoveryHash(), Rails: d.Rails, TimeZone: "UTC",
		PolicyVersion: 1, Endpoints: wire.Endpoints{SNP: d.SNP, API: d.API},
		Keys: wire.JWKS{Keys: []wire.JWK{
			wire.NewSigningJWK(s.Identity(), 0, keyNotAfter, keyNotAfter),
			wire.NewSealingJWK(s.Sealing(), 0, keyNotAfter, keyNotAfter),
		}},
		Chain: wire.DescriptorChain{Network: s.Network(), Lanes: []wire.Lane{}},
	}
	for _, currency := range d.Currencies {
		next.Currencies = append(next.Currencies, wire.DescriptorCurrency{
			Code: currency.Code(), Scale: uint8(currency.Digits()),
		})
	}
	slices.SortFunc(next.Currencies, func(a, b wire.DescriptorCurrency) int {
		return strings.Compare(a.Code, b.Code)
	})
	for _, lane := range d.Lanes {
		next.Chain.Lanes = append(next.Chain.Lanes, wire.Lane{
			Number: uint32(lane.N), Coin: lane.Outpoint,
			Script: hex.EncodeToString(s.LaneScript(lane.N)),
		})
	}
	return succeed(s, next)
}

// keyNotAfter is the end of the first keys, 2050-01-01 in Unix milliseconds, since rotation is an
// operator's act.
const keyNotAfter = 2524608000_000

// succeed chains a descriptor to the last one signed, unless it says the same.
func succeed(s *signer.Signer, next wire.Descriptor) (string, error) {
	last := s.LastDescriptor()
	if last != "" {
		held, _, err := wire.ParseDescriptor(last)
		if err != nil {
			return "", fmt.Errorf("read the last descriptor: %w", err)
		}
		hash, err := held.Hash()
		if err != nil {
			return "", err
		}
		same := next
		same.Serial, same.PrevHash = held.Serial, held.PrevHash
		if sameHash, err := same.Hash(); err == nil && sameHash == hash {
			return last, nil
		}
		next.Serial, next.PrevHash = held.Serial+1, wire.Digest(hash)
	}
	payload, err := next.Encode()
	if err != nil {
		return "", fmt.Errorf("descriptor: %w", err)
	}
	return s.SignDescriptor(payload)
}
