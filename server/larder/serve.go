package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/static"
)

// config is what "larder serve" can be told.
type config struct {
	addr    string
	db      string
	tables  string
	web     string
	cors    list
	connect list
	hosts   list
	maxBody size
	reload  bool
	level   choice

	tablesGiven bool
}

const (
	defaultDB     = "sqlite:larder.db"
	defaultTables = "tables"

	shutdownTime = 20 * time.Second // for requests that are running when the server is told to stop
)

func serveCommand(f *flags) func(context.Context, *Main, []string) error {
	c := &config{maxBody: api.DefaultMaxBody, level: choice{"info", []string{"debug", "info", "warn", "error"}}}
	f.StringVar(&c.addr, "addr", "127.0.0.1:8000", "`HOST:PORT` to listen on. Other machines reach the server only if HOST is not a loopback address;\n"+
		"      there is no sign-in yet, so everybody who reaches it can read and write all tables")
	f.StringVar(&c.db, "db", defaultDB, "the database, as `sqlite:PATH`")
	f.StringVar(&c.tables, "tables", defaultTables, "the `folder` with one NAME.json for each table")
	f.StringVar(&c.web, "web", "web", "the `folder` with the pages; empty to serve the tables only")
	f.Var(&c.cors, "cors", "`origins` whose pages may call this server, separated by commas: https://app.example.com, http://localhost:*")
	f.Var(&c.connect, "connect", "`origins` of other servers that our own pages may call, separated by commas")
	f.Var(&c.hosts, "host", "`names` under which browsers reach this server, separated by commas. On a loopback address only localhost is\n"+
		"      answered otherwise, so that no foreign page can reach the tables by pointing its own name here")
	f.Var(&c.maxBody, "max-body", "the largest request body, in `bytes`")
	f.BoolVar(&c.reload, "reload", true, "read the web folder again when its files change; --reload=false keeps what was there at the start")
	f.Var(&c.level, "log", "the least `level` that is logged: debug, info, warn, error")
	return func(ctx context.Context, m *Main, _ []string) error {
		c.tablesGiven = f.given["tables"]
		if err := c.check(); err != nil {
			return f.wrong(err.Error())
		}
		return c.serve(ctx, m)
	}
}

// check finds what is wrong with the flags by themselves.
func (c *config) check() error {
	for _, origin := range c.connect {
		if err := static.CheckOrigin(origin); err != nil {
			return fmt.Errorf("--connect: %w", err)
		}
	}
	if err := api.CheckOrigins(c.cors); err != nil {
		return fmt.Errorf("--cors: %w", err)
	}
	for _, name := range c.hosts {
		if net.ParseIP(name) == nil && (!strings.EqualFold(name, hostname(name)) || strings.ContainsAny(name, "/:*")) {
			return fmt.Errorf("--host %s is not a name as in shop.example.com: leave out scheme and port", name)
		}
	}
	return nil
}

