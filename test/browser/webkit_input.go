package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"sync"
)

// webkitInput is the mouse and the keyboard of a [webkit]: a WebKitWebDriver that is attached to it when it is first
// needed. The browser gives nobody else a way to make events that pages trust.
type webkitInput struct {
	env    []string
	target string // where the browser listens for it

	mu     sync.Mutex // held while the focus matters
	proc   *process
	driver *webdriver
}

// act has the person at a page do something.
func (i *webkitInput) act(ctx context.Context, t *webkitTab, actions []any) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.attach(ctx); err != nil {
		return err
	}
	if err := t.present(ctx); err != nil {
		return err
	}
	if err := i.find(ctx, t); err != nil {
		return err
	}
	return i.driver.post(ctx, "/actions", map[string]any{"actions": actions}, nil)
}

// attach starts the WebKitWebDriver and its session.
func (i *webkitInput) attach(ctx context.Context) error {
	if i.driver != nil {
		return nil
	}
	addr, err := freePort()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	cmd := exec.Command("WebKitWebDriver", "--port="+port, "--target="+i.target)
	cmd.Env = i.env
	proc, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("browser: start of WebKitWebDriver: %w", err)
	}
	driver := newWebdriver(addr)
	err = proc.until(ctx, func() bool { return driver.get(ctx, "/status", nil) == nil })
	var session struct{ SessionID string }
	if err == nil {
		err = driver.post(ctx, "/session", json.RawMessage(`{"capabilities": {"alwaysMatch": {}}}`), &session)
	}
	if err != nil {
		return proc.stillborn("WebKitWebDriver", err)
	}
	driver.base += "/session/" + session.SessionID
	i.proc, i.driver = proc, driver
	return nil
}

// find makes a page, which has the focus, the one that actions go to. Its handle is the one of the page that has it.
func (i *webkitInput) find(ctx context.Context, t *webkitTab) error {
	if t.handle != "" {
		return i.driver.post(ctx, "/window", map[string]string{"handle": t.handle}, nil)
	}
	var handles []string
	if err := i.driver.get(ctx, "/window/handles", &handles); err != nil {
		return err
	}
	for _, handle := range slices.Backward(handles) {
		if err := i.driver.post(ctx, "/window", map[string]string{"handle": handle}, nil); err != nil {
			return err
		}
		focused := false
		err := i.driver.post(ctx, "/execute/sync", json.RawMessage(`{"script": "return document.hasFocus()", "args": []}`), &focused)
		var refused *webdriverError
		if err != nil && !errors.As(err, &refused) { // pages that nothing was loaded into refuse
			return err
		}
		if focused {
			t.handle = handle
			return nil
		}
	}
	return errors.New("browser: WebKitWebDriver does not know the page")
}

// kill ends the WebKitWebDriver, if there is one.
func (i *webkitInput) kill() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.proc == nil {
		return nil
	}
	return i.proc.kill()
}
