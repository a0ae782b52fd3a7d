package bank_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/rail/bank"
)

const secret = "a secret of the bank"

// good is a notice with every member.
const good = `{"notice_id":"n-1","bank":"hana","account_number":"110-1","currency":"USD",` +
	`"amount":"1240.50","value_date":"2026-11-23","sender_hint":"김민지 rent"}`

// at is the node's time in the tests.
func at() time.Time { return time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC) }

// sign makes the headers of a notice signed at a time.
func sign(timestamp, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "." + body))
	return http.Header{
		bank.HeaderTimestamp: {timestamp},
		bank.HeaderSignature: {hex.EncodeToString(mac.Sum(nil))},
	}
}

func now() string { return strconv.FormatInt(at().Unix(), 10) }

func codec() *bank.Codec { return bank.New([]byte(secret), at) }

// mustRefuse checks the code and the field of a refusal.
func mustRefuse(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	refused, ok := fault.Of(err)
	if !ok || refused.Code != code || refused.Field != field {
		t.Errorf("got %v, want %s about %q", err, code, field)
	}
}

func TestParse(t *testing.T) {
	got, err := codec().Parse(sign(now(), good), []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	want := bank.Notice{
		ID: "n-1", Bank: "hana", Account: "110-1", Amount: money.New(money.USD, 124050),
		ValueDate: "2026-11-23", SenderHint: "김민지 rent",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b money.Amount) bool {
		return a == b
	})); diff != "" {
		t.Error(diff)
	}
	without := strings.Replace(good, `,"sender_hint":"김민지 rent"`, "", 1)
	if _, err := codec().Parse(sign(now(), without), []byte(without)); err != nil {
		t.Errorf("without a hint: %v", err)
	}
}

func TestTimestamps(t *testing.T) {
	for _, apart := range []int64{-bank.WindowSeconds, 0, bank.WindowSeconds} {
		text := strconv.FormatInt(at().Unix()+apart, 10)
		if _, err := codec().Parse(sign(text, good), []byte(good)); err != nil {
			t.Errorf("%d seconds apart: %v", apart, err)
		}
	}
	wrong := []string{
		strconv.FormatInt(at().Unix()-bank.WindowSeconds-1, 10),
		strconv.FormatInt(at().Unix()+bank.WindowSeconds+1, 10),
		"", "0", "-1", "+" + now(), "0" + now(), " " + now(), now() + ".0", now() + "000000",
		"99999999999999999999", "x",
	}
	for _, text := range wrong {
		_, err := codec().Parse(sign(text, good), []byte(good))
		mustRefuse(t, err, fault.Unauthenticated, bank.HeaderTimestamp)
	}
	twice := sign(now(), good)
	twice.Add(bank.HeaderTimestamp, now())
	_, err := codec().Parse(twice, []byte(good))
	mustRefuse(t, err, fault.Unauthenticated, bank.HeaderTimestamp)
}

func TestSignatures(t *testing.T) {
	right := sign(now(), good).Get(bank.HeaderSignature)
	wrong := []string{
		"", right[1:], right + "0", strings.ToUpper(right), "g" + right[1:],
		strings.Repeat("0", len(right)), "0x" + right[2:],
		sign(now(), good+" ").Get(bank.HeaderSignature),
		sign(now()[:9]+"9", good).Get(bank.HeaderSignature),
	}
	for _, text := range wrong {
		h := sign(now(), good)
		h.Set(bank.HeaderSignature, text)
		_, err := codec().Parse(h, []byte(good))
		mustRefuse(t, err, fault.Unauthenticated, bank.HeaderSignature)
	}
	twice := sign(now(), good)
	twice.Add(bank.HeaderSignature, right)
	_, err := codec().Parse(twice, []byte(good))
	mustRefuse(t, err, fault.Unauthenticated, bank.HeaderSignature)
	other := bank.New([]byte("a secret of another"), at)
	_, err = other.Parse(sign(now(), good), []byte(good))
	mustRefuse(t, err, fault.Unauthenticated, bank.HeaderSignature)
}

