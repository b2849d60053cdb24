package static_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/andybalholm/brotli"

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

func TestEncodings(t *testing.T) {
	h := mustNew(t, folder(), static.Options{})
	for _, c := range []struct{ accept, want string }{
		{"", ""},
		{"gzip, deflate, br, zstd", "br"},
		{"gzip", "gzip"},
		{"x-gzip", "gzip"},
		{"GZIP;Q=1", "gzip"},
		{"br;q=0, gzip", "gzip"},
		{"br;q=0.5, gzip;q=0.8", "gzip"},
		{"br;q=0.8, gzip;q=0.8", "br"},
		{"br;q=0.001", "br"},
		{"*", "br"},
		{"*;q=0.5, br;q=0", "gzip"},
		{"*;q=0", ""},
		{"identity;q=1, *;q=0", ""},
		{"identity, gzip;q=0.5", ""},
		{"identity;q=0.5, gzip", "gzip"},
		{"identity;q=0", ""},
		{"gzip;q=2", ""},
		{"gzip;q=nonsense, deflate", ""},
		{"gzip;q=NaN", ""},
		{";;,,q=,br;", "br"},
	} {
		t.Run("accepting "+c.accept, func(t *testing.T) {
			w := get(h, "/app.js", "Accept-Encoding", c.accept)
			if got := w.Header().Get("Content-Encoding"); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if got := decoded(t, w); !bytes.Equal(got, script) {
				t.Errorf("the body is %d other bytes", len(got))
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("Vary is %q", got)
			}
			if w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
				t.Errorf("Content-Length %s for %d bytes", w.Header().Get("Content-Length"), w.Body.Len())
			}
		})
	}
	t.Run("gzip is made where the folder has none and it pays", func(t *testing.T) {
		w := get(h, "/", "Accept-Encoding", "br, gzip")
		if w.Header().Get("Content-Encoding") != "gzip" || !bytes.Equal(decoded(t, w), page) {
			t.Errorf("got %v", w.Header())
		}
		for _, path := range []string{"/icons/a.png", "/todo/", "/engine.wasm"} {
			if w := get(h, path, "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "" {
				t.Errorf("%s: %v", path, w.Header())
			}
		}
	})
	t.Run("copies are not served under their own names", func(t *testing.T) {
		for _, path := range []string{"/app.js.br", "/app.js.gz"} {
			if w := get(h, path); w.Code != 404 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	})
	t.Run("a copy of other content is not used", func(t *testing.T) {
		f := folder()
		f["app.js.br"] = &fstest.MapFile{Data: brotlied([]byte("old"))}
		f["app.js.gz"] = &fstest.MapFile{Data: []byte("not gzip")}
		var log bytes.Buffer
		h := mustNew(t, f, static.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		w := get(h, "/app.js", "Accept-Encoding", "br, gzip")
		if w.Header().Get("Content-Encoding") != "gzip" || !bytes.Equal(decoded(t, w), script) {
			t.Errorf("got %v", w.Header())
		}
		for _, name := range []string{"file=app.js.br", "file=app.js.gz"} {
			if !strings.Contains(log.String(), name) {
				t.Errorf("the log does not say %s: %s", name, log.String())
			}
		}
	})
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
			"/%2e%2e/etc/passwd", "/../etc/passwd", "/todo/../app.js", `/todo\..\app.js`, "/app.js/", "/app.js%00", "/app.js%00.png", "/INDEX.HTML", "/%2fapp.js"} {
			w := get(h, path)
			if w.Code != 404 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(w.Body.String(), "Larder") {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
	})
}

func TestSecurityHeaders(t *testing.T) {
	h := mustNew(t, folder(), static.Options{Connect: []string{"https://api.example.com", "http://localhost:8124"}})
	for _, path := range []string{"/", "/sw.js", "/app.js", "/missing", "/todo"} {
		header := get(h, path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; " +
				"connect-src 'self' https://api.example.com http://localhost:8124; worker-src 'self'; style-src 'self'; img-src 'self' data:; " +
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
		for _, origin := range []string{"https://a.example; script-src *", "https://a.example 'unsafe-eval'", "*", "https://*", "a.example",
			"https://a.example/", "https://a.example/x", "HTTPS://A.example", "ftp://a.example", "https://", "https://:80", "https://u@a.example,", "", "null"} {
			if _, err := static.New(folder(), static.Options{Connect: []string{origin}}); err == nil {
				t.Errorf("%q was taken", origin)
			}
		}
	})
}

