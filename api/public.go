package api

import (
	"context"
	"net/http"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/fault"
	"seyfert/peer"
	"seyfert/wire"
)

const tagPublic = "public"

// health is the body of /healthz.
type health struct {
	OK    bool   `json:"ok"`
	Index uint64 `json:"index" doc:"entries in the journal"`
}

// plain adds an endpoint whose bytes are fixed elsewhere, by a standard or by the protocol
// between nodes, and describes it.
func (g *gate) plain(op huma.Operation, media string,
	handle func(r *http.Request, body http.ResponseWriter) error,
) {
	op.Responses = map[string]*huma.Response{
		"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: "string"}}},
		},
		"default": problemResponse(),
	}
	g.huma.OpenAPI().AddOperation(&op)
	pattern := op.Method + " " + strings.Replace(op.Path, "{path}", "{path...}", 1)
	g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		if err := handle(r, w); err != nil {
			g.write(w, r, err)
		}
	})
}

// text is a plain endpoint without parameters, answered with one text.
func (g *gate) text(id, path, media, summary string, read func() ([]byte, error)) {
	g.plain(huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Tags: []string{tagPublic},
	}, media, func(_ *http.Request, w http.ResponseWriter) error {
		body, err := read()
		if err != nil {
			return err
		}
		_, _ = w.Write(body) // a connection that breaks here is the caller's loss only
		return nil
	})
}

func (g *gate) mountPublic() {
	register(g, operation{
		id: "getHealth", method: http.MethodGet, path: "/healthz", tag: tagPublic,
		summary: "Ask whether the node answers",
	}, func(context.Context, *struct{}) (*answer[health], error) {
		return respond(health{OK: true, Index: g.node.State().Applied()}, nil)
	})
	g.text("getDescriptor", peer.PathDescriptor, "application/jose",
		"Get the node's signed descriptor", func() ([]byte, error) {
			_, text, err := g.descriptor()
			return []byte(text), err
		})
	for _, path := range []string{"/jwks.json", "/.well-known/jwks.json"} {
		g.text("getKeys"+suffix(path), path, "application/jwk-set+json",
			"Get the node's public keys (RFC 7517)", g.keys)
	}
	for _, path := range []string{"/did.json", "/.well-known/did.json"} {
		g.text("getDID"+suffix(path), path, "application/did+json",
			"Get the node's DID document (did:web)", g.didDocument)
	}
	g.text("getCheckpoint", "/log/checkpoint", "text/plain; charset=utf-8",
		"Get the newest signed checkpoint of the journal tree (C2SP tlog-checkpoint)",
		func() ([]byte, error) {
			note, err := g.node.Checkpoint()
			return []byte(note), err
		})
	g.plain(huma.Operation{
		OperationID: "getTile", Method: http.MethodGet, Path: "/log/tile/{path}",
		Summary: "Get a tile of the journal tree (C2SP tlog-tiles)", Tags: []string{tagPublic},
		Parameters: []*huma.Param{pathParam("path", "level, index and width of the tile")},
	}, "application/octet-stream", g.getTile)
	g.mountKinds()
}

// suffix tells the two places of one document apart.
func suffix(path string) string {
	if strings.HasPrefix(path, "/.well-known/") {
		return "WellKnown"
	}
	return ""
}

func pathParam(name, doc string) *huma.Param {
	return &huma.Param{
		Name: name, In: "path", Required: true, Description: doc,
		Schema: &huma.Schema{Type: huma.TypeString},
	}
}

// descriptor reads the node's own descriptor, which a node has once it is configured.
func (g *gate) descriptor() (wire.Descriptor, string, error) {
	text := g.node.Descriptor()
	descriptor, _, err := wire.ParseDescriptor(text)
	if err != nil {
		return wire.Descriptor{}, "", fault.New(fault.Unavailable, "",
			"The node has no descriptor yet.")
	}
	return descriptor, text, nil
}

func (g *gate) keys() ([]byte, error) {
	descriptor, _, err := g.descriptor()
	if err != nil {
		return nil, err
	}
	return wire.JCS(descriptor.Keys)
}

// didMethod is one key of a DID document.
type didMethod struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Controller string    `json:"controller"`
	Key        publicKey `json:"publicKeyJwk"`
}

type publicKey struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	KeyID string `json:"kid"`
}

type didService struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Endpoint string `json:"serviceEndpoint"`
}

type didDocument struct {
	Context   []string     `json:"@context"`
	ID        string       `json:"id"`
	Methods   []didMethod  `json:"verificationMethod"`
	Assertion []string     `json:"assertionMethod"`
	Agreement []string     `json:"keyAgreement"`
	Service   []didService `json:"service"`
}

// didDocument says the descriptor's keys and endpoint in the words of DID Core, for clients
// that know nothing of descriptors.
func (g *gate) didDocument() ([]byte, error) {
	descriptor, _, err := g.descriptor()
	if err != nil {
		return nil, err
	}
	document := didDocument{
		Context: []string{
			"https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1",
		},
		ID: descriptor.DID, Methods: []didMethod{}, Assertion: []string{},
		Agreement: []string{},
		Service: []didService{{
			ID: descriptor.DID + "#snp", Type: "SeyfertNode", Endpoint: descriptor.Endpoints.SNP,
		}},
	}
	for _, key := range descriptor.Keys.Keys {
		id := descriptor.DID + "#" + key.KeyID
		document.Methods = append(document.Methods, didMethod{
			ID: id, Type: "JsonWebKey2020", Controller: descriptor.DID,
			Key: publicKey{Type: key.Type, Curve: key.Curve, X: key.X, KeyID: key.KeyID},
		})
		if key.Use == wire.UseSign {
			document.Assertion = append(document.Assertion, id)
		} else {
			document.Agreement = append(document.Agreement, id)
		}
	}
	return wire.JCS(document)
}

func (g *gate) getTile(r *http.Request, w http.ResponseWriter) error {
	tile, err := g.node.Tile("tile/" + r.PathValue("path"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(tile)
	return nil
}

// mountKinds explains each kind of problem at its type URI.
func (g *gate) mountKinds() {
	table := kinds()
	for reason, why := range reasons() {
		table[string(reason)] = kind{title: why.title, text: why.text}
	}
	codes := make([]string, 0, len(table))
	for code := range table {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		k := table[code]
		g.mux.HandleFunc("GET "+problemPath+code, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(k.title + "\n\n" + k.text + "\n"))
		})
	}
}
