package identity_test

import (
	"strings"
	"testing"

	"seyfert/identity"
)

// FuzzCredential holds that no text breaks Parse or Verify, that what is read is written back
// byte for byte, and that what verifies can be presented in part and verifies again.
func FuzzCredential(f *testing.F) {
	for _, v := range mustReadVectors(f) {
		f.Add(v.text())
	}
	whole := mustIssue(f, testStatement())
	f.Add(whole)
	f.Add(mustPresent(f, whole, "/name", "/langs/0"))
	d := b64(`["salt","o",{"_sd":[],"l":[{"...":1}]}]`)
	f.Add(forge(`,"_sd":["`+digestOf(d)+`"]`, d))
	f.Add(forge(`,"d":` + strings.Repeat("[", 50)))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := identity.Parse(text)
		if err != nil {
			return
		}
		if c.Text() != text {
			t.Fatal("written back as another text")
		}
		e := expected()
		e.Audience, e.Nonce = "", ""
		v, err := c.Verify(e)
		if err != nil {
			return
		}
		for _, pointer := range v.Disclosed[:min(len(v.Disclosed), 3)] {
			shown, err := c.Present([]string{pointer})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := shown.Verify(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzClaims signs whatever stands between the braces of a payload, so that the fuzzer gets
// past the signature, with one disclosure that the payload may name as DIGEST.
func FuzzClaims(f *testing.F) {
	f.Add(`,"_sd":["DIGEST"]`, `["salt","name",{"_sd":[]}]`)
	f.Add(`,"l":[{"...":"DIGEST"},1]`, `["salt",[1,{"a":null}]]`)
	f.Add(`,"o":{"_sd":["DIGEST","DIGEST"]}`, `["salt","a/b~c",true]`)
	f.Add(`,"status":{"status_list":{"idx":1,"uri":"https://a.example"}}`, ``)
	f.Add(`,"cnf":{"jwk":{"kty":"OKP","crv":"Ed25519","x":""}},"nbf":1e3`, `[]`)
	f.Fuzz(func(t *testing.T, members, disclosure string) {
		d := b64(disclosure)
		text := forge(strings.ReplaceAll(members, "DIGEST", digestOf(d)), d)
		v, err := verifyForged(text)
		if err != nil {
			return
		}
		if len(v.Disclosed) != 1 {
			t.Fatalf("one disclosure, %q disclosed", v.Disclosed)
		}
		if _, there := v.Claims["_sd"]; there {
			t.Fatal("a digest is left")
		}
		shown, err := mustParse(t, text).Present(v.Disclosed)
		if err != nil || shown.Text() != text {
			t.Fatalf("presented whole, it is another text: %v", err)
		}
	})
}

// FuzzParseDisclosure holds that a disclosure keeps its bytes.
func FuzzParseDisclosure(f *testing.F) {
	f.Add("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0")
	f.Add(b64(`["salt","name",{"a":[1,2,{"b":null}]}]`))
	f.Add(b64(`["salt","\ud800",1]`))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := identity.ParseDisclosure(text)
		if err != nil {
			return
		}
		again, err := identity.ParseDisclosure(d.Text())
		if err != nil || d.Text() != text || again.Digest() != d.Digest() || d.Salt == "" {
			t.Fatalf("%q read as %+v, %v", text, d, err)
		}
	})
}

// FuzzUnpackStatusList holds that a list is within its limits whatever it was packed from, and
// is the same after packing it again.
func FuzzUnpackStatusList(f *testing.F) {
	f.Add(1, "eNrbuRgAAhcBXQ")
	f.Add(2, "eNo76fITAAPfAgc")
	f.Add(8, "eNrbuRgAAhcBXQ")
	f.Fuzz(func(t *testing.T, bits int, packed string) {
		l, err := identity.UnpackStatusList(bits, packed)
		if err != nil {
			return
		}
		if l.Entries() < 1 || l.Entries() > identity.StatusEntriesMax {
			t.Fatalf("%d entries", l.Entries())
		}
		again, err := l.Pack()
		if err != nil {
			t.Fatal(err)
		}
		l2, err := identity.UnpackStatusList(bits, again)
		if err != nil || l2.Entries() != l.Entries() {
			t.Fatalf("packed again: %v", err)
		}
		for _, at := range []int64{0, int64(l.Entries()) / 2, int64(l.Entries()) - 1} {
			a, errA := l.Get(at)
			b, errB := l2.Get(at)
			if a != b || errA != nil || errB != nil {
				t.Fatalf("entry %d: %d and %d, %v, %v", at, a, b, errA, errB)
			}
		}
	})
}

// FuzzLabel holds that normal forms are normal: normalised again, they stay.
func FuzzLabel(f *testing.F) {
	f.Add("서울시 강남구 테헤란로 152, 3층 (역삼동)", "010-1234-5678")
	f.Add("06236 경기 성남시 판교역로 166-12", "+82 (0)10 1234 5678")
	f.Add("12345 Main St (Apt 4)", "001 202 555 0101")
	f.Add("１２３４５ 제주", "00")
	f.Fuzz(func(t *testing.T, address, phone string) {
		if form, err := identity.NormalPhone(phone); err == nil {
			if again, err := identity.NormalPhone(form); err != nil || again != form {
				t.Fatalf("phone %q: %q, then %q, %v", phone, form, again, err)
			}
		}
		form, err := identity.NormalAddress(address)
		if err != nil || len(form) > identity.AddressBytesMax {
			return
		}
		if form == "" || strings.ContainsAny(form, "()[],.\n") {
			t.Fatalf("address %q: %q", address, form)
		}
	})
}

// FuzzParsePolicy holds that a policy has one form.
func FuzzParsePolicy(f *testing.F) {
	for _, p := range []identity.Policy{{}, testPolicy()} {
		data, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := identity.ParsePolicy(data)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil || string(again) != string(data) {
			t.Fatalf("%x written back as %x, %v", data, again, err)
		}
	})
}
