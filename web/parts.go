package web

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"strings"
	"time"
	"unicode/utf8"

	"rsc.io/qr"

	"seyfert/money"
)

// chip is how a status is drawn; its word is the message "status.<Status>".
type chip struct{ icon, tone string }

// statusChips is the style guide's table of status words: a shape for each, and a colour that
// repeats what shape and word say.
var statusChips = map[Status]chip{
	Paid: {"check", "done"}, Received: {"check", "done"}, Healthy: {"check", "done"},
	Sending: {"half", "now"}, Claimed: {"half", "now"}, Paying: {"half", "now"},
	Held: {"lock", "wait"}, Waiting: {"clock", "wait"},
	Refunded: {"again", ""}, Expired: {"clock", ""}, Declined: {"x", ""},
	Stopped: {"alert", "bad"},
}

// functions are what templates may call, bound to one language.
func (p *Pages) functions(lang Lang) template.FuncMap {
	return template.FuncMap{
		"t": lang.say, "money": lang.money, "moved": lang.moved, "number": number,
		"count":    func(n any) string { return plain(n) },
		"day":      lang.time(formDay),
		"weekday":  lang.time(formWeekday),
		"short":    lang.time(formShort),
		"moment":   lang.time(formMoment),
		"clock":    lang.time(formClock),
		"minute":   lang.time(formMinute),
		"millis":   lang.time(formMillis),
		"left":     func(now, end time.Time) string { return minutes(end.Sub(now)) },
		"currency": lang.word("currency."), "purse": lang.word("purse."),
		"cut": cut, "icon": icon, "glyph": glyph, "asset": p.asset, "party": lang.party,
		"avatar": avatar, "chip": lang.chip, "proof": lang.proof, "event": lang.event,
		"ours": lang.block, "note": lang.stepNote, "lane": laneName,
		"wires": wires, "wiresDown": wiresDown, "qr": qrPath,
	}
}

// icon draws one icon of the sprite; the words beside it carry the meaning.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="i" aria-hidden="true"><use href="#i-` +
		template.HTMLEscapeString(name) + `"/></svg>`)
}

// glyph draws how far a proof has grown.
func glyph(level ProofLevel) template.HTML {
	return template.HTML(fmt.Sprintf(
		`<svg class="glyph" aria-hidden="true"><use href="#i-p%d"/></svg>`, level))
}

// party is a name in its script and, beside it, in Latin letters.
func (lang Lang) party(p Party) template.HTML {
	name := template.HTMLEscapeString(p.Name)
	if p.Lang != "" {
		name = fmt.Sprintf(`<span lang="%s">%s</span>`, template.HTMLEscapeString(p.Lang), name)
	}
	if p.Latin != "" {
		name += " " + template.HTMLEscapeString(p.Latin)
	}
	return template.HTML(name)
}

// avatar is a party's first letter on a tone that stays the same for the same name.
func avatar(p Party) template.HTML {
	letter, _ := utf8.DecodeRuneInString(p.Name)
	sum := fnv.New32a()
	sum.Write([]byte(p.Name))
	tone := "abcd"[sum.Sum32()%4]
	lang := ""
	if p.Lang != "" {
		lang = fmt.Sprintf(` lang="%s"`, template.HTMLEscapeString(p.Lang))
	}
	return template.HTML(fmt.Sprintf(`<span class="avatar %c" aria-hidden="true"%s>%s</span>`,
		tone, lang, template.HTMLEscapeString(string(letter))))
}

// chip is a status by shape, word and colour.
func (lang Lang) chip(s Status) (template.HTML, error) {
	c, ok := statusChips[s]
	if !ok {
		return "", fmt.Errorf("no status %q", s)
	}
	word, err := lang.say("status." + string(s))
	if err != nil {
		return "", err
	}
	class := strings.TrimSpace("chip " + c.tone)
	return template.HTML(`<span class="`+class+`">`) + icon(c.icon) + word + "</span>", nil
}

