package sandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"seyfert/sandbox"
)

// TestBrowserExplorer reads the API in a browser and sends a request with the key that the test
// bed fills in, at a desk and on a phone. The page's policy blocks nothing that it needs.
func TestBrowserExplorer(t *testing.T) {
	w := mustOpen(t, sandbox.Config{})
	for _, c := range []struct {
		width       int64
		lang, theme string
	}{{1280, "en", "light"}, {390, "ko", "dark"}} {
		t.Run(fmt.Sprint(c.width), func(t *testing.T) {
			r := mustBrowse(t, c.width, c.lang, c.theme)
			r.open(w.URL)
			r.use(`[id="door.api"]`)
			r.says("header", "tokyo", "Test key of 神田紙店 Kanda Paper")
			r.says("main", "Seyfert", "RFC 9457")
			r.look("explorer")
			const wallet = `[id="node/tag/wallets/GET/v1/wallet"]`
			r.open(w.Tokyo.URL + "/docs?wallet#tag/wallets/GET/v1/wallet")
			r.says(wallet, "Read the caller's own wallet", "curl "+w.Tokyo.URL+"/v1/wallet")
			r.look("operation")
			r.use(wallet + " .show-api-client-button")
			r.see(`[role="dialog"].scalar-client`)
			r.do(chromedp.Poll(pressSend, nil))
			r.says(`[role="dialog"].scalar-client`, "200 OK", `"owner"`, "KRW")
			r.look("answer")
		})
	}
	t.Run("operator", func(t *testing.T) {
		r := mustBrowse(t, 1280, "en", "dark")
		r.open(w.Seoul.URL + "/docs#tag/operation/GET/v1/status")
		r.says("header", "seoul", "Test key of the operator")
		r.use(`[id="node/tag/operation/GET/v1/status"] .show-api-client-button`)
		r.see(`[role="dialog"].scalar-client`)
		r.do(chromedp.Poll(pressSend, nil))
		r.says(`[role="dialog"].scalar-client`, "200 OK", `"state_hash"`)
		r.look("status")
	})
}

// pressSend presses the button that sends the request, once it is on the page.
const pressSend = `(() => {
	const send = [...document.querySelectorAll('.scalar-client button')].find((b) =>
		b.checkVisibility() && b.innerText.trim().startsWith('Send'));
	send?.click();
	return !!send;
})()`

// look is judge with a picture of what the screen shows: Scalar's pages are very long.
func (r *reader) look(name string) {
	r.Helper()
	kept := *shots
	*shots = ""
	r.judge(name)
	*shots = kept
	if kept == "" {
		return
	}
	var picture []byte
	r.do(chromedp.CaptureScreenshot(&picture))
	file := fmt.Sprintf("%s-%02d-%s.png", r.label, r.pictures, name)
	if err := os.WriteFile(filepath.Join(kept, file), picture, 0o644); err != nil {
		r.Fatal(err)
	}
}
