package web_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"seyfert/web"
)

// shots is a folder to keep a picture of every page in: go test ./web -run Browser -shots DIR.
var shots = flag.String("shots", "", "folder for pictures of the pages")

// browser is one running Chromium and what it complained of.
type browser struct {
	context.Context
	mu         sync.Mutex
	complaints []string // guarded by mu
}

// mustBrowse starts Chromium, or skips the test where there is none; make test fetches it.
func mustBrowse(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" && os.Getenv("CI") == "true" {
		t.Fatal("no chromium, and with CI=true nothing is skipped")
	}
	if path == "" {
		t.Skip("no chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.Flag("disable-dev-shm-usage", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, timeout := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(timeout)
	b := &browser{Context: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	b.mustRun(t, log.Enable(), runtime.Enable())
	return b
}

// listen notes what the browser says about a page: blocked by its policy, not found, thrown.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, event.ExceptionDetails.Error())
	}
}

func (b *browser) mustRun(tb testing.TB, actions ...chromedp.Action) {
	tb.Helper()
	if err := chromedp.Run(b, actions...); err != nil {
		tb.Fatal(err)
	}
}

// mustBeQuiet fails if the browser complained since the last call.
func (b *browser) mustBeQuiet(tb testing.TB) {
	tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		tb.Error("the browser complains: " + complaint)
	}
	b.complaints = nil
}

