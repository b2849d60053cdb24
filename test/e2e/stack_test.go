// Package e2e drives the whole of Larder from outside: the larder binary as a process, its pages in a real browser, and
// between them a proxy that can be cut or lose an answer. `make web bin/larder` builds what it needs.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/browser"
)

// stack is a larder process and the address that browsers know it by. The address stays when the process goes.
type stack struct {
	url         string
	root        string // of the module
	db          string
	web, tables string   // the folders that are served
	args        []string // more for larder serve
	proxy       *http.Server
	front       net.Listener
	back        *process

	// dropAnswers is how many answers to pushes are lost from now on, after the server has acted.
	dropAnswers atomic.Int32
}

type process struct {
	cmd  *exec.Cmd
	url  string
	log  *bytes.Buffer
	done chan error
}

func newStack(t *testing.T) *stack {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"bin/larder", "build/web/larder.wasm"} {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Fatalf("%v: run `make web bin/larder` first", err)
		}
	}
	// go test runs a test again when what it opened has changed: so open what browsers will.
	if err := filepath.WalkDir(filepath.Join(root, "build/web"), func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	s := &stack{root: root, db: "sqlite:" + filepath.Join(t.TempDir(), "larder.db"),
		web: filepath.Join(root, "build/web"), tables: filepath.Join(root, "tables")}
	t.Cleanup(func() { s.stop(t) })
	return s
}

// larder runs one of the binary's commands to its end.
func (s *stack) larder(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(s.root, "bin/larder"), args...)
	cmd.Dir = s.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("larder %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the server, at the address it had before if it had one.
func (s *stack) start(t *testing.T) {
	t.Helper()
	address := "127.0.0.1:0"
	if s.url != "" {
		address = strings.TrimPrefix(s.url, "http://")
	}
	var err error
	if s.front, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + s.front.Addr().String()
	s.back = startProcess(t, s)
	target, err := url.Parse(s.back.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	s.proxy = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == table.PathBatch && s.dropAnswers.Load() > 0 {
			// The server answers to nowhere; the browser sees the connection break.
			s.dropAnswers.Add(-1)
			forward.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})}
	go s.proxy.Serve(s.front)
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func startProcess(t *testing.T, s *stack) *process {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	p := &process{url: "http://" + address, log: &bytes.Buffer{}, done: make(chan error, 1)}
	args := append([]string{"serve", "--addr", address, "--db", s.db, "--tables", s.tables, "--web", s.web}, s.args...)
	p.cmd = exec.Command(filepath.Join(s.root, "bin/larder"), args...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	for {
		response, err := http.Get(p.url + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return p
			}
		}
		select {
		case err := <-p.done:
			t.Fatalf("larder serve ended: %v\n%s", err, p.log)
		case <-t.Context().Done():
			t.Fatal("larder serve was not ready in time")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server as an operator would. Its address refuses connections from then on.
func (s *stack) stop(t *testing.T) {
	t.Helper()
	if s.back == nil {
		return
	}
	if err := s.proxy.Close(); err != nil {
		t.Error(err)
	}
	back := s.back
	s.back = nil
	if err := back.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := <-back.done; err != nil {
		t.Errorf("larder serve ended with %v\n%s", err, back.log)
	}
}

// changes are all live records of a table on the server, by id, and the feed's number of the newest change.
func (s *stack) changes(t *testing.T, name string) (map[string]table.Record, int) {
	t.Helper()
	records, newest, token := map[string]table.Record{}, 0, ""
	for {
		response, err := http.Get(s.url + "/tables/" + name + "?$deltatoken=" + url.QueryEscape(token))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		page, err := table.ParsePage(body)
		if err != nil {
			t.Fatalf("%v: %.200s", err, body)
		}
		for _, c := range page.Changes {
			if c.IsZero() {
				delete(records, c.ID)
				continue
			}
			records[c.ID] = c.Open()
		}
		token = page.Token
		if !page.More {
			break
		}
	}
	if _, err := fmt.Sscanf(token[strings.LastIndexAny(token, "-.")+1:], "%d", &newest); err != nil {
		t.Fatalf("the token %q ends in no number: %v", token, err)
	}
	return records, newest
}

// user is a person at a browser page.
type user struct {
	*browser.Page
	t   *testing.T
	ctx context.Context
}

// visit opens a page of the app and waits until it shows its first rows.
func visit(t *testing.T, b *browser.Test, address string) *user {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	u := &user{Page: b.Open(t, address), t: t, ctx: ctx}
	u.see(`return !document.querySelector('main[aria-busy]')`)
	return u
}

// see waits until the page agrees.
func (u *user) see(body string, args ...any) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.ctx, 40*time.Second)
	defer cancel()
	if _, err := u.Wait(ctx, body, args...); err != nil {
		u.picture("failure")
		u.t.Fatal(err)
	}
}

func (u *user) read(dst any, body string, args ...any) {
	u.t.Helper()
	if err := u.Read(u.ctx, dst, body, args...); err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) click(css string) {
	u.t.Helper()
	if err := u.Click(u.ctx, css); err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) typeIn(css, text string) {
	u.t.Helper()
	u.click(css)
	if err := u.Type(u.ctx, text); err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) press(key string) {
	u.t.Helper()
	if err := u.Press(u.ctx, key); err != nil {
		u.t.Fatal(err)
	}
}

// picture keeps a screenshot where LARDER_SCREENSHOTS names a folder.
func (u *user) picture(name string) {
	u.t.Helper()
	dir := os.Getenv("LARDER_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := u.Screenshot(u.ctx)
	if err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		u.t.Fatal(err)
	}
}

// tasks are the todo list as the page shows it: text to completed.
func (u *user) tasks() map[string]bool {
	u.t.Helper()
	tasks := map[string]bool{}
	u.read(&tasks, `return Object.fromEntries([...document.querySelectorAll('#list > .item')].map((li) =>
		[li.querySelector('.text').textContent.trim(), li.dataset.complete === 'true']))`)
	return tasks
}

// stored are the rows of an object store as IndexedDB has them, read without any of Larder.
func (u *user) stored(database, store string) []map[string]any {
	u.t.Helper()
	var rows []map[string]any
	u.read(&rows, `const [name, store] = arguments;
		const db = await new Promise((resolve, reject) => {
			const request = indexedDB.open(name);
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error);
		});
		try {
			return await new Promise((resolve, reject) => {
				const request = db.transaction(store).objectStore(store).getAll();
				request.onsuccess = () => resolve(request.result.map(({ $, ...row }) => row));
				request.onerror = () => reject(request.error);
			});
		} finally {
			db.close();
		}`, database, store)
	return rows
}

func mustJSON(t *testing.T, path string, dst any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: `make deps` installs it", err)
	}
	if err := json.Unmarshal(data, dst); err != nil {
		t.Fatal(err)
	}
}
