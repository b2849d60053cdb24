package server

import (
	"cmp"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
)

// Metrics answers with what the server counts, in Prometheus' text format. The server's own /metrics does so for this machine
// alone.
func (s *Server) Metrics() http.Handler { return s.metrics }

// Profiles answers with what runs and what it uses, below /debug/pprof/. It belongs on an address that only this machine
// reaches.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// onlyHere answers requests from this machine itself. What a proxy on it hands on is not one.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		ip := net.ParseIP(host)
		for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
			if r.Header.Get(name) != "" {
				ip = nil
			}
		}
		if ip == nil || !ip.IsLoopback() {
			tell(w, http.StatusForbidden,
				"this is told on the server's own machine only: start it with --metrics HOST:PORT to tell it there")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) measuredFeed(o feed.Options) feed.Options {
	o.Committed = both(s.metrics.Commit, o.Committed)
	o.Logger = cmp.Or(o.Logger, s.log)
	return o
}

func (s *Server) measuredLive(o live.Options) live.Options {
	o.Lag = both(s.metrics.Lag, o.Lag)
	o.Logger = cmp.Or(o.Logger, s.log)
	return o
}

// both tells two of something; nobody as the second where that is nil.
func both[T any](first, second func(T)) func(T) {
	if second == nil {
		return first
	}
	return func(v T) {
		first(v)
		second(v)
	}
}

// route is the part of the server that a request is for: one of few words, whatever was asked.
func route(r *http.Request) string {
	path := r.URL.Path
	switch {
	case path == "/tables/$batch":
		return "batch"
	case strings.HasPrefix(path, "/tables/") && streams(r):
		return "live"
	case strings.HasPrefix(path, "/tables/") && strings.Count(path, "/") == 2 && r.URL.Query().Has("$deltatoken"):
		return "delta"
	case strings.HasPrefix(path, "/tables/"):
		return "tables"
	case strings.HasPrefix(path, "/api/"):
		return "api"
	case strings.HasPrefix(path, "/.auth/"):
		return "auth"
	case path == "/healthz", path == "/readyz", path == "/metrics", path == "/__probe":
		return strings.Trim(path, "/_")
	}
	return "web"
}
