package api_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPlainNames sends names that cannot be seen, or that turn round what stands beside them,
// wherever a name is taken that others are shown.
func TestPlainNames(t *testing.T) {
	p := newPeople(t)
	for _, name := range []string{
		" ", "\u3000\u00a0", "\u3164", "a\x00b", "a\nb", "\u202eabc", "a\u2066b", "\u200b",
		strings.Repeat("가", 86),
	} {
		text, err := json.Marshal(name)
		must(t, err)
		quoted := string(text)
		for _, wrong := range []try{
			{url: "/v1/companies", body: `{"name":` + quoted + `}`, field: "name"},
			{url: "/v1/members", body: `{"name":` + quoted + `}`, field: "name"},
			{
				url: "/v1/virtual-accounts", field: "bank", body: `{"rail":"bank","bank":` +
					quoted + `,"number":"1","currency":"KRW","owner":"` + p.kim.id + `"}`,
			},
			{
				url: "/v1/virtual-accounts", field: "number", body: `{"rail":"bank",` +
					`"bank":"hana","number":` + quoted + `,"currency":"KRW","owner":"` +
					p.kim.id + `"}`,
			},
			{
				url: "/v1/offers", key: p.kanda.key, field: "basket",
				body: `{"amount":{"currency":"KRW","value":"5"},"payee_key":"` +
					strings.Repeat("A", 43) + `","basket":[{"text":` + quoted +
					`,"amount":{"currency":"KRW","value":"5"}}]}`,
			},
		} {
			wrong.what, wrong.method, wrong.status, wrong.code = name, "POST", 400, "invalid"
			if wrong.key == "" {
				wrong.key = p.place.key
			}
			if wrong.field == "basket" && len(name) > 256 {
				continue // a line may be longer
			}
			p.mustRefuse(wrong)
		}
	}
	for _, name := range []string{"김하나", "株式会社　神田", "O'Neil & Söhne, No. 5 ☕️"} {
		if _, err := p.operator().CreateMember(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := p.operator().CreateCompany(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
