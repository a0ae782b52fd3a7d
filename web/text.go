package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"seyfert/money"
)

// Lang is a language that the pages speak.
type Lang string

// The languages.
const (
	English Lang = "en"
	Korean  Lang = "ko"
)

// Langs lists the languages; the first is spoken to whoever asks for neither.
var Langs = []Lang{English, Korean}

// Where a reader's choice of language stands: a query parameter, then a cookie, then what the
// browser asks for.
const (
	langParam     = "lang"
	langCookie    = "lang"
	langCookieAge = 365 * 24 * 60 * 60 // seconds
)

// other is the language that the switch on the page leads to.
func (l Lang) other() Lang {
	if l == Korean {
		return English
	}
	return Korean
}

// parseLang reads one of the two languages, exactly.
func parseLang(s string) (Lang, bool) {
	for _, lang := range Langs {
		if s == string(lang) {
			return lang, true
		}
	}
	return "", false
}

// RequestLang is the language in which a request is answered.
func RequestLang(r *http.Request) Lang {
	if lang, ok := parseLang(r.URL.Query().Get(langParam)); ok {
		return lang
	}
	if cookie, err := r.Cookie(langCookie); err == nil {
		if lang, ok := parseLang(cookie.Value); ok {
			return lang
		}
	}
	// The matcher is made here and not kept: it is cheap beside rendering a page, and a
	// header that it cannot read is one that asks for nothing.
	matcher := language.NewMatcher([]language.Tag{language.English, language.Korean})
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return Langs[0]
	}
	_, index, _ := matcher.Match(tags...)
	return Langs[index]
}

// rememberLang keeps a language that was chosen by the query parameter.
func rememberLang(w http.ResponseWriter, r *http.Request) {
	lang, ok := parseLang(r.URL.Query().Get(langParam))
	if !ok {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: langCookie, Value: string(lang), Path: "/", MaxAge: langCookieAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// message is one text in both languages. {0}, {1} stand for the arguments; in Korean
// {0|을/를} adds the particle that fits the end of the argument.
type message struct{ en, ko string }

// in is the message's text in a language.
func (m message) in(lang Lang) string {
	if lang == Korean {
		return m.ko
	}
	return m.en
}

// find looks a message up. Where the first argument is the number one and a message with the
// suffix ".one" exists, it is taken.
func find(key string, args []any) (message, error) {
	if len(args) > 0 && plain(args[0]) == "1" {
		if m, ok := catalogue(key + ".one"); ok {
			return m, nil
		}
	}
	m, ok := catalogue(key)
	if !ok {
		return message{}, fmt.Errorf("no message %q", key)
	}
	return m, nil
}

// say is the template function t: a message in a language, with its arguments as HTML.
func (lang Lang) say(key string, args ...any) (template.HTML, error) {
	m, err := find(key, args)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	rest := m.in(lang)
	for {
		before, after, found := strings.Cut(rest, "{")
		out.WriteString(template.HTMLEscapeString(before))
		if !found {
			return template.HTML(out.String()), nil
		}
		slot, tail, _ := strings.Cut(after, "}")
		rest = tail
		number, particle, _ := strings.Cut(slot, "|")
		index, err := strconv.Atoi(number)
		if err != nil || index >= len(args) {
			return "", fmt.Errorf("message %q: no argument for {%s}", key, slot)
		}
		html := lang.argument(args[index])
		out.WriteString(string(html))
		if particle != "" {
			out.WriteString(fitting(textOf(html), particle))
		}
	}
}

// argument is one argument of a message as HTML: amounts, parties and counts in their form,
// anything else as text.
func (lang Lang) argument(arg any) template.HTML {
	switch arg := arg.(type) {
	case template.HTML:
		return arg
	case money.Amount:
		return lang.money(arg)
	case Party:
		return lang.party(arg)
	default:
		return template.HTML(template.HTMLEscapeString(plain(arg)))
	}
}

// plain is an argument as text: integers grouped by thousands, anything else as it prints.
func plain(arg any) string {
	switch arg := arg.(type) {
	case int:
		return grouped(strconv.Itoa(arg))
	case int64:
		return grouped(strconv.FormatInt(arg, 10))
	case uint64:
		return grouped(strconv.FormatUint(arg, 10))
	default:
		return fmt.Sprint(arg)
	}
}

// textOf is what a reader sees of HTML that this package made: the text between the tags.
func textOf(html template.HTML) string {
	var out strings.Builder
	rest := string(html)
	for {
		before, after, found := strings.Cut(rest, "<")
		out.WriteString(before)
		if !found {
			return strings.TrimSpace(out.String())
		}
		_, rest, _ = strings.Cut(after, ">")
	}
}
