package browser_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// relatives returns the processes that were started with an entry in their environment, by the beginning of their names.
func relatives(t *testing.T, entry, name string) (pids []int) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environs) == 0 {
		t.Skip("processes can only be looked at on Linux")
	}
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), entry) {
			continue // gone, or another one's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if comm, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm")); err == nil && strings.HasPrefix(name, strings.TrimSpace(string(comm))) || name == "" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestProfile(t *testing.T) { browser.Each(t, testProfile) }

func testProfile(t *testing.T, engine browser.Engine) {
	s := site(t)
	dir := t.TempDir()
	const put = `localStorage.v = arguments[0]; return new Promise((resolve, reject) => {
		const open = indexedDB.open('d');
		open.onupgradeneeded = () => open.result.createObjectStore('s');
		open.onsuccess = () => {
			const tx = open.result.transaction('s', 'readwrite', {durability: 'strict'});
			tx.objectStore('s').put(arguments[0], 1); tx.oncomplete = () => resolve(); tx.onabort = () => reject(tx.error);
		} })`
	const get = `return new Promise((resolve) => {
		const open = indexedDB.open('d');
		open.onsuccess = () => { const r = open.result.transaction('s').objectStore('s').get(1); r.onsuccess = () => resolve(r.result) } })`

	b := browser.New(t, browser.Options{Engine: engine, Profile: dir})
	must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), put, "clean")))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	<-b.Done()

	t.Run("what was stored before a clean end is there", func(t *testing.T) {
		b = browser.New(t, browser.Options{Engine: engine, Profile: dir})
		p := b.Open(t, s.URL)
		if v := must[[]byte](t)(bytesOf(p.Eval(soon(t), get))); string(v) != `"clean"` {
			t.Fatalf("got %s", v)
		}
		must[[]byte](t)(bytesOf(p.Eval(soon(t), put, "crash")))
		if err := b.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Eval(soon(t), `return 1`); !errors.Is(err, browser.ErrGone) {
			t.Errorf("a page of a killed browser: %v", err)
		}
	})
	t.Run("what was committed strictly before a crash is there, and the profile opens again", func(t *testing.T) {
		b = browser.New(t, browser.Options{Engine: engine, Profile: dir})
		if v := must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), get))); string(v) != `"crash"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("another profile shares nothing", func(t *testing.T) {
		b := browser.New(t, browser.Options{Engine: engine})
		v := must[[]byte](t)(bytesOf(b.Open(t, s.URL).Eval(soon(t), `return [await indexedDB.databases(), localStorage.length]`)))
		if string(v) != "[[],0]" {
			t.Fatalf("got %s", v)
		}
	})
}

func TestStart(t *testing.T) { browser.Each(t, testStart) }

func testStart(t *testing.T, engine browser.Engine) {
	t.Run("a browser that is not installed is an error that names the way out", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := browser.Start(soon(t), browser.Options{Engine: engine})
		if !errors.Is(err, browser.ErrNoBrowser) || !strings.Contains(err.Error(), "make deps") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a program that is no browser is an error with what it said", func(t *testing.T) {
		_, err := browser.Start(soon(t), browser.Options{Engine: engine, Binary: "/bin/ls"})
		if !errors.Is(err, browser.ErrGone) || !strings.Contains(err.Error(), "/bin/ls:") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("the context bounds the start, also of a browser that hangs, and nothing is left of it", func(t *testing.T) {
		hangs := filepath.Join(t.TempDir(), "hangs")
		if err := os.WriteFile(hangs, []byte("#!/bin/sh\nsleep 1000 & sleep 1000\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		mark := "LARDER_TEST=" + rand.Text()
		for _, binary := range []string{hangs, ""} {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			b, err := browser.Start(ctx, browser.Options{Engine: engine, Binary: binary, Env: []string{mark}})
			cancel()
			if err == nil && binary == "" { // it was quick
				err = b.Kill()
			} else if errors.Is(err, context.DeadlineExceeded) {
				err = nil
			}
			if err != nil || b != nil && binary != "" {
				t.Errorf("%q: got %v", binary, err)
			}
		}
		if left := relatives(t, mark, ""); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("closing and killing end all processes, in any order and twice", func(t *testing.T) {
		mark := "LARDER_TEST=" + rand.Text()
		b, err := browser.Start(soon(t), browser.Options{Engine: engine, Env: []string{mark}})
		if err != nil {
			t.Fatal(err)
		}
		p := must[*browser.Page](t)(b.NewPage(soon(t)))
		if err := p.Press(soon(t), "x"); err != nil { // which takes a process more in WebKit
			t.Fatal(err)
		}
		if len(relatives(t, mark, "")) == 0 {
			t.Fatal("the browser's processes cannot be told")
		}
		for _, end := range []func() error{b.Close, b.Kill, b.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		if left := relatives(t, mark, ""); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if _, err := b.NewPage(soon(t)); !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
}

// TestOrphan is the driver that [TestDriverKilled] kills.
func TestOrphan(t *testing.T) {
	engine := os.Getenv("LARDER_ORPHAN")
	if engine == "" {
		t.Skip("for TestDriverKilled only")
	}
	browser.New(t, browser.Options{Engine: browser.Engine(engine)})
	os.Stdout.WriteString("up\n")
	select {}
}

func TestDriverKilled(t *testing.T) {
	browser.Each(t, func(t *testing.T, engine browser.Engine) {
		mark := "LARDER_TEST=" + rand.Text()
		driver := exec.Command(os.Args[0], "-test.run=^TestOrphan$")
		driver.Env = append(os.Environ(), mark, "LARDER_ORPHAN="+string(engine))
		out, err := driver.StdoutPipe()
		if err == nil {
			err = driver.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
			t.Fatal(err)
		}
		if len(relatives(t, mark, "")) < 2 {
			t.Error("the browser's processes cannot be told")
		}
		if err := driver.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = driver.Wait() // it was killed
		for ctx := soon(t); len(relatives(t, mark, "")) > 0; {
			select {
			case <-ctx.Done():
				t.Fatalf("left: %v", relatives(t, mark, ""))
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
}

func TestUnknownEngine(t *testing.T) {
	if _, err := browser.Start(soon(t), browser.Options{Engine: "netscape"}); !errors.Is(err, browser.ErrEngine) {
		t.Errorf("got %v", err)
	}
}
