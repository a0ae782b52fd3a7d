package peer_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seyfert/peer"
	"seyfert/wire"
)

// longest is an answer in which each member is as long as it may be, escaped where it can be.
var longest = peer.Answer{
	Status:       599,
	Outcome:      strings.Repeat("z", peer.OutcomeBytesMax),
	Code:         strings.Repeat("Z", peer.CodeBytesMax),
	Detail:       strings.Repeat(`"`, peer.DetailBytesMax),
	ExpectedSeq:  wire.JCSIntegerMax,
	ExpectedHash: wire.Digest(bytes.Repeat([]byte{0xff}, 32)),
	GotHash:      wire.Digest(bytes.Repeat([]byte{0xff}, 32)),
}

func TestAnswersLimitsAreReached(t *testing.T) {
	list := make([]peer.Answer, wire.MessageBatchMax)
	for i := range list {
		list[i] = longest
	}
	body, err := peer.EncodeAnswers(list)
	if err != nil || len(body) > peer.AnswersBytesMax {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	got, err := peer.ParseAnswers(body)
	if diff := cmp.Diff(list, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	if _, err := peer.EncodeAnswers(append(list, longest)); err == nil {
		t.Error("one answer too many was encoded")
	}
	if _, err := peer.EncodeAnswers(nil); err == nil {
		t.Error("no answer was encoded")
	}
	if _, err := peer.ParseAnswers(make([]byte, peer.AnswersBytesMax+1)); err == nil {
		t.Error("a body over the limit was parsed")
	}
}

func TestAnswerBounds(t *testing.T) {
	tests := map[string]func(*peer.Answer){
		"no status":        func(a *peer.Answer) { a.Status = 0 },
		"low status":       func(a *peer.Answer) { a.Status = 199 },
		"high status":      func(a *peer.Answer) { a.Status = 600 },
		"no outcome":       func(a *peer.Answer) { a.Outcome = "" },
		"long outcome":     func(a *peer.Answer) { a.Outcome += "z" },
		"spaced outcome":   func(a *peer.Answer) { a.Outcome = "not ok" },
		"long code":        func(a *peer.Answer) { a.Code += "Z" },
		"lower-case code":  func(a *peer.Answer) { a.Code = "t04" },
		"long detail":      func(a *peer.Answer) { a.Detail += "." },
		"line in detail":   func(a *peer.Answer) { a.Detail = "a\nb" },
		"escape in detail": func(a *peer.Answer) { a.Detail = "\x1b[2J" },
		"binary detail":    func(a *peer.Answer) { a.Detail = "\xff" },
		"seq":              func(a *peer.Answer) { a.ExpectedSeq++ },
	}
	for name, alter := range tests {
		a := longest
		alter(&a)
		if body, err := peer.EncodeAnswers([]peer.Answer{a}); err == nil {
			t.Errorf("%s: encoded as %s", name, body)
		}
	}
}

func TestParseAnswersIsStrict(t *testing.T) {
	good := `{"results":[{"outcome":"accepted","status":200}]}`
	if _, err := peer.ParseAnswers([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "null", "{}", "[]", `{"results":null}`, `{"results":[]}`, `{"results":[null]}`,
		good + " ", " " + good, good + good,
		`{"results":[{"outcome":"accepted","status":200}],"results":[]}`,
		`{"more":1,"results":[{"outcome":"accepted","status":200}]}`,
		`{"Results":[{"outcome":"accepted","status":200}]}`,
		`{"results":[{"status":200,"outcome":"accepted"}]}`,
		`{"results":[{"outcome":"accepted","status":"200"}]}`,
		`{"results":[{"outcome":"accepted","status":2e2}]}`,
		`{"results":[{"outcome":"accepted"}]}`,
		`{"results":[{"code":"","outcome":"accepted","status":200}]}`,
		`{"results":[{"expectedHash":"00","outcome":"accepted","status":200}]}`,
		`{"results":[{"expectedSeq":-1,"outcome":"accepted","status":200}]}`,
		`{"results":[{"outcome":"accepted","status":200,"x":1}]}`,
		`{"results":[{"detail":"` + "\xff" + `","outcome":"accepted","status":200}]}`,
	} {
		if got, err := peer.ParseAnswers([]byte(text)); err == nil {
			t.Errorf("%s was parsed as %+v", text, got)
		}
	}
}

// FuzzParseAnswers holds that what is parsed is written back byte for byte.
func FuzzParseAnswers(f *testing.F) {
	for _, list := range [][]peer.Answer{
		{{Status: 200, Outcome: "accepted"}},
		{longest, {Status: 409, Outcome: "conflict", GotHash: wire.Digest{1}}},
		{{Status: 422, Outcome: "refused", Code: "R02", Detail: "시간이 <없다> & \u2028."}},
	} {
		body, err := peer.EncodeAnswers(list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"results":[{"outcome":"accepted","status":200.0}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := peer.ParseAnswers(body)
		if err != nil {
			return
		}
		again, err := peer.EncodeAnswers(list)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%q is written back as %q, %v", body, again, err)
		}
	})
}
