// Package web is the pages that people see: wallet, checkout, the demo shop and the sandbox's
// world, as server-rendered templates in English and Korean with their style sheet and
// scripts, embedded in the program.
//
// It never touches core or a table, and decides nothing about money or rights: a handler asks
// node, fills one of the plain views of view.go, and Pages renders it. Everything is made for a
// Content-Security-Policy without inline styles and scripts, and nothing is loaded from
// elsewhere.
//
// The pages of a node: nodepages.go mounts them and knows visitors and refusals, then one file
// each for sign-in, wallet, approval and checkout. Shop and world are served by the sandbox.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static templates
var files embed.FS

// staticPath is where Static must be mounted.
const staticPath = "/static/"

// View is one of this package's views, filled by a handler.
type View interface {
	page() string
	frame() *Frame
}

// Pages renders views. It is immutable and safe for concurrent use.
type Pages struct {
	sets   map[Lang]map[string]*template.Template // language -> page -> its templates
	assets map[string]string                      // static file -> its URL with its hash
}

// New reads all templates; an error is a fault of the program.
func New() (*Pages, error) {
	p := &Pages{sets: map[Lang]map[string]*template.Template{}, assets: map[string]string{}}
	if err := p.hashAssets(); err != nil {
		return nil, err
	}
	for _, lang := range Langs {
		set, err := p.parse(lang)
		if err != nil {
			return nil, fmt.Errorf("read the pages in %q: %w", lang, err)
		}
		p.sets[lang] = set
	}
	return p, nil
}

// parse reads the parts that pages share, then each page on a copy of them.
func (p *Pages) parse(lang Lang) (map[string]*template.Template, error) {
	shared := template.New("").Option("missingkey=error").Funcs(p.functions(lang))
	shared, err := shared.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/pages/*.html")
	if err != nil {
		return nil, err
	}
	set := map[string]*template.Template{}
	for _, name := range names {
		page, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(files, name); err != nil {
			return nil, err
		}
		set[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return set, nil
}

// Render answers with a view in the language of the request. A poll that names the version
// which the view still has is answered 204, so that the browser keeps what it shows. Nothing
// is written when an error is returned.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, status int, v View) error {
	frame := v.frame()
	frame.Lang = RequestLang(r)
	frame.here = *r.URL
	if frame.Version != "" && r.URL.Query().Get(seenParam) == frame.Version {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	page, ok := p.sets[frame.Lang][v.page()]
	if !ok {
		return fmt.Errorf("render: no page %q in %q", v.page(), frame.Lang)
	}
	var body bytes.Buffer
	if err := page.ExecuteTemplate(&body, "layout", v); err != nil {
		return fmt.Errorf("render %s: %w", v.page(), err)
	}
	rememberLang(w, r)
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", string(frame.Lang))
	header.Add("Vary", "Accept-Language, Cookie")
	header.Set("Cache-Control", "no-store")
	secure(header, frame.Forms)
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// secure sets the policy of a page: its own files only, no inline style or script, no frame
// around it; its forms lead to its own origin and to the origins given.
func secure(h http.Header, forms []string) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; "+
		"style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "+
		"frame-ancestors 'none'; form-action "+strings.Join(append([]string{"'self'"}, forms...), " "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// hashAssets gives each static file a URL that changes with its bytes.
func (p *Pages) hashAssets() error {
	return fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		short := strings.TrimPrefix(name, "static/")
		p.assets[short] = staticPath + short + "?v=" + hex.EncodeToString(sum[:6])
		return nil
	})
}

// asset is the URL of a static file.
func (p *Pages) asset(name string) (string, error) {
	url, ok := p.assets[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return url, nil
}

// Static serves style sheet, scripts and icons; mount it at "GET /static/". A file asked for
// under the URL that carries its hash may be kept for a year, any other is checked each time.
func (p *Pages) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, staticPath)
		url, ok := p.assets[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		_, tag, _ := strings.Cut(url, "?v=")
		h.Set("ETag", `"`+tag+`"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == tag {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeFileFS(w, r, files, "static/"+name)
	})
}
