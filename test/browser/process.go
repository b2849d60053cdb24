package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// closeGrace is how long a browser may take to end after it was asked to.
const closeGrace = 10 * time.Second

// process is a browser's process together with all that it starts.
type process struct {
	group  *group
	stderr tail
	ended  chan struct{} // closed when all of it has ended and was waited for
}

// startProcess starts cmd in a process group of its own. Because the children inherit the write end of the pipe that
// collects stderr, Wait returns when the last of them is gone, not only the first: a profile can then be opened again.
// If cmd has a place for stderr, that gets it too.
func startProcess(cmd *exec.Cmd) (*process, error) {
	group, err := newGroup()
	if err != nil {
		return nil, err
	}
	p := &process{group: group, ended: make(chan struct{})}
	cmd.Stdout = &p.stderr
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	} else {
		cmd.Stderr = io.MultiWriter(&p.stderr, cmd.Stderr)
	}
	cmd.WaitDelay = closeGrace
	group.join(cmd)
	if err := cmd.Start(); err != nil {
		group.end()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended says nothing: the callers know whether they ended it
		group.end()
	}()
	return p, nil
}

// until waits until a condition holds, unless the process ends before.
func (p *process) until(ctx context.Context, ready func() bool) error {
	for !ready() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.ended:
			return fmt.Errorf("browser: %w: it ended", ErrGone)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// wait returns nil when all processes have ended by themselves within the grace period.
func (p *process) wait() error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(closeGrace):
		return errors.Join(fmt.Errorf("browser: did not end in %v and was killed: %s", closeGrace, p.stderr.String()), p.kill())
	}
}

// kill ends all processes at once and waits until they are gone.
func (p *process) kill() error {
	p.group.kill()
	select {
	case <-p.ended:
		return nil
	case <-time.After(2 * closeGrace):
		return errors.New("browser: its processes could not be killed")
	}
}

// stillborn ends a browser that cannot be used, and says why and what it said itself.
func (p *process) stillborn(binary string, err error) error {
	err = errors.Join(fmt.Errorf("browser: %s did not come up: %w", binary, err), p.kill())
	if said := p.stderr.String(); said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said)
	}
	return err
}

// findBinary returns the first of names that is in PATH.
func findBinary(e Engine, names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("browser: no %s in PATH (looked for %s): %w; run make deps",
		e, strings.Join(names, ", "), ErrNoBrowser)
}

// place is where a browser lives on the disk.
type place struct {
	profile string // absolute
	scratch string // for what is of no use after its end; short, because sockets are made in it
}

// openPlace makes the folders of a browser whose profile is to be in dir, or in scratch if that is "".
func openPlace(dir string) (place, error) {
	scratch, err := os.MkdirTemp("", "browser-")
	if err != nil {
		return place{}, fmt.Errorf("browser: a folder for temporary files: %w", err)
	}
	p := place{profile: filepath.Join(scratch, "profile"), scratch: scratch}
	if dir != "" {
		p.profile, err = filepath.Abs(dir)
	}
	for _, d := range []string{p.home(), p.temp()} {
		if err == nil {
			err = os.MkdirAll(d, 0o700)
		}
	}
	if err != nil {
		return place{}, errors.Join(fmt.Errorf("browser: profile: %w", err), p.remove())
	}
	return p, nil
}

func (p place) home() string { return filepath.Join(p.profile, "home") }

func (p place) temp() string { return filepath.Join(p.scratch, "tmp") }

// remove removes all but a profile that the caller named.
func (p place) remove() error { return os.RemoveAll(p.scratch) }

// environment gives the browser its home inside the profile, so that it neither reads nor changes the user's own settings.
func (p place) environment(more []string) []string {
	home := p.home()
	env := append(os.Environ(),
		"HOME="+home,
		"TMPDIR="+p.temp(),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
		"XDG_DATA_HOME="+filepath.Join(home, ".local", "share"),
		"DBUS_SESSION_BUS_ADDRESS=disabled:", // no keyring, no desktop portal
	)
	return append(env, more...)
}

// tail keeps the last few kilobytes written to it. The zero value is empty. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const limit = 4096
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
