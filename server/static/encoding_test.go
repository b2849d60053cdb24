package static_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"

	"github.com/larder-sync/larder/server/static"
)

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

// FuzzAcceptEncoding holds the handler to this: whatever a client says it accepts, it gets the file, and nothing in a
// coding that it did not name.
func FuzzAcceptEncoding(f *testing.F) {
	for _, accept := range []string{"gzip, deflate, br", "br;q=0, *", "identity;q=0", "gzip;q=1e-9;x=y,,;", "x-gzip ; Q = .5"} {
		f.Add(accept)
	}
	h, err := static.New(folder(), static.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		w := get(h, "/app.js", "Accept-Encoding", accept)
		coding := w.Header().Get("Content-Encoding")
		if w.Code != 200 || !bytes.Equal(decoded(t, w), script) {
			t.Errorf("%d with %d bytes, %v", w.Code, w.Body.Len(), w.Header())
		}
		if coding != "" && !strings.Contains(strings.ToLower(accept), coding) && !strings.Contains(accept, "*") {
			t.Errorf("the body is in %s", coding)
		}
	})
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
