package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// attachTimeout bounds what the driver itself asks of a page or worker that has just come up.
const attachTimeout = 30 * time.Second

// chromium is the driver of Chromium and its kin.
type chromium struct {
	proc *process
	conn *conn
	log  console // of service workers and shared workers

	mu   sync.Mutex
	tabs map[string]*chromiumTab // by session

	network  sync.Mutex // held while conditions are set, so that the last word is the same everywhere
	off      bool
	sessions map[string]struct{} // everything with a network: pages, frames in other processes, workers
}

// startChromium starts the browser at a place.
func startChromium(ctx context.Context, o Options, at place) (driver, error) {
	binary := o.Binary
	if binary == "" {
		var err error
		binary, err = findBinary(Chromium, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
		if err != nil {
			return nil, err
		}
	}
	toBrowser, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	fromBrowser, theirs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("browser: %w", err), toBrowser.Close(), ours.Close())
	}
	cmd := exec.Command(binary, append(chromiumArgs(filepath.Join(at.profile, "chromium")), o.Args...)...)
	cmd.Env = at.environment(o.Env)
	cmd.ExtraFiles = []*os.File{toBrowser, theirs} // descriptors 3 and 4, where the protocol is expected
	proc, err := startProcess(cmd)
	err = errors.Join(err, toBrowser.Close(), theirs.Close())
	if err != nil {
		err = errors.Join(fmt.Errorf("browser: start of %s: %w", binary, err), ours.Close(), fromBrowser.Close())
		if proc != nil {
			err = errors.Join(err, proc.kill())
		}
		return nil, err
	}

	b := &chromium{
		proc:     proc,
		conn:     dial(cdp, newPipes(fromBrowser, ours, 0)),
		tabs:     make(map[string]*chromiumTab),
		sessions: make(map[string]struct{}),
	}
	b.conn.on("", func(method string, params json.RawMessage) { b.targetEvent(&b.log, method, params) })
	go b.loseTabs()
	if err := b.attachTo(ctx, "", "service_worker", "shared_worker"); err != nil {
		return nil, proc.stillborn(binary, err)
	}
	return b, nil
}

func chromiumArgs(data string) []string {
	args := []string{
		"--headless=new", "--remote-debugging-pipe", "--no-startup-window", "--user-data-dir=" + data,
		"--window-size=1280,800", "--force-color-profile=srgb", "--hide-scrollbars", "--disable-gpu",
		// Pages are in windows of their own, all of them "seen": none may be slowed down as hidden.
		"--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
		// Nothing that goes to the network by itself, asks the user, or reports anywhere.
		"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-quic", "--disable-breakpad", "--disable-crash-reporter", "--disable-search-engine-choice-screen",
		"--disable-features=Translate,OptimizationHints,MediaRouter,InterestFeedContentSuggestions",
		"--metrics-recording-only", "--no-service-autorun", "--hide-crash-restore-bubble", "--noerrdialogs",
		"--password-store=basic", "--use-mock-keychain", "--disable-dev-shm-usage",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // the sandbox refuses to work for root, as in containers
	}
	return args
}

// attachTo asks for a session with each target of the given types that belongs to a session, now and later. They are
// held at their start until [chromium.attached] has prepared them: a service worker that starts offline must not reach
// the network in its first line.
func (b *chromium) attachTo(ctx context.Context, session string, types ...string) error {
	var filter []map[string]any
	for _, t := range types {
		filter = append(filter, map[string]any{"type": t})
	}
	_, err := b.conn.call(ctx, session, "Target.setAutoAttach", map[string]any{
		"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": filter,
	})
	return err
}

