package browser

import (
	"context"
	"encoding/json"
	"fmt"
)

// firefoxTab is one page of a Firefox, in a window of its own.
type firefoxTab struct {
	*ending
	browser *firefox
	context string // the page's name in the protocol
	log     console
	loads   *loads
}

func (t *firefoxTab) call(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	select {
	case <-t.gone:
		return nil, errTabGone
	default:
	}
	params["context"] = t.context
	return t.browser.conn.call(ctx, t.context, method, params)
}

func (t *firefoxTab) event(method string, params json.RawMessage) {
	var e struct{ Navigation, URL, Type, Message string }
	switch method {
	case "browsingContext.contextDestroyed":
		t.browser.forget(t)
	case "script.message":
		t.log.add(Message{Level: "error", Text: "the page has crashed"})
		t.browser.forget(t)
	case "browsingContext.userPromptOpened":
		if json.Unmarshal(params, &e) == nil {
			t.log.add(Message{Level: "info", Text: e.Type + " dialog accepted: " + e.Message})
		}
	case "log.entryAdded":
		t.log.bidiEvent(params)
	default:
		if json.Unmarshal(params, &e) == nil {
			t.navigationEvent(method, e.Navigation, e.URL)
		}
	}
}

func (t *firefoxTab) navigationEvent(method, navigation, url string) {
	switch method {
	case "browsingContext.navigationStarted":
		t.loads.note(load{loader: navigation, step: begun})
	case "browsingContext.load":
		t.loads.note(load{loader: navigation, step: complete})
	case "browsingContext.fragmentNavigated":
		t.loads.note(load{loader: navigation, step: begun})
		t.loads.note(load{loader: navigation, step: complete})
	case "browsingContext.navigationFailed":
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), attachTimeout)
			defer cancel()
			t.settle(ctx)
			t.loads.note(load{loader: navigation, step: failed, problem: url})
		}()
	}
}

// settle waits for the events that are on their way. That a load was given up for another one is told before the other
// one's start.
func (t *firefoxTab) settle(ctx context.Context) {
	_, _ = t.browser.conn.call(ctx, "", "session.status", nil)
}

func (t *firefoxTab) navigate(ctx context.Context, url string) error {
	return t.load(ctx, url, "browsingContext.navigate", map[string]any{"url": url})
}

func (t *firefoxTab) reload(ctx context.Context) error {
	return t.load(ctx, "the page", "browsingContext.reload", map[string]any{})
}

func (t *firefoxTab) load(ctx context.Context, what, method string, params map[string]any) error {
	since := t.loads.count()
	b, err := t.call(ctx, method, params)
	if err != nil {
		t.settle(ctx)
		if t.loads.begunSince(since) > 1 { // given up for another one
			return t.loads.wait(ctx, t.gone, since, "")
		}
		return fmt.Errorf("browser: %s could not be loaded: %w", what, err)
	}
	var r struct{ Navigation string }
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("browser: answer to %s: %w", method, err)
	}
	return t.loads.wait(ctx, t.gone, since, r.Navigation)
}

func (t *firefoxTab) eval(ctx context.Context, body string, args []json.RawMessage) (json.RawMessage, error) {
	select {
	case <-t.gone:
		return nil, errTabGone
	default:
	}
	return t.browser.eval(ctx, t.context, body, args)
}

func (t *firefoxTab) screenshot(ctx context.Context) ([]byte, error) {
	b, err := t.call(ctx, "browsingContext.captureScreenshot", map[string]any{})
	if err != nil {
		return nil, err
	}
	var r struct{ Data []byte }
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("browser: answer to browsingContext.captureScreenshot: %w", err)
	}
	return r.Data, nil
}

func (t *firefoxTab) setViewport(ctx context.Context, v Viewport) error {
	if _, err := t.call(ctx, "browsingContext.setViewport", map[string]any{
		"viewport": map[string]int{"width": v.Width, "height": v.Height}, "devicePixelRatio": v.Scale,
	}); err != nil {
		return err
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	_, err := t.browser.do(ctx, `
		const [context, scheme] = arguments;
		navigable(context).prefersColorSchemeOverride = scheme;`, t.context, scheme)
	return err
}

func (t *firefoxTab) click(ctx context.Context, x, y float64) error {
	return t.act(ctx, clickActions(x, y))
}

func (t *firefoxTab) press(ctx context.Context, key string) error {
	actions, err := pressActions(key)
	if err != nil {
		return err
	}
	return t.act(ctx, actions)
}

func (t *firefoxTab) typeText(ctx context.Context, text string) error {
	if err := t.activate(ctx); err != nil {
		return err
	}
	return insertText(ctx, t, text)
}

// act has the person at this page do something. Only the window in front has the focus.
func (t *firefoxTab) act(ctx context.Context, actions []any) error {
	if err := t.activate(ctx); err != nil {
		return err
	}
	_, err := t.call(ctx, "input.performActions", map[string]any{"actions": actions})
	return err
}

func (t *firefoxTab) activate(ctx context.Context) error {
	_, err := t.call(ctx, "browsingContext.activate", map[string]any{})
	return err
}

func (t *firefoxTab) raw(context.Context, string, any) (json.RawMessage, error) {
	return nil, errNoCDP(Firefox)
}

func (t *firefoxTab) console() []Message { return t.log.messages() }

func (t *firefoxTab) close(ctx context.Context) error {
	select {
	case <-t.gone:
		return nil
	default:
	}
	if _, err := t.call(ctx, "browsingContext.close", map[string]any{}); err != nil {
		return err
	}
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("browser: the page is still closing: %w", context.Cause(ctx))
	}
}
