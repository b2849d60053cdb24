//go:build unix

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

// TestCordova runs the apps by `cordova run browser`, with their tables on a server of another origin. The first run installs
// Cordova by its lock file, which takes half a minute.
func TestCordova(t *testing.T) {
	s := newStack(t)
	address := freeAddress(t)
	app := "http://localhost:" + address[len("127.0.0.1:"):]
	s.args = []string{"--cors", app}
	s.start(t)

	dist, project := filepath.Join(t.TempDir(), "dist"), filepath.Join(s.root, "build/cordova")
	s.larder(t, "build", s.web, "--out", dist, "--compress", "none")
	run(t, s.root, "go", "run", "./web/cordova", "-dist", dist, "-server", s.url, "-out", project)
	if _, err := os.Stat(filepath.Join(project, "node_modules/cordova-browser/package.json")); err != nil {
		run(t, project, "npm", "ci", "--no-audit", "--no-fund")
	}
	run(t, project, "node_modules/.bin/cordova", "prepare")
	stop := runBrowserPlatform(t, project, address)

	b := browser.New(t, browser.Options{})
	todo := visit(t, b, app+"/todo/index.html")
	t.Run("the seeded tasks come from the other origin, and Cordova is there", func(t *testing.T) {
		todo.see(`return document.querySelectorAll('#list > .item').length === 3 && document.querySelector('#pill').dataset.state === 'online'`)
		todo.see(`return window.cordova?.platformId === 'browser' && 'type' in navigator.connection && await new Promise((resolve) => document.addEventListener('deviceready', () => resolve(true)))`)
	})
	t.Run("no policy is violated", func(t *testing.T) {
		for _, m := range todo.Console() {
			if m.Level == "error" || m.Level == "exception" {
				t.Error(m)
			}
		}
	})
	t.Run("both servers are stopped: the app comes up, and takes a task", func(t *testing.T) {
		todo.see(`return await applicationCache.ready`)
		stop()
		s.stop(t)
		if err := todo.Reload(todo.ctx); err != nil {
			t.Fatal(err)
		}
		todo.see(`return document.querySelectorAll('#list > .item').length === 3 && document.querySelector('#pill').dataset.state === 'offline'`)
		todo.see(`return window.cordova?.platformId === 'browser'`)
		todo.typeIn("#new", "from Cordova")
		todo.press("Enter")
		todo.see(`return document.querySelector('#pill').dataset.pending === '1'`)
	})
	t.Run("the tables' server is back, and gets it", func(t *testing.T) {
		s.start(t)
		todo.read(new(any), `document.dispatchEvent(new Event('online'))`) // as the network plugin does
		todo.see(`return document.querySelector('#pill').dataset.pending === '0' && document.querySelector('#pill').dataset.state === 'online'`)
		records, _ := s.changes(t, "todoitem")
		found := 0
		for _, r := range records {
			if r["text"] == "from Cordova" {
				found++
			}
		}
		if found != 1 {
			t.Errorf("the server has the task %d times", found)
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runBrowserPlatform runs `cordova run browser` with a browser that does nothing, as the test has its own; it returns what ends it.
func runBrowserPlatform(t *testing.T, project, address string) (stop func()) {
	t.Helper()
	shim := t.TempDir()
	if err := os.WriteFile(filepath.Join(shim, "chromium-browser"), []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	port := address[len("127.0.0.1:"):]
	cmd := exec.Command(filepath.Join(project, "node_modules/.bin/cordova"), "run", "browser", "--target=chromium", "--port="+port)
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "CI=1", "PATH="+shim+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		<-done
	}
	t.Cleanup(stop)
	for {
		response, err := http.Get("http://localhost:" + port + "/")
		if err == nil {
			response.Body.Close()
			return stop
		}
		select {
		case err := <-done:
			stopped = true
			t.Fatal(fmt.Errorf("cordova run browser ended: %v\n%s", err, &log))
		case <-t.Context().Done():
			t.Fatalf("cordova run browser does not answer:\n%s", &log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
