package sandbox_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"seyfert/sandbox"
)

// phone gives the reader an authenticator that holds passkeys and knows its user.
func (r *reader) phone() webauthn.AuthenticatorID {
	r.Helper()
	var id webauthn.AuthenticatorID
	r.do(webauthn.Enable(), emulation.SetFocusEmulationEnabled(true),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
				Protocol:     webauthn.AuthenticatorProtocolCtap2,
				Ctap2version: webauthn.Ctap2versionCtap21,
				Transport:    webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
				HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
			}).Do(ctx)
			return err
		}))
	return id
}

// TestBrowserPasskey: a customer who came with a code makes a passkey and codes, signs in with it
// and approves with it.
func TestBrowserPasskey(t *testing.T) {
	r := mustBrowse(t, 1280, "en", "light")
	w := mustOpen(t, sandbox.Config{})
	r.phone()
	r.open(w.Seoul.URL + "/wallet?lang=en")
	r.use("#door")
	r.do(chromedp.WaitNotPresent("#code", chromedp.ByQuery))
	r.use("button.primary")
	r.says("main", "You approve payments with a passkey once you have one")
	r.judge("advice")
	r.use(".note a")
	r.says("main", "You have no passkey yet")
	r.judge("security-new")
	r.use("#add button")
	r.says("main", "Passkey 1", "0 codes can be used")
	r.judge("security")
	r.open(w.Seoul.URL + "/wallet/security")
	r.says("main", "To change passkeys or codes, confirm that it is you")
	r.use("#confirm")
	r.use("#new-codes")
	r.see("#codes li:nth-child(8)")
	r.judge("codes")
	code := r.text("#codes li:first-child")
	r.use("a.primary")
	r.says("main", "8 codes can be used", "This browser", "with a passkey")

	r.use("form.desk button")
	r.see("#passkey")
	r.judge("sign-in")
	r.use("#passkey button")
	r.says("main", "KRW 100,000")

	r.shopFor(w, "en", "notebook", "tape")
	r.use(".co-pay a.btn.primary")
	r.see(`button[value="approve"]`)
	r.says("main", "Approve with passkey", "KRW 15,000")
	r.judge("approve")
	r.use(`button[value="approve"]`)
	r.says("h1", "Paid. Thank you")
	r.judge("paid")
	r.recover(w, code)
}

// recover makes a passkey with a recovery code on a device that holds none, and looks at the
// sessions.
func (r *reader) recover(w *world, code string) {
	r.Helper()
	r.do(webauthn.Disable(), network.ClearBrowserCookies())
	r.phone()
	r.open(w.Seoul.URL + "/wallet/recover?lang=en")
	r.do(chromedp.SendKeys("#code", "0000-"+code[5:], chromedp.ByQuery))
	r.use("button.primary")
	r.says("main", "This code is not valid, or it was used")
	r.complainsOf("403")
	r.judge("recover-refused")
	r.do(chromedp.SendKeys("#code", strings.ToUpper(code), chromedp.ByQuery))
	r.use("button.primary")
	r.says("main", "The code is spent")
	r.judge("recover-make")
	r.open(w.Seoul.URL + "/wallet") // which the code does not open
	r.see("#passkey")
	r.open(w.Seoul.URL + "/wallet/recover")
	r.use("button.primary")
	r.use("#passkey button")
	r.says("main", "KRW 85,000")
	r.open(w.Seoul.URL + "/wallet/security")
	r.says("main", "Passkey 1", "Passkey 2", "7 codes can be used", "Another browser")
	r.judge("security-two")
	r.use("#end-others")
	r.do(chromedp.WaitNotPresent("#end-others", chromedp.ByQuery))
	r.use(`[aria-label="Remove passkey 1"]`)
	r.do(chromedp.WaitNotPresent(`[aria-label="Remove passkey 1"]`, chromedp.ByQuery))
	r.says("main", "Passkey 2")
}

// TestBrowserSignUp: a stranger makes a wallet on a phone, in Korean; what the authenticator does
// not verify, or signs wrongly, lets nobody in.
func TestBrowserSignUp(t *testing.T) {
	r := mustBrowse(t, 360, "ko", "dark")
	w := mustOpen(t, sandbox.Config{})
	device := r.phone()
	r.open(w.Seoul.URL + "/wallet?lang=ko")
	r.use("#sign-up")
	r.says("h1", "seoul에 지갑 만들기")
	r.judge("sign-up")
	r.do(chromedp.SendKeys("#name", "김하늘", chromedp.ByQuery),
		webauthn.SetUserVerified(device, false))
	r.use("button.primary")
	r.says("[data-said]", "패스키를 사용하지 않았습니다")
	r.judge("sign-up-unverified")
	r.do(webauthn.SetUserVerified(device, true))
	r.use("button.primary")
	r.says("h1", "김하늘")
	r.says("main", "복구 코드가 없습니다")
	r.judge("wallet-new")
	r.open(w.Seoul.URL + "/wallet/security")
	r.says("main", "패스키 1", "이 브라우저")
	r.judge("security")

	r.use(".foot .phone button")
	r.see("#passkey")
	r.do(webauthn.SetResponseOverrideBits(device).WithIsBogusSignature(true))
	r.use("#passkey button")
	r.says("main", "패스키를 확인하지 못했습니다")
	r.complainsOf("403")
	r.judge("sign-in-refused")
	r.do(webauthn.SetResponseOverrideBits(device).WithIsBogusSignature(false))
	r.use("#passkey button")
	r.says("h1", "김하늘")
}
