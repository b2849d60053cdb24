// Command wasmrun runs a Go program made for js/wasm in a real browser. It is what
//
//	GOOS=js GOARCH=wasm go test -exec bin/wasmrun ./...
//
// runs tests by. The program gets the arguments and the part of the environment that is meant for it; what it prints
// comes out here, and its exit code is wasmrun's. Files of the module can be read, so that testdata is there; what
// the program writes stays in its memory, except for the files that -test.coverprofile and its like, -test.outputdir
// and GOCOVERDIR ask for.
//
// Before the program starts, the page loads wasm/idb/idb.js of the module it is run in, if there is one. A program that
// is not done some time after its -test.timeout is ended together with the browser.
//
//	WASMRUN_BROWSER=chromium   the engine: see package test/browser
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

// slack is what a program gets after its own timeout to say what it was doing. `go test` waits a minute.
const slack = 20 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	code, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasmrun:", err)
		code = max(code, 2)
	}
	os.Exit(code)
}

// run runs the program args[0] with the arguments that follow, and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("usage: wasmrun program.wasm [argument…]")
	}
	p, err := newProgram(args)
	if err != nil {
		return 2, err
	}
	s, err := serve(p, stdout, stderr)
	if err != nil {
		return 2, err
	}
	defer s.close()

	b, err := browser.Start(ctx, browser.Options{Engine: browser.Engine(os.Getenv("WASMRUN_BROWSER"))})
	if err != nil {
		return 2, err
	}
	defer func() { err = errors.Join(err, b.Kill()) }()
	page, err := b.NewPage(ctx)
	if err != nil {
		return 2, err
	}
	defer func() {
		if err != nil {
			for _, m := range page.Console() {
				fmt.Fprintln(stderr, "wasmrun: in the browser:", m)
			}
		}
	}()
	if err := page.Navigate(ctx, s.url); err != nil {
		return 2, err
	}

	var deadline <-chan time.Time
	if p.timeout > 0 {
		t := time.NewTimer(p.timeout + slack)
		defer t.Stop()
		deadline = t.C
	}
	select {
	case code := <-s.exit:
		return code, nil
	case <-page.Done():
		return 2, errors.New("the page crashed, or the browser ended, before the program did")
	case <-deadline:
		return 2, fmt.Errorf("the program was not done %v after its timeout of %v: it hangs in a loop that never gives way; the browser was ended",
			slack, p.timeout)
	case <-ctx.Done():
		return 2, fmt.Errorf("ended by a signal before the program was done: %w", ctx.Err())
	}
}
