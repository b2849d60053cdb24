package static_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/larder-sync/larder/server/static"
)

func TestManifest(t *testing.T) {
	t.Run("is built from the folder where there is none", func(t *testing.T) {
		h := mustNew(t, folder(), static.Options{})
		body := get(h, "/cache.manifest").Body.String()
		sum := sha256.Sum256(script)
		for _, line := range []string{"\n./ sha256-", "\ntodo/ sha256-", "\nicons/a.png sha256-", "\napp.js sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "\n"} {
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
