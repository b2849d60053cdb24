package sw_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// named is page with another manifest attribute.
func named(manifest string) string {
	return strings.Replace(page, "cache.manifest", manifest, 1)
}

// TestAssociation is about which page gets which cache: the themes of AppCache's own tests that concern documents. README.md has the whole list.
func TestAssociation(t *testing.T) { each(t, testAssociation) }

func testAssociation(t *testing.T, b *engine) {
	t.Run("a manifest that lists nothing still keeps the page that names it", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST")
		s.put("/", strings.Replace(page, `<script src="appcache.js"></script>`, "<script>"+strings.ReplaceAll(appcache(t), "</script>", "")+"</script>", 1))
		v := s.visit(t, "/")
		v.expect("checking", "downloading", "progress 0/0", "cached")
		s.stop()
		v.reload()
		want(t, v.js("return document.title"), "one")
	})

	t.Run("empty files and names in other alphabets are files like others", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\nempty.txt "+integrity("")+"\nпривет.txt\n%D0%BC%D0%B8%D1%80.txt\n")
		for path, body := range map[string]string{"/empty.txt": "", "/привет.txt": "hello", "/мир.txt": "world"} {
			s.put(path, body)
		}
		v := s.visit(t, "/")
		v.events("cached")
		s.stop()
		want(t, v.get("/empty.txt"), "200 ")
		want(t, v.get("/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82.txt"), "200 hello")
		want(t, v.get("/мир.txt"), "200 world")
	})

	t.Run("the fragments of the page, of the manifest and of entries count for nothing", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt#part\n")
		s.put("/two", named("cache.manifest#two"))
		v.goTo("/two#here")
		v.expect("checking", "noupdate")
		s.stop()
		v.goTo("/two#there")
		want(t, v.get("/a.txt#elsewhere"), "200 one")
		want(t, v.versions(), "1")
	})

	t.Run("a manifest of another origin counts for nothing", func(t *testing.T) {
		other := newSite(t, b, "CACHE MANIFEST\n")
		s := newSite(t, b, "")
		s.put("/", named(other.url("/cache.manifest")))
		v := s.visit(t, "/")
		want(t, v.js("return [await applicationCache.ready, applicationCache.status, events.length]"), "false,0,0")
	})

	t.Run("an attribute that a script writes has no effect", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\n")
		s.put("/", strings.Replace(page, ` manifest="cache.manifest"`, "", 1)+"<script>document.documentElement.setAttribute('manifest', 'cache.manifest')</script>")
		v := s.visit(t, "/")
		want(t, v.js("return [await applicationCache.ready, applicationCache.status, events.length]"), "false,0,0")
	})

	t.Run("a page that was reached by a redirect is kept under its own name", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n")
		s.set("/old", file{status: http.StatusFound, header: http.Header{"Location": {"/new"}}})
		s.put("/new", strings.Replace(page, "one", "new", 1))
		v := s.visit(t, "/old")
		v.events("cached")
		v.goTo("/old") // the network's redirect leads to an entry
		want(t, v.js("return [location.pathname, document.title]"), "/new,new")
		s.stop()
		v.goTo("/new")
		want(t, v.js("return document.title"), "new")
	})

	t.Run("pages of two manifests have a cache each, and a fallback reaches the pages beside", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt\nFALLBACK:\n/ /spare\n")
		s.put("/other.manifest", "CACHE MANIFEST\nappcache.js\nb.txt\n")
		for path, body := range map[string]string{"/a.txt": "a", "/b.txt": "b", "/spare": "spare", "/other": named("other.manifest")} {
			s.put(path, body)
		}
		v := s.visit(t, "/")
		v.events("cached")
		v.goTo("/other")
		v.events("cached")
		want(t, v.js("return [await get('/a.txt'), await get('/b.txt')]"), "failed,200 b")
		s.stop()
		v.goTo("/deep/link")
		want(t, v.js("return document.body.textContent"), "spare")
		v.goTo("/other")
		want(t, v.js("return [await get('/a.txt'), await get('/b.txt')]"), "failed,200 b")
		v.goTo("/")
		want(t, v.js("return [await get('/a.txt'), await get('/b.txt')]"), "200 a,200 spare")
	})

	t.Run("a frame is a page of its own, and may go in the middle of its update", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		s.put("/a.txt", "one")
		s.put("/frame", page)
		s.put("/outer", `<!doctype html><title>outer</title><iframe src="/frame"></iframe>`)
		release := make(chan struct{})
		s.before(func(r *http.Request) {
			if r.URL.Path == "/a.txt" {
				<-release
			}
		})
		v := s.visit(t, "/outer")
		v.wait("return frames[0]?.applicationCache?.status === 3")
		v.js("document.querySelector('iframe').remove()")
		close(release)
		v.wait("return await caches.match('/a.txt')")
		v.goTo("/")
		v.events("noupdate")
		want(t, v.get("/a.txt"), "200 one")
	})

	t.Run("a page that joins an update under way hears where it is", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		s.put("/a.txt", "one")
		release := make(chan struct{})
		s.before(func(r *http.Request) {
			if r.URL.Path == "/a.txt" {
				<-release
			}
		})
		first := s.visit(t, "/")
		first.wait("return applicationCache.status === 3")
		second := s.visit(t, "/")
		second.wait("return events.includes('downloading')")
		close(release)
		for _, v := range []*visitor{first, second} {
			events := v.events("cached")
			want(t, strings.Join(events[:2], ","), "checking,downloading")
			want(t, strings.Join(events[len(events)-2:], ","), "progress 2/2,cached")
		}
	})

	t.Run("an update goes on when its page goes to another one", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\nNETWORK:\n*\n")
		s.put("/plain", "<!doctype html><title>plain</title>")
		s.put("/b.txt", "two")
		release := make(chan struct{})
		s.before(func(r *http.Request) {
			if r.URL.Path == "/b.txt" {
				<-release
			}
		})
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\nb.txt\nNETWORK:\n*\n")
		v.js("applicationCache.update()")
		v.events("downloading")
		v.goTo("/plain")
		close(release)
		v.wait(`return (await (await fetch('/__offline/state')).text()).includes('"serial": 2')`)
		v.goTo("/")
		s.stop()
		want(t, v.get("/b.txt"), "200 two")
	})

	t.Run("a manifest that comes back after it was gone is a new beginning", func(t *testing.T) {
		s, v := installed(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		s.set("/cache.manifest", file{status: http.StatusNotFound})
		v.js("applicationCache.update()")
		v.events("obsolete")
		s.put("/cache.manifest", "CACHE MANIFEST\nappcache.js\na.txt\n# again\n")
		v.wait("return !(await navigator.serviceWorker.getRegistration())")
		young := s.visit(t, "/")
		young.events("cached")
		want(t, v.js("return applicationCache.status"), "5") // the old page stays obsolete
		want(t, young.js("return applicationCache.status"), "1")
	})

	t.Run("cookies go with what is fetched", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt\n")
		s.put("/a.txt", "one")
		s.set("/", file{body: page, header: http.Header{"Set-Cookie": {"user=me"}}})
		seen := make(chan string, 9)
		s.before(func(r *http.Request) {
			if r.URL.Path == "/a.txt" || r.URL.Path == "/cache.manifest" {
				seen <- r.URL.Path + " " + r.Header.Get("Cookie")
			}
		})
		s.visit(t, "/").events("cached")
		for _, path := range []string{"/cache.manifest", "/a.txt"} {
			if got := <-seen; !strings.HasPrefix(got, path+" ") || !strings.Contains(got, "user=me") { // ports share their cookies
				t.Errorf("got %q", got)
			}
		}
	})
}

