// Package browser drives real web browsers from Go: it starts one with a profile of its own, opens pages, runs
// JavaScript in them, takes their link to the network away and gives it back, and ends them cleanly or by a crash.
// It needs the standard library and an installed browser, nothing else.
//
//	b := browser.New(t, browser.Options{})
//	p := b.Open(t, "http://localhost:8000/")
//	title, err := p.Eval(ctx, "return document.title")
//
// A test says what it waits for and never how long: [Page.Wait] asks the page until it agrees, and the context is the
// only clock. [Start] is the form for programs that are not tests.
//
// Three engines are known, and do the same but for what follows. None opens a port that the network can reach, and all
// their processes end with the driver's, however that ends.
//
//   - Chromium is driven over the DevTools protocol on a pair of pipes. Only it has [Page.CDP].
//   - Firefox is driven over WebDriver BiDi on a WebSocket. Its console does not tell of what could not be loaded, nor what
//     service workers and shared workers log. Of its pages only the one last opened or used has the focus.
//   - WebKit is WebKitGTK, as near to Safari as Linux gets, in a small shell of our own that runs in gjs; the display is
//     a broadwayd, the mouse and keyboard are those of WebKitWebDriver. It has one pixel density; the colour scheme
//     is one for all pages. Its console does not tell of what could not be loaded, nor which page a message is of: those of
//     all pages and workers are in each console. Dialogs are functions put in the place of the page's. Offline,
//     navigator.onLine and the events are put in place too, in pages only. Of its pages, too, only one has the focus.
//
// The public types hold nothing of that; another engine joins by implementing the two unexported interfaces in this file.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Engine names a kind of browser.
type Engine string

// The engines.
const (
	Chromium Engine = "chromium"
	Firefox  Engine = "firefox"
	WebKit   Engine = "webkit"
)

// Options says which browser to start and how. The zero value is headless Chromium with a fresh profile that is
// removed at the end.
type Options struct {
	// Engine is the kind of browser; "" is Chromium.
	Engine Engine

	// Binary is the browser's executable; "" looks for the engine's usual names in PATH.
	Binary string

	// Profile is the folder that holds everything the browser stores, its home directory included. It is created if
	// need be, and outlives the browser, so that a later Start finds what an earlier one left. "" is a temporary
	// folder that goes away with the browser. One browser at a time may use a profile.
	Profile string

	// Args are further command-line arguments, after the driver's own.
	Args []string

	// Env are further environment entries ("TZ=Asia/Tokyo"), which win over those of this process.
	Env []string
}

var (
	// ErrNoBrowser is in the chain of the error that Start returns if the engine is not installed.
	ErrNoBrowser = errors.New("browser not installed")

	// ErrEngine is in the chain of the error for an engine that is not known, and for what one cannot do.
	ErrEngine = errors.New("not supported by this engine")

	// ErrGone is in the chain of the errors of calls to a browser or page that was closed, killed, or has crashed.
	ErrGone = errors.New("gone")
)

// ScriptError is an exception thrown by JavaScript that [Page.Eval] ran.
type ScriptError struct {
	Message string // the exception's text and stack, as the engine gives it
}

func (e *ScriptError) Error() string { return "javascript: " + e.Message }

// Message is one entry of a page's console: what a script logged, an exception nobody caught, or what the browser
// itself reported, such as a file that was not found or a violation of the content security policy.
type Message struct {
	Level string // "log", "debug", "info", "warning", "error", or "exception"
	Text  string
	URL   string // where it comes from; "" if unknown
	Line  int    // counted from 1; 0 if unknown
}

func (m Message) String() string {
	if m.URL == "" {
		return m.Level + ": " + m.Text
	}
	return fmt.Sprintf("%s: %s (%s)", m.Level, m.Text, m.place())
}

func (m Message) place() string { return fmt.Sprintf("%s:%d", m.URL, m.Line) }

// Viewport is the window a page believes to be in.
type Viewport struct {
	Width, Height int     // in CSS pixels
	Scale         float64 // device pixels per CSS pixel; 0 is 1
	Dark          bool    // prefers-color-scheme
}

func errNoCDP(e Engine) error {
	return fmt.Errorf("browser: %s does not speak the DevTools protocol: %w", e, ErrEngine)
}

