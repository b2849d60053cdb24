package sw_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/sw"
	"github.com/larder-sync/larder/test/browser"
)

// engine is one browser for all tests: each has a site of its own, and with its port an origin, a worker and caches of its own.
type engine struct {
	*browser.Browser
	name browser.Engine
}

var engines = map[browser.Engine]*engine{}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, b := range engines {
		b.Kill()
	}
	os.Exit(code)
}

// each runs a test in each engine that BROWSERS names.
func each(t *testing.T, test func(*testing.T, *engine)) {
	browser.Each(t, func(t *testing.T, name browser.Engine) {
		if engines[name] == nil {
			b, err := browser.Start(t.Context(), browser.Options{Engine: name})
			if err != nil {
				t.Fatal(err)
			}
			engines[name] = &engine{b, name}
		}
		test(t, engines[name])
	})
}

// only ends a test in engines that have no means for it, by the name of the gap.
func (b *engine) only(t *testing.T, name browser.Engine, gap string) {
	t.Helper()
	if b.name != name {
		t.Skipf("%s: %s", b.name, gap)
	}
}

// page is the document that the tests visit. It notes the events of applicationCache as lines of text in window.events.
const page = `<!doctype html><html manifest="cache.manifest"><title>one</title>
<script src="appcache.js"></script>
<script>
	window.events = [];
	const failure = (e) => ' ' + e.reason + ' ' + (e.url && new URL(e.url).pathname) + ' ' + e.status;
	const say = {
		progress: (e) => ' ' + e.loaded + '/' + e.total,
		error: failure,
		unrecoverable: failure,
	};
	for (const type of ['checking', 'downloading', 'progress', 'cached', 'noupdate', 'updateready', 'obsolete', 'error', 'unrecoverable']) {
		applicationCache.addEventListener(type, (e) => events.push(type + (say[type]?.(e) ?? '')));
	}
	applicationCache.onerror = (e) => { window.fault = { ...e, expected: e.expected, got: e.got, message: e.message }; };
	const get = (path) => fetch(path).then(async (r) => r.status + ' ' + await r.text(), () => 'failed');
</script>`

// file is what the site answers for a path. The zero values mean 200 and the type that the name suggests.
type file struct {
	body   string
	status int
	header http.Header
}

// site is a web server whose files a test changes as it likes, and which it can switch off and on.
type site struct {
	t    *testing.T
	b    *engine
	addr string

	mu     sync.Mutex
	files  map[string]file
	hook   func(r *http.Request) // is called before each answer
	asked  []string
	server *http.Server
}