// mustServe serves the samples at /page/NAME and takes further handlers.
func mustServe(t *testing.T, more map[string]http.HandlerFunc) string {
	t.Helper()
	pages, views := mustPages(t), samples(t)
	mux := http.NewServeMux()
	mux.Handle("GET /static/", pages.Static())
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /taken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // a receipt is taken, and the page stays
	})
	mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := pages.Render(w, r, 200, views[r.PathValue("name")]()); err != nil {
			t.Error(err)
		}
	})
	for pattern, handler := range more {
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// TestBrowserLayout opens every page on a desk and on a small phone, in both languages and
// themes: nothing is blocked, nothing is wider than the screen.
func TestBrowserLayout(t *testing.T) {
	b := mustBrowse(t)
	address := mustServe(t, nil)
	names := []string{}
	for name := range samples(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		for _, width := range []int64{1280, 390, 360} {
			for _, lang := range web.Langs {
				if width == 390 && *shots == "" || testing.Short() && i%4 != 0 {
					continue // 360 is judged in any case; 390 is for looking at
				}
				theme := "light"
				if (width == 1280) == (lang == web.Korean) {
					theme = "dark"
				}
				label := fmt.Sprintf("%s-%d-%s", name, width, lang)
				t.Run(label, func(t *testing.T) {
					b.look(t, address+"/page/"+name+"?lang="+string(lang), width, theme, label)
				})
			}
		}
	}
}

// look opens one page at a width and theme and judges its layout.
func (b *browser) look(t *testing.T, url string, width int64, theme, label string) {
	var wide int64
	var overflowing []string
	b.mustRun(t,
		emulation.SetDeviceMetricsOverride(width, 900, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}),
		chromedp.Navigate(url),
		chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide),
		chromedp.Evaluate(overflow, &overflowing),
	)
	if wide > width {
		t.Errorf("the page is %d wide on a screen of %d: %s", wide, width,
			strings.Join(overflowing, ", "))
	}
	b.mustBeQuiet(t)
	if *shots == "" {
		return
	}
	var picture []byte
	b.mustRun(t, chromedp.FullScreenshot(&picture, 100))
	path := filepath.Join(*shots, label+"-"+theme+".png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// overflow names the elements that reach over the right edge of the page.
const overflow = `[...document.querySelectorAll('body *')]
	.filter(e => e.getBoundingClientRect().right > innerWidth + 1)
	.slice(0, 5).map(e => e.tagName + '.' + e.className)`

// TestBrowserMovesOn watches a checkout that is approved and paid elsewhere.
func TestBrowserMovesOn(t *testing.T) {
	b := mustBrowse(t)
	var state atomic.Value
	state.Store(web.CheckoutWaiting)
	pages := mustPages(t)
	address := mustServe(t, map[string]http.HandlerFunc{
		"GET /live": func(w http.ResponseWriter, r *http.Request) {
			v := sampleCheckout(state.Load().(web.CheckoutState)).(*web.Checkout)
			v.Now, v.Expires = time.Now(), time.Now().Add(16*time.Second)
			if err := pages.Render(w, r, 200, v); err != nil {
				t.Error(err)
			}
		},
	})
	var announced, said string
	b.mustRun(
		t, chromedp.Navigate(address+"/live?lang=en"),
		chromedp.WaitVisible(`.timer`, chromedp.ByQuery),
		chromedp.Poll(`document.querySelector('[data-announce]').textContent`, &announced),
	)
	if announced != "15 seconds left" {
		t.Errorf("announced %q", announced)
	}
	state.Store(web.CheckoutApproved)
	b.mustRun(t, chromedp.WaitVisible(`.orb.now`, chromedp.ByQuery))
	state.Store(web.CheckoutPaid)
	b.mustRun(t, chromedp.WaitVisible(`[data-state="paid"] .orb`, chromedp.ByQuery),
		chromedp.Text(`#said`, &said, chromedp.ByQuery))
	if said != "Paid" {
		t.Errorf("the live region says %q", said)
	}
	b.mustBeQuiet(t)
}

// TestBrowserTheme keeps a chosen theme on the next page.
func TestBrowserTheme(t *testing.T) {
	b := mustBrowse(t)
	address := mustServe(t, nil)
	var before, after, kept, lang string
	const theme = `getComputedStyle(document.documentElement).colorScheme`
	b.mustRun(t,
		chromedp.Navigate(address+"/page/home?lang=ko"),
		chromedp.Evaluate(theme, &before),
		chromedp.Click(`[data-theme-toggle]`, chromedp.ByQuery),
		chromedp.Evaluate(theme, &after),
		chromedp.Navigate(address+"/page/shop"),
		chromedp.Evaluate(theme, &kept),
		chromedp.Evaluate(`document.documentElement.lang`, &lang),
	)
	if before != "light dark" || after != "dark" || kept != "dark" {
		t.Errorf("theme %q, after the switch %q, on the next page %q", before, after, kept)
	}
	if lang != "ko" {
		t.Errorf("the next page speaks %q, the chosen language was ko", lang)
	}
	b.mustBeQuiet(t)
}

// TestBrowserHandsOver lets the page after an approval take a receipt to a shop at another
// origin, by itself and once.
func TestBrowserHandsOver(t *testing.T) {
	b, pages := mustBrowse(t), mustPages(t)
	var taken atomic.Int32
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.PostFormValue("receipt") != "" &&
			r.PostFormValue("offer") != "" && r.PostFormValue("order") == "" {
			taken.Add(1)
			http.Redirect(w, r, "/thanks", http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<h1 id="thanks">Thanks</h1>`))
	}))
	t.Cleanup(shop.Close)
	address := mustServe(t, map[string]http.HandlerFunc{
		"GET /given": func(w http.ResponseWriter, r *http.Request) {
			v := sampleHandOver(shop.URL + "/return").(*web.HandOver)
			v.Forms = []string{shop.URL}
			if err := pages.Render(w, r, 200, v); err != nil {
				t.Error(err)
			}
		},
	})
	var title string
	b.mustRun(
		t, chromedp.Navigate(address+"/given"),
		chromedp.WaitVisible(`#thanks`, chromedp.ByQuery),
		chromedp.Navigate(address+"/given"),
		chromedp.WaitVisible(`form[data-hand-over] button`, chromedp.ByQuery),
		chromedp.Sleep(300*time.Millisecond),
		chromedp.Title(&title),
	)
	if taken.Load() != 1 || !strings.HasPrefix(title, "Approved") {
		t.Errorf("taken %d times, then at %q", taken.Load(), title)
	}
	b.mustRun(
		t, chromedp.Click(`form[data-hand-over] button`, chromedp.ByQuery),
		chromedp.WaitVisible(`#thanks`, chromedp.ByQuery),
	)
	if taken.Load() != 2 {
		t.Errorf("taken %d times after the button", taken.Load())
	}
}