// TestMembers holds that a notice has one reading and every text its limit.
func TestMembers(t *testing.T) {
	set := func(name, value string) string {
		start := strings.Index(good, `"`+name+`":"`) + len(name) + 4
		end := start + strings.Index(good[start:], `"`)
		return good[:start] + value + good[end:]
	}
	long := strings.Repeat("x", 141)
	tests := []struct{ body, field string }{
		{"", "body"},
		{"null", "notice_id"},
		{"[]", "body"},
		{"{}", "notice_id"},
		{good + " {}", "body"},
		{good[:len(good)-1], "body"},
		{strings.Replace(good, "{", `{"notice_id":"n-2",`, 1), "notice_id"},
		{strings.Replace(good, "{", `{"Amount":"1",`, 1), "body"},
		{strings.Replace(good, "{", `{"owner":"mem_1",`, 1), "body"},
		{strings.Replace(good, `"n-1"`, `1`, 1), "notice_id"},
		{strings.Replace(good, `"1240.50"`, `1240.50`, 1), "amount"},
		{strings.Replace(good, `"1240.50"`, `null`, 1), "amount"},
		{set("notice_id", ""), "notice_id"},
		{set("notice_id", long[:bank.IDMax+1]), "notice_id"},
		{set("notice_id", `a\u0000`), "notice_id"},
		{set("notice_id", ` a`), "notice_id"},
		{set("notice_id", "\xff"), "notice_id"},
		{set("bank", ""), "bank"},
		{set("bank", long[:bank.BankMax+1]), "bank"},
		{set("account_number", ""), "account_number"},
		{set("account_number", long[:bank.AccountMax+1]), "account_number"},
		{set("sender_hint", long[:bank.SenderHintMax+1]), "sender_hint"},
		{set("sender_hint", `\n`), "sender_hint"},
		{set("currency", "usd"), "currency"},
		{set("currency", "XXX"), "currency"},
		{set("currency", ""), "currency"},
		{set("amount", "0"), "amount"},
		{set("amount", "0.00"), "amount"},
		{set("amount", "-1"), "amount"},
		{set("amount", "1e3"), "amount"},
		{set("amount", "1,240"), "amount"},
		{set("amount", "1.234"), "amount"},
		{set("amount", "01"), "amount"},
		{set("amount", strings.Repeat("9", 60)), "amount"},
		{set("value_date", "2026-02-30"), "value_date"},
		{set("value_date", "23.11.2026"), "value_date"},
		{set("value_date", ""), "value_date"},
	}
	for _, test := range tests {
		_, err := codec().Parse(sign(now(), test.body), []byte(test.body))
		if refused, ok := fault.Of(err); !ok || refused.Code != fault.Invalid ||
			refused.Field != test.field {
			t.Errorf("%.60s: %v, want a fault of %s", test.body, err, test.field)
		}
	}
	for name, most := range map[string]int{
		"notice_id": bank.IDMax, "bank": bank.BankMax, "account_number": bank.AccountMax,
		"sender_hint": bank.SenderHintMax,
	} {
		body := set(name, long[:most])
		if _, err := codec().Parse(sign(now(), body), []byte(body)); err != nil {
			t.Errorf("%s of %d bytes: %v", name, most, err)
		}
	}
}

func TestNoticeBytesMax(t *testing.T) {
	body := good + strings.Repeat(" ", bank.NoticeBytesMax-len(good))
	if _, err := codec().Parse(sign(now(), body), []byte(body)); err != nil {
		t.Errorf("a body of the limit: %v", err)
	}
	body += " "
	_, err := codec().Parse(sign(now(), body), []byte(body))
	mustRefuse(t, err, fault.TooLarge, "body")
	_, err = bank.ParseNotice([]byte(body))
	mustRefuse(t, err, fault.TooLarge, "body")
}

func TestShortSecretPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a short secret was accepted")
		}
	}()
	bank.New(make([]byte, bank.SecretBytesMin-1), at)
}

// FuzzParseNotice holds that what is read is within every limit, and that every refusal is a
// fault with a field.
func FuzzParseNotice(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"notice_id":"n-1","notice_id":"n-2"}`))
	f.Add([]byte(`{"amount":{"a":[1]}}`))
	f.Add([]byte("\xff\xfe{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := bank.ParseNotice(body)
		if err != nil {
			refused, ok := fault.Of(err)
			if !ok || refused.Field == "" {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if n.ID == "" || len(n.ID) > bank.IDMax || n.Bank == "" || n.Account == "" ||
			n.Amount.IsZero() || len(n.ValueDate) != 10 {
			t.Fatalf("read %+v", n)
		}
	})
}
