package main

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

//go:embed page
var page embed.FS

// server serves the page, the program and the files it may read, and takes what the program prints and leaves.
type server struct {
	url  string
	exit chan int // gets the program's exit code, once

	program *program
	http    *http.Server
	files   *os.Root // of the module; nil if there is none

	mu             sync.Mutex // held while output is written
	stdout, stderr io.Writer
}

// serve starts a server for p on a free port of this machine. Its paths begin with a secret, so that nothing else that
// runs here can speak as the program.
func serve(p *program, stdout, stderr io.Writer) (*server, error) {
	s := &server{program: p, exit: make(chan int, 1), stdout: stdout, stderr: stderr}
	assets, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	if p.Root != "" {
		if s.files, err = os.OpenRoot(p.Root); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	secret := "/" + rand.Text() + "/"
	s.url = "http://" + l.Addr().String() + secret

	mux := http.NewServeMux()
	mux.Handle("GET "+secret, http.StripPrefix(secret, http.FileServerFS(assets)))
	mux.HandleFunc("GET "+secret+"config.json", s.config)
	mux.HandleFunc("GET "+secret+"module", s.readFile)
	mux.HandleFunc("POST "+secret+"print", s.print)
	mux.HandleFunc("POST "+secret+"file", s.writeFile)
	mux.HandleFunc("POST "+secret+"exit", s.end)
	files := map[string]string{"program.wasm": p.wasm, "wasm_exec.js": p.wasmExec}
	for _, path := range p.helpers {
		files[filepath.Base(path)] = path
	}
	for name, path := range files {
		mux.HandleFunc("GET "+secret+name, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(name, ".wasm") {
				w.Header().Set("Content-Type", "application/wasm")
			}
			http.ServeFile(w, r, path)
		})
	}
	s.http = &http.Server{Handler: s.headers(mux)}
	go s.http.Serve(l) // returns when the server is closed
	return s, nil
}

func (s *server) close() error { return errors.Join(s.http.Close(), s.closeFiles()) }

func (s *server) closeFiles() error {
	if s.files == nil {
		return nil
	}
	return s.files.Close()
}

func (s *server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if s.program.isolated {
			w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
			w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) config(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.program) // a failure is the connection's, and the page will tell
}

// readFile answers with a file of the module, or with the names in a folder of it, as JSON.
func (s *server) readFile(w http.ResponseWriter, r *http.Request) {
	if s.files == nil {
		http.Error(w, "no module here", http.StatusNotFound)
		return
	}
	name, err := filepath.Rel(s.program.Root, r.URL.Query().Get("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f, err := s.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	} else if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil { // not a folder
		w.Header().Set("Content-Type", "application/octet-stream")
		io.Copy(w, f) // a failure is the connection's, and the page will tell
		return
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(names)
}

func (s *server) print(_ http.ResponseWriter, r *http.Request) {
	out := s.stdout
	if r.URL.Query().Get("fd") == "2" {
		out = s.stderr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	io.Copy(out, r.Body) // nobody is left to tell of a closed stdout
}

func (s *server) writeFile(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Query().Get("path")
	if !s.program.Outputs.holds(path) {
		http.Error(w, path+" is no output of this program", http.StatusForbidden)
		return
	}
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.stderr, "wasmrun: %v\n", err)
	}
}

func (s *server) end(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.URL.Query().Get("code"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case s.exit <- code:
	default: // a program ends once
	}
}
