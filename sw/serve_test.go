package sw_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

func TestServe(t *testing.T) { each(t, testServe) }

func testServe(t *testing.T, b *engine) {
	t.Run("an entry beats the network section, that beats the fallback section, and the rest fails even online", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n/api/schema.txt\nFALLBACK:\n/ /spare.txt\n/img/big/ /big.txt\nNETWORK:\n/api/\n")
		for path, body := range map[string]string{"/api/schema.txt": "schema", "/spare.txt": "spare", "/big.txt": "big", "/api/x.txt": "x", "/y.txt": "y"} {
			s.put(path, body)
		}
		v := s.visit(t, "/")
		v.events("cached")
		s.put("/api/schema.txt", "newer")
		want(t, v.get("/api/schema.txt"), "200 schema")
		want(t, v.get("/api/x.txt"), "200 x")
		want(t, v.get("/api/missing.txt"), "404 not here")
		want(t, v.get("/y.txt"), "200 y")
		want(t, v.get("/missing.txt"), "200 spare")
		want(t, v.get("/img/big/missing.png"), "200 big")
		want(t, v.get("http://localhost"+s.addr[strings.Index(s.addr, ":"):]+"/y.txt"), "failed")
		want(t, v.js("return (await fetch('/api/x.txt', { method: 'POST', body: 'x' })).status"), "200")
		s.stop()
		want(t, v.get("/y.txt"), "200 spare")
		want(t, v.get("/api/x.txt"), "failed")
		v.goTo("/some/page")
		want(t, v.js("return [location.pathname, document.body.textContent]"), "/some/page,spare")
	})

	t.Run("a redirect to another origin is a portal, and falls back", func(t *testing.T) {
		portal := newSite(t, b, "")
		portal.set("/login", file{body: "log in", header: http.Header{"Access-Control-Allow-Origin": {"*"}}})
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\nFALLBACK:\n/data/ /a.txt\n")
		s.put("/a.txt", "one")
		s.set("/data/x", file{status: http.StatusFound, header: http.Header{"Location": {portal.url("/login")}}})
		s.set("/data/y", file{status: http.StatusFound, header: http.Header{"Location": {"/data/z"}}})
		s.put("/data/z", "mine")
		v := s.visit(t, "/")
		v.events("cached")
		want(t, v.get("/data/x"), "200 one")
		want(t, v.js("return (await fetch('/data/x', { mode: 'no-cors' })).text()"), "one")
		want(t, v.get("/data/y"), "200 mine")
	})

	t.Run("without a star what is not listed fails, and with one it does not", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\n")
		want(t, v.get("/a.txt"), "failed")
		s.set("/__probe", file{status: http.StatusNoContent})
		want(t, v.get("/__probe?n=1"), "204 ") // the connection's probe asks the server whatever the manifest says
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\nNETWORK:\n*\n")
		v.js("applicationCache.update()")
		v.events("updateready")
		want(t, v.js("await applicationCache.swapCache(); return get('/a.txt')"), "200 one")
	})

	t.Run("prefer-online asks the network for pages first, and has the entry when that fails", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\nSETTINGS:\nprefer-online\n")
		s.put("/", strings.Replace(page, "<title>one", "<title>two", 1))
		s.put("/a.txt", "two")
		v.reload()
		v.events("noupdate")
		want(t, v.js("return [document.title, await get('/a.txt')]"), "two,200 one")
		s.set("/", file{status: http.StatusBadGateway})
		v.reload()
		want(t, v.js("return document.title"), "one")
	})

	t.Run("a range is cut out of the whole", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\ndigits.txt\n")
		s.put("/digits.txt", "0123456789")
		v := s.visit(t, "/")
		v.events("cached")
		s.stop()
		for ask, answer := range map[string]string{
			"bytes=2-4": "206 234 bytes 2-4/10", "bytes=7-": "206 789 bytes 7-9/10", "bytes=-2": "206 89 bytes 8-9/10", "bytes=8-99": "206 89 bytes 8-9/10",
			"bytes=-99": "206 0123456789 bytes 0-9/10", "bytes=10-": "416  bytes */10", "bytes=0-1,4-5": "200 0123456789 ", "lines=1-2": "200 0123456789 ",
		} {
			want(t, v.js(`
				const r = await fetch('/digits.txt', { headers: { range: args[0] } });
				return [r.status, await r.text(), r.headers.get('content-range')].join(' ');
			`, ask), answer)
		}
	})

	t.Run("a worker has the version of its page", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt\njob.js\n")
		s.put("/a.txt", "one")
		s.put("/job.js", "fetch('/a.txt').then((r) => r.text()).then(postMessage)")
		v := s.visit(t, "/")
		v.events("cached")
		s.stop()
		want(t, v.js("return new Promise((resolve) => { new Worker('/job.js').onmessage = (e) => resolve(e.data); })"), "one")
	})

	t.Run("pages keep their version while the worker comes and goes", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		v.stopWorkers()
		want(t, v.get("/a.txt"), "200 one")
		v.reload()
		v.events("noupdate")
		s.put("/a.txt", "two")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\n# 2\n")
		v.stopWorkers()
		v.js("applicationCache.update()")
		v.events("updateready")
		v.stopWorkers()
		want(t, v.get("/a.txt"), "200 one")
		v.stopWorkers()
		want(t, v.js("await applicationCache.swapCache(); return get('/a.txt')"), "200 two")
	})

	t.Run("an entry that the browser lost comes back if its hash is known, and else the version ends", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt "+integrity("one")+"\nb.txt\n")
		s.put("/a.txt", "one")
		s.put("/b.txt", "one")
		v := s.visit(t, "/")
		v.events("cached")
		lose := func(path string) {
			v.js("for (const name of await caches.keys()) await (await caches.open(name)).delete(args[0])", path)
		}
		lose("/a.txt")
		want(t, v.get("/a.txt"), "200 one")
		s.stop()
		want(t, v.get("/a.txt"), "200 one")
		lose("/b.txt")
		want(t, v.get("/b.txt"), "failed")
		want(t, v.get("/a.txt"), "200 one")
		s.start()
		s.put("/b.txt", "two")
		want(t, v.get("/b.txt"), "200 two")
		v.expect("unrecoverable evicted /b.txt 0")
		want(t, v.js("return applicationCache.status"), "0")
		v.reload()
		v.events("cached")
	})

	t.Run("a page that names another manifest leaves the version that lists it", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n/two\n")
		s.put("/two", strings.Replace(page, "cache.manifest", "other.manifest", 1))
		s.put("/other.manifest", "CACHE MANIFEST\nappcache.js\na.txt\n")
		s.put("/a.txt", "one")
		v := s.visit(t, "/")
		v.events("cached")
		v.goTo("/two")
		v.events("cached")
		want(t, v.get("/a.txt"), "200 one")
		v.stopWorkers()
		s.stop()
		v.goTo("/two")
		want(t, v.get("/a.txt"), "200 one")
		v.goTo("/")
		want(t, v.get("/a.txt"), "failed")
	})

	t.Run("the state page tells what there is", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\n")
		s.stop()
		v.goTo("/__offline/state")
		want(t, v.js("const { versions } = JSON.parse(document.querySelector('pre').textContent); return versions.map((v) => [v.manifest, v.serial, Object.keys(v.files).length])"),
			s.url("/cache.manifest")+",1,3")
		want(t, v.js("return [...document.querySelectorAll('td')].map((cell) => cell.textContent.trim().replace(/^[\\w+/]{8}$/, 'hash'))"),
			"1,"+s.url("/cache.manifest")+",hash,3,1")
	})
}

