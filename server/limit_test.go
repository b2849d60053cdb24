package server

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimited(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, limited := r.Context().Deadline(); !limited {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	ask := func(h http.Handler, remote, target string) (int, string, http.Header) {
		r := httptest.NewRequest("GET", target, nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String(), w.Header()
	}
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), http.StatusTeapot) }
	h := limited(newCallers(2), refuse, ok)

	t.Run("a URL that is too long is told the limit", func(t *testing.T) {
		code, text, _ := ask(h, "127.0.0.1:1", "/tables/note?$filter="+strings.Repeat("x", maxURL))
		if code != http.StatusTeapot || !strings.Contains(text, "16384") {
			t.Errorf("%d %s", code, text)
		}
	})
	t.Run("who asks too often waits, and nobody else does", func(t *testing.T) {
		var codes []int
		for range 7 {
			code, text, header := ask(h, "192.0.2.1:1", "/tables/note")
			if codes = append(codes, code); code != 200 && (header.Get("Retry-After") == "" ||
				!strings.Contains(text, "2 requests a second")) {
				t.Errorf("%v %s", header, text)
			}
		}
		if codes[0] != 200 || codes[6] != http.StatusTeapot {
			t.Errorf("statuses %v", codes)
		}
		for range 50 {
			if code, _, _ := ask(h, "127.0.0.1:1", "/tables/note"); code != 200 {
				t.Fatalf("this machine: %d", code)
			}
		}
		if code, _, _ := ask(h, "192.0.2.2:1", "/tables/note"); code != 200 {
			t.Errorf("another address: %d", code)
		}
	})
	t.Run("requests have a time, and streams have theirs", func(t *testing.T) {
		for target, want := range map[string]int{"/tables/note": 200, "/tables/note/live": 204, "/tables/$live?tables=note": 204} {
			if code, _, _ := ask(h, "127.0.0.1:1", target); code != want {
				t.Errorf("%s: %d", target, code)
			}
		}
	})
	t.Run("a request that takes longer is told so", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			waits := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				refuse(w, r, context.Cause(r.Context()))
			})
			_, text, _ := ask(limited(newCallers(0), refuse, waits), "127.0.0.1:1", "/tables/note")
			if !strings.Contains(text, "60 seconds") {
				t.Error(text)
			}
		})
	})
	t.Run("addresses of one network count as one, and few are remembered", func(t *testing.T) {
		c := newCallers(1)
		now := time.Now()
		allowed := 0
		for _, remote := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8::4]:1"} {
			if c.allow(remote, now) {
				allowed++
			}
		}
		if allowed != 3 {
			t.Errorf("%d of 4 were let through", allowed)
		}
		for i := range maxCallers + 50 {
			c.allow(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), now)
		}
		if len(c.known) > maxCallers || c.order.Len() != len(c.known) {
			t.Errorf("%d are remembered", len(c.known))
		}
	})
}

func TestGzipped(t *testing.T) {
	page := strings.Repeat(`{"id":"a"},`, 200)
	h := gzipped(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := page
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch r.URL.Path {
		case "/short":
			body = "{}"
		case "/record":
			w.Header().Set("ETag", `"v"`)
		case "/text":
			w.Header().Set("Content-Type", "text/plain")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, body)
	}))
	for _, c := range []struct {
		path, takes string
		packed      bool
	}{
		{"/page", "gzip", true}, {"/page", "br, gzip;q=0.5", true}, {"/page", "gzip;q=0", false}, {"/page", "", false},
		{"/short", "gzip", false}, {"/record", "gzip", false}, {"/text", "gzip", false},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Accept-Encoding", c.takes)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != c.packed || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s for %q: %v", c.path, c.takes, w.Header())
		}
		var body io.Reader = w.Body
		if c.packed {
			if w.Header().Get("Content-Length") != "" {
				t.Errorf("%s: the length is another's", c.path)
			}
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if want := page; err != nil || c.path != "/short" && string(text) != want {
			t.Errorf("%s: %d bytes, %v", c.path, len(text), err)
		}
	}
}

func TestOnlyHere(t *testing.T) {
	h := onlyHere(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for remote, want := range map[string]int{"127.0.0.1:5": 200, "[::1]:5": 200, "192.0.2.1:5": 403, "nonsense": 403} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", remote, w.Code)
		}
	}
}
