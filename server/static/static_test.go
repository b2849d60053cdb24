package static_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/larder-sync/larder/server/static"
)

var (
	page   = []byte("<!doctype html><title>Larder</title>" + strings.Repeat("<p>bread and butter</p>", 100))
	script = []byte(strings.Repeat("export const bread = 'butter';\n", 100))
)

func folder() fstest.MapFS {
	return fstest.MapFS{
		"index.html":               {Data: page},
		"app.js":                   {Data: script},
		"app.js.br":                {Data: brotlied(script)},
		"app.js.gz":                {Data: gzipped(script)},
		"app.3f9a1c07.js":          {Data: []byte("1")},
		"report.20261121.html":     {Data: []byte("1")},
		"notes.20261121.txt":       {Data: []byte("1")},
		"engine.wasm":              {Data: []byte("\x00asm")},
		"app.webmanifest":          {Data: []byte(`{"icons":[{"src":"icons/a.png"}]}`)},
		"icons/a.png":              {Data: bytes.Repeat([]byte("png!"), 500)},
		"todo/index.html":          {Data: []byte("todo")},
		"a:b/index.html":           {Data: []byte("colon")},
		"sw.js":                    {Data: []byte("// worker")},
		"mod.mjs":                  {Data: []byte("1")},
		"data.tar.gz":              {Data: []byte("tar")},
		"strange.xyz":              {Data: []byte("?")},
		".env":                     {Data: []byte("SECRET=1")},
		".git/config":              {Data: []byte("secret")},
		".well-known/security.txt": {Data: []byte("Contact:")},
	}
}

func TestContentTypes(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	for path, want := range map[string]string{
		"/":                         "text/html; charset=utf-8",
		"/index.html":               "text/html; charset=utf-8",
		"/todo/":                    "text/html; charset=utf-8",
		"/app.js":                   "text/javascript; charset=utf-8",
		"/mod.mjs":                  "text/javascript; charset=utf-8",
		"/engine.wasm":              "application/wasm",
		"/app.webmanifest":          "application/manifest+json",
		"/cache.manifest":           "text/cache-manifest; charset=utf-8",
		"/icons/a.png":              "image/png",
		"/data.tar.gz":              "application/gzip",
		"/strange.xyz":              "application/octet-stream",
		"/.well-known/security.txt": "text/plain; charset=utf-8",
	} {
		w := get(h, path)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", path, w.Code, got, want)
		}
	}
}

func TestCaching(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	for path, want := range map[string]string{
		"/":                     "no-cache",
		"/sw.js":                "no-cache",
		"/cache.manifest":       "no-cache",
		"/app.webmanifest":      "no-cache",
		"/app.js":               "no-cache",
		"/notes.20261121.txt":   "no-cache",
		"/report.20261121.html": "no-cache",
		"/app.3f9a1c07.js":      "public, max-age=31536000, immutable",
		"/nothing.js":           "no-cache",
	} {
		if got := get(h, path).Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	etags := map[string]string{}
	for _, coding := range []string{"identity", "gzip", "br"} {
		w := get(h, "/app.js", "Accept-Encoding", coding)
		etag := w.Header().Get("ETag")
		sum := sha256.Sum256(w.Body.Bytes())
		if !strings.HasPrefix(etag, `"`+base64.RawURLEncoding.EncodeToString(sum[:])) || !strings.HasSuffix(etag, `"`) {
			t.Errorf("%s: ETag %s is not made of the body's hash", coding, etag)
		}
		for other, e := range etags {
			if e == etag {
				t.Errorf("%s and %s have one ETag", coding, other)
			}
		}
		etags[coding] = etag
	}
	for _, c := range []struct {
		name, header string
		want         int
	}{
		{"the same", etags["br"], 304},
		{"weakened by a proxy", "W/" + etags["br"], 304},
		{"one of a list", `"x", ` + etags["br"] + `, "y"`, 304},
		{"any", "*", 304},
		{"another", `"x"`, 200},
		{"that of another coding", etags["gzip"], 200},
		{"none", "", 200},
	} {
		t.Run("If-None-Match: "+c.name, func(t *testing.T) {
			w := get(h, "/app.js", "Accept-Encoding", "br", "If-None-Match", c.header)
			if w.Code != c.want {
				t.Fatalf("got %d", w.Code)
			}
			if w.Code == 304 && (w.Body.Len() != 0 || w.Header().Get("ETag") != etags["br"] || w.Header().Get("Vary") == "" ||
				w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Cache-Control") == "") {
				t.Errorf("%d bytes, %v", w.Body.Len(), w.Header())
			}
		})
	}
}

func TestMethods(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	t.Run("HEAD is GET without the body", func(t *testing.T) {
		for _, coding := range []string{"", "br"} {
			g, w := get(h, "/app.js", "Accept-Encoding", coding), request(h, "HEAD", "/app.js", "Accept-Encoding", coding)
			if w.Code != 200 || w.Body.Len() != 0 {
				t.Errorf("%q: %d, %d bytes", coding, w.Code, w.Body.Len())
			}
			for name := range g.Header() {
				if g.Header().Get(name) != w.Header().Get(name) {
					t.Errorf("%q: %s is %q for GET and %q for HEAD", coding, name, g.Header().Get(name), w.Header().Get(name))
				}
			}
		}
	})
	t.Run("others are refused", func(t *testing.T) {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			if w := request(h, method, "/app.js"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %d %v", method, w.Code, w.Header())
			}
		}
	})
}

