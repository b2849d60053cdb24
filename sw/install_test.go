package sw_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// installed visits a site whose manifest has the text and whose /a.txt is "one", and waits for the end of the installation.
func installed(t *testing.T, b *engine, manifest string) (*site, *visitor) {
	t.Helper()
	s := newSite(t, b, manifest)
	s.put("/a.txt", "one")
	v := s.visit(t, "/")
	v.events("cached")
	return s, v
}

func TestInstall(t *testing.T) { each(t, testInstall) }

func testInstall(t *testing.T, b *engine) {
	t.Run("a first visit installs, and the app comes up with the server stopped", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt "+integrity("one")+"\nb.txt\n")
		s.put("/a.txt", "one")
		s.put("/b.txt", "two")
		v := s.visit(t, "/")
		v.expect("checking", "downloading", "progress 0/3", "progress 1/3", "progress 2/3", "progress 3/3", "cached")
		want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "1,true")
		s.stop()
		v.reload()
		want(t, v.get("/a.txt"), "200 one")
		want(t, v.get("/b.txt"), "200 two")
		v.expect("checking", "error manifest /cache.manifest 0")
		want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "1,true")
		s.start()
		v.js("applicationCache.update()")
		v.expect("checking", "noupdate")
	})

	t.Run("a document that the manifest does not list is kept because it names the manifest", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\n")
		s.put("/other", strings.Replace(page, "one", "other", 1))
		v.goTo("/other?x=1#y")
		v.events("noupdate")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\n# an update keeps it\n")
		v.js("applicationCache.update()")
		v.events("updateready")
		s.stop()
		v.goTo("/other?x=1")
		want(t, v.js("return document.title"), "other")
	})

	t.Run("an update leaves open pages at their version, and a reload brings the new one", func(t *testing.T) {
		s, old := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		young := s.visit(t, "/")
		young.expect("checking", "noupdate")
		s.put("/a.txt", "two")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\n# 2\n")
		young.js("applicationCache.update()")
		young.expect("checking", "downloading", "progress 0/3", "progress 1/3", "progress 2/3", "progress 3/3", "updateready")
		want(t, young.js("return applicationCache.status"), "4")
		want(t, young.get("/a.txt"), "200 one")
		young.reload()
		young.events("noupdate")
		want(t, young.get("/a.txt"), "200 two")
		want(t, young.js("return applicationCache.status"), "1")
		young.stopWorkers()
		want(t, old.get("/a.txt"), "200 one")
		want(t, young.get("/a.txt"), "200 two")
		want(t, old.js("return applicationCache.status"), "4")
		want(t, old.js("await applicationCache.swapCache(); return [applicationCache.status, await get('/a.txt')]"), "1,200 two")
		old.js("events.length = 0; applicationCache.update()")
		old.events("noupdate")
		want(t, old.js("return (await caches.keys()).length"), "2") // the version and the state: the old version is gone with its last page
	})

	t.Run("a file that did not change is not fetched again", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\na.txt "+integrity("one")+"\nappcache.js\n")
		s.put("/b.txt", "two")
		s.put("/cache.manifest", "CACHE MANIFEST\na.txt "+integrity("one")+"\nb.txt "+integrity("two")+"\nappcache.js\n")
		s.requests()
		v.js("applicationCache.update()")
		v.events("updateready")
		want(t, fmt.Sprint(s.requests()), "[/ /appcache.js /b.txt /cache.manifest /cache.manifest]")
		s.stop()
		v.reload()
		want(t, v.get("/a.txt"), "200 one")
	})

	t.Run("a manifest that changes meanwhile is tried again until it does not", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n")
		s.before(func(r *http.Request) {
			if r.URL.Path == "/appcache.js" && r.Header.Get("Referer") == s.url("/sw.js") {
				s.before(nil)
				s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\n# changed\n")
			}
		})
		v := s.visit(t, "/")
		v.expect("checking", "downloading", "progress 0/1", "progress 1/1", "error changed /cache.manifest 0",
			"checking", "downloading", "progress 0/1", "progress 1/1", "cached")
	})

	t.Run("only what is ours and useless is deleted", func(t *testing.T) {
		_, v := installed(t, b, "CACHE MANIFEST\nappcache.js\n")
		v.js("for (const name of ['app', 'larder /other/ x', 'larder / debris']) await caches.open(name); applicationCache.update()")
		v.events("noupdate")
		want(t, v.js("return (await caches.keys()).filter((name) => !name.startsWith('larder / ') || name.endsWith('debris'))"), "app,larder /other/ x")
	})
}

func TestInstallFails(t *testing.T) { each(t, testInstallFails) }

