package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

//go:embed page
var page embed.FS

// site serves the page, the contenders' modules, and a table whose next page of changes is always ready: what a
// contender takes to bring it in is measured, not the server.
type site struct {
	url    string
	server *http.Server
}

// newSite starts a site on a free port of this machine.
func newSite(p plan, w *work) (*site, error) {
	for _, need := range []struct{ contender, path, way string }{
		{larder, filepath.Join(p.web, "larder.js"), "make web"},
		{dexie, p.dexieFile, "npm ci in test/bench"},
		{idb, filepath.Join(p.built, "idb.wasm"), "make bench"},
		{rxdb, filepath.Join(p.built, "rxdb.js"), "npm run bundle in test/bench"},
		{pouchdb, filepath.Join(p.built, "pouchdb.js"), "npm run bundle in test/bench"},
		{idb, filepath.Join(p.web, "idb.js"), "make web"},
	} {
		if !slices.Contains(p.contenders, need.contender) {
			continue
		}
		if _, err := os.Stat(need.path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not there: run %s", need.path, need.way)
		} else if err != nil {
			return nil, err
		}
	}
	assets, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	script, err := w.script()
	if err != nil {
		return nil, err
	}
	answers, err := deltas(w)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(p.web)))
	mux.Handle("GET /bench/", http.StripPrefix("/bench/", http.FileServerFS(assets)))
	for _, file := range [...]struct{ name, path, kind string }{
		{"dexie.mjs", p.dexieFile, "text/javascript"},
		{"idb.wasm", filepath.Join(p.built, "idb.wasm"), "application/wasm"},
		{"rxdb.js", filepath.Join(p.built, "rxdb.js"), "text/javascript"},
		{"pouchdb.js", filepath.Join(p.built, "pouchdb.js"), "text/javascript"},
	} {
		mux.HandleFunc("GET /bench/"+file.name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", file.kind)
			http.ServeFile(w, r, file.path)
		})
	}
	mux.HandleFunc("GET /bench/work.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, script) })
	mux.HandleFunc("GET /__probe", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Larder-Probe", r.URL.Query().Get("n"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /tables/todoitem", func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("$deltatoken")
		body, ok := answers[token]
		if !ok {
			http.Error(w, `{"error":"no such token","code":"epoch"}`, http.StatusGone)
			return
		}
		answer(w, body)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{url: "http://" + l.Addr().String(), server: &http.Server{Handler: headers(mux)}}
	go s.server.Serve(l) // returns when the server is closed
	return s, nil
}

func (s *site) close() error { return s.server.Close() }

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// deltas are the answers by token: the first pull in pages of a thousand, and then one page of changes per token.
func deltas(w *work) (map[string][]byte, error) {
	const firstPage = 1000
	answers := make(map[string][]byte)
	put := func(token string, value []any, kind, next string) error {
		body, err := json.Marshal(map[string]any{
			"value": value, "@odata.count": len(w.rows), kind: "/tables/todoitem?$deltatoken=" + next,
		})
		answers[token] = body
		return err
	}
	token := ""
	for from := 0; from < len(w.rows); from += firstPage {
		var value []any
		for _, row := range w.rows[from:min(from+firstPage, len(w.rows))] {
			value = append(value, onWire(row, 0))
		}
		kind, next := "@odata.nextLink", fmt.Sprintf("first-%d", from+firstPage)
		if from+firstPage >= len(w.rows) {
			kind, next = "@odata.deltaLink", "page-0"
		}
		if err := put(token, value, kind, next); err != nil {
			return nil, err
		}
		token = next
	}
	for n, c := range w.pages {
		if err := put(fmt.Sprintf("page-%d", n), c.value, "@odata.deltaLink", fmt.Sprintf("page-%d", n+1)); err != nil {
			return nil, err
		}
	}
	return answers, nil
}
