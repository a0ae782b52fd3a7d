package money_test

import (
	"fmt"

	"seyfert/money"
)

// A price is read, a fee of 2.5 % is taken with a rounding that is said, and nothing is lost.
func Example() {
	price, err := money.Parse(money.USD, "1240.50")
	if err != nil {
		fmt.Println(err)
		return
	}
	fee, err := price.MulRatio(25, 1000, money.HalfEven)
	if err != nil {
		fmt.Println(err)
		return
	}
	rest, err := price.Sub(fee)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(price, "=", rest, "+", fee)
	// Output: USD 1240.50 = USD 1209.49 + USD 31.01
}

// Three partners share a hundred won; the won that cannot be divided goes to the first.
func ExampleAmount_Split() {
	parts, err := money.New(money.KRW, 100).Split([]uint64{1, 1, 1})
	fmt.Println(parts, err)
	// Output: [KRW 34 KRW 33 KRW 33] <nil>
}
