package identity_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"seyfert/fault"
	"seyfert/identity"
)

// Ways of writing one address, by their normal form.
func TestNormalAddress(t *testing.T) {
	for want, ways := range map[string][]string{
		"서울특별시강남구테헤란로152 3층": {
			"서울특별시 강남구 테헤란로 152, 3층", "서울시 강남구 테헤란로152 3층",
			"서울 강남구  테헤란로 152 (역삼동, 강남파이낸스센터) 3층", "06236 서울 강남구 테헤란로 １５２ 3층",
			"[06236] 서울 강남구 테헤란로 152 3층", "（06236） 서울 강남구 테헤란로 152. 3층",
			norm.NFD.String("서울 강남구 테헤란로 152 3층"), "\t서울 강남구\n테헤란로 152 3 층",
		},
		"경기도성남시분당구판교역로166-12 101동1203호": {
			"경기 성남시 분당구 판교역로 166-12, 101동 1203호",
			"경기도 성남시 분당구 판교역로 166–12 (101동 1203호)", "경기도 성남시 분당구 판교역로166‐12 101동1203호",
		},
		"전북특별자치도전주시완산구기린대로213": {
			"전북 전주시 완산구 기린대로 213", "전라북도 전주시 완산구 기린대로 213",
			"전북특별자치도 전주시 완산구 기린대로 213 (서노송동)",
		},
		"제주특별자치도제주시첨단로242":  {"제주 제주시 첨단로 242", "63309 제주도 제주시 첨단로 242"},
		"강원특별자치도춘천시중앙로1":    {"강원도 춘천시 중앙로 1", "강원 춘천시 중앙로 1"},
		"12345mainstapt4 6": {"12345 Main St. (Apt 4) 6", "12345 MAIN ST, apt 4, 6"},
	} {
		for _, way := range ways {
			if got, err := identity.NormalAddress(way); err != nil || got != want {
				t.Errorf("%q: %q, want %q, %v", way, got, want, err)
			}
		}
		if got, err := identity.NormalAddress(want); err != nil || got != want {
			t.Errorf("the form of %q is %q, %v", want, got, err)
		}
	}
}

