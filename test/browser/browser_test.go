package browser_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
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

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// bytesOf makes a JSON result fit for must.
func bytesOf[T ~[]byte](v T, err error) ([]byte, error) { return v, err }

func TestConsole(t *testing.T) { browser.Each(t, testConsole) }

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

func TestOffline(t *testing.T) { browser.Each(t, testOffline) }

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
