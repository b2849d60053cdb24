package browser_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// site is a small web site: a page, a service worker that answers from what it kept, and a counter of requests.
func site(t *testing.T) *httptest.Server {
	files := map[string]string{
		"/":      `<!doctype html><title>one</title><h1>One</h1>`,
		"/two":   `<!doctype html><title>two</title>`,
		"/moves": `<!doctype html><title>moves</title><script>location.replace('/two')</script>`,
		"/noisy": `<!doctype html><title>noisy</title><script>
			console.log('hello', 42, {a: 1}); console.warn('careful');
			setTimeout(() => { throw new Error('nobody catches me') });
			new Worker('/worker.js');</script><img src="/missing.png"><img src="http://elsewhere.test/">`,
		"/form": `<!doctype html><title>form</title><div style="height: 3000px"></div>
			<form onsubmit="event.preventDefault(); said.textContent = 'sent ' + this.elements.name.value">
			<input name="name"><button>Send</button></form><p id="said"></p><button id="late" hidden onclick="said.textContent = 'late'">Late</button>
			<script>setTimeout(() => { late.hidden = false }, 50); addEventListener('keydown', (e) => {
				if (e.ctrlKey) said.textContent = [e.key, e.shiftKey, e.keyCode] })</script>`,
		"/worker.js": `console.log('from a worker'); addEventListener('message', async () => {
			postMessage(await fetch('/two').then(() => 'reached', () => 'failed')) });`,
		"/sw.js": `const reach = () => fetch('/two', {cache: 'no-store'}).then(() => 'reached', () => 'failed');
			console.log('from a service worker');
			addEventListener('install', () => skipWaiting());
			addEventListener('activate', (e) => e.waitUntil(clients.claim()));
			addEventListener('fetch', (e) => { if (e.request.url.endsWith('/kept')) e.respondWith(new Response('kept')) });
			addEventListener('message', async (e) => e.source.postMessage(await reach()));`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript")
		} else {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'unsafe-inline' blob:")
		}
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// soon is the context of a step: its end is a failure, never a way to pass.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// engines runs a test with each browser that BROWSERS names; without it, with Chromium.
func engines(t *testing.T, test func(*testing.T, browser.Engine)) {
	for _, name := range strings.Fields(cmp.Or(os.Getenv("BROWSERS"), "chromium")) {
		t.Run(name, func(t *testing.T) { test(t, browser.Engine(name)) })
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPage(t *testing.T) { engines(t, testPage) }

func testPage(t *testing.T, engine browser.Engine) {
	s := site(t)
	mark := "LARDER_TEST=" + rand.Text()
	b := browser.New(t, browser.Options{Engine: engine, Env: []string{mark}})
	ctx := soon(t)
	p := b.Open(t, s.URL)

	t.Run("a script gets its arguments, may await, and its result is JSON", func(t *testing.T) {
		type thing struct {
			S string `json:"s"`
			N []int  `json:"n"`
		}
		var got thing
		err := p.Read(ctx, &got, `
			await new Promise((r) => setTimeout(r));
			return {s: arguments[0] + document.title, n: [arguments[1].n[1], 3]} // and a comment at the end`,
			"a\u2028'\"`${x}\U0001F600-", thing{N: []int{1, 2}})
		if err != nil || got.S != "a\u2028'\"`${x}\U0001F600-one" || !slices.Equal(got.N, []int{2, 3}) {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
	t.Run("no result is null", func(t *testing.T) {
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, ``))); string(v) != "null" {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("an exception is an error with message and stack", func(t *testing.T) {
		_, err := p.Eval(ctx, `function inner() { throw new RangeError('too far') } inner()`)
		var e *browser.ScriptError
		if !errors.As(err, &e) || !strings.Contains(e.Message, "RangeError: too far") || !strings.Contains(e.Message, "at inner") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("what cannot be parsed or told as JSON is an error", func(t *testing.T) {
		for body, want := range map[string]string{`return }`: "SyntaxError", `return 1n`: "BigInt", `throw 'text'`: "text"} {
			if _, err := p.Eval(ctx, body); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", body, err)
			}
		}
	})
	t.Run("a script that never returns ends with the context", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := p.Eval(short, `await new Promise(() => {})`); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("waiting outlives a reload", func(t *testing.T) {
		must[[]byte](t)(bytesOf(p.Eval(ctx, `sessionStorage.n = 0; setTimeout(() => { sessionStorage.n = 7; location.reload() }, 1)`)))
		if v := must[[]byte](t)(bytesOf(p.Wait(ctx, `return sessionStorage.n === '7' && document.title`))); string(v) != `"one"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("waiting in vain tells what was seen last", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err := p.Wait(short, `return 0`)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it was 0") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a page that moves on while it loads is followed", func(t *testing.T) {
		if err := p.Navigate(ctx, s.URL+"/moves"); err != nil {
			t.Fatal(err)
		}
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return document.title`))); string(v) != `"two"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a change of the fragment is no load", func(t *testing.T) {
		if err := p.Navigate(ctx, s.URL+"/two#here"); err != nil {
			t.Fatal(err)
		}
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return location.hash`))); string(v) != `"#here"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a page that nobody serves is an error", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		err := p.Navigate(ctx, gone.URL)
		if err == nil || !strings.Contains(err.Error(), gone.URL) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("the viewport holds for size, density and colour scheme, and is what a screenshot shows", func(t *testing.T) {
		p := b.Open(t, s.URL)
		scale := 2
		if engine == browser.WebKit {
			scale = 1
			if err := p.SetViewport(ctx, browser.Viewport{Width: 390, Height: 844, Scale: 2}); !errors.Is(err, browser.ErrEngine) {
				t.Errorf("a density that there is not: %v", err)
			}
		}
		if err := p.SetViewport(ctx, browser.Viewport{Width: 390, Height: 844, Scale: float64(scale), Dark: true}); err != nil {
			t.Fatal(err)
		}
		var got []float64
		if err := p.Read(ctx, &got, `return [innerWidth, innerHeight, devicePixelRatio, +matchMedia('(prefers-color-scheme: dark)').matches]`); err != nil ||
			!slices.Equal(got, []float64{390, 844, float64(scale), 1}) {
			t.Fatalf("got %v, %v", got, err)
		}
		shot, err := p.Screenshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(shot))
		if err != nil || c.Width != 390*scale || c.Height != 844*scale {
			t.Fatalf("got %+v, %v", c, err)
		}
		if err := p.SetViewport(ctx, browser.Viewport{}); err == nil {
			t.Error("a viewport of no size was taken")
		}
	})
	t.Run("every page is visible, and the last one has the focus, in Chromium all", func(t *testing.T) {
		q := b.Open(t, s.URL)
		for _, p := range []*browser.Page{p, q} {
			v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return document.visibilityState + (document.hasFocus() || !arguments[0])`, p == q || engine == browser.Chromium)))
			if string(v) != `"visibletrue"` {
				t.Errorf("got %s", v)
			}
		}
	})
	t.Run("a dialog is accepted", func(t *testing.T) {
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return confirm('sure?')`))); string(v) != "true" {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a closed page is gone, its browser is not", func(t *testing.T) {
		q := b.Open(t, s.URL)
		if err := q.Close(ctx); err != nil {
			t.Fatal(err)
		}
		<-q.Done()
		if _, err := q.Eval(ctx, `return 1`); !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
		if err := q.Close(ctx); err != nil {
			t.Errorf("second close: %v", err)
		}
		must[[]byte](t)(bytesOf(p.Eval(ctx, `return 1`)))
	})
	t.Run("a crashed page is gone, also for the call that waits", func(t *testing.T) {
		before := relatives(t, mark, "WebKitWebProcess")
		q := b.Open(t, s.URL)
		waits := make(chan error, 1)
		go func() {
			_, err := q.Eval(ctx, `await new Promise((resolve) => { globalThis.never = resolve })`)
			waits <- err
		}()
		switch engine {
		case browser.Chromium:
			go q.CDP(ctx, "Page.crash", nil)
		case browser.Firefox:
			go q.Navigate(ctx, "about:crashcontent")
		case browser.WebKit:
			for _, pid := range relatives(t, mark, "WebKitWebProcess") {
				if !slices.Contains(before, pid) {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := <-waits; !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
		<-q.Done()
	})
}

// relatives returns the processes that were started with an entry in their environment, by the beginning of their names.
func relatives(t *testing.T, entry, name string) (pids []int) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environs) == 0 {
		t.Skip("processes can only be looked at on Linux")
	}
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), entry) {
			continue // gone, or another one's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if comm, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm")); err == nil && strings.HasPrefix(name, strings.TrimSpace(string(comm))) || name == "" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// bytesOf makes a JSON result fit for must.
func bytesOf[T ~[]byte](v T, err error) ([]byte, error) { return v, err }

func TestInput(t *testing.T) { engines(t, testInput) }

func testInput(t *testing.T, engine browser.Engine) {
	s := site(t)
	b := browser.New(t, browser.Options{Engine: engine})
	ctx := soon(t)
	p := b.Open(t, s.URL+"/form")
	said := func(t *testing.T, want string) {
		t.Helper()
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return said.textContent`))); string(v) != want {
			t.Errorf("got %s", v)
		}
	}
	do := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a form is filled in by mouse and keyboard", func(t *testing.T) {
		do(t, p.Click(ctx, "input"), p.Type(ctx, "Zoë 🥖"), p.Press(ctx, "!"), p.Press(ctx, "x"), p.Press(ctx, "Backspace"), p.Click(ctx, "form button"))
		said(t, `"sent Zoë 🥖!"`)
	})
	t.Run("Enter submits, and Tab moves the focus", func(t *testing.T) {
		do(t, p.Click(ctx, "input"), p.Press(ctx, "Tab"), p.Press(ctx, "Shift+Tab"), p.Type(ctx, "Ada"), p.Press(ctx, "Enter"))
		said(t, `"sent Ada"`)
	})
	t.Run("a click waits for what is not there yet", func(t *testing.T) {
		do(t, p.Click(ctx, "#late"))
		said(t, `"late"`)
	})
	t.Run("keys are held", func(t *testing.T) {
		do(t, p.Press(ctx, "Control+Shift+k"))
		said(t, `"K,true,75"`)
	})
	t.Run("what does not come and what is unknown are errors", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := p.Click(short, "#none"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "click on #none") {
			t.Errorf("got %v", err)
		}
		if err := p.Press(ctx, "Any"); err == nil {
			t.Error("no error")
		}
	})
}

