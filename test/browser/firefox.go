package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// firefox is the driver of Firefox. It speaks WebDriver BiDi, on a WebSocket at a port that Firefox chooses.
type firefox struct {
	proc   *process
	conn   *conn
	chrome string // the context of the browser's own first window, whose scripts may do all that Firefox can

	mu   sync.Mutex
	tabs map[string]*firefoxTab // by context
}

// firefoxPrefs are the settings that must hold before the first window opens. Firefox makes the usual ones for tests
// by itself when it is driven.
var firefoxPrefs = []string{
	`"browser.startup.page", 0`, `"browser.startup.homepage", "about:blank"`, `"browser.newtabpage.enabled", false`,
	`"browser.aboutwelcome.enabled", false`, `"browser.shell.checkDefaultBrowser", false`, `"browser.tabs.firefox-view", false`,
	`"datareporting.policy.dataSubmissionEnabled", false`, `"toolkit.telemetry.reportingpolicy.firstRun", false`,
	`"app.normandy.enabled", false`, `"messaging-system.rsexperimentloader.enabled", false`, `"app.update.auto", false`,
	`"network.dns.disablePrefetch", true`, `"network.prefetch-next", false`, `"network.http.speculative-parallel-limit", 0`,
	`"network.trr.mode", 5`, `"media.gmp-manager.updateEnabled", false`, `"extensions.systemAddon.update.enabled", false`,
	`"browser.safebrowsing.provider.mozilla.updateURL", ""`, `"dom.security.https_first", false`,
	`"layout.css.prefers-color-scheme.content-override", 1`, // light
	`"devtools.jsonview.enabled", false`,                    // a page that is JSON is its text, as elsewhere
	`"browser.sessionstore.resume_from_crash", false`, `"toolkit.startup.max_resumed_crashes", -1`,
}

// firefoxEvents are those the driver hears.
var firefoxEvents = []string{
	"browsingContext.navigationStarted", "browsingContext.navigationFailed", "browsingContext.load", "browsingContext.fragmentNavigated",
	"browsingContext.contextDestroyed", "browsingContext.userPromptOpened", "log.entryAdded",
}

// startFirefox starts the browser at a place.
func startFirefox(ctx context.Context, o Options, at place) (driver, error) {
	binary := o.Binary
	if binary == "" {
		var err error
		if binary, err = findBinary(Firefox, "firefox-esr", "firefox"); err != nil {
			return nil, err
		}
	}
	profile := filepath.Join(at.profile, "firefox")
	if err := writePrefs(profile); err != nil {
		return nil, err
	}
	// With port 0 it takes a free one, and says in this file which: one that is there is of an earlier crash.
	address := filepath.Join(profile, "WebDriverBiDiServer.json")
	if err := os.Remove(address); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("browser: profile: %w", err)
	}
	cmd := exec.Command(binary, append([]string{
		"--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "--remote-allow-system-access",
	}, o.Args...)...)
	cmd.Env = at.environment(append([]string{"MOZ_CRASHREPORTER_DISABLE=1", "MOZ_HEADLESS_WIDTH=1280", "MOZ_HEADLESS_HEIGHT=800"}, o.Env...))
	proc, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("browser: start of %s: %w", binary, err)
	}
	b := &firefox{proc: proc, tabs: make(map[string]*firefoxTab)}
	if err := b.connect(ctx, address); err != nil {
		return nil, proc.stillborn(binary, err)
	}
	go func() {
		<-b.conn.down
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, t := range b.tabs {
			t.lose()
		}
		clear(b.tabs)
	}()
	return b, nil
}

func writePrefs(profile string) error {
	var text strings.Builder
	for _, pref := range firefoxPrefs {
		text.WriteString("user_pref(" + pref + ");\n")
	}
	err := os.MkdirAll(profile, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(profile, "user.js"), []byte(text.String()), 0o600)
	}
	if err != nil {
		return fmt.Errorf("browser: profile: %w", err)
	}
	return nil
}

// connect opens the connection and the session.
func (b *firefox) connect(ctx context.Context, file string) error {
	var address struct {
		Host string `json:"ws_host"`
		Port int    `json:"ws_port"`
	}
	err := b.proc.until(ctx, func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &address) == nil // else it is not there yet, or not all of it
	})
	if err != nil {
		return err
	}
	socket, err := dialWebsocket(ctx, net.JoinHostPort(address.Host, strconv.Itoa(address.Port)), "/session")
	if err != nil {
		return err
	}
	b.conn = dial(bidi, socket)
	b.conn.on("", b.event)
	capabilities := map[string]any{"alwaysMatch": map[string]any{"unhandledPromptBehavior": map[string]string{"default": "accept"}}}
	if _, err := b.conn.call(ctx, "", "session.new", map[string]any{"capabilities": capabilities}); err != nil {
		return err
	}
	if _, err := b.conn.call(ctx, "", "session.subscribe", map[string]any{"events": firefoxEvents}); err != nil {
		return err
	}
	var tree struct{ Contexts []struct{ Context string } }
	if err := b.conn.ask(ctx, "", "browsingContext.getTree", map[string]any{"moz:scope": "chrome", "maxDepth": 0}, &tree); err != nil {
		return err
	}
	if len(tree.Contexts) == 0 {
		return errors.New("browser: it has no window")
	}
	b.chrome = tree.Contexts[0].Context
	return b.watchCrashes(ctx)
}

