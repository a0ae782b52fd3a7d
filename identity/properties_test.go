package identity_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/identity"
)

// drawClaims draws a tree of claims and what a verifier sees of it when all is shown.
func drawClaims(t *rapid.T, depth int) (claims, want any) {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return nil, nil
	case 1:
		v := rapid.Bool().Draw(t, "bool")
		return v, v
	case 2:
		n := rapid.IntRange(-1<<40, 1<<40).Draw(t, "int")
		return n, number(int64(n))
	case 3:
		s := rapid.String().Draw(t, "string")
		return s, s
	case 4:
		list, seen := []any{}, []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			v, w := drawClaims(t, depth-1)
			list, seen = append(list, maybeHide(t, v)), append(seen, w)
		}
		return list, seen
	}
	object, seen := map[string]any{}, map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		v, w := drawClaims(t, depth-1)
		name := rapid.StringMatching(`[a-z~/. "가]{0,4}`).Draw(t, "name")
		if name == "..." {
			continue
		}
		object[name], seen[name] = maybeHide(t, v), w
	}
	return object, seen
}

func maybeHide(t *rapid.T, v any) any {
	if rapid.Bool().Draw(t, "hide") {
		return identity.Hidden{Value: v}
	}
	return v
}

// Whatever is issued is read back, and what is shown of it is what was asked for.
func TestIssueProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		claims, want := drawClaims(rt, 4)
		s := testStatement()
		s.Claims = map[string]any{"c": maybeHide(rt, claims)}
		c := mustParse(t, mustIssue(t, s))
		e := expected()
		e.Audience, e.Nonce = "", ""
		whole, err := c.Verify(e)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, whole.Claims["c"]); diff != "" {
			rt.Fatal(diff)
		}
		for _, pointer := range whole.Disclosed {
			shown, err := c.Present([]string{pointer})
			if err != nil {
				rt.Fatal(err)
			}
			part, err := shown.Verify(e)
			if err != nil {
				rt.Fatal(err)
			}
			for _, told := range part.Disclosed {
				if told != pointer && !strings.HasPrefix(told, pointer+"/") &&
					!strings.HasPrefix(pointer, told+"/") {
					rt.Fatalf("asked %q, told %q", pointer, told)
				}
			}
			if !slices.Contains(part.Disclosed, pointer) {
				rt.Fatalf("asked %q, told %q", pointer, part.Disclosed)
			}
		}
	})
}
