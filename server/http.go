package server

import (
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/metric"
)

// quiet are the paths that are asked for all the time.
var quiet = []string{"/healthz", "/readyz", "/__probe", "/metrics"}

// logged counts each request and writes one line for it, without query values, which may hold what people typed. It gives each
// request an id, and turns a panic into a 500 that can be found in the log by it.
func logged(logger *slog.Logger, metrics *metric.Metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := strconv.FormatUint(rand.Uint64(), 36)
		w.Header()["X-Request-Id"] = []string{id}
		if r.ContentLength != 0 {
			// Not the server's ReadTimeout, which would end streams too. HTTP/2 cannot, and has its own limits; so there is
			// nothing to do about an error.
			_ = http.NewResponseController(w).SetReadDeadline(start.Add(api.BodyTime))
		}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			p := recover()
			cut := p != nil
			if p != nil && p != http.ErrAbortHandler {
				logger.Error("panic", "id", id, "value", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, "internal error "+id, http.StatusInternalServerError)
					cut = false
				}
			}
			took := time.Since(start)
			if streams(r) {
				took = -1
			}
			metrics.Request(r.Method, route(r), rec.status, took)
			level := slog.LevelInfo // also of what failed: who answered so has said why
			if slices.Contains(quiet, r.URL.Path) {
				level = slog.LevelDebug
			}
			if logger.Enabled(r.Context(), level) {
				logger.LogAttrs(r.Context(), level, "request",
					slog.String("id", id), slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
					slog.Int64("bytes", rec.bytes), slog.Duration("took", time.Since(start)), slog.String("remote", r.RemoteAddr))
			}
			if cut {
				panic(http.ErrAbortHandler) // cuts the connection: what was sent is not the whole
			}
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 || r.status < 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// onlyHosts refuses requests under names that are not ours. A page can point its own name at a loopback address, and
// is then of the same origin as what answers there.
func onlyHosts(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		ip := net.ParseIP(strings.Trim(host, "[]"))
		switch {
		case host == "localhost", strings.HasSuffix(host, ".localhost"), ip != nil && ip.IsLoopback():
		case slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) }):
		default:
			tell(w, http.StatusMisdirectedRequest,
				"this server is not known as "+strconv.QuoteToGraphic(host)+": start it with --host and this name")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname is the host without its port, in lower case and without a dot at the end.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
