package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"seyfert/spv"
	"seyfert/wire"
)

// A tree is a bundle unfolded down to its last field: the signed texts inside it, the record,
// the checkpoint, each transaction and the block header. Its nodes are map[string]any, []any,
// and the leaves string, json.Number, uint64 and []byte. Tests change one node and fold the
// tree to a file again, without regard to whether the file still makes sense.
type tree = map[string]any

// unfold opens a bundle's file.
func unfold(t testing.TB, file []byte) tree {
	t.Helper()
	root := unfoldJSON(t, file).(tree)
	root["descriptor"] = unfoldJWS(t, root["descriptor"].(string))
	record := root["record"].(tree)
	if statements, ok := root["statements"].(tree); ok {
		for name, jws := range statements {
			statements[name] = unfoldJWS(t, jws.(string))
		}
		record["data"] = unfoldRecord(t, record["data"].(string))
	} else {
		record["data"] = unfoldLine(t, record["data"].(string))
	}
	root["checkpoint"] = unfoldNote(t, root["checkpoint"].(string))
	anchor := root["anchor"].(tree)
	for i, spend := range anchor["spends"].([]any) {
		anchor["spends"].([]any)[i] = unfoldTx(t, spend.(string))
	}
	anchor["header"] = unfoldHeader(t, anchor["header"].(string))
	return root
}

