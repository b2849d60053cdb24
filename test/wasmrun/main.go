// Command wasmrun runs a Go program made for js/wasm in a real browser. It is what
//
//	GOOS=js GOARCH=wasm go test -exec bin/wasmrun ./...
//
// runs tests by. The program gets the arguments and the part of the environment that is meant for it; what it prints
// comes out here, and its exit code is wasmrun's. Files of the module can be read, so that testdata is there; what
// the program writes stays in its memory, except for the files that -test.coverprofile and its like, -test.outputdir
// and GOCOVERDIR ask for.
//
// Before the program starts, the page loads wasm/idb/idb.js and wasm/store/query.js of the module it is run in, if there. A program that
// is not done some time after its -test.timeout is ended together with the browser.
//
//	WASMRUN_BROWSER=chromium   the engine: chromium, firefox or webkit; see package test/browser
//	WASMRUN_WORKER=1           run in a dedicated worker rather than in a page
//	WASMRUN_ISOLATED=1         run cross-origin isolated, which gives clocks of 5 µs
//	WASMRUN_ENV=A,B            pass these variables too, besides LARDER_*, GODEBUG and the runtime's others
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	r := runner{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), start: 2 * time.Minute, slack: 20 * time.Second}
	code, err := r.run(watchParent(ctx), os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasmrun:", err)
		code = 2
	}
	os.Exit(code)
}

// errOrphan is why a run ends whose starter has ended: nobody would end it otherwise.
var errOrphan = errors.New("the process that started this one has ended")

// watchParent ends the context when the process that started this one has ended, be it that go test was killed.
func watchParent(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		for range time.Tick(time.Second) {
			if os.Getppid() != parent {
				cancel(errOrphan)
				return
			}
		}
	}()
	return ctx
}

// runner is what a run needs of the world around it.
type runner struct {
	stdout, stderr io.Writer
	environ        []string
	start          time.Duration // what a browser gets to come up and show the page
	slack          time.Duration // what a program gets after its own timeout to say what it was doing; `go test` waits a minute
}

// run runs the program args[0] with the arguments that follow, and returns its exit code.
func (r runner) run(ctx context.Context, args []string) (code int, err error) {
	if len(args) == 0 {
		return 0, errors.New("usage: wasmrun program.wasm [argument…]")
	}
	p, err := newProgram(args, r.environ)
	if err != nil {
		return 0, err
	}
	s, err := serve(p, r.stdout, r.stderr)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	coming, cancel := context.WithTimeoutCause(ctx, r.start, fmt.Errorf("the browser was not there after %v", r.start))
	defer cancel()
	b, err := browser.Start(coming, browser.Options{Engine: p.engine})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Kill()) }()
	page, err := b.NewPage(coming)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			for _, m := range page.Console() {
				err = fmt.Errorf("%w\n\tin the browser: %v", err, m)
			}
		}
	}()
	if err := page.Navigate(coming, s.url); err != nil {
		return 0, err
	}

	var deadline <-chan time.Time
	if p.timeout > 0 {
		t := time.NewTimer(p.timeout + r.slack)
		defer t.Stop()
		deadline = t.C
	}
	select {
	case code := <-s.exit:
		return code, nil
	case <-page.Done():
		return 0, errors.New("the page crashed or was closed, or the browser ended, before the program did")
	case <-deadline:
		return 0, fmt.Errorf("the program was not done %v after its timeout of %v: it is in a loop that never waits; the browser was ended",
			r.slack, p.timeout)
	case <-ctx.Done():
		return 0, fmt.Errorf("ended before the program was done: %w", context.Cause(ctx))
	}
}
