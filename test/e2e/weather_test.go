package e2e

import (
	"bytes"
	"context"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-sync/larder/table"
)

// weather is the network between browsers and a server: everything that can happen to a request happens to some. The app's files
// come through untouched, from a folder. Its methods are safe for concurrent use.
type weather struct {
	files http.Handler
	back  atomic.Pointer[url.URL] // the server; nil while there is none
	calm  atomic.Bool             // nothing goes wrong any more
	late  sync.WaitGroup          // requests that the network still holds

	mu     sync.Mutex
	counts map[string]int // what happened, and how often
}

func newWeather(files string) *weather {
	return &weather{files: http.FileServer(http.Dir(files)), counts: map[string]int{}}
}

func (w *weather) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

// String lists what happened.
func (w *weather) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, what := range slices.Sorted(maps.Keys(w.counts)) {
		list = append(list, what+" "+strconv.Itoa(w.counts[what]))
	}
	return strings.Join(list, ", ")
}

// hazards are what happens to a request for data, each as often as it is listed among forty.
var hazards = []string{"lost on its way", "lost on its way", "answer lost", "answer lost", "answer lost", "answer cut",
	"answer cut", "slow", "slow", "slow", "stuck", "portal", "bad gateway", "busy", "too large",
	"delivered again", "delivered again"}

func (w *weather) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if r.URL.Path != table.PathProbe && !strings.HasPrefix(r.URL.Path, table.PathTables) {
		w.files.ServeHTTP(out, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasSuffix(r.URL.Path, "/$live") {
		w.stream(out, r)
		return
	}
	hazard := ""
	if n := rand.IntN(40); !w.calm.Load() && n < len(hazards) && r.URL.Path != table.PathProbe {
		hazard = hazards[n]
	}
	if hazard != "" {
		w.note(hazard)
	}
	switch hazard {
	case "lost on its way":
		panic(http.ErrAbortHandler)
	case "answer lost":
		w.forward(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case "answer cut":
		w.cut(out, r, 0)
	case "stuck":
		w.cut(out, r, 5*time.Second)
	case "slow":
		w.wait(r.Context(), 3*time.Second)
		w.forward(out, r)
	case "portal", "bad gateway":
		out.Header().Set("Content-Type", "text/html")
		if hazard != "portal" {
			out.WriteHeader(http.StatusBadGateway)
		}
		io.WriteString(out, "<!doctype html><title>Welcome to our network</title>")
	case "busy":
		out.Header().Set("Retry-After", "1")
		http.Error(out, `{"error":"slow down"}`, http.StatusTooManyRequests)
	case "too large":
		http.Error(out, `{"error":"too large"}`, http.StatusRequestEntityTooLarge)
	case "delivered again":
		again := r.Clone(context.Background())
		w.late.Go(func() {
			w.wait(again.Context(), 4*time.Second)
			again.Body = io.NopCloser(bytes.NewReader(body))
			w.forward(discard{http.Header{}}, again)
		})
		w.forward(out, r)
	default:
		w.forward(out, r)
	}
}

// wait waits for a random time up to so long, or until the request is given up.
func (w *weather) wait(ctx context.Context, most time.Duration) {
	select {
	case <-time.After(rand.N(most)):
	case <-ctx.Done():
	}
}

// forward has the server answer. Where there is none, or it goes away, the connection breaks.
func (w *weather) forward(out http.ResponseWriter, r *http.Request) {
	back := w.back.Load()
	if back == nil {
		w.note("no server")
		abort(out)
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(back)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // what it would tell was meant to happen
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {
		w.note("server lost")
		abort(out)
	}
	proxy.ServeHTTP(out, r)
}

// abort breaks the connection, unless nobody has one.
func abort(out http.ResponseWriter) {
	if _, nobody := out.(discard); !nobody {
		panic(http.ErrAbortHandler)
	}
}

// cut gives a part of the server's answer, and after at most so long breaks the connection.
func (w *weather) cut(out http.ResponseWriter, r *http.Request, most time.Duration) {
	whole := httptest.NewRecorder()
	w.forward(whole, r)
	maps.Copy(out.Header(), whole.Header())
	out.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	out.WriteHeader(whole.Code)
	out.Write(whole.Body.Bytes()[:rand.IntN(whole.Body.Len()+1)])
	http.NewResponseController(out).Flush()
	if most > 0 {
		w.wait(r.Context(), most)
	}
	panic(http.ErrAbortHandler)
}

// stream lets a stream live for a while. Some are silent long before they end.
func (w *weather) stream(out http.ResponseWriter, r *http.Request) {
	if w.calm.Load() {
		w.forward(out, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rand.N(15*time.Second))
	defer cancel()
	silent := &atomic.Bool{}
	if rand.IntN(3) == 0 {
		timer := time.AfterFunc(rand.N(5*time.Second), func() { w.note("stream silent"); silent.Store(true) })
		defer timer.Stop()
	}
	w.note("stream cut")
	w.forward(&mutable{out, silent}, r.WithContext(ctx))
}

// mutable is a connection that looks open, when it is silent.
type mutable struct {
	http.ResponseWriter
	silent *atomic.Bool
}

func (m *mutable) Write(b []byte) (int, error) {
	if m.silent.Load() {
		return len(b), nil
	}
	return m.ResponseWriter.Write(b)
}

func (m *mutable) Unwrap() http.ResponseWriter { return m.ResponseWriter }