func TestManifest(t *testing.T) {
	t.Run("is built from the folder where there is none", func(t *testing.T) {
		h := mustNew(t, folder(), static.Options{})
		body := get(h, "/cache.manifest").Body.String()
		sum := sha256.Sum256(script)
		for _, line := range []string{"\n./ sha256-", "\ntodo/ sha256-", "\nicons/a.png sha256-", "\napp.js sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"} {
			if !strings.Contains(body, line) {
				t.Errorf("no line %q in\n%s", line, body)
			}
		}
		for _, name := range []string{"sw.js", ".br", ".gz", ".env", "well-known"} {
			if strings.Contains(body, name) {
				t.Errorf("%s is listed in\n%s", name, body)
			}
		}
	})
	t.Run("all that it lists is served, without a redirect", func(t *testing.T) {
		h := mustNew(t, folder(), static.Options{})
		lines := 0
		for line := range strings.Lines(get(h, "/cache.manifest").Body.String()) {
			path, hash, ok := strings.Cut(strings.TrimSpace(line), " sha256-")
			if !ok {
				continue
			}
			lines++
			w := get(h, "/"+strings.TrimPrefix(path, "./"))
			sum := sha256.Sum256(w.Body.Bytes())
			if w.Code != 200 || base64.StdEncoding.EncodeToString(sum[:]) != hash {
				t.Errorf("%s: %d, or another hash than %s", path, w.Code, hash)
			}
		}
		if lines < 8 {
			t.Errorf("only %d entries", lines)
		}
	})
	t.Run("of the folder is served as it is", func(t *testing.T) {
		f := folder()
		f["cache.manifest"] = &fstest.MapFile{Data: []byte("CACHE MANIFEST\napp.js\n")}
		if got := get(mustNew(t, f, static.Options{}), "/cache.manifest").Body.String(); got != "CACHE MANIFEST\napp.js\n" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("that lists a missing file is an error, whatever its name", func(t *testing.T) {
		for _, name := range []string{"cache.manifest", "todo/old.appcache"} {
			f := folder()
			f[name] = &fstest.MapFile{Data: []byte("CACHE MANIFEST\n/app.js\n/gone.js\n")}
			_, err := static.New(f, static.Options{})
			if want := name + ":3: /gone.js is listed, but there is no file gone.js"; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
	})
	t.Run("of a web app that names a missing icon is an error", func(t *testing.T) {
		f := folder()
		delete(f, "icons/a.png")
		_, err := static.New(f, static.Options{})
		if want := "app.webmanifest: its icon icons/a.png: there is no file icons/a.png"; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}

func TestReload(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	f := folder()
	var log bytes.Buffer
	h := mustNew(t, f, static.Options{Reload: true, Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	before := get(h, "/cache.manifest").Body.String()
	change := func(name, text string) {
		f[name] = &fstest.MapFile{Data: []byte(text), ModTime: now}
	}

	t.Run("not more than once a second", func(t *testing.T) {
		change("app.js", "second")
		if got := get(h, "/cache.manifest").Body.String(); got != before {
			t.Error("the folder was looked at already")
		}
	})
	t.Run("by a page, with a new manifest", func(t *testing.T) {
		now = now.Add(time.Second)
		get(h, "/")
		if got := get(h, "/app.js", "Accept-Encoding", "br").Body.String(); got != "second" {
			t.Errorf("app.js is still %q", got)
		}
		if got := get(h, "/cache.manifest").Body.String(); got == before {
			t.Error("the manifest is the old one")
		}
	})
	t.Run("a new file is found by its first request", func(t *testing.T) {
		now = now.Add(time.Second)
		change("new.js", "new")
		if got := get(h, "/new.js").Body.String(); got != "new" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a removed file is gone", func(t *testing.T) {
		now = now.Add(time.Second)
		delete(f, "new.js")
		get(h, "/")
		if w := get(h, "/new.js"); w.Code != 404 {
			t.Errorf("got %d", w.Code)
		}
	})
	t.Run("a folder that is wrong is logged once, and the last good state stays", func(t *testing.T) {
		change("cache.manifest", "CACHE MANIFEST\ngone.js\n")
		change("app.js", "third")
		log.Reset()
		for range 3 {
			now = now.Add(time.Second)
			get(h, "/")
		}
		if got := get(h, "/app.js").Body.String(); got != "second" {
			t.Errorf("app.js is %q", got)
		}
		if n := strings.Count(log.String(), "gone.js is listed"); n != 1 {
			t.Errorf("logged %d times: %s", n, log.String())
		}
	})
	t.Run("and it goes on when that is repaired", func(t *testing.T) {
		change("cache.manifest", "CACHE MANIFEST\napp.js\n")
		now = now.Add(time.Second)
		get(h, "/")
		if got := get(h, "/app.js").Body.String(); got != "third" {
			t.Errorf("app.js is %q", got)
		}
	})
	t.Run("never when not asked to", func(t *testing.T) {
		f := folder()
		h := mustNew(t, f, static.Options{Now: func() time.Time { return now }})
		f["todo/index.html"] = &fstest.MapFile{Data: []byte("other"), ModTime: now}
		now = now.Add(time.Hour)
		if got := get(h, "/todo/").Body.String(); got != "todo" {
			t.Errorf("got %s", got)
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

func decoded(t *testing.T, w *httptest.ResponseRecorder) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(w.Body.Bytes())
	switch w.Header().Get("Content-Encoding") {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	return b.Bytes()
}

func brotlied(text []byte) []byte {
	var b bytes.Buffer
	z := brotli.NewWriter(&b)
	z.Write(text)
	z.Close()
	return b.Bytes()
}
