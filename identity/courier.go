package identity

import (
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"seyfert/fault"
)

// Limits of what a courier's label says.
const (
	// AddressBytesMax bounds an address.
	AddressBytesMax = 512
	// PhoneBytesMax bounds a phone number as it is written.
	PhoneBytesMax = 64
	// phoneDigitsMin and phoneDigitsMax are those of ITU-T E.164.
	phoneDigitsMin = 8
	phoneDigitsMax = 15
)

// labelRules names the normalisation below. It is part of every match code: with other rules
// there would be other codes, and never a false match between two versions of the rules.
const labelRules = "kr-label-1"

// Label is what a parcel says of its recipient, as somebody wrote it.
type Label struct{ Address, Phone string }

// MatchKey is the secret of one order under which its match code is made. The shop and the
// customer's wallet share it, the courier gets it with the parcel. Whoever has key and code
// can try addresses, so the two go where the label goes and nowhere else.
type MatchKey [32]byte

// MatchCode says, without saying either, that an address and a phone number are those of an
// order.
type MatchCode [32]byte

// MatchCode is HMAC-SHA256 over the rules' name, the normalised address and phone number and
// the order's handle. The zero key is refused, as what a forgotten one looks like.
func (k MatchKey) MatchCode(l Label, order [16]byte) (MatchCode, error) {
	if k == (MatchKey{}) {
		return MatchCode{}, errors.New("identity: match code without a key")
	}
	address, err := NormalAddress(l.Address)
	if err != nil {
		return MatchCode{}, err
	}
	phone, err := NormalPhone(l.Phone)
	if err != nil {
		return MatchCode{}, err
	}
	key := [32]byte(k)
	return mac(&key, "match", []byte(labelRules), []byte(address), []byte(phone), order[:]), nil
}

// Equal compares in constant time.
func (c MatchCode) Equal(other MatchCode) bool {
	return subtle.ConstantTimeCompare(c[:], other[:]) == 1
}

// Display is the code's first 60 bits for people to compare, such as "7K2M-9QXA-0FZ4".
func (c MatchCode) Display() string { return inGroups(crockford.EncodeToString(c[:])[:12]) }

// crockford is base 32 without letters that look like digits. It is a constant in all but name.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").
	WithPadding(base32.NoPadding)

// inGroups writes a code in groups of four.
func inGroups(code string) string {
	var groups []string
	for len(code) > 4 {
		groups, code = append(groups, code[:4]), code[4:]
	}
	return strings.Join(append(groups, code), "-")
}

// provinceOf is the name that the law has for a first-level district of Korea, by the words
// that people write for it.
func provinceOf(word string) (name string, known bool) {
	switch word {
	case "서울", "서울시", "서울특별시":
		return "서울특별시", true
	case "부산", "부산시", "부산광역시":
		return "부산광역시", true
	case "대구", "대구시", "대구광역시":
		return "대구광역시", true
	case "인천", "인천시", "인천광역시":
		return "인천광역시", true
	case "광주", "광주광역시": // 광주시 may be the city in 경기도
		return "광주광역시", true
	case "대전", "대전시", "대전광역시":
		return "대전광역시", true
	case "울산", "울산시", "울산광역시":
		return "울산광역시", true
	case "세종", "세종시", "세종특별자치시":
		return "세종특별자치시", true
	case "경기", "경기도":
		return "경기도", true
	case "강원", "강원도", "강원특별자치도":
		return "강원특별자치도", true
	case "충북", "충청북도":
		return "충청북도", true
	case "충남", "충청남도":
		return "충청남도", true
	case "전북", "전라북도", "전북특별자치도":
		return "전북특별자치도", true
	case "전남", "전라남도":
		return "전라남도", true
	case "경북", "경상북도":
		return "경상북도", true
	case "경남", "경상남도":
		return "경상남도", true
	case "제주", "제주도", "제주특별자치도":
		return "제주특별자치도", true
	}
	return word, false
}

