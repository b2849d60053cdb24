package sw_test

import (
	"net/http"
	"strings"
	"testing"
)

const watcher = `<!doctype html><title>watch</title><script type="module">
	import { watchConnection } from './online.js';
	window.events = [];
	window.watch = watchConnection({ onChange: ({ online, reason }) => events.push((online ? 'online ' : 'offline ') + reason) });
</script>`

// probed makes a site answer probes as Larder's server does, and pages as watcher.
func probed(t *testing.T, b *engine) *site {
	s := newSite(t, b, "")
	s.put("/", watcher)
	s.before(func(r *http.Request) {
		if r.URL.Path == "/__probe" {
			s.set("/__probe", file{status: http.StatusNoContent, header: http.Header{"Larder-Probe": {r.URL.Query().Get("n")}}})
		}
	})
	return s
}

func TestWatchConnection(t *testing.T) { each(t, testWatchConnection) }

func testWatchConnection(t *testing.T, b *engine) {
	// answer makes the site answer probes as given.
	answer := func(s *site, f file) {
		s.before(nil)
		s.set("/__probe", f)
	}
	// interrupted stops the server and starts it again; after each the page runs a script.
	interrupted := func(t *testing.T, stopped, started string) {
		t.Helper()
		s := probed(t, b)
		v := s.visit(t, "/")
		v.expect("online ok")
		s.stop()
		v.js(stopped)
		v.expect("offline network")
		s.start()
		v.js(started)
		v.expect("online ok")
	}

	t.Run("the first probe is told, and a repeated hint is not", func(t *testing.T) {
		v := probed(t, b).visit(t, "/")
		v.expect("online ok")
		want(t, v.js(`
			for (const target of [window, document, document.body]) target.dispatchEvent(new Event('offline'));
			const { online, reason } = await watch.check();
			return [online, reason, events.length];
		`), "true,ok,0")
	})

	t.Run("a server that stops and starts again is one event each, by the backoff alone", func(t *testing.T) {
		interrupted(t, "watch.report(false); watch.report(false)", "")
	})

	t.Run("a request that got through is believed at once", func(t *testing.T) {
		s := probed(t, b)
		v := s.visit(t, "/")
		v.expect("online ok")
		s.stop()
		v.js("await watch.check()")
		v.expect("offline network")
		want(t, v.js("watch.report(true); return [watch.online, watch.reason, ...events]"), "true,ok,online ok")
	})

	t.Run("the browser's word for being offline is not believed while the server answers", func(t *testing.T) {
		v := probed(t, b).visit(t, "/")
		v.expect("online ok")
		want(t, v.js(`
			Object.defineProperty(navigator, 'onLine', { value: false });
			window.dispatchEvent(new Event('offline'));
			return [(await watch.check()).online, events.length];
		`), "true,0")
	})

	t.Run("a captive portal is offline, whether it answers itself or redirects", func(t *testing.T) {
		s := probed(t, b)
		v := s.visit(t, "/")
		v.expect("online ok")
		answer(s, file{body: "please log in"})
		want(t, v.js("return JSON.stringify(await watch.check())"), `{"online":false,"reason":"portal"}`)
		answer(s, file{status: http.StatusNoContent, header: http.Header{"Larder-Probe": {"guess"}}})
		want(t, v.js("return (await watch.check()).reason"), "portal")
		answer(s, file{status: http.StatusFound, header: http.Header{"Location": {"/login"}}})
		want(t, v.js("return (await watch.check()).reason"), "portal")
	})

	t.Run("an error of the server is a connection with trouble, and its end is noticed", func(t *testing.T) {
		s := probed(t, b)
		v := s.visit(t, "/")
		v.expect("online ok")
		answer(s, file{status: http.StatusServiceUnavailable})
		want(t, v.js("return JSON.stringify(await watch.check())"), `{"online":true,"reason":"server"}`)
		s.before(func(r *http.Request) {
			s.set("/__probe", file{status: http.StatusNoContent, header: http.Header{"Larder-Probe": {r.URL.Query().Get("n")}}})
		})
		v.expect("online server", "online ok")
	})

	t.Run("a server that never answers is offline by timeout", func(t *testing.T) {
		s := probed(t, b)
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		v := s.visit(t, "/")
		v.expect("online ok")
		s.before(func(*http.Request) { <-release })
		want(t, v.js("return (await watch.check()).reason"), "timeout")
	})

	t.Run("an app asks in its own way, and a question that throws is offline", func(t *testing.T) {
		v := probed(t, b).visit(t, "/")
		v.expect("online ok")
		want(t, v.js(`
			const { watchConnection } = await import('./online.js');
			const told = [];
			let fine = true;
			const own = watchConnection({ url: 'somewhere', ask: async (url) => (fine ? { online: true, reason: 'mine' } : Promise.reject(new Error(url))), onChange: (state) => told.push(state.reason) });
			await own.check();
			fine = false;
			await own.check();
			own.stop();
			return [told, own.online];
		`), "mine,network,false")
	})

	t.Run("what the network plugin of Cordova fires on document has the server asked", func(t *testing.T) {
		interrupted(t, "document.dispatchEvent(new Event('offline'))", "document.dispatchEvent(new Event('online'))")
	})

	t.Run("after stop nothing is told", func(t *testing.T) {
		s := probed(t, b)
		v := s.visit(t, "/")
		v.expect("online ok")
		s.stop()
		want(t, v.js("const probe = watch.check(); watch.stop(); await probe; window.dispatchEvent(new Event('online')); return events.length"), "0")
	})

	t.Run("the probe says nothing about the user, and its nonce is new each time", func(t *testing.T) {
		s := probed(t, b)
		var seen []string
		s.before(func(r *http.Request) {
			if r.URL.Path == "/__probe" {
				seen = append(seen, r.URL.RawQuery+" "+r.Header.Get("Cookie"))
			}
		})
		v := s.visit(t, "/")
		v.js("document.cookie = 'session=1'; await watch.check(); await watch.check()")
		if len(seen) < 2 || seen[0] == seen[1] || strings.Contains(strings.Join(seen, ""), "session") {
			t.Errorf("the probes were %q", seen)
		}
	})
}
