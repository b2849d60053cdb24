// Package server is Larder's server as a library: tables with their rules and hooks, custom APIs, and the app that they
// belong to. A program makes a [Server] with [New], and lets it serve with [Server.Run]; in tests, package servertest starts
// one in a line. The program larder, in the folder of that name, is made of this package and flags.
//
// # Guarantees
//
//   - A write that was answered is on disk, and a push that is sent again is not applied again.
//   - A signal to stop lets running requests finish, and then the database is closed.
//   - Hooks run outside of the database's transactions: one that is slow or panics concerns its own request alone.
//
// # Caveats
//
//   - Tables are open to everybody who reaches the server, unless their Access says otherwise.
//   - A Before hook may run twice for one operation: a client that did not hear the answer sends it again.
//   - Where a table has Filters, or a Before of Read, the database keeps what its records held before each write, for as long as
//     it remembers deleted ones: who is told that a record is gone depends on who could know of it.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/metric"
)

// Options is what a [Server] is made of. The zero value serves no tables from the file larder.db.
type Options struct {
	DB     string  // "sqlite:PATH" or "postgres://…"; DefaultDB when empty
	Tables []Table // declared in Go
	// Relaxed answers writes to SQLite before they are on disk: a power cut may lose the last of them, a crash of the server none.
	Relaxed bool
	Files   []*db.Table // declared by files: see [db.LoadTables]; a Table of the same name adds its hooks to the file's
	APIs    []API
	Web     http.Handler // answers what is none of the server's own; 404 when nil

	Key      string   // of HS256 tokens; "" for none
	Issuers  []string // URLs of OpenID Connect issuers whose tokens are accepted
	Audience []string // see [access.Options]
	Issuer   string
	Login    bool // a sign-in for development, by name alone: only for requests from this machine

	CORS             []string // origins whose pages may call: "https://app.example.com", "http://localhost:*", "*.example.com"
	Hosts            []string // names under which browsers reach the server; see [Server.Serve]
	MaxBody          int64    // bytes of a request's body; [api.DefaultMaxBody] when 0
	Version          string   // what requests speak that do not say it: "2.0.0", "3.0.0", or "" to refuse them
	SkipVersionCheck bool     // requests of any version are accepted
	OpenAPI          bool     // describe the tables and APIs at [PathOpenAPI] and [PathSwagger]
	Status           bool     // tell every page at /status that the server runs, as Azure Mobile Apps' statusEndpoint did

	Rate float64     // requests a second from one address; DefaultRate when 0, any number when negative
	TLS  *tls.Config // what [Server.Serve] speaks; HTTP without TLS when nil

	Logger *slog.Logger // slog.Default when nil
	Feed   feed.Options
	Live   live.Options
}

// DefaultDB is the database when the options name none.
const DefaultDB = "sqlite:larder.db"

// Server is an [http.Handler] over a database of its own. It is made by [New], safe for concurrent use, and must be closed.
type Server struct {
	o        Options
	log      *slog.Logger
	database db.DB
	api      *api.API
	handler  http.Handler
	metrics  *metric.Metrics
	ready    atomic.Bool
}

// New opens the database, makes the tables that it lacks, and is ready to serve. The context is for that alone.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{o: o, log: o.Logger, metrics: metric.New()}
	if s.log == nil {
		s.log = slog.Default()
	}
	tables, hooks, err := s.tables()
	if err != nil {
		return nil, err
	}
	if o.Login && o.Key == "" {
		o.Key = randomKey() // the tokens are good until the server ends
	}
	verifier, err := access.New(access.Options{Key: o.Key, Issuers: o.Issuers, Audience: o.Audience, Issuer: o.Issuer,
		Now: o.Feed.Now})
	if err != nil {
		return nil, err
	}
	s.warn(tables, verifier)
	if o.DB == "" {
		o.DB = DefaultDB
	}
	if s.database, err = OpenDatabase(ctx, o.DB, o.Relaxed); err != nil {
		return nil, err
	}
	s.api, err = api.New(ctx, api.Options{
		DB: s.database, Tables: tables, Hooks: hooks, Endpoints: o.APIs, Access: verifier,
		MaxBody: o.MaxBody, CORS: o.CORS, Version: o.Version, SkipVersionCheck: o.SkipVersionCheck, Logger: s.log,
		Feed: s.measuredFeed(o.Feed), Live: s.measuredLive(o.Live),
	})
	if err != nil {
		return nil, errors.Join(err, s.database.Close())
	}
	s.metrics.Gauge("larder_pushes_waiting", "Pushes that wait for the next write transaction.", s.api.Waiting)
	s.metrics.Gauge("larder_live_connections", "Live connections.", s.api.Connections)
	s.handler = s.routes(tables, o.Key)
	s.ready.Store(true)
	return s, nil
}

// routes says who answers what.
func (s *Server) routes(tables []*db.Table, key string) http.Handler {
	mux := http.NewServeMux()
	callers := newCallers(cmp.Or(s.o.Rate, DefaultRate))
	limits := func(h http.Handler) http.Handler { return limited(callers, s.api.Refuse, h) }
	for _, path := range [...]string{"/tables/", "/api/", api.PathPush, access.PathMe} {
		mux.Handle(path, limits(gzipped(s.api)))
	}
	mux.Handle("/__probe", limits(s.api))
	if s.o.Login {
		mux.Handle(access.PathLogin, access.NewLogin(access.LoginOptions{Key: key, Now: s.o.Feed.Now, Allow: s.api.AllowsOrigin}))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { tell(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readiness(tables))
	mux.Handle("GET /metrics", onlyHere(s.metrics))
	if s.o.OpenAPI {
		document := describe(tables, s.o.APIs)
		mux.Handle("GET "+PathOpenAPI, described(document))
		mux.Handle("GET "+PathSwagger, described(swagger(document)))
	}
	if s.o.Status {
		mux.HandleFunc("GET /status", status)
	}
	if s.o.Web != nil {
		mux.Handle("/", s.o.Web)
	}
	return logged(s.log, s.metrics, mux)
}

// warn tells of what was declared and cannot work.
func (s *Server) warn(tables []*db.Table, verifier *access.Verifier) {
	for _, t := range tables {
		if len(t.Unknown) > 0 {
			s.log.Warn("a table's file has keys that mean nothing here", "table", t.Name(), "keys", t.Unknown)
		}
		for _, op := range db.Operations {
			if t.Rules.For(op) == db.Authenticated && !verifier.Trusts() {
				s.log.Warn("nobody can sign in, as this table asks: start the server with --jwt-key or --oidc-issuer", "table", t.Name())
				break
			}
		}
	}
	if len(s.o.Key) > 0 && len(s.o.Key) < 32 {
		s.log.Warn("the key of tokens is shorter than 32 bytes: it can be guessed from a token")
	}
	if len(s.o.Issuers) > 0 && s.o.Audience == nil {
		s.log.Warn("tokens that the issuers made for other apps are accepted too: name yours with --jwt-audience")
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Data gives access to a table, past its rules and hooks.
func (s *Server) Data(table string) (*api.Data, error) { return s.api.Data(table) }

// Close refuses further writes, waits until those that were taken are committed or the context ends, and closes the database.
func (s *Server) Close(ctx context.Context) error {
	s.ready.Store(false)
	return errors.Join(s.api.Close(ctx), s.database.Close())
}