// NormalAddress is the form of an address that codes are made over, by the rules kr-label-1:
//
//  1. Unicode NFKC and lower case: wide digits and split hangul become plain.
//  2. What stands in round or square brackets goes if it is hangul without a digit, or a postal
//     code: by the Korean law on road name addresses it repeats district and building.
//  3. Every character but letters and digits parts words; a hyphen between two digits stays.
//  4. A first word of five digits, a postal code, goes when a Korean province follows.
//  5. The first word, if it is a name of a Korean province, becomes the law's.
//  6. Spaces go, except between two digits, where one stays: 테헤란로 152 is 테헤란로152.
//
// No rule drops a digit but those of a Korean postal code, so two houses or two flats never
// have one form. The same address in two ways of writing may have two: then people look.
func NormalAddress(text string) (string, error) {
	if len(text) > AddressBytesMax {
		return "", fault.New(fault.TooLarge, "address", "An address has at most %d bytes.",
			AddressBytesMax)
	}
	plain, err := dropBrackets([]rune(strings.ToLower(norm.NFKC.String(text))))
	if err != nil {
		return "", err
	}
	for i, r := range plain {
		if i > 0 && i+1 < len(plain) && isDash(r) && isDigit(plain[i-1]) && isDigit(plain[i+1]) {
			plain[i] = '-'
		} else if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			plain[i] = ' '
		}
	}
	words := strings.Fields(string(plain))
	if len(words) == 0 {
		return "", fault.New(fault.Invalid, "address", "The address is empty.")
	}
	if len(words) > 1 && isPostalCode(words[0]) {
		if _, korean := provinceOf(words[1]); korean {
			words = words[1:]
		}
	}
	words[0], _ = provinceOf(words[0])
	var b strings.Builder
	for i, word := range words {
		if i > 0 && isDigit(lastRune(words[i-1])) && isDigit([]rune(word)[0]) {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String(), nil
}

// dropBrackets puts a space in the place of each bracket and drops what rule 2 says. A bracket
// that is alone, or inside another, is refused: nobody knows where it ends.
func dropBrackets(text []rune) ([]rune, error) {
	alone := fault.New(fault.Invalid, "address", "The brackets of the address don't match.")
	var kept, inside []rune
	open := false
	for _, r := range text {
		switch r {
		case '(', '[':
			if open {
				return nil, alone
			}
			open, inside = true, nil
		case ')', ']':
			if !open {
				return nil, alone
			}
			open = false
			kept = append(kept, ' ')
			if !repeats(inside) {
				kept = append(append(kept, inside...), ' ')
			}
		default:
			if open {
				inside = append(inside, r)
			} else {
				kept = append(kept, r)
			}
		}
	}
	if open {
		return nil, alone
	}
	return kept, nil
}

// repeats says whether what stands in brackets says nothing that the address does not.
func repeats(inside []rune) bool {
	hangul := false
	for _, r := range inside {
		if unicode.IsNumber(r) {
			return isPostalCode(strings.TrimSpace(string(inside)))
		}
		hangul = hangul || unicode.Is(unicode.Hangul, r)
	}
	return hangul
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isDash(r rune) bool { return unicode.Is(unicode.Pd, r) || r == '\u2212' }

func lastRune(word string) rune {
	runes := []rune(word)
	return runes[len(runes)-1]
}

func isPostalCode(word string) bool {
	return len(word) == 5 && strings.Trim(word, "0123456789") == ""
}

// NormalPhone is a phone number in E.164, such as "+821012345678", by the rules kr-label-1: it
// may be written with spaces, hyphens, dots, slashes and brackets; "+", "00" and nothing before
// it mean an international, an international and a Korean number; a zero after +82, in
// brackets or not, goes.
func NormalPhone(text string) (string, error) {
	wrong := fault.New(fault.Invalid, "phone", "The phone number is not one.")
	if len(text) > PhoneBytesMax {
		return "", wrong
	}
	plain := strings.TrimSpace(norm.NFKC.String(text))
	plain, abroad := strings.CutPrefix(plain, "+")
	var b strings.Builder
	for _, r := range plain {
		switch {
		case isDigit(r):
			b.WriteRune(r)
		case r != ' ' && !isDash(r) && !strings.ContainsRune("./()", r):
			return "", wrong
		}
	}
	digits := b.String()
	if rest, dialled := strings.CutPrefix(digits, "00"); dialled && !abroad {
		digits, abroad = rest, true
	}
	if !abroad {
		digits = "82" + strings.TrimPrefix(digits, "0")
	} else if national, korean := strings.CutPrefix(digits, "82"); korean {
		digits = "82" + strings.TrimPrefix(national, "0")
	}
	if len(digits) < phoneDigitsMin || len(digits) > phoneDigitsMax || digits[0] == '0' ||
		strings.HasPrefix(digits, "820") {
		return "", wrong
	}
	return "+" + digits, nil
}
