package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/larder-sync/larder/server/db"
)

const (
	shutdownTime = 20 * time.Second // for requests that are running when the server is told to stop
	maxHeader    = 512 << 10        // bytes; package api refuses less, but for one header of Azure's client that grows
)

// Run serves on an address, HOST:PORT, until the context ends, lets running requests finish, and closes the server.
func (s *Server) Run(ctx context.Context, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s.Serve(ctx, l)
}

// Serve is [Server.Run] on a listener, which it closes.
//
// On a loopback address the server answers under the name localhost only, and under [Options.Hosts]: a foreign page could
// point a name of its own at this machine, and would be of the same origin then.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var handler http.Handler = s
	local := isLoopback(l.Addr())
	if s.o.Login && !local {
		return errors.Join(errors.New("the sign-in for development is only for an address of this machine itself, such as 127.0.0.1"),
			l.Close(), s.Close(context.WithoutCancel(ctx)))
	}
	if local || len(s.o.Hosts) > 0 {
		handler = onlyHosts(s.o.Hosts, handler)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() {
		if server.TLSConfig = s.o.TLS; s.o.TLS != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	case <-ctx.Done():
	}
	s.ready.Store(false)
	s.log.Info("stopping: running requests may finish", "seconds", int(shutdownTime/time.Second))
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	s.EndStreams()
	err := server.Shutdown(finish)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(errors.New("some requests did not finish in time and were cut off"), server.Close())
	}
	err = errors.Join(err, s.Close(finish))
	s.log.Info("stopped")
	return err
}

// EndStreams ends the live connections, and refuses new ones. Those who serve a Server by themselves call it before they wait for
// running requests, which streams would never let end.
func (s *Server) EndStreams() { s.api.EndStreams() }

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// readiness answers whether requests can be served now: not while stopping, and not without the database.
func (s *Server) readiness(tables []*db.Table) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.ready.Load() {
			tell(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		if len(tables) > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if _, err := s.database.Live(ctx, tables[0].StoredName()); err != nil {
				tell(w, http.StatusServiceUnavailable, "the database does not answer: "+err.Error())
				return
			}
		}
		tell(w, http.StatusOK, "ready")
	}
}

// status answers pages of every origin that the server runs.
func status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	io.WriteString(w, `{"status":"Running"}`) // an error here means that the client has gone
}

func tell(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n") // an error here means that the client has gone
}

func randomKey() string { return rand.Text() + rand.Text() }
