package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seyfert/wire"
)

func testMessage() wire.Message {
	return wire.Message{
		Version: wire.MessageVersion, Type: "transfer.prepare",
		ID:     wire.NewUUID(vectorMilli, vectorRandom()),
		Thread: wire.NewUUID(vectorMilli+1, vectorRandom()),
		From:   "did:web:seoul.localhost%3A8443", To: "did:web:tokyo.example",
		Seq: 2, Prev: wire.Digest{1}, Ack: wire.MessageAck{Seq: 1, Hash: wire.Digest{2}},
		Epoch: 1, CreatedAt: vectorMilli, ExpiresAt: vectorMilli + 30_000,
		Body: json.RawMessage(`{"amount":{"currency":"KRW","scale":0,"value":"15000"}}`),
	}
}

const testPayload = `{"ack":` +
	`{"hash":"0200000000000000000000000000000000000000000000000000000000000000","seq":1},` +
	`"body":{"amount":{"currency":"KRW","scale":0,"value":"15000"}},` +
	`"createdAt":1645557742000,"epoch":1,"expiresAt":1645557772000,` +
	`"from":"did:web:seoul.localhost%3A8443","id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f",` +
	`"prev":"0100000000000000000000000000000000000000000000000000000000000000","seq":2,` +
	`"thread":"017f22e2-79b1-7cc3-98c4-dc0c0c07398f","to":"did:web:tokyo.example",` +
	`"type":"transfer.prepare","v":1}`

func TestMessageEncode(t *testing.T) {
	m := testMessage()
	payload, err := m.Encode()
	if err != nil || string(payload) != testPayload {
		t.Fatalf("got %s, %v", payload, err)
	}
	got, err := wire.ParseMessage(payload)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
	hash := m.Hash()
	if hash != wire.MessageHash(payload) {
		t.Error("two hashes of one message")
	}
	// sha256sum of the payload's text.
	wantHex(t, "hash", hash[:], "7eb7f496664eab3954fe1b3405ab8da89884e0e9f66a85763976bb358023cfd0")
}

// A body that is not canonical yet becomes so.
func TestMessageEncodeBody(t *testing.T) {
	m := testMessage()
	m.Body = json.RawMessage(`{ "amount": {"value":"15000", "scale":0, "currency":"KRW"} }`)
	if payload, err := m.Encode(); err != nil || string(payload) != testPayload {
		t.Errorf("got %s, %v", payload, err)
	}
}