func TestConsole(t *testing.T) { engines(t, testConsole) }

func testConsole(t *testing.T, engine browser.Engine) {
	s := site(t)
	b := browser.New(t, browser.Options{Engine: engine})
	p := b.Open(t, s.URL+"/noisy")
	must[[]byte](t)(bytesOf(p.Eval(soon(t), `await navigator.serviceWorker.register('/sw.js'); await navigator.serviceWorker.ready`)))

	t.Run("a page's console holds logs, exceptions, the browser's reports and its workers' logs", func(t *testing.T) {
		for _, want := range []string{
			`log: hello 42 (\{a: 1\}|\[object Object\]) \(` + s.URL + `/noisy:2\)`, "warning: careful", "exception: Error: nobody catches me", "error: .*Content.Security.Policy",
			`log: from a worker \(` + s.URL + `/worker.js:1\)`,
		} {
			eventually(t, want, p.Console)
		}
	})
	if engine == browser.Chromium { // the others do not tell
		t.Run("a page's console holds what could not be loaded", func(t *testing.T) {
			eventually(t, "error: Failed to load resource", p.Console)
		})
	}
	if engine != browser.Firefox { // it does not tell
		t.Run("the browser's console holds what service workers say", func(t *testing.T) {
			eventually(t, "log: from a service worker", b.Console)
		})
	}
}

