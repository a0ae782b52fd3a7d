package sandbox

import (
	"slices"

	"seyfert/client"
	"seyfert/money"
	"seyfert/web"
)

// good is something the shop sells; its picture belongs to the pages.
type good struct {
	id     string
	en, ko string // its name as the offer says it, the same as on the pages
	price  uint64
}

// goods are what the shop sells, in won.
func goods() []good {
	return []good{
		{"notebook", "Washi notebook A5", "화지 노트 A5", 9_800},
		{"tape", "Washi tape, three rolls", "화지 테이프 3롤", 5_200},
		{"pen", "Brass pen", "황동 펜", 32_000},
		{"ink", "Indigo ink, 30 ml", "쪽빛 잉크 30 ml", 14_500},
		{"letters", "Letter set, mulberry", "닥종이 편지지", 6_900},
		{"furoshiki", "Furoshiki, linen", "린넨 보자기", 18_000},
	}
}

func lines(basket []string) []web.Line {
	var lines []web.Line
	for _, g := range goods() {
		if slices.Contains(basket, g.id) {
			lines = append(lines, web.Line{
				Key: "good." + g.id, Note: "note." + g.id, Amount: money.New(money.KRW, g.price),
			})
		}
	}
	return lines
}

func total(basket []string) money.Amount {
	sum := uint64(0)
	for _, g := range goods() {
		if slices.Contains(basket, g.id) {
			sum += g.price
		}
	}
	return money.New(money.KRW, sum)
}

// offerLines are the basket in the visitor's language, for tokyo's checkout page shows them.
func offerLines(basket []string, lang web.Lang) []client.Line {
	var out []client.Line
	for _, g := range goods() {
		if !slices.Contains(basket, g.id) {
			continue
		}
		line := client.Line{Text: g.en, Amount: money.New(money.KRW, g.price)}
		if lang == web.Korean {
			line.Text = g.ko
		}
		out = append(out, line)
	}
	return out
}
