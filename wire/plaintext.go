package wire

import "unicode/utf8"

// PlainText says whether a text that people are shown, such as a name, is 1 to bytesMax bytes of
// UTF-8, holds no character that controls or formats text (line breaks, direction marks, joiners,
// fillers) and has at least one that can be seen. So a name cannot be empty to the eye, and cannot
// turn round what stands beside it.
//
// The rule is a list of its own and not Go's Unicode tables: the core judges by it on every
// replay, and a newer Go must not judge an old journal otherwise.
func PlainText(text string, bytesMax int) bool {
	if len(text) > bytesMax || !utf8.ValidString(text) {
		return false
	}
	seen := false
	for _, r := range text {
		if within(r, hiddenRunes[:]) || r&0xFFFE == 0xFFFE {
			return false
		}
		seen = seen || !within(r, blankRunes[:])
	}
	return seen
}

// runes are the characters from first to last.
type runes struct{ first, last rune }

// hiddenRunes change the text around them, show nothing, or mean nothing outside one's own house:
// the categories Cc, Cf, Zl, Zp and Co, the default ignorable code points but variation
// selectors, the blank Braille cell, noncharacters and the unassigned planes (Unicode 17,
// UnicodeData and DerivedCoreProperties).
var hiddenRunes = [...]runes{
	{0x0000, 0x001F},
	{0x007F, 0x009F},
	{0x00AD, 0x00AD},
	{0x034F, 0x034F},
	{0x0600, 0x0605},
	{0x061C, 0x061C},
	{0x06DD, 0x06DD},
	{0x070F, 0x070F},
	{0x0890, 0x0891},
	{0x08E2, 0x08E2},
	{0x115F, 0x1160},
	{0x17B4, 0x17B5},
	{0x180B, 0x180F},
	{0x200B, 0x200F},
	{0x2028, 0x202E},
	{0x2060, 0x206F},
	{0x2800, 0x2800},
	{0x3164, 0x3164},
	{0xE000, 0xF8FF},
	{0xFDD0, 0xFDEF},
	{0xFEFF, 0xFEFF},
	{0xFFA0, 0xFFA0},
	{0xFFF0, 0xFFFB},
	{0x110BD, 0x110BD},
	{0x110CD, 0x110CD},
	{0x13430, 0x1343F},
	{0x1BCA0, 0x1BCA3},
	{0x1D173, 0x1D17A},
	{0x40000, 0x10FFFF},
}

// blankRunes may stand in a text and show nothing by themselves: spaces, combining accents and
// variation selectors.
var blankRunes = [...]runes{
	{0x0020, 0x0020},
	{0x00A0, 0x00A0},
	{0x0300, 0x036F},
	{0x1680, 0x1680},
	{0x2000, 0x200A},
	{0x202F, 0x202F},
	{0x205F, 0x205F},
	{0x3000, 0x3000},
	{0xFE00, 0xFE0F},
}

func within(r rune, ranges []runes) bool {
	for _, one := range ranges {
		if one.first <= r && r <= one.last {
			return true
		}
	}
	return false
}