func TestRanges(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	t.Run("of the plain content", func(t *testing.T) {
		w := get(h, "/app.js", "Range", "bytes=7-11")
		if w.Code != 206 || w.Body.String() != "const" || w.Header().Get("Content-Range") != "bytes 7-11/"+strconv.Itoa(len(script)) {
			t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
		}
	})
	t.Run("not of a compressed copy", func(t *testing.T) {
		w := get(h, "/app.js", "Range", "bytes=7-11", "Accept-Encoding", "br")
		if w.Code != 200 || w.Header().Get("Accept-Ranges") != "" || !bytes.Equal(decoded(t, w), script) {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("the whole if it has changed since", func(t *testing.T) {
		if w := get(h, "/app.js", "Range", "bytes=7-11", "If-Range", `"old"`); w.Code != 200 || w.Body.Len() != len(script) {
			t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
		}
	})
	t.Run("beyond the end", func(t *testing.T) {
		if w := get(h, "/app.js", "Range", "bytes=99999-"); w.Code != 416 {
			t.Errorf("got %d", w.Code)
		}
	})
}

func TestNames(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	t.Run("a folder's name leads to the folder", func(t *testing.T) {
		for path, want := range map[string]string{"/todo": "todo/", "/todo?a=1&b=//x": "todo/?a=1&b=//x", "/a:b": "./a:b/"} {
			if w := get(h, path); w.Code != 301 || w.Header().Get("Location") != want || w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
	})
	t.Run("an index is served under its own name too", func(t *testing.T) {
		if w := get(h, "/todo/index.html"); w.Code != 200 || w.Body.String() != "todo" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("what is not there is 404, not the app's page", func(t *testing.T) {
		for _, path := range []string{"/missing.js", "/icons", "/icons/", "/todo/x", "/todo//", "//todo", "/.env", "/.git/config",
			"/%2e%2e/etc/passwd", "/../etc/passwd", "/todo/../app.js", `/todo\..\app.js`, "/app.js/", "/app.js%00", "/app.js%00.png",
			"/INDEX.HTML", "/%2fapp.js"} {
			w := get(h, path)
			if w.Code != 404 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" ||
				strings.Contains(w.Body.String(), "Larder") {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
	})
}

func TestFallback(t *testing.T) {
	h := mustNew(t, folder(), static.Options{Fallback: "index.html"})
	page := get(h, "/").Body.String()
	for _, c := range []struct {
		name, path string
		headers    []string
		want       int
	}{
		{"a navigation", "/tasks/7?sort=due", []string{"Sec-Fetch-Mode", "navigate"}, http.StatusOK},
		{"one of an old browser", "/tasks/7", []string{"Accept", "text/html,*/*;q=0.8"}, http.StatusOK},
		{"a script's request", "/tasks/7", []string{"Sec-Fetch-Mode", "cors", "Accept", "text/html"}, http.StatusNotFound},
		{"a file's name", "/missing.js", []string{"Sec-Fetch-Mode", "navigate"}, http.StatusNotFound},
		{"a program's request", "/tasks/7", nil, http.StatusNotFound},
		{"a folder", "/todo", []string{"Sec-Fetch-Mode", "navigate"}, http.StatusMovedPermanently},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := get(h, c.path, c.headers...)
			if w.Code != c.want || (w.Code == http.StatusOK) != (w.Body.String() == page) {
				t.Errorf("got %d %.40q", w.Code, w.Body)
			}
			if w.Code == http.StatusOK && (w.Header().Get("Content-Security-Policy") == "" ||
				w.Header().Get("Cache-Control") != "no-cache") {
				t.Errorf("got %v", w.Header())
			}
		})
	}
	t.Run("is only where it is asked for", func(t *testing.T) {
		if w := get(mustNew(t, folder(), static.Options{}), "/tasks/7", "Sec-Fetch-Mode", "navigate"); w.Code != http.StatusNotFound {
			t.Errorf("got %d", w.Code)
		}
	})
	t.Run("a page that is not there", func(t *testing.T) {
		if _, err := static.New(folder(), static.Options{Fallback: "app.html"}); err == nil ||
			!strings.Contains(err.Error(), "app.html") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSecurityHeaders(t *testing.T) {
	h := mustNew(t, folder(), static.Options{Connect: []string{"https://api.example.com", "http://localhost:8124"}})
	for _, path := range []string{"/", "/sw.js", "/app.js", "/missing", "/todo"} {
		header := get(h, path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; " +
				"connect-src 'self' https://api.example.com http://localhost:8124; worker-src 'self'; style-src 'self'; img-src 'self' " +
				"data:; " +
				"font-src 'self'; media-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s: %s\nwant %s", path, name, got, want)
			}
		}
	}
	t.Run("an origin cannot carry more policy", func(t *testing.T) {
		for _, origin := range []string{"https://a.example; script-src *", "https://a.example 'unsafe-eval'", "*", "https://*",
			"a.example",
			"https://a.example/", "https://a.example/x", "HTTPS://A.example", "ftp://a.example", "https://", "https://:80",
			"https://u@a.example,", "", "null"} {
			if _, err := static.New(folder(), static.Options{Connect: []string{origin}}); err == nil {
				t.Errorf("%q was taken", origin)
			}
		}
	})
}

func TestFoldersThatCannotBeServed(t *testing.T) {
	t.Run("too large", func(t *testing.T) {
		_, err := static.New(folder(), static.Options{MaxSize: 100})
		if err == nil || !strings.Contains(err.Error(), "holds more than 100 bytes") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a link that leaves the folder", func(t *testing.T) {
		dir := t.TempDir()
		secret := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(dir, "link.txt")); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if _, err := static.New(root.FS(), static.Options{}); err == nil || !strings.HasPrefix(err.Error(), "link.txt: ") {
			t.Errorf("got %v", err)
		}
	})
}

func mustNew(t *testing.T, f fstest.MapFS, o static.Options) *static.Handler {
	t.Helper()
	h, err := static.New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	return request(h, "GET", path, headers...)
}

func request(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