// driver is what an engine implements for a [Browser]. Its methods may be called concurrently.
type driver interface {
	newTab(ctx context.Context) (tab, error)
	offline(ctx context.Context, off bool) error
	raw(ctx context.Context, method string, params any) (json.RawMessage, error)
	console() []Message    // of workers that belong to no page
	done() <-chan struct{} // closed when the browser's process has ended
	close() error          // clean: everything is written to the profile
	kill() error           // as a crash
}

// tab is what an engine implements for a [Page].
type tab interface {
	navigate(ctx context.Context, url string) error
	reload(ctx context.Context) error
	eval(ctx context.Context, body string, args []json.RawMessage) (json.RawMessage, error)
	click(ctx context.Context, x, y float64) error
	typeText(ctx context.Context, text string) error
	press(ctx context.Context, key string) error
	screenshot(ctx context.Context) ([]byte, error)
	setViewport(ctx context.Context, v Viewport) error
	raw(ctx context.Context, method string, params any) (json.RawMessage, error)
	console() []Message
	done() <-chan struct{} // closed when the page has crashed or was closed
	close(ctx context.Context) error
}

// Browser is a running browser. It is safe for concurrent use.
type Browser struct {
	driver driver
	place  place
}

// Start starts a browser. The context bounds the start only; end the browser with [Browser.Close] or [Browser.Kill].
func Start(ctx context.Context, o Options) (*Browser, error) {
	var start func(context.Context, Options, place) (driver, error)
	switch o.Engine {
	case "", Chromium:
		start = startChromium
	case Firefox:
		start = startFirefox
	case WebKit:
		start = startWebkit
	default:
		return nil, fmt.Errorf("browser: unknown engine %q: %w; use %s, %s or %s", o.Engine, ErrEngine, Chromium, Firefox, WebKit)
	}
	at, err := openPlace(o.Profile)
	if err != nil {
		return nil, err
	}
	d, err := start(ctx, o, at)
	if err != nil {
		return nil, errors.Join(err, at.remove())
	}
	return &Browser{driver: d, place: at}, nil
}

// NewPage opens an empty page in a window of its own, so that no page is in another one's background.
func (b *Browser) NewPage(ctx context.Context) (*Page, error) {
	t, err := b.driver.newTab(ctx)
	if err != nil {
		return nil, err
	}
	return &Page{tab: t}, nil
}

// Offline takes the network away from all pages and workers of the browser, those opened later included, or gives it
// back. Pages hear of it by their offline and online events. Loopback is cut like any other address.
func (b *Browser) Offline(ctx context.Context, off bool) error { return b.driver.offline(ctx, off) }

// CDP calls a method of the DevTools protocol on the browser itself and returns its result: the way to whatever this
// package has no word for. Engines other than Chromium return [ErrEngine].
func (b *Browser) CDP(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return b.driver.raw(ctx, method, params)
}

// Console returns what service workers and shared workers have logged so far, where the engine tells. Those of pages, and
// of their dedicated workers, are at [Page.Console].
func (b *Browser) Console() []Message { return b.driver.console() }

// Done is closed when the browser's process has ended, for whatever reason.
func (b *Browser) Done() <-chan struct{} { return b.driver.done() }

// Close ends the browser as a user would, so that the profile holds all that was stored. A browser that does not
// end by itself in ten seconds is killed, which is an error. Closing again does nothing.
func (b *Browser) Close() error { return errors.Join(b.driver.close(), b.place.remove()) }

// Kill ends the browser as a crash or a power failure would: at once, all its processes, with no chance to tidy up.
// It returns when they are gone, so that the profile can be opened again. Killing again does nothing.
func (b *Browser) Kill() error { return errors.Join(b.driver.kill(), b.place.remove()) }

// Page is a page of a [Browser]. It is safe for concurrent use; scripts of concurrent Evals interleave as scripts do.
type Page struct {
	tab tab
}

// Navigate loads a URL and returns when its load event has been delivered. Where the page moves on to another one
// while it loads, that one counts. A page that cannot be loaded at all is an error; an HTTP error status is not.
func (p *Page) Navigate(ctx context.Context, url string) error { return p.tab.navigate(ctx, url) }

// Reload loads the page again, as the reload button does, and waits as Navigate does.
func (p *Page) Reload(ctx context.Context) error { return p.tab.reload(ctx) }

