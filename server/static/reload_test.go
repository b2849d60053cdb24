package static_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/larder-sync/larder/server/static"
)

func TestReload(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	f := folder()
	var log bytes.Buffer
	h := mustNew(t, f, static.Options{Reload: true, Now: func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(&log, nil))})
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
	t.Run("two writes within a tick of the file system's clock are both seen", func(t *testing.T) {
		now = now.Add(time.Second)
		change("notes.20261121.txt", "one")
		get(h, "/")
		change("notes.20261121.txt", "two") // of the same length, at the same time
		now = now.Add(time.Second)
		get(h, "/")
		if got := get(h, "/notes.20261121.txt").Body.String(); got != "two" {
			t.Errorf("got %s", got)
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

// Readers of a folder that changes under them get whole files, each with its own ETag, and at last the newest state,
// whose manifest is about it.
func TestReloadWhileServing(t *testing.T) {
	dir := t.TempDir()
	write := func(version int) {
		text := strings.Repeat(strconv.Itoa(version)+"\n", 1000)
		if err := os.WriteFile(filepath.Join(dir, "new"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		// Times of their own, because the folder is not looked at by the clock that files are written by.
		if err := os.Chtimes(filepath.Join(dir, "new"), time.Time{}, time.Unix(int64(version), 0)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "app.js")); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var clock atomic.Int64 // each look is a second after the last one
	h, err := static.New(root.FS(), static.Options{Reload: true, Now: func() time.Time { return time.Unix(clock.Add(1), 0) }})
	if err != nil {
		t.Fatal(err)
	}

	const versions = 50
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				get(h, "/cache.manifest")
				w := get(h, "/app.js")
				body := w.Body.String()
				first, _, _ := strings.Cut(body, "\n")
				sum := sha256.Sum256([]byte(body))
				tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
				if body != strings.Repeat(first+"\n", 1000) || w.Header().Get("ETag") != tag {
					t.Errorf("%d bytes that start with %q, ETag %s", len(body), first, w.Header().Get("ETag"))
					return
				}
			}
		})
	}
	for version := range versions {
		write(version)
	}
	close(done)
	readers.Wait()

	listed := get(h, "/cache.manifest").Body.String()
	body := get(h, "/app.js").Body.Bytes()
	if !bytes.HasPrefix(body, []byte(strconv.Itoa(versions-1)+"\n")) {
		t.Errorf("app.js is not the newest: %.10q", body)
	}
	sum := sha256.Sum256(body)
	if line := "\napp.js sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"; !strings.Contains(listed, line) {
		t.Errorf("no line %q in\n%s", line, listed)
	}
}