func unfoldJSON(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unfoldJWS(t testing.TB, text string) tree {
	t.Helper()
	var parts [3][]byte
	for i, part := range strings.Split(text, ".") {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = raw
	}
	return tree{
		"header": unfoldJSON(t, parts[0]), "payload": unfoldJSON(t, parts[1]),
		"signature": parts[2],
	}
}

// unfoldRecord opens the CBOR map of a record; its amount is two fields.
func unfoldRecord(t testing.TB, text string) tree {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[uint64]any{}
	if err := wire.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	record := tree{}
	for key, value := range fields {
		record[strconv.FormatUint(key, 10)] = value
	}
	amount := record["5"].([]byte)
	record["5"] = tree{"currency": amount[:2], "units": amount[2:]}
	return record
}

// lineFields are the parts of a line of the books with their sizes in bytes, in order.
var lineFields = []struct {
	name string
	size int
}{
	{"01number", 8},
	{"02kind", 1},
	{"03signs", 1},
	{"04code", 2},
	{"05leg", 2},
	{"06currency", 2},
	{"07index", 6},
	{"08time", 6},
	{"09effective", 6},
	{"10previousDebit", 6},
	{"11previousCredit", 6},
	{"12subject", 16},
	{"13related", 16},
	{"14debit", 16},
	{"15credit", 16},
	{"16amount", 16},
	{"17debitBalance", 16},
	{"18creditBalance", 16},
}

// unfoldLine opens a line of the books.
func unfoldLine(t testing.TB, text string) tree {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	line := tree{}
	for _, field := range lineFields {
		line[field.name], raw = raw[:field.size], raw[field.size:]
	}
	if len(raw) > 0 {
		t.Fatalf("%d bytes more than a line has", len(raw))
	}
	return line
}

func unfoldNote(t testing.TB, text string) tree {
	t.Helper()
	lines := strings.Split(text, "\n")
	words := strings.Split(lines[4], " ")
	signature, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil {
		t.Fatal(err)
	}
	return tree{
		"1origin": lines[0], "2size": lines[1], "3root": lines[2], "4empty": lines[3],
		"5signer": tree{
			"1dash": words[0], "2name": words[1], "3hash": signature[:4],
			"4signature": signature[4:],
		},
	}
}

func unfoldTx(t testing.TB, text string) tree {
	t.Helper()
	tx, err := spv.ParseTx(mustHex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	in, outs := tx.Inputs[0], []any{}
	for _, out := range tx.Outputs {
		outs = append(outs, tree{"1value": out.Value, "2script": out.Script})
	}
	return tree{
		"1version": uint32(tx.Version),
		"2inputs": []any{tree{
			"1outpoint": in.Outpoint[:], "2script": in.Script, "3sequence": in.Sequence,
		}},
		"3outputs": outs, "4lockTime": tx.LockTime,
	}
}

func unfoldHeader(t testing.TB, text string) tree {
	t.Helper()
	h, err := spv.ParseHeader(mustHex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return tree{
		"1version": uint32(h.Version), "2prev": h.Prev[:], "3root": h.MerkleRoot[:],
		"4time": h.Time, "5bits": h.Bits, "6nonce": h.Nonce,
	}
}

// fold writes the file of a tree. The numbers before the names of parts that are no JSON give
// their order.
func fold(t testing.TB, root any) []byte {
	t.Helper()
	if bundle, ok := root.(tree); ok {
		bundle = maps.Clone(bundle)
		foldIn(bundle, "descriptor", func(v tree) string { return foldJWS(t, v) })
		foldIn(bundle, "checkpoint", foldNote)
		if s, ok := bundle["statements"].(tree); ok {
			s = maps.Clone(s)
			for name := range s {
				foldIn(s, name, func(v tree) string { return foldJWS(t, v) })
			}
			bundle["statements"] = s
		}
		if r, ok := bundle["record"].(tree); ok {
			r = maps.Clone(r)
			foldIn(r, "data", func(v tree) string {
				if slices.ContainsFunc(slices.Collect(maps.Keys(v)), isLineField) {
					return base64.RawURLEncoding.EncodeToString(binaryOf("", v))
				}
				return foldRecord(t, v)
			})
			bundle["record"] = r
		}
		if a, ok := bundle["anchor"].(tree); ok {
			a = maps.Clone(a)
			foldIn(a, "header", foldBinary)
			if spends, ok := a["spends"].([]any); ok {
				spends = slices.Clone(spends)
				for i, spend := range spends {
					if tx, ok := spend.(tree); ok {
						spends[i] = foldBinary(tx)
					}
				}
				a["spends"] = spends
			}
			bundle["anchor"] = a
		}
		root = bundle
	}
	return foldJSON(t, root)
}

// isLineField tells the names of lineFields from the numbers of a CBOR map.
func isLineField(name string) bool { return len(name) > 2 && name != "9more" }

// foldIn replaces an unfolded member by its text; one that was cut away stays away.
func foldIn(t tree, name string, text func(tree) string) {
	if v, ok := t[name].(tree); ok {
		t[name] = text(v)
	}
}

// foldJSON is canonical for everything that occurs here; the order of its keys is that of their
// bytes.
func foldJSON(t testing.TB, v any) []byte {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

func foldJWS(t testing.TB, v tree) string {
	t.Helper()
	var parts []string
	for _, name := range []string{"header", "payload", "signature"} {
		part, kept := v[name]
		if !kept {
			continue
		}
		raw, binary := part.([]byte)
		if !binary {
			raw = foldJSON(t, part)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(raw))
	}
	return strings.Join(parts, ".")
}

func foldRecord(t testing.TB, v tree) string {
	t.Helper()
	fields := map[uint64]any{}
	for name, value := range v {
		key, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			key = 99
		}
		if amount, ok := value.(tree); ok {
			currency, _ := amount["currency"].([]byte)
			units, _ := amount["units"].([]byte)
			value = append(slices.Clone(currency), units...)
		}
		fields[key] = value
	}
	raw, err := wire.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// foldNote writes one line for each member, in order.
func foldNote(v tree) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch part := v[name].(type) {
		case string:
			text.WriteString(part + "\n")
		case tree:
			dash, _ := part["1dash"].(string)
			signer, _ := part["2name"].(string)
			hash, _ := part["3hash"].([]byte)
			signature, _ := part["4signature"].([]byte)
			line := base64.StdEncoding.EncodeToString(append(slices.Clone(hash), signature...))
			text.WriteString(dash + " " + signer + " " + line + "\n")
		}
	}
	return text.String()
}

// foldBinary writes a transaction or a header.
func foldBinary(v tree) string {
	return strings.ToLower(hexOf(binaryOf("", v)))
}

func binaryOf(name string, v any) []byte {
	switch v := v.(type) {
	case uint32:
		return binary.LittleEndian.AppendUint32(nil, v)
	case uint64:
		return binary.LittleEndian.AppendUint64(nil, v)
	case string:
		return []byte(v)
	case []byte:
		if strings.HasSuffix(name, "script") {
			return append([]byte{byte(len(v))}, v...)
		}
		return v
	case []any:
		raw := []byte{byte(len(v))}
		for _, item := range v {
			raw = append(raw, binaryOf("", item)...)
		}
		return raw
	case tree:
		var raw []byte
		for _, name := range slices.Sorted(maps.Keys(v)) {
			raw = append(raw, binaryOf(name, v[name])...)
		}
		return raw
	}
	return nil
}
