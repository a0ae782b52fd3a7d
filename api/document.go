package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/money"
)

// Version is the version of the published API; paths carry its major part.
const Version = "1.0.0"

// amount is the form of money.Amount in JSON.
type amount struct {
	Currency string `json:"currency" minLength:"3" maxLength:"3"`
	Value    string `json:"value" minLength:"1" maxLength:"40" pattern:"^(0|[1-9][0-9]*)([.][0-9]+)?$"`
}

// signedAmount is the form of money.Signed in JSON.
type signedAmount struct {
	Currency string `json:"currency" minLength:"3" maxLength:"3"`
	Value    string `json:"value" maxLength:"41" pattern:"^-?(0|[1-9][0-9]*)([.][0-9]+)?$"`
}

// settings are huma's, without anything that loads from elsewhere or guesses.
func (g *gate) settings() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[money.Amount](), reflect.TypeFor[amount]())
	registry.RegisterTypeAlias(reflect.TypeFor[money.Signed](), reflect.TypeFor[signedAmount]())
	registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Seyfert", Version: Version,
				Description: "The API of a Seyfert node. Amounts are exact decimal strings " +
					"with a currency, times RFC 3339 in UTC, errors RFC 9457 problems. POSTs " +
					"that list the header take an Idempotency-Key: createCompany, createMember, " +
					"createVirtualAccount, createOffer, createOrder, createAccount and " +
					"createAccounts, where the same key and body again give the same answer, " +
					"less a secret that is shown once, and the same key with another body is a " +
					"conflict; and createTransfer, createTransfers, reverseTransfer, createHold, " +
					"captureHold, voidHold and createExchange, where ids that the body does not choose follow " +
					"from the key, so that the same again gives the same answer and anything " +
					"else a conflict that names the field. Every other POST under /v1 " +
					"refuses the header. Of those a claim is named by its own id, and the same " +
					"claim again gives the same answer.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry, Parameters: parameters(), Headers: headers(),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {
						Type: "http", Scheme: "bearer",
						Description: "a company's or the operator's API key, or a session",
					},
				},
			},
		},
		Formats: formats(), DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{translate},
	}
}

// parameters are those that every read takes.
func parameters() map[string]*huma.Param {
	return map[string]*huma.Param{
		HeaderAtLeast: {
			Name: HeaderAtLeast, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "a " + HeaderIndex + " that was seen before: the replica that answers " +
				"has seen that entry too, or answers behind after some seconds; or now: the " +
				"answer is behind all that was acknowledged before, by any replica",
		},
	}
}

// headers are those of every answer.
func headers() map[string]*huma.Header {
	return map[string]*huma.Header{
		HeaderIndex: {
			Schema:      &huma.Schema{Type: huma.TypeInteger},
			Description: "a journal entry that the replica which answers had seen",
		},
	}
}

// nameReplicas adds to the document what every operation of /v1 has for nodes of several
// replicas.
func nameReplicas(d *huma.OpenAPI) {
	for path, item := range d.Paths {
		if !strings.HasPrefix(path, "/v1/") {
			continue
		}
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if o == nil {
				continue
			}
			for _, response := range o.Responses {
				if response.Headers == nil {
					response.Headers = map[string]*huma.Header{}
				}
				response.Headers[HeaderIndex] = &huma.Header{Ref: "#/components/headers/" + HeaderIndex}
			}
		}
		if item.Get != nil {
			item.Get.Parameters = append(item.Get.Parameters,
				&huma.Param{Ref: "#/components/parameters/" + HeaderAtLeast})
		}
	}
}

// problemResponse is how the document describes every answer that is not a success.
func problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem (RFC 9457)",
		Content: map[string]*huma.MediaType{
			typeProblem: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		},
	}
}

// finishDocument takes out of the document what huma adds of its own: its error type, which
// never leaves this package, and lists that may be null, which ours never are.
func (g *gate) finishDocument() {
	nameReplicas(g.huma.OpenAPI())
	schemas := g.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for name, schema := range schemas {
		for member, text := range descriptions()[name] {
			schema.Properties[member].Description = text // panics at a name that is none
		}
		for _, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
		}
	}
}

// descriptions say what the members of bodies are for, where their names do not.
func descriptions() map[string]map[string]string {
	return map[string]map[string]string{
		"Amount": {
			"currency": "ISO 4217 code, or BTC",
			"value":    "exact decimal number of major units, such as 15000 or 1240.50",
		},
		"CompanyWithKey": {
			"api_key": "shown once; absent when a repeated request gets its first answer again",
		},
		"NewOffer": {
			"basket":     "what is sold; the lines add up to the amount",
			"payee_key":  "the shop's Ed25519 public key in base64url; claims are signed with it",
			"origins":    "web origins that the offer may be shown at",
			"return_url": "where the receipt is brought, at one of the origins",
			"expires_in": "life of the offer in seconds",
		},
		"NewClaim": {
			"id":        "chosen by the shop; the same claim again gives the same answer",
			"signature": "base64url Ed25519 signature by the offer's payee key",
		},
		"NewPeer": {
			"url": "scheme and host at which the peer serves its descriptor",
			"thumbprint": "the signing key that was compared with the peer's operator; absent " +
				"accepts what is served at first contact",
			"credit": "what the peer may owe this node, per currency",
		},
		"WhichDay": {"day": "in the node's calendar, such as 2026-11-23; today if absent"},
	}
}

// serveDocument publishes the OpenAPI document of exactly what is mounted.
func (g *gate) serveDocument() error {
	document, err := g.document()
	if err != nil {
		return err
	}
	g.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		w.Write(document)
	})
	return nil
}

// document is the OpenAPI document, indented so that its changes can be read.
func (g *gate) document() ([]byte, error) {
	compact, err := json.Marshal(g.huma.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