// proof is the glyph and the word of a proof.
func (lang Lang) proof(p Proof) (template.HTML, error) {
	key := []string{"proof.journal", "proof.checkpointed", "proof.anchored"}[min(p.Level, Anchored)]
	if p.Level == Confirmed {
		key = "proof.confirmations"
	}
	word, err := lang.say(key, p.Confirmations)
	return glyph(p.Level) + word, err
}

// word names a currency by the messages of a family, and one without a message by its code.
func (lang Lang) word(family string) func(money.Currency) string {
	return func(c money.Currency) string {
		if m, ok := catalogue(family + c.Code()); ok {
			return m.in(lang)
		}
		return c.Code()
	}
}

// event is one line of the log.
func (lang Lang) event(e Event) (template.HTML, error) {
	return lang.say("event."+e.Key, e.Args...)
}

// block is the text of one of our marks in a block.
func (lang Lang) block(m BlockMark) (template.HTML, error) {
	return lang.say("block."+m.Key, m.Args...)
}

// stepNote is what stands under a step: when it happened, how long after the step before, or
// what it waits for.
func (lang Lang) stepNote(i int, s Step) (template.HTML, error) {
	switch key := "step.ahead." + s.Key; {
	case !s.At.IsZero() && i == 0:
		return lang.time(formMillis)(s.At), nil
	case !s.At.IsZero():
		return template.HTML("+" + roughly(s.After)), nil
	default:
		if _, ok := catalogue(key); !ok {
			key = "step.ahead"
		}
		return lang.say(key)
	}
}

// roughly is a length of time by the largest unit that still tells something.
func roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d%sms", d.Milliseconds(), nbsp)
	case d < time.Minute:
		return fmt.Sprintf("%d.%d%ss", d/time.Second, d%time.Second/(time.Second/10), nbsp)
	default:
		return fmt.Sprintf("%d%smin", d/time.Minute, nbsp)
	}
}

// laneName is the place of a lane, counted from 1.
func laneName(lanes [3]Lane, lane int) (string, error) {
	if lane < 1 || lane > len(lanes) {
		return "", fmt.Errorf("no lane %d", lane)
	}
	return lanes[lane-1].Name, nil
}

// Measures of the payment lanes, in units of their drawing; seyfert.css places the steps by
// the same: a column of 100 by a row of 76 across, a column of 40 by a row of 44 down.
const (
	acrossStep, acrossLane, acrossFirst = 100, 76, 19
	downStep, downLane, downFirst       = 44, 40, 20
)

// Wire is the line between two steps of the payment lanes.
type Wire struct {
	Path  string // SVG path data
	Ahead bool   // not yet gone
}

// wires are the lines of lanes that lie across the page.
func wires(m *Moving) []Wire {
	return connect(m, func(i, lane int) (x, y int) {
		return acrossStep*i + acrossStep/2, acrossLane*(lane-1) + acrossFirst
	}, true)
}

// wiresDown are the lines of lanes that run down a phone's page.
func wiresDown(m *Moving) []Wire {
	return connect(m, func(i, lane int) (x, y int) {
		return downLane*(lane-1) + downFirst, downStep*i + downStep/2
	}, false)
}

// connect draws a curve from each step to the next.
func connect(m *Moving, place func(i, lane int) (x, y int), across bool) []Wire {
	lines := make([]Wire, 0, len(m.Steps))
	for i := 1; i < len(m.Steps); i++ {
		x0, y0 := place(i-1, m.Steps[i-1].Lane)
		x1, y1 := place(i, m.Steps[i].Lane)
		path := fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x0, y0,
			x0, (y0+y1)/2, x1, (y0+y1)/2, x1, y1)
		if across {
			path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x0, y0,
				(x0+x1)/2, y0, (x0+x1)/2, y1, x1, y1)
		}
		lines = append(lines, Wire{Path: path, Ahead: i > m.Current})
	}
	return lines
}

// qrMark is a QR code as one SVG path of unit squares.
type qrMark struct {
	Size int
	Path string
}

// qrPath draws a link as a QR code of medium error correction (ISO/IEC 18004).
func qrPath(link string) (qrMark, error) {
	code, err := qr.Encode(link, qr.M)
	if err != nil {
		return qrMark{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	return qrMark{Size: code.Size, Path: path.String()}, nil
}