func TestMessageRefuses(t *testing.T) {
	for name, change := range map[string]func(*wire.Message){
		"version":        func(m *wire.Message) { m.Version = 2 },
		"no type":        func(m *wire.Message) { m.Type = "" },
		"long type":      func(m *wire.Message) { m.Type = strings.Repeat("x", 33) },
		"type case":      func(m *wire.Message) { m.Type = "Transfer" },
		"type dots":      func(m *wire.Message) { m.Type = "a..b" },
		"type start":     func(m *wire.Message) { m.Type = ".a" },
		"type end":       func(m *wire.Message) { m.Type = "a." },
		"no id":          func(m *wire.Message) { m.ID = wire.UUID{} },
		"no thread":      func(m *wire.Message) { m.Thread = wire.UUID{} },
		"from":           func(m *wire.Message) { m.From = "did:key:x" },
		"to":             func(m *wire.Message) { m.To = "did:web:" },
		"itself":         func(m *wire.Message) { m.To = m.From },
		"no seq":         func(m *wire.Message) { m.Seq = 0 },
		"huge seq":       func(m *wire.Message) { m.Seq = wire.JCSIntegerMax + 1 },
		"no prev":        func(m *wire.Message) { m.Prev = wire.Digest{} },
		"prev of first":  func(m *wire.Message) { m.Seq = 1 },
		"ack hash":       func(m *wire.Message) { m.Ack.Seq = 0 },
		"ack seq":        func(m *wire.Message) { m.Ack.Hash = wire.Digest{} },
		"created":        func(m *wire.Message) { m.CreatedAt = -1 },
		"expires before": func(m *wire.Message) { m.ExpiresAt = m.CreatedAt - 1 },
		"expires far":    func(m *wire.Message) { m.ExpiresAt = 1 << 48 },
		"no body":        func(m *wire.Message) { m.Body = nil },
		"body array":     func(m *wire.Message) { m.Body = json.RawMessage("[1]") },
		"body broken":    func(m *wire.Message) { m.Body = json.RawMessage("{1}") },
		"body float":     func(m *wire.Message) { m.Body = json.RawMessage(`{"a":1.5}`) },
	} {
		m := testMessage()
		change(&m)
		if payload, err := m.Encode(); err == nil {
			t.Errorf("%s: written as %s", name, payload)
		}
	}
	for name, text := range map[string]string{
		"unknown member": strings.Replace(testPayload, `"v":1`, `"v":1,"x":1`, 1),
		"missing member": strings.Replace(testPayload, `"epoch":1,`, "", 1),
		"misspelt":       strings.Replace(testPayload, `"epoch"`, `"ePoch"`, 1),
		"id case":        strings.Replace(testPayload, "017f22e2-79b0", "017F22E2-79b0", 1),
		"hash case":      strings.Replace(testPayload, "02000", "0A000", 1),
		"short hash":     strings.Replace(testPayload, "02000", "0000", 1),
		"seq as text":    strings.Replace(testPayload, `"seq":2`, `"seq":"2"`, 1),
		"big epoch":      strings.Replace(testPayload, `"epoch":1`, `"epoch":4294967296`, 1),
		"space":          testPayload + " ",
		"bad body":       strings.Replace(testPayload, `"body":{`, `"body":[{`, 1),
	} {
		if _, err := wire.ParseMessage([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMessageLimits(t *testing.T) {
	m := testMessage()
	m.Body = json.RawMessage(`"` + strings.Repeat("x", wire.BodyBytesMax-8) + `"`)
	m.Body = json.RawMessage(`{"a":` + string(m.Body) + `}`)
	payload, err := m.Encode()
	if err != nil || len(m.Body) != wire.BodyBytesMax {
		t.Fatalf("longest body of %d: %v", len(m.Body), err)
	}
	if _, err := wire.ParseMessage(payload); err != nil {
		t.Error(err)
	}
	m.Body = json.RawMessage(strings.Replace(string(m.Body), "xx", "xxx", 1))
	if _, err := m.Encode(); err == nil {
		t.Error("a longer body was written")
	}
	long := strings.Repeat(" ", wire.MessageBytesMax+1-len(testPayload))
	if _, err := wire.ParseMessage([]byte(testPayload + long)); err == nil {
		t.Error("a longer payload was accepted")
	}
}

func TestMessageAmount(t *testing.T) {
	for _, minor := range []uint64{0, 1, 15000, 1<<63 - 1} {
		a := wire.NewMessageAmount(minor, "KRW", 0)
		if got, err := a.Minor(); err != nil || got != minor {
			t.Errorf("%d became %d, %v", minor, got, err)
		}
	}
	for _, a := range []wire.MessageAmount{
		wire.NewMessageAmount(1<<63, "KRW", 0),
		wire.NewMessageAmount(1, "krw", 0),
		wire.NewMessageAmount(1, "KRWX", 0),
		wire.NewMessageAmount(1, "KRW", 19),
		{Value: "", Currency: "KRW"},
		{Value: "01", Currency: "KRW"},
		{Value: "+1", Currency: "KRW"},
		{Value: "-1", Currency: "KRW"},
		{Value: "1.0", Currency: "KRW"},
		{Value: "1e3", Currency: "KRW"},
		{Value: " 1", Currency: "KRW"},
		{Value: "18446744073709551616", Currency: "KRW"},
	} {
		if minor, err := a.Minor(); err == nil {
			t.Errorf("%+v: accepted as %d", a, minor)
		}
	}
}

func TestBatch(t *testing.T) {
	most := make([]string, wire.MessageBatchMax)
	for i := range most {
		most[i] = strings.Repeat("x", i)
	}
	body, err := wire.EncodeBatch(most)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ParseBatch(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(most, got); diff != "" {
		t.Error(diff)
	}
	if _, err := wire.EncodeBatch(append(most, "x")); err == nil {
		t.Error("more messages were written")
	}
	if _, err := wire.EncodeBatch(nil); err == nil {
		t.Error("an empty batch was written")
	}
	if _, err := wire.EncodeBatch([]string{strings.Repeat("x", wire.BatchBytesMax)}); err == nil {
		t.Error("a longer batch was written")
	}
	more := `{"messages":["` + strings.Repeat(`x","`, wire.MessageBatchMax) + `x"]}`
	long := `{"messages":["` + strings.Repeat("x", wire.BatchBytesMax) + `"]}`
	for _, text := range []string{
		"", "{}", "[]", `{"messages":[]}`, `{"messages":null}`, `{"messages":[1]}`, more, long,
		`{"messages":["x"],"more":1}`, `{"Messages":["x"]}`, `{"messages": ["x"]}`,
	} {
		if _, err := wire.ParseBatch([]byte(text)); err == nil {
			t.Errorf("%.40q: accepted", text)
		}
	}
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := testMessage()
		m.Seq = rapid.Uint64Range(2, wire.JCSIntegerMax).Draw(t, "seq")
		m.Epoch = rapid.Uint32().Draw(t, "epoch")
		m.Ack.Seq = rapid.Uint64Range(1, wire.JCSIntegerMax).Draw(t, "ack")
		m.CreatedAt = rapid.Int64Range(0, m.ExpiresAt).Draw(t, "created")
		body, err := wire.JCS(map[string]any{"x": drawJSON(t, 3)})
		if err != nil {
			t.Fatal(err)
		}
		m.Body = body
		payload, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseMessage(payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(testPayload))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := wire.ParseMessage(payload)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || string(again) != string(payload) {
			t.Errorf("%q became %q, %v", payload, again, err)
		}
	})
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(`{"messages":["a.b.c","d"]}`))
	f.Add([]byte(`{"messages":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		compact, err := wire.ParseBatch(body)
		if err != nil {
			return
		}
		if again, err := wire.EncodeBatch(compact); err != nil || string(again) != string(body) {
			t.Errorf("%q became %q, %v", body, again, err)
		}
	})
}
