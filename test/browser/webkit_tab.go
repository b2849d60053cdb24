package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// webkitTab is one page of a WebKitGTK, in a window of its own.
type webkitTab struct {
	*ending
	browser *webkit
	session string
	since   int    // how many messages the browser's console had when the page was opened
	handle  string // the page's name to WebKitWebDriver, once it is known; of [webkitInput]
	loads   *loads
}

func (t *webkitTab) call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	select {
	case <-t.gone:
		return nil, errTabGone
	default:
	}
	return t.browser.conn.call(ctx, t.session, method, params)
}

func (t *webkitTab) event(method string, params json.RawMessage) {
	var e struct {
		Load int
		Text string
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	l := load{loader: strconv.Itoa(e.Load), problem: e.Text}
	switch method {
	case "load.begun":
		l.step = begun
		t.loads.note(l)
	case "load.failed":
		l.step = failed
		t.loads.note(l)
	case "load.complete":
		l.step = complete
		t.loads.note(l)
	case "crashed":
		t.browser.log.add(Message{Level: "error", Text: "a page has crashed"})
		t.browser.forget(t)
	case "gone":
		t.browser.forget(t)
	}
}

func (t *webkitTab) navigate(ctx context.Context, url string) error {
	since := t.loads.count()
	b, err := t.call(ctx, "load", map[string]string{"url": url})
	if err != nil {
		return err
	}
	var r struct{ Within bool } // only the fragment differs
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("browser: answer to load: %w", err)
	}
	if r.Within {
		return nil
	}
	return t.loaded(ctx, since)
}

func (t *webkitTab) reload(ctx context.Context) error {
	since := t.loads.count()
	if _, err := t.call(ctx, "reload", nil); err != nil {
		return err
	}
	return t.loaded(ctx, since)
}

// loaded waits until what was begun since is complete. WebKit moves on only after the load event of the page that said
// so: whether it does is known when timers have had their turn.
func (t *webkitTab) loaded(ctx context.Context, since int) error {
	for {
		if err := t.loads.wait(ctx, t.gone, since, ""); err != nil {
			return err
		}
		since = t.loads.count()
		for range 2 {
			if _, err := t.eval(ctx, `await new Promise((resolve) => setTimeout(resolve))`, nil); errors.Is(err, ErrGone) || ctx.Err() != nil {
				return err
			}
		}
		if t.loads.begunSince(since) == 0 {
			return nil
		}
	}
}

func (t *webkitTab) eval(ctx context.Context, body string, args []json.RawMessage) (json.RawMessage, error) {
	script, err := catching(body, args)
	if err != nil {
		return nil, err
	}
	b, err := t.call(ctx, "evaluate", map[string]string{"body": "return " + script})
	var refused *refusal
	if errors.As(err, &refused) && strings.HasPrefix(refused.Message, "SyntaxError") {
		return nil, &ScriptError{Message: refused.Message}
	}
	if err != nil {
		return nil, err
	}
	var r struct{ Value json.RawMessage }
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("browser: answer to evaluate: %w", err)
	}
	return caught(r.Value)
}

func (t *webkitTab) screenshot(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp(t.browser.place.scratch, "")
	if err != nil {
		return nil, fmt.Errorf("browser: screenshot: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "page.png")
	if _, err := t.call(ctx, "snapshot", map[string]string{"file": file}); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("browser: screenshot: %w", err)
	}
	return b, nil
}

// setViewport sets the size of the window. The colour scheme is one for all pages.
func (t *webkitTab) setViewport(ctx context.Context, v Viewport) error {
	if v.Scale != 1 {
		return fmt.Errorf("browser: a pixel density of %v: %w", v.Scale, ErrEngine)
	}
	if _, err := t.call(ctx, "resize", map[string]int{"width": v.Width, "height": v.Height}); err != nil {
		return err
	}
	if _, err := t.call(ctx, "dark", map[string]bool{"dark": v.Dark}); err != nil {
		return err
	}
	want, err := json.Marshal([]any{v.Width, v.Height, v.Dark})
	if err != nil {
		return err
	}
	p := &Page{tab: t} // the page hears of both a moment later
	_, err = p.Wait(ctx, `return JSON.stringify([innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches]) === arguments[0]`, string(want))
	return err
}

func (t *webkitTab) click(ctx context.Context, x, y float64) error {
	return t.browser.input.act(ctx, t, clickActions(x, y))
}

func (t *webkitTab) press(ctx context.Context, key string) error {
	actions, err := pressActions(key)
	if err != nil {
		return err
	}
	return t.browser.input.act(ctx, t, actions)
}

func (t *webkitTab) typeText(ctx context.Context, text string) error {
	t.browser.input.mu.Lock()
	defer t.browser.input.mu.Unlock()
	if err := t.present(ctx); err != nil {
		return err
	}
	return insertText(ctx, t, text)
}

// present gives the window of the page the focus, which only one has.
func (t *webkitTab) present(ctx context.Context) error {
	if _, err := t.call(ctx, "present", nil); err != nil {
		return err
	}
	p := &Page{tab: t}
	_, err := p.Wait(ctx, `return document.hasFocus()`)
	return err
}

func (t *webkitTab) raw(context.Context, string, any) (json.RawMessage, error) {
	return nil, errNoCDP(WebKit)
}

func (t *webkitTab) console() []Message { return t.browser.log.messages()[t.since:] }

func (t *webkitTab) close(ctx context.Context) error {
	select {
	case <-t.gone:
		return nil
	default:
	}
	if _, err := t.call(ctx, "close", nil); err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("browser: the page is still closing: %w", context.Cause(ctx))
	}
}