func TestApplicationCache(t *testing.T) { each(t, testApplicationCache) }

func testApplicationCache(t *testing.T, b *engine) {
	t.Run("it has the constants, the handlers and the errors of old", func(t *testing.T) {
		_, v := installed(t, b, "CACHE MANIFEST\nappcache.js\n")
		want(t, v.js("const c = applicationCache; return [c.UNCACHED, c.IDLE, c.CHECKING, c.DOWNLOADING, c.UPDATEREADY, c.OBSOLETE, c.constructor.OBSOLETE]"), "0,1,2,3,4,5,5")
		want(t, v.js("try { applicationCache.swapCache() } catch (e) { return e.name }"), "InvalidStateError")
		want(t, v.js(`
			const seen = [], handler = (e) => seen.push(e.type + e.cancelable + e.bubbles + (e instanceof ProgressEvent) + e.target.status);
			for (const type of ['checking', 'noupdate']) applicationCache['on' + type] = handler;
			return new Promise((resolve) => {
				applicationCache.addEventListener('noupdate', () => resolve(seen));
				applicationCache.update();
			});
		`), "checkingtruefalsefalse2,noupdatetruefalsefalse1")
		want(t, v.js("applicationCache.onnoupdate = null; return applicationCache.onnoupdate"), "null")
	})

	t.Run("check is a promise of whether there is a newer version, and of what went wrong", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		want(t, v.js("return applicationCache.check()"), "false")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\n# 2\n")
		want(t, v.js("return applicationCache.check()"), "true")
		want(t, v.js("return applicationCache.check()"), "true") // nothing newer than that, but this page is still the old one
		s.put("/cache.manifest", "CACHE MANIFEST\nb.txt\n")
		want(t, v.js("return applicationCache.check().catch((e) => [e.name, e.reason, new URL(e.url).pathname, e.status, e.message.endsWith('404')])"),
			"Error,resource,/b.txt,404,true")
		s.set("/cache.manifest", file{status: http.StatusGone})
		want(t, v.js("return applicationCache.check().catch((e) => e.reason)"), "obsolete")
		want(t, v.js("return applicationCache.check().catch((e) => e.name)"), "InvalidStateError")
	})

	t.Run("a page can listen to what is new by its handler, too", func(t *testing.T) {
		_, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		want(t, v.js(`
			const told = new Promise((resolve) => { applicationCache.onunrecoverable = resolve; });
			for (const name of await caches.keys()) await (await caches.open(name)).delete('/a.txt');
			await get('/a.txt');
			const { reason, url, message } = await told;
			return [reason, new URL(url).pathname, message.includes('reload')];
		`), "evicted,/a.txt,true")
	})

	t.Run("events wait for the load event, and of the progress that waits only the newest is kept", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\nNETWORK:\n*\n")
		s.put("/", page+"<img src='/slow.png'>")
		v := s.visit(t, "/")
		v.events("cached")
		release := make(chan struct{})
		s.before(func(r *http.Request) {
			if r.URL.Path == "/slow.png" {
				<-release
			}
		})
		s.put("/a.txt", "one")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\nNETWORK:\n*\n")
		loaded := make(chan error)
		go func() { loaded <- v.Reload(v.context()) }()
		_, err := v.Wait(v.context(), "return applicationCache.status === applicationCache.UPDATEREADY")
		early := v.js("return [document.readyState, events.length]")
		close(release)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-loaded; err != nil {
			t.Fatal(err)
		}
		want(t, early, "interactive,0")
		v.expect("checking", "downloading", "progress 3/3", "updateready")
	})

	t.Run("a page without a manifest and a worker has none", func(t *testing.T) {
		s := newSite(t, b, "")
		s.put("/", strings.Replace(page, ` manifest="cache.manifest"`, "", 1))
		v := s.visit(t, "/")
		want(t, v.js("return [await applicationCache.ready, applicationCache.status, events.length]"), "false,0,0")
		want(t, v.js("try { applicationCache.update() } catch (e) { return e.name }"), "InvalidStateError")
	})

	t.Run("a page that demands trusted types has to allow the policy larder, and an error tells if it does not", func(t *testing.T) {
		for allowed, last := range map[string]string{"larder": "cached", "other": "error worker /sw.js 0"} {
			s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n")
			s.set("/", file{body: page, header: http.Header{
				"Content-Security-Policy": {"require-trusted-types-for 'script'; trusted-types " + allowed},
			}})
			s.visit(t, "/").events(last)
		}
	})

	t.Run("where the browser has no workers, an error tells why", func(t *testing.T) {
		b.only(t, browser.Chromium, "no script can run before those of a page")
		v := newSite(t, b, "CACHE MANIFEST\n").visit(t, "/sw.js")
		for _, method := range []string{"Page.enable", "Page.addScriptToEvaluateOnNewDocument"} {
			if _, err := v.CDP(v.context(), method, map[string]any{"source": "delete Navigator.prototype.serviceWorker"}); err != nil {
				t.Fatal(err)
			}
		}
		v.goTo("/")
		v.expect("error unsupported  0")
		want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "0,false")
	})

	t.Run("in a page from a file, an error tells why", func(t *testing.T) {
		dir := t.TempDir()
		appcache, err := os.ReadFile("../web/appcache.js")
		if err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{"index.html": page, "appcache.js": string(appcache)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		v := newSite(t, b, "").visit(t, "/sw.js")
		if err := v.Navigate(v.context(), "file://"+dir+"/index.html"); err != nil {
			t.Fatal(err)
		}
		v.expect("error worker " + dir + "/sw.js 0")
		want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "0,false")
	})
}