// serve runs the server until the context ends, and then lets running requests finish.
func (c *config) serve(ctx context.Context, m *Main) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.level.value)); err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(m.Stderr, &slog.HandlerOptions{Level: level}))

	files, err := c.files(logger)
	if err != nil {
		return err
	}
	if files.close != nil {
		defer files.close()
	}
	tables, err := c.loadTables(logger)
	if err != nil {
		return err
	}
	listener, err := listen(c.addr)
	if err != nil {
		return err
	}
	defer listener.Close()

	database, err := openDatabase(ctx, c.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	tablesAPI, err := api.New(ctx, api.Options{DB: database, Tables: tables, MaxBody: int64(c.maxBody), CORS: c.cors, Logger: logger})
	if err != nil {
		return err
	}

	ready := &atomic.Bool{}
	mux := http.NewServeMux()
	mux.Handle("/tables/", tablesAPI)
	mux.Handle("/__probe", tablesAPI)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { tell(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", readiness(ready, database, tables))
	mux.Handle("/", files.handler)

	local := isLoopback(listener.Addr())
	var handler http.Handler = mux
	if local || len(c.hosts) > 0 {
		handler = onlyHosts(c.hosts, handler)
	}
	server := &http.Server{
		Handler:           logged(logger, handler),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	if !local {
		logger.Warn("other machines can reach this server, and it has no sign-in yet", "address", listener.Addr().String())
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	ready.Store(true)
	url := "http://" + listener.Addr().String() + "/"
	fmt.Fprintf(m.Stderr, "larder: serving %s (stop with Ctrl+C)\n", url)
	logger.Info("listening", "url", url, "db", c.db, "tables", len(tables), "web", c.web, "version", version())

	select {
	case err := <-ended:
		return errors.Join(err, tablesAPI.Close(context.Background()))
	case <-ctx.Done():
	}
	ready.Store(false)
	logger.Info("stopping: running requests may finish", "seconds", int(shutdownTime/time.Second))
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err = server.Shutdown(finish)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(errors.New("some requests did not finish in time and were cut off"), server.Close())
	}
	err = errors.Join(err, tablesAPI.Close(finish))
	logger.Info("stopped")
	return err
}

// files is what is served besides the tables.
type files struct {
	handler http.Handler
	close   func() error // nil if there is nothing to close
}

func (c *config) files(logger *slog.Logger) (files, error) {
	if c.web == "" {
		return files{handler: http.NotFoundHandler()}, nil
	}
	root, err := openFolder(c.web)
	if err != nil {
		return files{}, fmt.Errorf("the web folder %w: choose one with --web, or --web \"\" to serve the tables only", err)
	}
	handler, err := static.New(root.FS(), static.Options{Connect: c.connect, Reload: c.reload, Logger: logger})
	if err != nil {
		return files{}, errors.Join(fmt.Errorf("the web folder %s cannot be served: %w", c.web, err), root.Close())
	}
	return files{handler, root.Close}, nil
}

// openFolder opens a folder so that nothing in it can lead out of it, links included.
func openFolder(name string) (*os.Root, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", name)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be opened (%w)", name, reason(err))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file", name)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened (%w)", name, reason(err))
	}
	return root, nil
}

// loadTables reads the table files. The folder that nobody asked for may be missing.
func (c *config) loadTables(logger *slog.Logger) ([]*db.Table, error) {
	root, err := openFolder(c.tables)
	if err != nil && !c.tablesGiven {
		if _, err := os.Stat(c.tables); errors.Is(err, fs.ErrNotExist) {
			logger.Warn("there is no folder of table files, so there are no tables: make one, or name one with --tables", "folder", c.tables)
			return nil, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the tables folder %w: choose one with --tables", err)
	}
	tables, err := db.LoadTables(root.FS())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.tables, err), root.Close())
	}
	return tables, root.Close()
}

// openDatabase opens what a --db value names.
func openDatabase(ctx context.Context, url string) (db.DB, error) {
	kind, path, _ := strings.Cut(url, ":")
	switch {
	case kind == "sqlite" && path != "":
		return sqlite.Open(ctx, path, sqlite.Options{})
	case kind == "postgres" || kind == "postgresql":
		return nil, usageError("--db: this build stores in SQLite only, not in PostgreSQL: use --db sqlite:PATH")
	}
	return nil, usageError(fmt.Sprintf("--db %s names no database: use --db sqlite:PATH, as in %s", url, defaultDB))
}

// listen opens the address.
func listen(addr string) (net.Listener, error) {
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return nil, usageError(fmt.Sprintf("--addr %s is not HOST:PORT, as in 127.0.0.1:8000", addr))
	}
	l, err := net.Listen("tcp", addr)
	var lookup *net.DNSError
	var number *net.AddrError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--addr %s is in use by another program: stop that one, or choose another port, as in --addr 127.0.0.1:8001", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("--addr %s may not be used by this user: choose a port above 1023", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("--addr %s is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all that it has", addr)
	case errors.As(err, &lookup), errors.As(err, &number):
		return nil, fmt.Errorf("--addr %s cannot be understood: %w", addr, cmp.Or(errors.Unwrap(err), err))
	}
	return nil, fmt.Errorf("--addr %s: %w", addr, err)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// readiness answers whether requests can be served now: not while stopping, and not without the database.
func readiness(ready *atomic.Bool, database db.DB, tables []*db.Table) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load() {
			tell(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		if len(tables) > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if _, err := database.Live(ctx, tables[0].Name()); err != nil {
				tell(w, http.StatusServiceUnavailable, "the database does not answer: "+err.Error())
				return
			}
		}
		tell(w, http.StatusOK, "ready")
	}
}

func tell(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n") // an error here means that the client has gone
}

// reason drops operation and path from an error of the file system: our own text names the file.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