func testInstallFails(t *testing.T, b *engine) {
	const v2 = "CACHE MANIFEST\nappcache.js\na.txt\nb.js\n# 2\n"
	for _, c := range []struct {
		name     string
		manifest string
		change   func(s *site)
		want     string
	}{
		{"a file is missing", v2, func(s *site) { s.set("/b.js", file{status: 404}) }, "error resource /b.js 404"},
		{"a file is an error of the server", v2, func(s *site) { s.set("/b.js", file{status: 500}) }, "error resource /b.js 500"},
		{"a file is redirected", v2, func(s *site) {
			s.set("/b.js", file{status: 302, header: http.Header{"Location": {"/a.txt"}}})
		}, "error resource /b.js 0"},
		{"a file must not be stored", v2, func(s *site) {
			s.set("/b.js", file{header: http.Header{"Cache-Control": {"no-store"}}})
		}, "error policy /b.js 200"},
		{"a captive portal answers for a file", v2, func(s *site) {
			s.set("/b.js", file{body: "log in", header: http.Header{"Content-Type": {"text/html"}}})
		}, "error policy /b.js 200"},
		{"a captive portal answers for the manifest", "<!doctype html>log in", func(*site) {}, "error signature /cache.manifest 200"},
		{"a file is not the one that the manifest means", "CACHE MANIFEST\na.txt\nb.js " + integrity("right") + "\n", func(s *site) {
			s.put("/b.js", "wrong")
		}, "error hash /b.js 200"},
		{"the manifest is an error of the server", "", func(s *site) { s.set("/cache.manifest", file{status: 503}) }, "error manifest /cache.manifest 503"},
		{"the manifest is redirected", "", func(s *site) {
			s.set("/cache.manifest", file{status: 302, header: http.Header{"Location": {"/a.txt"}}})
		}, "error manifest /cache.manifest 0"},
	} {
		t.Run(c.name+": the old version stays whole, and the page is told", func(t *testing.T) {
			s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
			s.put("/a.txt", "two")
			s.put("/cache.manifest", c.manifest)
			c.change(s)
			v.js("applicationCache.update()")
			events := v.events("error")
			want(t, events[len(events)-1], c.want)
			want(t, v.js("return applicationCache.status"), "1")
			s.stop()
			v.reload()
			want(t, v.get("/a.txt"), "200 one")
			want(t, v.versions(), "1")
		})
	}

	t.Run("the error of a wrong file names both hashes", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\na.txt "+integrity("right")+"\n")
		s.put("/a.txt", "wrong")
		v := s.visit(t, "/")
		v.events("error hash /a.txt 200")
		want(t, v.js("return [fault.expected, fault.got]"), integrity("right")+","+integrity("wrong"))
		want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "0,false")
	})

	t.Run("a wrong copy in the browser's HTTP cache is fetched past", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\na.txt "+integrity("right")+"\n")
		s.set("/a.txt", file{body: "stale", header: http.Header{"Cache-Control": {"max-age=3600"}}})
		s.put("/", strings.Replace(page, "window.events", "fetch('/a.txt').then((r) => r.text()).then(() => fetch('/fetched')); window.events", 1))
		s.before(func(r *http.Request) {
			if r.URL.Path == "/fetched" {
				s.put("/a.txt", "right")
			}
		})
		v := s.visit(t, "/")
		v.events("cached")
		want(t, v.get("/a.txt"), "200 right")
	})

	for name, length := range map[string][]string{"while it is stored": nil, "before it is read, where its length is told": {"1000000"}} {
		t.Run("a full disk is an error with the reason, "+name+", and the old version stays", func(t *testing.T) {
			b.only(t, browser.Chromium, "its quota cannot be set")
			s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
			if _, err := v.CDP(v.context(), "Storage.overrideQuotaForOrigin", map[string]any{"origin": s.url(""), "quotaSize": 200_000}); err != nil {
				t.Fatal(err)
			}
			s.set("/big.txt", file{body: strings.Repeat("x", 1_000_000), header: http.Header{"Content-Length": length}})
			s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\nbig.txt\n")
			v.js("applicationCache.update()")
			events := v.events("error")
			want(t, events[len(events)-1], "error quota /big.txt 0")
			want(t, v.js("return (await caches.keys()).length"), "2") // what was fetched is given back: there is no room for it
			s.stop()
			v.reload()
			want(t, v.get("/a.txt"), "200 one")
		})
	}

	t.Run("abort ends an update with an error event", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		s.before(func(r *http.Request) {
			if r.URL.Path == "/b.txt" {
				<-release
			}
		})
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\nb.txt\n")
		v.js("applicationCache.ondownloading = () => applicationCache.abort(); applicationCache.update()")
		events := v.events("error")
		want(t, events[len(events)-1], "error abort  0")
		want(t, v.js("return applicationCache.status"), "1")
	})
}

func TestObsolete(t *testing.T) { each(t, testObsolete) }

func testObsolete(t *testing.T, b *engine) {
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		t.Run(fmt.Sprintf("a manifest answered with %d takes everything back, the worker too", status), func(t *testing.T) {
			s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
			s.set("/cache.manifest", file{status: status})
			s.put("/a.txt", "two")
			v.js("applicationCache.update()")
			v.expect("checking", "obsolete")
			want(t, v.js("return applicationCache.status"), "5")
			want(t, v.js("try { applicationCache.update() } catch (e) { return e.name }"), "InvalidStateError")
			if _, err := v.Wait(v.context(), "return (await caches.keys()).length === 0 && !(await navigator.serviceWorker.getRegistration())"); err != nil {
				t.Error(err)
			}
			v.reload()
			want(t, v.get("/a.txt"), "200 two")
			v.expect("checking", fmt.Sprintf("error manifest /cache.manifest %d", status))
			want(t, v.js("return [applicationCache.status, await applicationCache.ready]"), "0,false")
		})
	}
}
