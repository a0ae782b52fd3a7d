package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"seyfert/money"
)

// Marks of the style guide: a true minus, and a space at which no line breaks.
const (
	minus = "\u2212"
	nbsp  = "\u00a0"
)

// koreanUnits stand after an amount in Korean; other currencies show their code there.
var koreanUnits = map[money.Currency]string{money.KRW: "원", money.JPY: "엔", money.USD: "달러"}

// grouped puts commas between the thousands of a decimal number; it works on the text, so
// that no amount ever passes through a float.
func grouped(decimal string) string {
	sign := ""
	if strings.HasPrefix(decimal, "-") {
		sign, decimal = minus, decimal[1:]
	}
	whole, part, pointed := strings.Cut(decimal, ".")
	var out strings.Builder
	for i, digit := range []byte(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteByte(digit)
	}
	if pointed {
		out.WriteString("." + part)
	}
	return sign + out.String()
}

// amountText is an amount with its currency and sign, as text.
func (lang Lang) amountText(a money.Amount, flow Flow) string {
	sign := ""
	switch flow {
	case Out:
		sign = minus
	case In:
		sign = "+"
	}
	number := grouped(a.Decimal())
	if lang == Korean {
		unit, ok := koreanUnits[a.Currency()]
		if !ok {
			unit = nbsp + a.Currency().Code()
		}
		return sign + number + unit
	}
	return sign + a.Currency().Code() + nbsp + number
}

// money is an amount without a sign.
func (lang Lang) money(a money.Amount) template.HTML { return lang.moved(a, Neutral) }

// moved is an amount with the sign of its direction.
func (lang Lang) moved(a money.Amount, flow Flow) template.HTML {
	if a.IsZero() {
		flow = Neutral
	}
	sign := map[Flow]string{Out: "-", In: "+"}[flow]
	return template.HTML(fmt.Sprintf(`<data value="%s%s" data-c="%s">%s</data>`, sign,
		a.Decimal(), a.Currency().Code(), lang.amountText(a, flow)))
}

// number is an amount without its currency, for a column that names it.
func number(a money.Amount) template.HTML {
	return template.HTML(`<span class="num">` + grouped(a.Decimal()) + `</span>`)
}

// dateForm is a way of writing a time.
type dateForm int

// The forms of the style guide.
const (
	formDay     dateForm = iota // 23 Nov 2026
	formWeekday                 // Mon 23 Nov 2026
	formShort                   // 23 Nov
	formMoment                  // 24 Nov, 00:04
	formClock                   // 14:02:31
	formMinute                  // 14:02
	formMillis                  // 14:02:31.104
)

// timeText writes a time in its own zone.
func (lang Lang) timeText(at time.Time, form dateForm) string {
	english := map[dateForm]string{
		formDay: "2 Jan 2006", formWeekday: "Mon 2 Jan 2006", formShort: "2 Jan",
		formMoment: "2 Jan, 15:04", formClock: "15:04:05", formMinute: "15:04",
		formMillis: "15:04:05.000",
	}
	if lang != Korean {
		return at.Format(english[form])
	}
	switch form {
	case formDay:
		return at.Format("2006. 1. 2.")
	case formWeekday:
		weekday := []string{"일", "월", "화", "수", "목", "금", "토"}[at.Weekday()]
		return at.Format("2006. 1. 2.") + " (" + weekday + ")"
	case formShort:
		return at.Format("1. 2.")
	case formMoment:
		return at.Format("1. 2. 15:04")
	default:
		return at.Format(english[form])
	}
}

// time is a time as an element that carries it in full.
func (lang Lang) time(form dateForm) func(time.Time) template.HTML {
	return func(at time.Time) template.HTML {
		return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`,
			at.Format(time.RFC3339Nano), lang.timeText(at, form)))
	}
}

// minutes writes a time left as a clock, 2:34, rounded up to a second; never below 0:00.
func minutes(left time.Duration) string {
	seconds := max(0, (left+time.Second-1)/time.Second)
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// cutEnd is how many characters of a long id are shown at each end.
const cutEnd = 4

// cut shortens an id or a hash in the middle, keeping an id's prefix; the element carries it
// whole.
func cut(id string) template.HTML {
	head, short := strings.Index(id, "_")+1+cutEnd, id
	if len(id) > head+2*cutEnd {
		short = id[:head] + "…" + id[len(id)-cutEnd:]
	}
	return template.HTML(fmt.Sprintf(`<span class="hash" title="%s">%s</span>`,
		template.HTMLEscapeString(id), template.HTMLEscapeString(short)))
}
