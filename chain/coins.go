package chain

import (
	"seyfert/fault"
	"seyfert/spv"
)

// The faucets of Regtest and Memory differ in how a coin is signed for, and in nothing else.

const (
	// fundInputsMax is how many coins one payment of the faucet joins at most.
	fundInputsMax = 200
	// fundScriptMax is the longest standard script with an address, in bytes (BIP 141: 42).
	fundScriptMax = 42
	// Virtual bytes of a payment: its fixed part with two outputs, and each input with one
	// Schnorr signature, rounded up (BIP 341).
	fundFixedBytes = 11 + 2*(9+fundScriptMax)
	fundInputBytes = 58
	// fundDust is the least change that is kept; less goes to the miner.
	fundDust = 1000
	// coinbaseMaturity is after how many blocks a coinbase may be spent on.
	coinbaseMaturity = 100
)

// coin is an output that the faucet's key can spend.
type coin struct {
	outpoint [36]byte
	value    int64
	height   int64 // of its block; -1 while it waits
	coinbase bool
}

// mature says whether a block after tip may hold a spend of the coin.
func (c coin) mature(tip int64) bool {
	return !c.coinbase || tip+1-c.height >= coinbaseMaturity
}

// chooseCoins takes coins in order until they pay sats and the fee, and gives the change.
func chooseCoins(coins []coin, sats int64) (chosen []coin, change int64, err error) {
	var sum int64
	for _, c := range coins[:min(len(coins), fundInputsMax)] {
		chosen = append(chosen, c)
		sum += c.value
		bytes := int64(fundFixedBytes + len(chosen)*fundInputBytes)
		fee := (bytes*ownFeeRate + 999) / 1000 // rounded up
		if rest := sum - sats - fee; rest >= 0 {
			return chosen, rest, nil
		}
	}
	return nil, 0, errFaucetEmpty()
}

func checkFund(script []byte, sats int64) error {
	if sats < fundDust || sats > spv.ValueMax {
		return fault.New(fault.Invalid, "sats", "the faucet gives %d to %d satoshi",
			fundDust, int64(spv.ValueMax))
	}
	if len(script) == 0 || len(script) > fundScriptMax {
		return fault.New(fault.Invalid, "script", "a script has 1 to %d bytes", fundScriptMax)
	}
	return nil
}

func errFaucetEmpty() error {
	return fault.New(fault.Refused, "sats",
		"the faucet's ripe coins do not suffice: mine a block first")
}
