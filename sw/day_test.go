package sw_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestDay is a day of an app in a browser that is killed and started again: what the issue of the offline shell promises, in one piece.
func TestDay(t *testing.T) {
	browser.Each(t, func(t *testing.T, name browser.Engine) {
		o := browser.Options{Engine: name, Profile: t.TempDir()}
		b := &engine{browser.New(t, o).Browser, name}
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt "+integrity("one")+"\nabout.html\nFALLBACK:\n/ /spare.html\n")
		s.put("/a.txt", "one")
		s.put("/about.html", strings.Replace(page, "<title>one", "<title>about", 1))
		s.put("/spare.html", strings.NewReplacer("<title>one", "<title>spare", `"cache`, `"/cache`, `"appcache`, `"/appcache`).Replace(page))
		s.visit(t, "/").events("cached")

		// whole tells that version one is there from its first file to its last, with the server stopped.
		whole := func(t *testing.T, v *visitor) {
			t.Helper()
			for path, title := range map[string]string{"/about.html": "about", "/deep/link?x=1": "spare", "/": "one"} {
				v.goTo(path)
				want(t, v.js("return [location.pathname + location.search, document.title, await get('/a.txt')]"), path+","+title+",200 one")
			}
		}

		s.stop()
		v := s.visit(t, "/")
		v.events("error")
		t.Run("with the server stopped it reloads, navigates, follows a deep link, and falls back", func(t *testing.T) {
			v := on(t, v)
			v.reload()
			whole(t, v)
		})

		t.Run("a browser that is killed in the middle of an update comes back with the old version, whole", func(t *testing.T) {
			s.start()
			v := on(t, v)
			v.wait("return applicationCache.status === applicationCache.IDLE") // the page has reloaded, and heard from the worker
			asked, release := make(chan struct{}, 1), make(chan struct{})
			t.Cleanup(func() { close(release) })
			s.before(func(r *http.Request) {
				if r.URL.Path == "/late.txt" {
					asked <- struct{}{}
					<-release
				}
			})
			s.put("/a.txt", "two")
			s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt "+integrity("two")+"\nlate.txt\nabout.html\n")
			v.js("applicationCache.update()")
			<-asked
			v.wait("const all = await Promise.all((await caches.keys()).map((name) => caches.match('/a.txt', { cacheName: name }))); return all.filter(Boolean).length === 2")
			if err := b.Kill(); err != nil {
				t.Fatal(err)
			}
			s.stop()
			b.Browser = browser.New(s.t, o).Browser
			whole(t, s.visit(t, "/"))
		})

		t.Run("and the next update is made, while another tab stays as it is", func(t *testing.T) {
			s.before(nil)
			s.put("/late.txt", "late")
			first, second := s.visit(t, "/"), s.visit(t, "/about.html")
			first.events("error")
			second.events("error")
			s.start()
			first.js("applicationCache.update()")
			first.events("updateready")
			second.events("updateready")
			want(t, first.get("/a.txt"), "200 one")
			first.reload()
			want(t, first.js("return [await get('/a.txt'), await get('/late.txt')]"), "200 two,200 late")
			want(t, second.get("/a.txt"), "200 one")
			first.stopWorkers()
			want(t, second.get("/a.txt"), "200 one")
			second.reload()
			want(t, second.get("/a.txt"), "200 two")
		})

		t.Run("a manifest that is gone takes everything back", func(t *testing.T) {
			v := s.visit(t, "/")
			s.set("/cache.manifest", file{status: http.StatusNotFound})
			v.wait("if (applicationCache.status === 1) applicationCache.update(); return applicationCache.status === 5")
			v.wait("return (await caches.keys()).length === 0 && !(await navigator.serviceWorker.getRegistration())")
		})
	})
}