// eventually waits for a message that matches want from its start.
func eventually(t *testing.T, want string, console func() []browser.Message) {
	t.Helper()
	ctx, pattern := soon(t), regexp.MustCompile("^(?s:"+want+")")
	for {
		if slices.ContainsFunc(console(), func(m browser.Message) bool { return pattern.MatchString(m.String()) }) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %q in %v", want, console())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestOffline(t *testing.T) { engines(t, testOffline) }

func testOffline(t *testing.T, engine browser.Engine) {
	s := site(t)
	b := browser.New(t, browser.Options{Engine: engine})
	ctx := soon(t)
	p := b.Open(t, s.URL)
	must[[]byte](t)(bytesOf(p.Eval(ctx, `
		globalThis.heard = []; for (const type of ['offline', 'online']) addEventListener(type, () => heard.push(type));
		globalThis.worker = new Worker('/worker.js');
		await navigator.serviceWorker.register('/sw.js');
		await new Promise((r) => navigator.serviceWorker.controller ? r() : navigator.serviceWorker.oncontrollerchange = r)`)))
	// reach tells whether page, worker and service worker reach the server.
	const reach = `
		const page = await fetch('/two', {cache: 'no-store'}).then(() => 'reached', () => 'failed');
		const worker = await new Promise((r) => { globalThis.worker.onmessage = (e) => r(e.data); globalThis.worker.postMessage(0) });
		const sw = await new Promise((r) => { navigator.serviceWorker.onmessage = (e) => r(e.data); navigator.serviceWorker.controller.postMessage(0) });
		return [page, worker, sw, String(navigator.onLine)]`
	check := func(t *testing.T, want ...string) {
		t.Helper()
		var got []string
		if err := p.Read(ctx, &got, reach); err != nil || !slices.Equal(got, want) {
			t.Fatalf("page, worker, service worker, onLine: %v, %v", got, err)
		}
	}

	check(t, "reached", "reached", "reached", "true")
	if err := b.Offline(ctx, true); err != nil {
		t.Fatal(err)
	}
	t.Run("nothing reaches the network, but service workers still answer", func(t *testing.T) {
		check(t, "failed", "failed", "failed", "false")
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return (await fetch('/kept')).text()`))); string(v) != `"kept"` {
			t.Fatalf("got %s", v)
		}
		must[[]byte](t)(bytesOf(p.Wait(ctx, `return heard.includes('offline')`)))
	})
	t.Run("a page and a worker that come up later are offline as well", func(t *testing.T) {
		q := must[*browser.Page](t)(b.NewPage(ctx))
		if err := q.Navigate(ctx, s.URL+"/two"); err == nil {
			t.Error("a page was loaded")
		}
		v := must[[]byte](t)(bytesOf(p.Eval(ctx, `
			const w = new Worker(URL.createObjectURL(new Blob(["fetch('"+location.origin+"/two').then(() => postMessage(1), () => postMessage(0))"])));
			return new Promise((r) => { w.onmessage = (e) => r(e.data) })`)))
		if string(v) != "0" {
			t.Errorf("a new worker's first fetch: %s", v)
		}
	})
	t.Run("a reload that fails is an error", func(t *testing.T) {
		q := must[*browser.Page](t)(b.NewPage(ctx))
		if err := b.Offline(ctx, false); err != nil {
			t.Fatal(err)
		}
		if err := q.Navigate(ctx, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)+"/two"); err != nil {
			t.Fatal(err)
		}
		if err := b.Offline(ctx, true); err != nil {
			t.Fatal(err)
		}
		if err := q.Reload(ctx); err == nil {
			t.Error("no error")
		}
	})
	t.Run("the network comes back", func(t *testing.T) {
		if err := b.Offline(ctx, false); err != nil {
			t.Fatal(err)
		}
		check(t, "reached", "reached", "reached", "true")
		must[[]byte](t)(bytesOf(p.Wait(ctx, `return heard.at(-1) === 'online'`)))
	})
}

func TestProfile(t *testing.T) { engines(t, testProfile) }

func testProfile(t *testing.T, engine browser.Engine) {
	s := site(t)
	dir := t.TempDir()
	const put = `localStorage.v = arguments[0]; return new Promise((resolve, reject) => {
		const open = indexedDB.open('d');
		open.onupgradeneeded = () => open.result.createObjectStore('s');
		open.onsuccess = () => {
			const tx = open.result.transaction('s', 'readwrite', {durability: 'strict'});
			tx.objectStore('s').put(arguments[0], 1); tx.oncomplete = () => resolve(); tx.onabort = () => reject(tx.error);
		} })`
	const get = `return new Promise((resolve) => {
		const open = indexedDB.open('d');
		open.onsuccess = () => { const r = open.result.transaction('s').objectStore('s').get(1); r.onsuccess = () => resolve(r.result) } })`

	b := browser.New(t, browser.Options{Engine: engine, Profile: dir})
	must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), put, "clean")))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	<-b.Done()

	t.Run("what was stored before a clean end is there", func(t *testing.T) {
		b = browser.New(t, browser.Options{Engine: engine, Profile: dir})
		p := b.Open(t, s.URL)
		if v := must[[]byte](t)(bytesOf(p.Eval(soon(t), get))); string(v) != `"clean"` {
			t.Fatalf("got %s", v)
		}
		must[[]byte](t)(bytesOf(p.Eval(soon(t), put, "crash")))
		if err := b.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Eval(soon(t), `return 1`); !errors.Is(err, browser.ErrGone) {
			t.Errorf("a page of a killed browser: %v", err)
		}
	})
	t.Run("what was committed strictly before a crash is there, and the profile opens again", func(t *testing.T) {
		b = browser.New(t, browser.Options{Engine: engine, Profile: dir})
		if v := must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), get))); string(v) != `"crash"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("another profile shares nothing", func(t *testing.T) {
		b := browser.New(t, browser.Options{Engine: engine})
		v := must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), `return [await indexedDB.databases(), localStorage.length]`)))
		if string(v) != "[[],0]" {
			t.Fatalf("got %s", v)
		}
	})
}