// watchCrashes makes a channel from the browser's own scripts to [firefox.event], for the names of pages that crash: the
// protocol has no word for that, and goes on with the notice that is shown instead.
func (b *firefox) watchCrashes(ctx context.Context) error {
	if _, err := b.conn.call(ctx, "", "session.subscribe", map[string]any{"events": []string{"script.message"}}); err != nil {
		return err
	}
	_, err := b.conn.call(ctx, b.chrome, "script.callFunction", map[string]any{
		"functionDeclaration": `(tell) => { globalThis.larderCrash = tell }`, "awaitPromise": false,
		"target":    map[string]string{"context": b.chrome},
		"arguments": []any{map[string]any{"type": "channel", "value": map[string]string{"channel": "crash"}}},
	})
	return err
}

// event hands an event to the page it is about, whose context stands in one of three places.
func (b *firefox) event(method string, params json.RawMessage) {
	var e struct {
		Context string
		Source  struct{ Context string }
		Data    struct{ Value json.RawMessage }
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	context := e.Context
	switch method {
	case "log.entryAdded":
		context = e.Source.Context
	case "script.message":
		if json.Unmarshal(e.Data.Value, &context) != nil {
			return
		}
	}
	b.mu.Lock()
	t := b.tabs[context]
	b.mu.Unlock()
	if t != nil {
		t.event(method, params)
	}
}

func (b *firefox) newTab(ctx context.Context) (tab, error) {
	var r struct{ Context string }
	if err := b.conn.ask(ctx, "", "browsingContext.create", map[string]any{"type": "window"}, &r); err != nil {
		return nil, err
	}
	t := &firefoxTab{browser: b, context: r.Context, ending: newEnding(), loads: newLoads()}
	b.mu.Lock()
	b.tabs[t.context] = t
	b.mu.Unlock()
	_, err := b.do(ctx, `
		const [context] = arguments;
		navigable(context).embedderElement.addEventListener('oop-browser-crashed', () => larderCrash(context));`, t.context)
	return t, err
}

// forget drops a page that is gone.
func (b *firefox) forget(t *firefoxTab) {
	b.mu.Lock()
	delete(b.tabs, t.context)
	b.mu.Unlock()
	t.lose()
	b.conn.drop(t.context, errTabGone)
}

// offline has the browser say that it is, and then refuses all connections: Firefox by itself makes an exception for
// those to this machine.
func (b *firefox) offline(ctx context.Context, off bool) error {
	_, err := b.do(ctx, `
		const [off] = arguments, topic = 'http-on-before-connect';
		globalThis.larderRefusal ??= {observe(channel) { channel.QueryInterface(Ci.nsIRequest).cancel(Cr.NS_ERROR_OFFLINE) }};
		if (off && !Services.io.offline) Services.obs.addObserver(larderRefusal, topic);
		if (!off && Services.io.offline) Services.obs.removeObserver(larderRefusal, topic);
		Services.io.offline = off;`, off)
	return err
}

// do runs a script with the browser's own rights. It has a function that finds a page by its name in the protocol.
func (b *firefox) do(ctx context.Context, body string, args ...any) (json.RawMessage, error) {
	raw := make([]json.RawMessage, len(args))
	for i, a := range args {
		v, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		raw[i] = v
	}
	const navigable = `const navigable = (context) => ChromeUtils.importESModule(
		'chrome://remote/content/shared/NavigableManager.sys.mjs').NavigableManager.getBrowsingContextById(context);
		`
	return b.eval(ctx, b.chrome, navigable+body, raw)
}

// eval runs the body of an async function in a context.
func (b *firefox) eval(ctx context.Context, target, body string, args []json.RawMessage) (json.RawMessage, error) {
	script, err := catching(body, args)
	if err != nil {
		return nil, err
	}
	answer, err := b.conn.call(ctx, target, "script.evaluate", map[string]any{
		"expression": script, "target": map[string]string{"context": target}, "awaitPromise": true, "userActivation": true,
	})
	if err != nil {
		return nil, err
	}
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *bidiException
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return nil, fmt.Errorf("browser: answer to script.evaluate: %w", err)
	}
	if r.ExceptionDetails != nil {
		return nil, &ScriptError{Message: r.ExceptionDetails.text()}
	}
	return caught(r.Result.Value)
}

func (b *firefox) raw(context.Context, string, any) (json.RawMessage, error) {
	return nil, errNoCDP(Firefox)
}

func (b *firefox) console() []Message { return nil }

func (b *firefox) done() <-chan struct{} { return b.proc.ended }

func (b *firefox) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_, err := b.conn.call(ctx, "", "browser.close", nil)
	if errors.Is(err, ErrGone) { // it ended before it could answer, or long ago
		err = nil
	}
	return errors.Join(err, b.proc.wait())
}

func (b *firefox) kill() error { return b.proc.kill() }