// Eval runs the body of an async function in the page and returns, as JSON, what it returns; undefined is null. The
// body finds args in the variable arguments, and may await. An exception is a [*ScriptError]. The page's content
// security policy does not bind the body.
//
//	n, err := page.Eval(ctx, `return (await caches.keys()).length + arguments[0]`, 1)
func (p *Page) Eval(ctx context.Context, body string, args ...any) (json.RawMessage, error) {
	raw := make([]json.RawMessage, len(args))
	for i, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("browser: argument %d of the script: %w", i, err)
		}
		raw[i] = b
	}
	return p.tab.eval(ctx, body, raw)
}

// Read is Eval whose result is unmarshalled into dst.
func (p *Page) Read(ctx context.Context, dst any, body string, args ...any) error {
	v, err := p.Eval(ctx, body, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(v, dst); err != nil {
		return fmt.Errorf("browser: the script's result %.200s: %w", v, err)
	}
	return nil
}

// Wait runs the body as Eval does, again and again, until it returns something true in JavaScript's sense, and returns
// that. It outlives reloads of the page meanwhile. If the context ends first, the error tells what the body returned or
// threw last.
func (p *Page) Wait(ctx context.Context, body string, args ...any) (json.RawMessage, error) {
	const pause = 20 * time.Millisecond
	var last error
	for {
		v, err := p.Eval(ctx, body, args...)
		switch {
		case err == nil && truthy(v):
			return v, nil
		case err == nil:
			last = fmt.Errorf("it was %.200s", v)
		case errors.Is(err, ErrGone):
			return nil, err
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			if last == nil {
				last = err
			}
			return nil, fmt.Errorf("browser: waited in vain for %q: %w: %w", body, last, ctx.Err())
		case <-p.tab.done():
		case <-time.After(pause):
		}
	}
}

func truthy(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", "false", "0", `""`:
		return false
	}
	return true
}

// Click waits until the first element that matches the CSS selector is to be seen and is not disabled, scrolls it into
// view, and clicks at its middle with the mouse. What lies above the element there gets the click, as it would from a
// person.
func (p *Page) Click(ctx context.Context, selector string) error {
	const middle = `
		const element = document.querySelector(arguments[0]);
		if (!element?.checkVisibility({visibilityProperty: true}) || element.matches(':disabled')) return null;
		element.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});
		const box = element.getBoundingClientRect();
		return box.width > 0 && box.height > 0 && {x: box.x + box.width / 2, y: box.y + box.height / 2}`
	v, err := p.Wait(ctx, middle, selector)
	if err != nil {
		return fmt.Errorf("browser: click on %s: %w", selector, err)
	}
	var at struct{ X, Y float64 }
	if err := json.Unmarshal(v, &at); err != nil {
		return fmt.Errorf("browser: click on %s: %w", selector, err)
	}
	return p.tab.click(ctx, at.X, at.Y)
}

// Type enters text at the cursor of the element that has the focus, as if pasted.
func (p *Page) Type(ctx context.Context, text string) error { return p.tab.typeText(ctx, text) }

// Press presses and releases a key: a character, or one of Enter, Tab, Escape, Backspace, Delete, Home, End, PageUp,
// PageDown, ArrowLeft, ArrowRight, ArrowUp, ArrowDown. "Shift+" before it holds that key meanwhile, and so do "Control+",
// "Alt+" and "Meta+".
func (p *Page) Press(ctx context.Context, key string) error { return p.tab.press(ctx, key) }

// Screenshot returns what the page looks like now, as a PNG file of its viewport.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) { return p.tab.screenshot(ctx) }

// SetViewport sets the size of the page, its pixel density and its colour scheme.
func (p *Page) SetViewport(ctx context.Context, v Viewport) error {
	if v.Width <= 0 || v.Height <= 0 || v.Scale < 0 {
		return errors.New("browser: a viewport needs a width and a height in pixels above zero, and a scale that is not below")
	}
	if v.Scale == 0 {
		v.Scale = 1
	}
	return p.tab.setViewport(ctx, v)
}

// CDP calls a method of the DevTools protocol on the page. See [Browser.CDP].
func (p *Page) CDP(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return p.tab.raw(ctx, method, params)
}

// Console returns what the page and its dedicated workers have logged so far, across reloads.
func (p *Page) Console() []Message { return p.tab.console() }

// Done is closed when the page has crashed or was closed, or its browser ended.
func (p *Page) Done() <-chan struct{} { return p.tab.done() }

// Close closes the page, without asking it.
func (p *Page) Close(ctx context.Context) error { return p.tab.close(ctx) }