func TestStart(t *testing.T) { engines(t, testStart) }

func testStart(t *testing.T, engine browser.Engine) {
	t.Run("a browser that is not installed is an error that names the way out", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := browser.Start(soon(t), browser.Options{Engine: engine})
		if !errors.Is(err, browser.ErrNoBrowser) || !strings.Contains(err.Error(), "make deps") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a program that is no browser is an error with what it said", func(t *testing.T) {
		_, err := browser.Start(soon(t), browser.Options{Engine: engine, Binary: "/bin/ls"})
		if !errors.Is(err, browser.ErrGone) || !strings.Contains(err.Error(), "/bin/ls:") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("the context bounds the start, also of a browser that hangs, and nothing is left of it", func(t *testing.T) {
		hangs := filepath.Join(t.TempDir(), "hangs")
		if err := os.WriteFile(hangs, []byte("#!/bin/sh\nsleep 1000 & sleep 1000\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		mark := "LARDER_TEST=" + rand.Text()
		for _, binary := range []string{hangs, ""} {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			b, err := browser.Start(ctx, browser.Options{Engine: engine, Binary: binary, Env: []string{mark}})
			cancel()
			if err == nil && binary == "" { // it was quick
				err = b.Kill()
			} else if errors.Is(err, context.DeadlineExceeded) {
				err = nil
			}
			if err != nil || b != nil && binary != "" {
				t.Errorf("%q: got %v", binary, err)
			}
		}
		if left := relatives(t, mark, ""); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("closing and killing end all processes, in any order and twice", func(t *testing.T) {
		mark := "LARDER_TEST=" + rand.Text()
		b, err := browser.Start(soon(t), browser.Options{Engine: engine, Env: []string{mark}})
		if err != nil {
			t.Fatal(err)
		}
		p := must[*browser.Page](t)(b.NewPage(soon(t)))
		if err := p.Press(soon(t), "x"); err != nil { // which takes a process more in WebKit
			t.Fatal(err)
		}
		if len(relatives(t, mark, "")) == 0 {
			t.Fatal("the browser's processes cannot be told")
		}
		for _, end := range []func() error{b.Close, b.Kill, b.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		if left := relatives(t, mark, ""); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if _, err := b.NewPage(soon(t)); !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownEngine(t *testing.T) {
	if _, err := browser.Start(soon(t), browser.Options{Engine: "netscape"}); !errors.Is(err, browser.ErrEngine) {
		t.Errorf("got %v", err)
	}
}