// Two homes never share a form, however alike they are written.
func TestNormalAddressKeepsApart(t *testing.T) {
	seen := map[string]string{}
	for _, address := range []string{
		"서울 강남구 테헤란로 152", "서울 강남구 테헤란로 15 2", "서울 강남구 테헤란로 1 52",
		"서울 강남구 테헤란로 15-2", "서울 강남구 테헤란로 1-52", "서울 강남구 테헤란로 152 3층",
		"서울 강남구 테헤란로 152 (3층)", "서울 강남구 테헤란로 152 (301호)",
		"서울 강남구 테헤란로 152 지하 3층", "부산 강남구 테헤란로 152", "강남구 테헤란로 152",
		"12345 Main St", "54321 Main St", "12345 Main St (Apt B)", "12345 Main St (Apt C)",
		"경기도 광주시 중앙로 1", "광주 동구 중앙로 1", "광주시 중앙로 1", "Straße 1", "Strasse 2",
		"서울 강남구 테헤란로 ½", "서울 강남구 테헤란로 1", "서울 강남구 테헤란로 Ⅱ",
	} {
		form, err := identity.NormalAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		// A floor in brackets is the same floor.
		if other, twice := seen[form]; twice && address != "서울 강남구 테헤란로 152 (3층)" {
			t.Errorf("%q and %q are both %q", address, other, form)
		}
		seen[form] = address
	}
	for _, bad := range []string{
		"", " ", "()", "(역삼동)", ",.-", "서울 (강남", "서울) 강남", "서울 ((강남)) 1",
		strings.Repeat("가", identity.AddressBytesMax/3+1),
	} {
		_, err := identity.NormalAddress(bad)
		if _, ours := fault.Of(err); !ours {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestNormalPhone(t *testing.T) {
	for want, ways := range map[string][]string{
		"+821012345678": {
			"010-1234-5678", "01012345678", "010 1234 5678", "010.1234.5678", "(010) 1234-5678",
			"+82 10-1234-5678", "+82-010-1234-5678", "+82 (0)10 1234 5678", "0082 10 1234 5678",
			"０１０－１２３４－５６７８", "1012345678", " 010–1234–5678 ", "＋82 10 1234 5678",
		},
		"+8225551234":    {"02-555-1234", "02)555-1234", "+82 2 555 1234"},
		"+8215881234":    {"1588-1234"},
		"+12025550101":   {"+1 202 555 0101", "001 (202) 555-0101"},
		"+442079460000":  {"+44 20 7946 0000", "00 44 20 7946 0000"},
		"+8250712345678": {"0507-1234-5678"},
	} {
		for _, way := range ways {
			if got, err := identity.NormalPhone(way); err != nil || got != want {
				t.Errorf("%q: %q, want %q, %v", way, got, want, err)
			}
		}
		if got, err := identity.NormalPhone(want); err != nil || got != want {
			t.Errorf("the form of %q is %q, %v", want, got, err)
		}
	}
	for _, bad := range []string{
		"", "010", "+", "++821012345678", "010-1234-567a", "0", "00", "+0101234567", "000000000000",
		"+1234567890123456", "010-1234-5678 ext 1", "010;1234;5678", "٠١٠١٢٣٤٥٦٧٨",
		strings.Repeat("0", identity.PhoneBytesMax+1), "82+1012345678",
		"+82001012345678", "00010-1234-5678",
	} {
		if got, err := identity.NormalPhone(bad); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// The vector of docs/identity.md.
func TestMatchCode(t *testing.T) {
	key := identity.MatchKey(bytes.Repeat([]byte{0x44}, 32))
	label := identity.Label{
		Address: "서울특별시 강남구 테헤란로 152, 3층 (역삼동)", Phone: "010-1234-5678",
	}
	code, err := key.MatchCode(label, idOf(0x55))
	if err != nil {
		t.Fatal(err)
	}
	if got := code.Display(); got != "BVWQ-JH11-2JP0" {
		t.Errorf("displayed as %s", got)
	}
	same, err := key.MatchCode(identity.Label{
		Address: "06236 서울 강남구 테헤란로152 3층", Phone: "+82 10 1234 5678",
	}, idOf(0x55))
	if err != nil || !code.Equal(same) {
		t.Errorf("the same label has another code, %v", err)
	}
	for name, other := range map[string]func() (identity.MatchCode, error){
		"order": func() (identity.MatchCode, error) { return key.MatchCode(label, idOf(0x56)) },
		"key": func() (identity.MatchCode, error) {
			return identity.MatchKey{1}.MatchCode(label, idOf(0x55))
		},
		"phone": func() (identity.MatchCode, error) {
			return key.MatchCode(identity.Label{
				Address: label.Address, Phone: "010-1234-5679",
			}, idOf(0x55))
		},
		"address": func() (identity.MatchCode, error) {
			return key.MatchCode(identity.Label{
				Address: "서울특별시 강남구 테헤란로 152, 4층", Phone: label.Phone,
			}, idOf(0x55))
		},
	} {
		if got, err := other(); err != nil || got.Equal(code) || got.Display() == code.Display() {
			t.Errorf("another %s has the same code, %v", name, err)
		}
	}
	if _, err := (identity.MatchKey{}).MatchCode(label, idOf(1)); err == nil {
		t.Error("a code without a key")
	}
	for _, bad := range []identity.Label{{Phone: label.Phone}, {Address: label.Address}} {
		if _, err := key.MatchCode(bad, idOf(1)); err == nil {
			t.Error("a code of half a label")
		}
	}
}

func TestHandOver(t *testing.T) {
	order := idOf(7)
	h, secret, err := identity.NewHandOver(order, &counter{})
	if err != nil {
		t.Fatal(err)
	}
	typed := strings.NewReplacer("0", "o", "1", "l", "-", " ").Replace(strings.ToLower(secret))
	for _, text := range []string{secret, typed, strings.ReplaceAll(secret, "-", "")} {
		done, err := h.Confirm(order, text)
		if err != nil || !done.Done || done.Tries != 0 {
			t.Errorf("%q: %v", text, err)
		}
		if again, err := done.Confirm(order, text); err == nil || again != done {
			t.Error("confirmed twice")
		}
	}
	if _, err := h.Confirm(idOf(8), secret); err == nil {
		t.Error("the secret of another order")
	}
	tried := h
	for i, bad := range []string{
		"", secret + "0", secret[1:], strings.Repeat("-", 99) + secret, "\x00" + secret[1:],
	} {
		if tried, err = tried.Confirm(order, bad); err == nil || int(tried.Tries) != i+1 {
			t.Fatalf("%q: %d tries, %v", bad, tried.Tries, err)
		}
	}
	if tried.Tries != identity.HandOverTriesMax {
		t.Fatalf("%d tries", tried.Tries)
	}
	tired, err := tried.Confirm(order, secret)
	if f, ours := fault.Of(err); !ours || f.Code != fault.TooMany || tired != tried {
		t.Errorf("tried once more: %v", err)
	}
	other, otherSecret, err := identity.NewHandOver(order, &counter{n: 1000})
	if err != nil || other.Hash == h.Hash || otherSecret == secret {
		t.Errorf("two hand-overs share a secret, %v", err)
	}
	if _, _, err := identity.NewHandOver(order, strings.NewReader("short")); err == nil {
		t.Error("a secret without chance")
	}
}
