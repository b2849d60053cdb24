package main

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/larder-sync/larder/test/process"
)

//go:embed page tables
var files embed.FS

// serve gives out the page and the contenders' modules, and returns the site's origin.
func serve(p plan) (origin string, stop func() error, err error) {
	assets, err := fs.Sub(files, "page")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(p.web)))
	mux.Handle("GET /bench/", http.StripPrefix("/bench/", http.FileServerFS(assets)))
	for name, folder := range map[string]string{
		"pouchdb.js": p.built, "azure.bundle.js": p.built,
		"sql-wasm.js": filepath.Join(p.modules, "sql.js/dist"), "sql-wasm.wasm": filepath.Join(p.modules, "sql.js/dist"),
	} {
		mux.HandleFunc("GET /bench/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join(folder, name))
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: mux}
	go s.Serve(l) // returns when the server is closed
	return "http://" + l.Addr().String(), s.Close, nil
}

// servers are those that the contenders sync with; couch is nil where PouchDB does not take part.
type servers struct{ larder, couch *process.Server }

func (s *servers) of(contender string) *process.Server {
	if contender == pouchdb {
		return s.couch
	}
	return s.larder
}

func (s *servers) stop() {
	for _, one := range []*process.Server{s.larder, s.couch} {
		if one != nil {
			one.Stop()
		}
	}
}

// start starts the servers and fills their tables.
func (p plan) start(ctx context.Context, dir, origin string) (s *servers, err error) {
	s = &servers{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.larder, err = p.startLarder(ctx, filepath.Join(dir, "larder"), origin); err != nil {
		return nil, err
	}
	if slices.Contains(p.contenders, pouchdb) {
		s.couch, err = p.startCouch(ctx, filepath.Join(dir, "couch"))
	}
	return s, err
}

func (p plan) startLarder(ctx context.Context, dir, origin string) (*process.Server, error) {
	if err := os.CopyFS(dir, files); err != nil {
		return nil, err
	}
	rows, err := os.Create(filepath.Join(dir, "rows.jsonl"))
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(rows)
	for i := range p.rows {
		fmt.Fprintf(out, "%s\n", document(i, "id"))
	}
	if err := errors.Join(out.Flush(), rows.Close()); err != nil {
		return nil, err
	}
	load := exec.CommandContext(ctx, p.binary, "import", "rows.jsonl", "--table", "todoitem")
	load.Dir = dir
	if text, err := load.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("larder import: %w\n%s", err, text)
	}
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	return process.Start(dir, address, "/healthz", p.binary, "serve", "--addr", address, "--web", "", "--cors", origin)
}

// startCouch starts pouchdb-server with its databases in memory, which is its fastest way.
func (p plan) startCouch(ctx context.Context, dir string) (*process.Server, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s, err := process.Start(dir, address, "/", "node", filepath.Join(p.modules, "pouchdb-server/bin/pouchdb-server"),
		"--in-memory", "--port", port, "--no-stdout-logs")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"todoitem", "pushed"} {
		if err := send(ctx, http.MethodPut, s.URL+"/"+name, nil); err != nil {
			return s, err
		}
	}
	return s, p.fillCouch(ctx, s.URL+"/todoitem/_bulk_docs")
}

func (p plan) fillCouch(ctx context.Context, url string) error {
	const batch = 1000
	for from := 0; from < p.rows; from += batch {
		docs := make([]json.RawMessage, 0, batch)
		for i := from; i < min(from+batch, p.rows); i++ {
			docs = append(docs, document(i, "_id"))
		}
		body, err := json.Marshal(map[string]any{"docs": docs})
		if err != nil {
			return err
		}
		if err := send(ctx, http.MethodPost, url, body); err != nil {
			return err
		}
	}
	return nil
}

// document is record i, with its id under the name that the server gives it.
func document(i int, id string) json.RawMessage {
	return fmt.Appendf(nil, `{"%s":"00000000-0000-4000-8000-%012d","text":"number %d","notes":"ask in the shop at the corner first; `+
		`the other one is closed on Mondays, and dearer too. Ask what is new.","complete":%t,"list":"list %d","rank":%d}`,
		id, i, i, i%2 == 0, i%20, i*7919%1_000_000)
}

func send(ctx context.Context, method, url string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, answer.Status)
	}
	return nil
}
