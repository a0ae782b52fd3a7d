package web

import "strings"

// Hangul syllables are encoded as (initial * 21 + vowel) * 28 + final, from hangulFirst on
// (Unicode standard, section 3.12); final 0 is none, final 8 is the sound of L.
const (
	hangulFirst  = '가'
	hangulLast   = '힣'
	hangulFinals = 28
	finalL       = 8
)

// fitting chooses between two forms of a Korean particle, "after a final consonant/after a
// vowel", for what a text ends in. Where the reading is not known, as after a Chinese
// character, both are written in the customary way: 을(를).
func fitting(text, particle string) string {
	closed, open, _ := strings.Cut(particle, "/")
	end := []rune(text)
	if len(end) == 0 {
		return open
	}
	final, known := finalOf(end[len(end)-1])
	switch {
	case !known:
		return closed + "(" + open + ")"
	case final == 0, final == finalL && closed == "으로":
		return open // 로 follows the sound of L as it follows a vowel
	default:
		return closed
	}
}

// finalOf is the final consonant with which a character is read in Korean: 0 for none, finalL
// for L, 1 for any other.
func finalOf(r rune) (final int, known bool) {
	switch {
	case r >= hangulFirst && r <= hangulLast:
		return int(r-hangulFirst) % hangulFinals, true
	case r >= '0' && r <= '9':
		// 영 일 이 삼 사 오 육 칠 팔 구
		return []int{1, finalL, 0, 1, 0, 0, 1, finalL, finalL, 0}[r-'0'], true
	case r == 'l' || r == 'L':
		return finalL, true
	case strings.ContainsRune("mnMN", r):
		return 1, true
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		return 0, true
	default:
		return 0, false
	}
}