func TestOtherOrigins(t *testing.T) { each(t, testOtherOrigins) }

func testOtherOrigins(t *testing.T, b *engine) {
	cdn := func(t *testing.T, allow string) *site {
		s := newSite(t, b, "")
		f := file{body: "foreign", header: http.Header{}}
		if allow != "" {
			f.header.Set("Access-Control-Allow-Origin", allow)
		}
		s.set("/lib.txt", f)
		return s
	}

	t.Run("a file whose server allows it is an entry like others", func(t *testing.T) {
		other := cdn(t, "*")
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n"+other.url("/lib.txt")+" "+integrity("foreign")+"\n")
		v := s.visit(t, "/")
		v.events("cached")
		other.stop()
		want(t, v.get(other.url("/lib.txt")), "200 foreign")
	})

	t.Run("one whose server does not is refused, and the error names it", func(t *testing.T) {
		other := cdn(t, "")
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n"+other.url("/lib.txt")+"\n")
		v := s.visit(t, "/")
		v.events("error resource /lib.txt 0")
		want(t, v.js("return applicationCache.status"), "0")
	})

	t.Run("unless the manifest asks for it unseen", func(t *testing.T) {
		other := cdn(t, "")
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\n"+other.url("/lib.txt")+" opaque\n")
		v := s.visit(t, "/")
		v.events("cached")
		other.stop()
		want(t, v.js("return (await fetch(args[0], { mode: 'no-cors' })).type", other.url("/lib.txt")), "opaque")
	})
}

func TestResume(t *testing.T) { each(t, testResume) }

func testResume(t *testing.T, b *engine) {
	t.Run("an installation that was cut off goes on where it stood, by the hashes of what is there", func(t *testing.T) {
		lines := "CACHE MANIFEST\nappcache.js\n"
		s := newSite(t, b, "")
		for i := range 12 {
			body := strings.Repeat(fmt.Sprint(i), 100)
			s.put(fmt.Sprintf("/%d.txt", i), body)
			lines += fmt.Sprintf("%d.txt %s\n", i, integrity(body))
		}
		s.put("/cache.manifest", lines+"last.txt "+integrity("last")+"\n")
		v := s.visit(t, "/")
		v.events("error resource /last.txt 404")
		want(t, v.versions(), "0")
		before := v.js(`const names = (await caches.keys()).filter((name) => !name.endsWith('state'));
			return names.length + ' ' + (await (await caches.open(names[0])).keys()).filter(({ url }) => url.endsWith('.txt')).length`)
		s.put("/last.txt", "last")
		s.requests()
		v.reload()
		v.events("cached")
		got := 0
		for _, path := range s.requests() {
			if path != "/last.txt" && strings.HasSuffix(path, ".txt") {
				got++
			}
		}
		if want := fmt.Sprintf("1 %d", 12-got); before != want {
			t.Errorf("there were %q files in one unfinished installation, and %d of 12 were fetched once more", before, got)
		}
		want(t, v.js("return (await caches.keys()).length"), "2")
	})

	t.Run("what is there but is not what the manifest names is fetched again", func(t *testing.T) {
		s := newSite(t, b, "CACHE MANIFEST\nappcache.js\na.txt "+integrity("one")+"\nmissing.txt\n")
		s.put("/a.txt", "one")
		v := s.visit(t, "/")
		v.events("error resource /missing.txt 404")
		v.js(`for (const name of await caches.keys()) {
			const cache = await caches.open(name);
			if (await cache.match('/a.txt')) await cache.put('/a.txt', new Response('forged'));
		}`)
		s.put("/missing.txt", "")
		v.reload()
		v.events("cached")
		want(t, v.get("/a.txt"), "200 one")
	})
}