// targetEvent takes the events about targets that belong to the browser or to a page, whose console is log.
func (b *chromium) targetEvent(log *console, method string, params json.RawMessage) {
	var e struct {
		SessionID  string
		TargetInfo struct{ Type string }
	}
	switch method {
	case "Target.attachedToTarget":
		if json.Unmarshal(params, &e) == nil && e.TargetInfo.Type != "page" {
			b.conn.on(e.SessionID, func(method string, params json.RawMessage) {
				log.event(method, params)
				if method == "Inspector.targetReloadedAfterCrash" { // a stopped service worker starts again, in the same session
					go b.attached(e.SessionID)
				}
			})
			go b.attached(e.SessionID)
		}
	case "Target.detachedFromTarget":
		if json.Unmarshal(params, &e) == nil {
			b.forget(e.SessionID)
		}
	}
}

// attached prepares a new session and lets its target run. A target may end at any moment, and then nothing here
// matters: errors are for the callers of later calls to see.
func (b *chromium) attached(session string) {
	ctx, cancel := context.WithTimeout(context.Background(), attachTimeout)
	defer cancel()
	_, _ = b.conn.call(ctx, session, "Runtime.enable", nil)
	_, _ = b.conn.call(ctx, session, "Log.enable", nil)
	_ = b.join(ctx, session)
	_, _ = b.conn.call(ctx, session, "Runtime.runIfWaitingForDebugger", nil)
}

// join counts a session among those with a network and gives it the conditions that hold now.
func (b *chromium) join(ctx context.Context, session string) error {
	b.network.Lock()
	defer b.network.Unlock()
	b.sessions[session] = struct{}{}
	if !b.off {
		return nil
	}
	return b.conditions(ctx, session, true)
}

// forget drops a session whose target is gone.
func (b *chromium) forget(session string) {
	b.mu.Lock()
	t := b.tabs[session]
	delete(b.tabs, session)
	b.mu.Unlock()
	if t != nil {
		t.lose()
	}
	b.conn.drop(session, errTabGone)
	go func() { // conditions may be being set: the reader of the connection must not wait for that
		b.network.Lock()
		defer b.network.Unlock()
		delete(b.sessions, session)
	}()
}

// loseTabs ends all tabs when the connection ends.
func (b *chromium) loseTabs() {
	<-b.conn.down
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.tabs {
		t.lose()
	}
	clear(b.tabs)
}

func (b *chromium) offline(ctx context.Context, off bool) error {
	b.network.Lock()
	defer b.network.Unlock()
	b.off = off
	for session := range b.sessions {
		err := b.conditions(ctx, session, off)
		var refused *refusal
		if err != nil && !errors.Is(err, errTabGone) && !errors.As(err, &refused) { // refused: it has just ended
			return err
		}
	}
	return nil
}

func (b *chromium) conditions(ctx context.Context, session string, off bool) error {
	// Without Network.enable only navigator.onLine would obey.
	if _, err := b.conn.call(ctx, session, "Network.enable", nil); err != nil {
		return err
	}
	_, err := b.conn.call(ctx, session, "Network.emulateNetworkConditions", map[string]any{
		"offline": off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
	})
	return err
}

func (b *chromium) newTab(ctx context.Context) (tab, error) {
	var target struct{ TargetID string }
	err := b.conn.ask(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank", "newWindow": true}, &target)
	if err != nil {
		return nil, err
	}
	var attached struct{ SessionID string }
	err = b.conn.ask(ctx, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	if err != nil {
		return nil, err
	}
	t := &chromiumTab{
		browser: b, target: target.TargetID, session: attached.SessionID,
		ending: newEnding(), loads: newLoads(),
	}
	b.mu.Lock()
	b.tabs[t.session] = t
	b.mu.Unlock()
	b.conn.on(t.session, t.event)
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (b *chromium) raw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return b.conn.call(ctx, "", method, params)
}

func (b *chromium) console() []Message { return b.log.messages() }

func (b *chromium) done() <-chan struct{} { return b.proc.ended }

func (b *chromium) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_, err := b.conn.call(ctx, "", "Browser.close", nil)
	if errors.Is(err, ErrGone) { // it ended before it could answer, or long ago
		err = nil
	}
	return errors.Join(err, b.proc.wait())
}

func (b *chromium) kill() error { return b.proc.kill() }
