package web

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// The explorer shows the node's API and sends requests to it. It is Scalar's API reference
// (static/vendor/README.md), kept compressed as it is sent, and our page around it.
const (
	explorerPath = "/docs"
	scalarPath   = "/docs/scalar.js"
	scalarFile   = "vendor/scalar.js.gz"
	documentPath = "/openapi.json"
	explorerFile = "templates/explorer/explorer.html"
)

// explorerPage is what the template of the explorer's page shows.
type explorerPage struct {
	Place, Home, Document string
	// Scalar, Start, Style and Icon are URLs of our own files.
	Scalar, Start, Style, Icon string
	// Owner and Key are a test key and whose it is; empty outside of a test bed.
	Owner, Key string
}

// explore shows the page.
func (p *NodePages) explore(w http.ResponseWriter, r *http.Request) error {
	view := explorerPage{
		Place: NodeName(p.cfg.Node.DID()), Home: walletPath, Document: documentPath,
	}
	_, tag, _ := strings.Cut(p.pages.assets[scalarFile], "?")
	view.Scalar = scalarPath + "?" + tag
	var err error
	for name, at := range map[string]*string{
		"scalar-explorer.js": &view.Start, "scalar-explorer.css": &view.Style,
		"favicon.svg": &view.Icon,
	} {
		if *at, err = p.pages.asset(name); err != nil {
			return err
		}
	}
	if p.cfg.Sandbox != "" {
		view.Home = p.cfg.Sandbox
	}
	if p.cfg.Demo && p.cfg.TestKey != nil && p.ownHost(r) {
		view.Owner, view.Key = p.cfg.TestKey()
	}
	var body strings.Builder
	if err := p.explorer.Execute(&body, view); err != nil {
		return fmt.Errorf("render the explorer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", explorerPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	_, err = io.WriteString(w, body.String())
	return err
}

// explorerPolicy lets Scalar reach its own origin and nothing beyond it. Scalar writes style sheets
// and style attributes into the page, which no other page of ours may; scripts come from files.
const explorerPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// ownHost says whether a request came by the node's own name. A page of the internet can give a
// name of its own our address and read what we answer there.
func (p *NodePages) ownHost(r *http.Request) bool {
	origin, err := url.Parse(p.cfg.Origin)
	return err == nil && r.Host == origin.Host
}

// scalar sends Scalar's script, as it is kept to everyone who takes it compressed.
func (p *NodePages) scalar(w http.ResponseWriter, r *http.Request) error {
	_, tag, _ := strings.Cut(p.pages.assets[scalarFile], "?v=")
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == tag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == `"`+tag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	file, err := files.Open("static/" + scalarFile)
	if err != nil {
		return err
	}
	defer file.Close()
	var from io.Reader = file
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
	} else if from, err = gzip.NewReader(file); err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}

// takesGzip says whether a caller takes gzip, as every browser does.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" {
			return !weighed || strings.Trim(weight, " q=0.") != "" // q=0 says no (RFC 9110)
		}
	}
	return false
}
