package browser

import (
	"context"
	"encoding/json"
	"fmt"
)

var errTabGone = fmt.Errorf("browser: page or worker %w: it was closed or has crashed", ErrGone)

// chromiumTab is one page of a Chromium.
type chromiumTab struct {
	*ending
	browser *chromium
	target  string // the id of the target, and of its main frame
	session string
	log     console
	loads   *loads
}

// prepare switches on what the driver needs to hear.
func (t *chromiumTab) prepare(ctx context.Context) error {
	for _, c := range []struct {
		method string
		params map[string]any
	}{
		{"Page.enable", nil},
		{"Page.setLifecycleEventsEnabled", map[string]any{"enabled": true}},
		{"Runtime.enable", nil},
		{"Log.enable", nil},
		// Every page believes to be the one in front, as with a person looking at it.
		{"Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}},
	} {
		if _, err := t.call(ctx, c.method, c.params); err != nil {
			return err
		}
	}
	if err := t.browser.attachTo(ctx, t.session, "worker", "iframe"); err != nil {
		return err
	}
	return t.browser.join(ctx, t.session)
}

func (t *chromiumTab) call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	select {
	case <-t.gone:
		return nil, errTabGone
	default:
	}
	return t.browser.conn.call(ctx, t.session, method, params)
}

func (t *chromiumTab) event(method string, params json.RawMessage) {
	switch method {
	case "Page.lifecycleEvent":
		var e struct{ FrameID, LoaderID, Name string }
		if json.Unmarshal(params, &e) != nil || e.FrameID != t.target {
			return
		}
		switch e.Name {
		case "init":
			t.loads.note(load{loader: e.LoaderID, step: begun})
		case "load":
			t.loads.note(load{loader: e.LoaderID, step: complete})
		}
	case "Page.frameNavigated":
		var e struct {
			Frame struct{ ID, LoaderID, UnreachableURL string }
		}
		if json.Unmarshal(params, &e) == nil && e.Frame.ID == t.target && e.Frame.UnreachableURL != "" {
			t.loads.note(load{loader: e.Frame.LoaderID, step: failed, problem: e.Frame.UnreachableURL})
		}
	case "Page.javascriptDialogOpening":
		// A dialog stops the page until someone answers: say yes, as most tests would, and leave a trace.
		var e struct{ Type, Message string }
		if json.Unmarshal(params, &e) == nil {
			t.log.add(Message{Level: "info", Text: e.Type + " dialog accepted: " + e.Message})
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), attachTimeout)
			defer cancel()
			_, _ = t.call(ctx, "Page.handleJavaScriptDialog", map[string]any{"accept": true})
		}()
	case "Inspector.targetCrashed":
		t.log.add(Message{Level: "error", Text: "the page has crashed"})
		t.browser.forget(t.session)
	default:
		t.browser.targetEvent(&t.log, method, params)
		t.log.event(method, params)
	}
}

func (t *chromiumTab) navigate(ctx context.Context, url string) error {
	since := t.loads.count()
	b, err := t.call(ctx, "Page.navigate", map[string]any{"url": url})
	if err != nil {
		return err
	}
	var r struct{ LoaderID, ErrorText string }
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("browser: answer to Page.navigate: %w", err)
	}
	switch {
	case r.ErrorText != "":
		return fmt.Errorf("browser: %s could not be loaded: %s", url, r.ErrorText)
	case r.LoaderID == "": // only the fragment differs
		return nil
	}
	return t.loads.wait(ctx, t.gone, since, r.LoaderID)
}

func (t *chromiumTab) reload(ctx context.Context) error {
	since := t.loads.count()
	if _, err := t.call(ctx, "Page.reload", nil); err != nil {
		return err
	}
	return t.loads.wait(ctx, t.gone, since, "")
}

func (t *chromiumTab) eval(ctx context.Context, body string, args []json.RawMessage) (json.RawMessage, error) {
	script, err := expression(body, args)
	if err != nil {
		return nil, err
	}
	b, err := t.call(ctx, "Runtime.evaluate", map[string]any{
		"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	})
	if err != nil {
		return nil, err
	}
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *exceptionDetails
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("browser: answer to Runtime.evaluate: %w", err)
	}
	if r.ExceptionDetails != nil {
		return nil, &ScriptError{Message: r.ExceptionDetails.text()}
	}
	return result(r.Result.Value)
}

func (t *chromiumTab) screenshot(ctx context.Context) ([]byte, error) {
	b, err := t.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"})
	if err != nil {
		return nil, err
	}
	var r struct{ Data []byte }
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("browser: answer to Page.captureScreenshot: %w", err)
	}
	return r.Data, nil
}

func (t *chromiumTab) setViewport(ctx context.Context, v Viewport) error {
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	if _, err := t.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": v.Width, "height": v.Height, "deviceScaleFactor": v.Scale, "mobile": false,
	}); err != nil {
		return err
	}
	_, err := t.call(ctx, "Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	})
	return err
}

func (t *chromiumTab) raw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return t.call(ctx, method, params)
}

func (t *chromiumTab) console() []Message { return t.log.messages() }

func (t *chromiumTab) close(ctx context.Context) error {
	select {
	case <-t.gone:
		return nil
	default:
	}
	if _, err := t.browser.conn.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": t.target}); err != nil {
		return err
	}
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("browser: the page is still closing: %w", context.Cause(ctx))
	}
}