// newSite starts a site with page as its start page, the worker, and the manifest given, if any.
func newSite(t *testing.T, b *engine, manifest string) *site {
	t.Helper()
	online, err := os.ReadFile("../web/online.js")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, b: b, addr: "127.0.0.1:0", files: map[string]file{
		"/":            {body: page},
		"/appcache.js": {body: appcache(t)},
		"/online.js":   {body: string(online)},
	}}
	for _, part := range sw.Parts {
		s.script("sw/" + part)
	}
	s.script("sw.js")
	if manifest != "" {
		s.put("/cache.manifest", manifest)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func appcache(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../web/appcache.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// script puts one of the worker's scripts in its place.
func (s *site) script(name string) {
	s.t.Helper()
	text, ok := sw.Script(name)
	if !ok {
		s.t.Fatalf("package sw has no %s", name)
	}
	s.put("/"+name, string(text))
}

func (s *site) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.server = &http.Server{Handler: s}
	go s.server.Serve(l)
}

func (s *site) stop() { s.server.Close() }

func (s *site) url(path string) string { return "http://" + s.addr + path }

func (s *site) put(path, body string) { s.set(path, file{body: body}) }

func (s *site) set(path string, f file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = f
}

// before calls f before each answer from now on.
func (s *site) before(f func(r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// requests returns the paths that were asked for since the last call, in the order of the names.
func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	slices.Sort(asked)
	return asked
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hook := s.hook
	s.asked = append(s.asked, r.URL.Path)
	s.mu.Unlock()
	if hook != nil {
		hook(r)
	}
	s.mu.Lock()
	f, ok := s.files[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		f = file{body: "not here", status: http.StatusNotFound}
	}
	switch ext := path.Ext(r.URL.Path); {
	case ext == ".manifest":
		w.Header().Set("Content-Type", "text/cache-manifest")
	case ext == "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	default:
		w.Header().Set("Content-Type", mime.TypeByExtension(ext))
	}
	w.Header().Set("Cache-Control", "no-cache")
	for name, values := range f.header {
		if values != nil {
			w.Header()[name] = values
		}
	}
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	w.Write([]byte(f.body))
}

// visit opens a page of the site, in a window that is closed at the end of the test.
func (s *site) visit(t *testing.T, path string) *visitor {
	t.Helper()
	p, err := s.b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, Page: p, site: s}
	t.Cleanup(func() {
		if t.Failed() {
			for _, m := range p.Console() {
				t.Log(m)
			}
		}
		p.Close(context.Background())
	})
	v.goTo(path)
	return v
}

// visitor is a page whose failures end the test.
type visitor struct {
	*browser.Page
	t    *testing.T
	site *site
}

func (v *visitor) context() context.Context {
	ctx, cancel := context.WithTimeout(v.t.Context(), 30*time.Second)
	v.t.Cleanup(cancel)
	return ctx
}

func (v *visitor) goTo(path string) {
	v.t.Helper()
	if err := v.Navigate(v.context(), v.site.url(path)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) reload() {
	v.t.Helper()
	if err := v.Reload(v.context()); err != nil {
		v.t.Fatal(err)
	}
}

// wait waits until the page agrees.
func (v *visitor) wait(body string) {
	v.t.Helper()
	if _, err := v.Wait(v.context(), body); err != nil {
		v.t.Fatal(err)
	}
}

// js returns the text that a script returns.
func (v *visitor) js(body string, args ...any) string {
	v.t.Helper()
	var text string
	if err := v.Read(v.context(), &text, "return String(await (async (...args) => {"+body+"})(...arguments))", args...); err != nil {
		v.t.Fatal(err)
	}
	return text
}

// get is what fetch gives for a path in the page: the status and the body, or "failed".
func (v *visitor) get(path string) string {
	v.t.Helper()
	return v.js("return get(args[0])", path)
}

// events waits for the event last, and returns all events since the page was loaded or events was called last.
func (v *visitor) events(last string) []string {
	v.t.Helper()
	if _, err := v.Wait(v.context(), "return window.events?.some((e) => e.startsWith(arguments[0]))", last); err != nil {
		v.t.Fatalf("%v; the events were %s", err, v.js("return JSON.stringify(window.events)"))
	}
	var all []string
	if err := v.Read(v.context(), &all, "return events.splice(0)"); err != nil {
		v.t.Fatal(err)
	}
	return all
}

// expect waits for the events that end with the last one named, and compares them all.
func (v *visitor) expect(want ...string) {
	v.t.Helper()
	if got := v.events(want[len(want)-1]); !slices.Equal(got, want) {
		v.t.Errorf("the events were\n\t%q, want\n\t%q", got, want)
	}
}

// stopWorkers ends the processes of all workers, as a browser does with idle ones. Only Chromium can be told to: elsewhere the
// worker lives on, and what follows has to hold with it.
func (v *visitor) stopWorkers() {
	v.t.Helper()
	if v.site.b.name != browser.Chromium {
		return
	}
	for _, method := range []string{"ServiceWorker.enable", "ServiceWorker.stopAllWorkers", "ServiceWorker.disable"} {
		if _, err := v.CDP(v.context(), method, nil); err != nil {
			v.t.Fatal(err)
		}
	}
}

// versions is how many versions are stored whole.
func (v *visitor) versions() string {
	v.t.Helper()
	return v.js("return (await Promise.all((await caches.keys()).map((name) => caches.match('/__offline/version', { cacheName: name })))).filter(Boolean).length")
}

func integrity(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
