package mirror_test

import (
	"testing"

	"seyfert/mirror"
	"seyfert/signer"

	"github.com/google/go-cmp/cmp"
)

var spans = []mirror.Span{{}, {Term: 3, Start: 100}, {Term: 4, Start: 250}}

// requests has one of each kind.
func requests() []mirror.Request {
	return []mirror.Request{
		{Kind: mirror.AskPromise, Term: 4},
		{Kind: mirror.AskRead, Term: 4, At: 100},
		{
			Kind: mirror.AskAppend, Term: 4, At: 100, Bytes: []byte("frames"), Spans: spans, Size: 300,
			Settled: 90,
		},
		{Kind: mirror.AskKeys, Members: []mirror.Member{{ID: "mem_1"}, {ID: "mem_2"}}},
		{Kind: mirror.AskSave, Members: []mirror.Member{{ID: "mem_1", Keys: [][32]byte{{1}, {2}}}}},
		{
			Kind: mirror.AskNames, After: "mem_0", Last: true,
			Members: []mirror.Member{{ID: "mem_1", Digest: []byte("8 bytes.")}},
		},
	}
}

func answers() []mirror.Answer {
	return []mirror.Answer{
		{Taken: true, Promised: 4, Spans: spans, Size: 300, Marked: true},
		{Promised: 5},
		{Taken: true, Promised: 4, Bytes: []byte("frames")},
		{
			Taken: true, Members: []mirror.Member{{ID: "mem_1", Keys: [][32]byte{{1}}}},
			Wants: []string{"mem_2"}, Until: "mem_1",
		},
	}
}

func TestMessagesComeBack(t *testing.T) {
	for _, q := range requests() {
		data, err := q.Encode()
		must(t, err)
		got, err := mirror.DecodeRequest(data)
		if diff := cmp.Diff(q, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
	for _, a := range answers() {
		data, err := a.Encode()
		must(t, err)
		got, err := mirror.DecodeAnswer(data)
		if diff := cmp.Diff(a, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
}

// TestMessagesOutOfRange: nothing is taken that could not be meant, or that names a file.
func TestMessagesOutOfRange(t *testing.T) {
	many := make([]mirror.Member, mirror.NamesMax+1)
	for i := range many {
		many[i].ID = "m" + string(rune('A'+i/26/26)) + string(rune('A'+i/26%26)) + string(rune('A'+i%26))
	}
	member := func(id string) []mirror.Member { return []mirror.Member{{ID: id}} }
	brings := func(spans ...mirror.Span) mirror.Request {
		return mirror.Request{Kind: mirror.AskAppend, Term: 4, Spans: spans, Size: 9}
	}
	seventeen := mirror.Member{ID: "a", Keys: make([][32]byte, signer.NameKeysMax+1)}
	for name, q := range map[string]mirror.Request{
		"no kind":       {Term: 1},
		"unknown kind":  {Kind: 7, Term: 1},
		"no term":       {Kind: mirror.AskPromise},
		"before 0":      {Kind: mirror.AskRead, Term: 1, At: -1},
		"falling terms": brings(mirror.Span{}, mirror.Span{Term: 5, Start: 5}, spans[2]),
		"falling starts": brings(mirror.Span{}, mirror.Span{Term: 3, Start: 9},
			mirror.Span{Term: 4, Start: 9}),
		"no beginning": brings(mirror.Span{Term: 4, Start: 9}),
		"past the end": {Kind: mirror.AskAppend, Term: 4, Spans: spans, Size: 249},
		"of another":   {Kind: mirror.AskAppend, Term: 5, Spans: spans, Size: 300},
		"behind it":    {Kind: mirror.AskAppend, Term: 4, Spans: spans, Size: 300, At: 301},
		"a path":       {Kind: mirror.AskKeys, Members: member("../identity")},
		"twice":        {Kind: mirror.AskKeys, Members: append(member("a"), member("a")...)},
		"many":         {Kind: mirror.AskKeys, Members: many},
		"many keys":    {Kind: mirror.AskSave, Members: []mirror.Member{seventeen}},
		"digest": {
			Kind: mirror.AskNames, Members: []mirror.Member{{ID: "a", Digest: []byte("7 bytes")}},
		},
		"after a path": {Kind: mirror.AskNames, After: "a/b"},
	} {
		data, err := q.Encode()
		must(t, err)
		if got, err := mirror.DecodeRequest(data); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, a := range map[string]mirror.Answer{
		"before 0":     {Size: -1},
		"past the end": {Spans: spans, Size: 249},
		"a path":       {Wants: []string{"a/b"}},
		"until a path": {Until: "."},
		"out of order": {Members: []mirror.Member{{ID: "b"}, {ID: "a"}}},
	} {
		data, err := a.Encode()
		must(t, err)
		if got, err := mirror.DecodeAnswer(data); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, q := range requests() {
		data, err := q.Encode()
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := mirror.DecodeRequest(data)
		if err != nil {
			return
		}
		if again, err := q.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("%x comes back as %x, %v", data, again, err)
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, a := range answers() {
		data, err := a.Encode()
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := mirror.DecodeAnswer(data)
		if err != nil {
			return
		}
		if again, err := a.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("%x comes back as %x, %v", data, again, err)
		}
	})
}
