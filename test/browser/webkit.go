package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// webkitShell is the program around WebKitGTK that the driver drives: WebKit has no browser of its own, and the one that
// comes with it keeps nothing of what pages store when it is driven.
//
//go:embed webkit.js
var webkitShell []byte

// webkit is the driver of WebKitGTK. It speaks to its shell over a socket in the file system, in the DevTools protocol's
// shape and its own words. The display is a broadwayd that nobody looks at.
type webkit struct {
	display *process
	proc    *process
	conn    *conn
	log     webkitLog
	place   place
	input   webkitInput

	mu   sync.Mutex
	tabs map[string]*webkitTab // by session
}

// startWebkit starts the browser at a place.
func startWebkit(ctx context.Context, o Options, at place) (_ driver, err error) {
	binary := o.Binary
	if binary == "" {
		if binary, err = findBinary(WebKit, "gjs"); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"broadwayd", "WebKitWebDriver"} {
		if _, err := findBinary(WebKit, name); err != nil {
			return nil, err
		}
	}
	runtime, shell := filepath.Join(at.scratch, "run"), filepath.Join(at.scratch, "webkit.js")
	if err := errors.Join(os.Mkdir(runtime, 0o700), os.WriteFile(shell, webkitShell, 0o600)); err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	b := &webkit{place: at, tabs: make(map[string]*webkitTab)}
	if b.input.target, err = freePort(); err != nil {
		return nil, err
	}
	b.input.env = at.environment(append([]string{
		"XDG_RUNTIME_DIR=" + runtime, "GDK_BACKEND=broadway", "BROADWAY_DISPLAY=:0", "WEBKIT_INSPECTOR_SERVER=" + b.input.target,
		"NO_AT_BRIDGE=1", "GSETTINGS_BACKEND=memory", "GIO_USE_VFS=local",
	}, o.Env...))
	if err := b.startDisplay(ctx, filepath.Join(runtime, "http")); err != nil {
		return nil, err
	}
	if err := b.startShell(ctx, binary, append([]string{"-m", shell}, o.Args...)); err != nil {
		return nil, errors.Join(err, b.display.kill())
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

// startDisplay starts the display, which could be looked at through a socket.
func (b *webkit) startDisplay(ctx context.Context, socket string) error {
	cmd := exec.Command("broadwayd", "--unixsocket="+socket, ":0")
	cmd.Env = b.input.env
	proc, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("browser: start of broadwayd: %w", err)
	}
	b.display = proc
	err = proc.until(ctx, func() bool { return strings.Contains(proc.stderr.String(), "Listening on") })
	if err != nil {
		return proc.stillborn("broadwayd", err)
	}
	return nil
}

// startShell starts the browser proper, which connects to us.
func (b *webkit) startShell(ctx context.Context, binary string, args []string) error {
	socket := filepath.Join(b.place.scratch, "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	defer l.Close()
	cmd := exec.Command(binary, append(args, filepath.Join(b.place.profile, "webkit"), socket)...)
	cmd.Env = b.input.env
	cmd.Stderr = &b.log
	if b.proc, err = startProcess(cmd); err != nil {
		return fmt.Errorf("browser: start of %s: %w", binary, err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil { // else nobody waits any more
			accepted <- c
		}
	}()
	select {
	case c := <-accepted:
		b.conn = dial(cdp, newPipes(c, c, '\n'))
		return nil
	case <-b.proc.ended:
		return b.proc.stillborn(binary, fmt.Errorf("browser: %w: it ended", ErrGone))
	case <-ctx.Done():
		return b.proc.stillborn(binary, context.Cause(ctx))
	}
}

func (b *webkit) newTab(ctx context.Context) (tab, error) {
	var r struct{ Session string }
	if err := b.conn.ask(ctx, "", "open", struct{}{}, &r); err != nil {
		return nil, err
	}
	t := &webkitTab{browser: b, session: r.Session, ending: newEnding(), loads: newLoads(), since: len(b.log.messages())}
	b.mu.Lock()
	b.tabs[t.session] = t
	b.mu.Unlock()
	b.conn.on(t.session, t.event)
	return t, nil
}

// forget drops a page that is gone.
func (b *webkit) forget(t *webkitTab) {
	b.mu.Lock()
	delete(b.tabs, t.session)
	b.mu.Unlock()
	t.lose()
	b.conn.drop(t.session, errTabGone)
}

func (b *webkit) offline(ctx context.Context, off bool) error {
	_, err := b.conn.call(ctx, "", "offline", map[string]bool{"off": off})
	return err
}

func (b *webkit) raw(context.Context, string, any) (json.RawMessage, error) {
	return nil, errNoCDP(WebKit)
}

func (b *webkit) console() []Message { return b.log.messages() }

func (b *webkit) done() <-chan struct{} { return b.proc.ended }

func (b *webkit) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_, err := b.conn.call(ctx, "", "close", nil)
	if errors.Is(err, ErrGone) { // it ended before it could answer, or long ago
		err = nil
	}
	return errors.Join(err, b.proc.wait(), b.kill())
}

func (b *webkit) kill() error { return errors.Join(b.proc.kill(), b.input.kill(), b.display.kill()) }

// freePort returns an address of this machine at which nothing listens.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("browser: a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
