package web

import (
	"net/url"
	"strings"
	"time"
	"unicode"

	"seyfert/money"
	"seyfert/node"
)

// NewParty takes apart a name that stands in two scripts, such as "神田紙店 Kanda Paper":
// words in Chinese, Japanese or Korean letters first, then words in Latin letters. lang is
// the language of Chinese characters that no kana and no Hangul stand beside.
func NewParty(name, lang string) Party {
	words := strings.Fields(name)
	local := 0
	for local < len(words) && scriptLang(words[local], lang) != "" {
		local++
	}
	if local == 0 {
		return Party{Name: strings.Join(words, " ")}
	}
	p := Party{Name: strings.Join(words[:local], " "), Latin: strings.Join(words[local:], " ")}
	p.Lang = scriptLang(p.Name, lang)
	return p
}

// scriptLang is the language that the letters of a text tell, or "" for Latin letters.
func scriptLang(text, han string) string {
	found := ""
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Hangul, r):
			return "ko"
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			return "ja"
		case unicode.Is(unicode.Han, r):
			found = han
		}
	}
	return found
}

// NodeName is the short name of a node: the first label of a did:web's host, so "tokyo" of
// did:web:tokyo.localhost%3A7402. Any other text is returned as it is.
func NodeName(did string) string {
	host, ok := strings.CutPrefix(did, "did:web:")
	if !ok {
		return did
	}
	host, _, _ = strings.Cut(host, ":")
	if plainHost, err := url.PathUnescape(host); err == nil {
		host = plainHost
	}
	name, _, _ := strings.Cut(host, ".")
	return name
}

// NodeProof reads how far a proof has grown from a node's word for it.
func NodeProof(word string, confirmations int64) Proof {
	level := map[string]ProofLevel{
		"checkpoint": Checkpointed, "anchored": Anchored, "confirmed": Confirmed,
	}[word]
	return Proof{Level: level, Confirmations: int(confirmations)}
}

// OrderStatus is the status of an order as its member sees it.
func OrderStatus(state string) Status {
	switch state {
	case "paid":
		return Paid
	case "bound":
		return Sending
	case "expired":
		return Expired
	case "void":
		return Declined
	default:
		return Held
	}
}

// NodeEvent is a line of a node's log in the words of the pages, with its time in a zone. A
// kind that the pages have no words for is shown as the node says it.
func NodeEvent(place string, e node.Event, zone *time.Location) Event {
	line := Event{At: e.At.In(zone), Place: place}
	var subject any = ""
	if e.Amount != nil {
		subject = *e.Amount
	}
	verb, rest, _ := strings.Cut(e.Kind, " ")
	switch {
	case verb == "sent" || verb == "received":
		line.Key, subject = verb, rest
	case verb == "chain":
		row, _, _ := strings.Cut(e.Subject, ":")
		line.Key, subject = verb+"."+rest+"."+row, e.Offer // which carries the height here
	default:
		line.Key = strings.ReplaceAll(e.Kind, " ", ".")
	}
	if _, ok := catalogue("event." + line.Key); !ok {
		line.Key, subject = "other", e.Kind
	}
	line.Args = []any{subject, NodeName(e.Peer)}
	return line
}

// wayIn is a virtual account as its owner sees it; false for a currency that the pages do not
// know.
func wayIn(a node.VirtualAccount) (VirtualAccount, bool) {
	currency, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return VirtualAccount{}, false
	}
	return VirtualAccount{
		Bank: NewParty(a.Bank, hanLang), Number: a.Number, Currency: currency,
	}, true
}
