package sandbox_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"
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
	if code == "" {
		t.Error("no code was shown")
	}
}
