package sandbox_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shots is a folder to keep a picture of every page in: go test ./sandbox -run Browser -shots DIR.
var shots = flag.String("shots", "", "folder for pictures of the pages")

// stepTimeout bounds one step in the browser.
const stepTimeout = 30 * time.Second

// reader is someone at a Chromium, who sees what it complains of.
type reader struct {
	*testing.T
	tab      context.Context
	label    string // of pictures: width, language and theme
	width    int64
	keyboard bool // uses nothing but the keyboard
	pictures int

	mu         sync.Mutex
	complaints []string // guarded by mu
}

// mustBrowse starts Chromium, or skips the test where there is none; make test fetches it.
func mustBrowse(t *testing.T, width int64, lang, theme string) *reader {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes too long for -short")
	}
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
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", lang))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	r := &reader{
		T: t, tab: ctx, width: width, label: fmt.Sprintf("%d-%s-%s", width, lang, theme),
	}
	chromedp.ListenTarget(ctx, r.listen)
	if err := chromedp.Run(ctx); err != nil { // the first run starts it and must not time out
		t.Fatal(err)
	}
	r.do(log.Enable(), runtime.Enable(),
		emulation.SetDeviceMetricsOverride(width, 900, 1, width < 640),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}))
	return r
}

// listen notes what the browser says about a page: blocked by its policy, not found, thrown.
func (r *reader) listen(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch event := event.(type) {
	case *log.EventEntryAdded:
		r.complaints = append(r.complaints, event.Entry.Text+" "+event.Entry.URL)
	case *runtime.EventExceptionThrown:
		r.complaints = append(r.complaints, event.ExceptionDetails.Error())
	}
}

// try runs actions within the time of a step.
func (r *reader) try(actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(r.tab, stepTimeout)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// do runs actions and says on which page they failed.
func (r *reader) do(actions ...chromedp.Action) {
	r.Helper()
	if err := r.try(actions...); err != nil {
		var url, text string
		chromedp.Run(r.tab, chromedp.Location(&url), chromedp.Text("body", &text, chromedp.ByQuery))
		r.Fatalf("%v at %s\n%s\n%v", err, url, text, r.complaints)
	}
}

func (r *reader) open(url string) { r.Helper(); r.do(chromedp.Navigate(url)) }

// see waits until something is on the page.
func (r *reader) see(selector string) {
	r.Helper()
	r.do(chromedp.WaitVisible(selector, chromedp.ByQuery))
}

// use presses a button or follows a link, once it is there.
func (r *reader) use(selector string) {
	r.Helper()
	r.see(selector)
	r.listens(selector)
	if r.keyboard {
		r.reach(selector)
		r.do(chromedp.KeyEvent(kb.Enter))
		return
	}
	// What polls itself may be swapped between looking and clicking.
	for try := 0; ; try++ {
		err := r.try(chromedp.Click(selector, chromedp.ByQuery))
		if err == nil {
			return
		}
		if try == 2 {
			r.Fatalf("press %s: %v", selector, err)
		}
	}
}

// listens waits until the script of a passkey's form is there: whoever is faster is told that the
// passkey was not accepted, and tries again.
func (r *reader) listens(selector string) {
	r.Helper()
	const ready = `!document.querySelector(%q)?.closest('form[data-passkey]') ||
		document.documentElement.dataset.passkeys === 'ready'`
	for end := time.Now().Add(stepTimeout); ; r.do(chromedp.Sleep(20 * time.Millisecond)) {
		var there bool
		if r.try(chromedp.Evaluate(fmt.Sprintf(ready, selector), &there)) == nil && there {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("the script of %s does not start", selector)
		}
	}
}

// reach moves the focus with the tabulator key until it is on an element, which must be seen.
func (r *reader) reach(selector string) {
	r.Helper()
	const focused = `document.activeElement.matches(%q) &&
		getComputedStyle(document.activeElement).outlineStyle !== 'none'`
	for range 80 {
		var there bool
		r.do(chromedp.Evaluate(fmt.Sprintf(focused, selector), &there))
		if there {
			return
		}
		r.do(chromedp.KeyEvent(kb.Tab))
	}
	r.Fatalf("the keyboard does not reach %s, or it has no ring", selector)
}

// text is what an element says, with plain spaces; nothing while the page is changing.
func (r *reader) text(selector string) string {
	const said = `(document.querySelector(%q) ?? {innerText: ''}).innerText`
	var text string
	if r.try(chromedp.Evaluate(fmt.Sprintf(said, selector), &text)) != nil {
		return ""
	}
	return strings.Join(strings.Fields(text), " ")
}

// says waits until an element says all of some texts.
func (r *reader) says(selector string, texts ...string) {
	r.Helper()
	for end := time.Now().Add(stepTimeout); ; r.do(chromedp.Sleep(50 * time.Millisecond)) {
		have := r.text(selector)
		missing := slices.DeleteFunc(slices.Clone(texts), func(want string) bool {
			return strings.Contains(have, want)
		})
		if len(missing) == 0 {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%s does not say %q but %q; the page says %q", selector, missing, have, r.text("main"))
		}
	}
}

// judge looks at a page: nothing was blocked or thrown, nothing is wider than the screen, and
// it keeps a picture.
func (r *reader) judge(name string) {
	r.Helper()
	var wide int64
	var title string
	r.do(chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide), chromedp.Title(&title))
	if wide > r.width {
		r.Errorf("%s is %d wide on a screen of %d", name, wide, r.width)
	}
	if title == "" {
		r.Errorf("%s has no title", name)
	}
	r.mu.Lock()
	for _, complaint := range r.complaints {
		r.Errorf("%s: the browser complains: %s", name, complaint)
	}
	r.complaints = nil
	r.mu.Unlock()
	r.pictures++
	if *shots == "" {
		return
	}
	var picture []byte
	r.do(chromedp.FullScreenshot(&picture, 100))
	file := fmt.Sprintf("%s-%02d-%s.png", r.label, r.pictures, name)
	if err := os.WriteFile(filepath.Join(*shots, file), picture, 0o644); err != nil {
		r.Fatal(err)
	}
}

// download follows a link to a file and returns what the browser kept.
func (r *reader) download(selector string) []byte {
	r.Helper()
	dir, done := r.TempDir(), make(chan string, 1)
	ctx, cancel := context.WithCancel(r.tab)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok &&
			e.State == browser.DownloadProgressStateCompleted {
			done <- e.GUID
		}
	})
	r.do(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllowAndName).
		WithDownloadPath(dir).WithEventsEnabled(true))
	r.use(selector)
	select {
	case file := <-done:
		return mustRead(r.T, filepath.Join(dir, file))
	case <-time.After(stepTimeout):
		r.Fatal("the download does not end")
		return nil
	}
}
