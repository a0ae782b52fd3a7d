package payment

import (
	"seyfert/fault"
	"seyfert/money"
	"seyfert/wire"
)

// Limits of a basket, each checked by CheckBasket.
const (
	// BasketMax is the number of lines of a basket.
	BasketMax = 64
	// BasketBytesMax bounds the texts of a basket together.
	BasketBytesMax = 8 << 10
)

// Line is one line of a basket. Lines stay with the shop and its node, whose checkout page shows
// them; the offer, which the payer's node reads and keeps, carries only their BasketHash.
type Line struct {
	// Text says what is bought, in 1 to TextMax bytes of plain text (wire.PlainText).
	Text string `json:"text" cbor:"1,keyasint"`
	// Value is the line's minor units in the offer's currency.
	Value string `json:"value" cbor:"2,keyasint"`
}

// CheckBasket checks that the lines are well formed and add up to the total. No lines at all are
// right for any total: such an offer does not say what is bought.
func CheckBasket(total money.Amount, lines []Line) error {
	if len(lines) > BasketMax {
		return fault.New(fault.TooLarge, "basket", "A basket has at most %d lines.", BasketMax)
	}
	if len(lines) == 0 {
		return nil
	}
	sum, bytes := money.New(total.Currency(), 0), 0
	for _, line := range lines {
		value, err := money.ParseMinor(total.Currency(), line.Value)
		if err != nil || !wire.PlainText(line.Text, TextMax) {
			return fault.New(fault.Invalid, "basket", "A basket line is not text and value.")
		}
		if sum, err = sum.Add(value); err != nil {
			return fault.New(fault.Invalid, "basket", "The basket's sum is too large.")
		}
		if bytes += len(line.Text); bytes > BasketBytesMax {
			return fault.New(fault.TooLarge, "basket",
				"The texts of a basket have at most %d bytes together.", BasketBytesMax)
		}
	}
	if sum != total {
		return fault.New(fault.Invalid, "basket", "The basket's lines do not add up.")
	}
	return nil
}

// BasketHash is H("basket", salt, lines in canonical form), which the offer carries in
// hexadecimal (design section 4, step 1). Whoever has lines and salt can prove later what was
// bought; without the salt nobody can try out lines against the hash. The lines must have passed
// CheckBasket.
func BasketHash(salt [16]byte, lines []Line) [32]byte {
	payload, err := wire.JCS(lines)
	if err != nil {
		panic("payment: basket lines have no canonical form: " + err.Error())
	}
	return wire.Hash("basket", salt[:], payload)
}
