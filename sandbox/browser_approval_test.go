package sandbox_test

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"seyfert/sandbox"
)

// withPasskey signs the customer in with a code of the sandbox and makes her a passkey.
func (r *reader) withPasskey(w *world, lang string) webauthn.AuthenticatorID {
	r.Helper()
	device := r.phone()
	r.open(w.Seoul.URL + "/wallet?lang=" + lang)
	r.use("#door")
	r.do(chromedp.WaitNotPresent("#code", chromedp.ByQuery))
	r.use("button.primary")
	r.use(".note a")
	r.use("#add button")
	r.see("#confirm")
	return device
}

// approvePage goes from the checkout to the wallet's page of approval.
func (r *reader) approvePage() {
	r.Helper()
	r.use(".co-pay a.btn.primary")
	r.see(`button[value="approve"]`)
}

// TestBrowserApproval: nothing is approved without the passkey, with a wrong signature, twice, or
// when the member declines.
func TestBrowserApproval(t *testing.T) {
	r := mustBrowse(t, 1280, "en", "dark")
	w := mustOpen(t, sandbox.Config{})
	device := r.withPasskey(w, "en")
	r.shopFor(w, "en", "tape")
	r.approvePage()
	page := r.location()
	r.do(webauthn.SetUserVerified(device, false))
	r.use(`button[value="approve"]`)
	r.says("[data-said]", "No passkey was used")
	r.judge("approve-cancelled")
	r.do(webauthn.SetUserVerified(device, true),
		webauthn.SetResponseOverrideBits(device).WithIsBogusSignature(true))
	r.use(`button[value="approve"]`)
	r.says("main", "The passkey was not accepted", "KRW 5,200")
	r.complainsOf("403")
	r.judge("approve-refused")
	r.open(w.Seoul.URL + "/wallet")
	r.says(".purses", "KRW 100,000")
	r.open(page)
	r.do(webauthn.SetResponseOverrideBits(device).WithIsBogusSignature(false))
	r.use(`button[value="approve"]`)
	r.says("h1", "Paid. Thank you")
	r.open(page) // a second approval is the order that there is
	r.says("main", "−KRW 5,200")

	r.shopFor(w, "en", "ink")
	r.approvePage()
	r.use(`button[value="decline"]`)
	r.says("main", "You declined to pay")
	r.judge("declined")
	r.open(w.Seoul.URL + "/wallet")
	r.says(".purses", "KRW 94,800")
}

// TestBrowserApprovalByKeyboard approves with a passkey on a phone, in Korean, with nothing but the
// keyboard.
func TestBrowserApprovalByKeyboard(t *testing.T) {
	r := mustBrowse(t, 360, "ko", "light")
	w := mustOpen(t, sandbox.Config{})
	r.withPasskey(w, "ko")
	r.keyboard = true
	r.shopFor(w, "ko", "ink")
	r.approvePage()
	r.says("main", "패스키로 승인", "14,500원")
	r.judge("approve")
	r.use(`button[value="approve"]`)
	r.says("h1", "결제되었습니다")
	r.judge("paid")
}
