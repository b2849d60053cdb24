package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/static"
	"github.com/larder-sync/larder/table"
)

// config is what "larder serve" can be told.
type config struct {
	addr    string
	db      string
	tables  string
	web     string
	spa     string
	cors    list
	connect list
	hosts   list
	maxBody size
	reload  bool
	level   choice

	key         string
	issuers     list
	audience    list
	issuer      string
	login       bool
	version     string
	skipVersion bool
	openapi     bool
	status      bool

	relaxed bool
	tls     encryption
	rate    float64
	live    int
	keep    time.Duration
	metrics string
	pprof   string

	tablesGiven bool
}

// reserved is a part of the heap that is never touched, and so takes no memory, but counts where Go decides how much may gather
// before it is collected. What the server keeps is little: without this it would collect after every few pages of changes.
const reserved = 32 << 20

const (
	defaultTables = "tables"
	databaseUsage = "the `database`: sqlite:PATH, or postgres://USER:PASSWORD@HOST/NAME, which several servers may share"
)

func serveCommand(f *flags) func(context.Context, *Main, []string) error {
	c := &config{maxBody: api.DefaultMaxBody, level: choice{"info", []string{"debug", "info", "warn", "error"}}}
	f.StringVar(&c.addr, "addr", "127.0.0.1:8000", "`HOST:PORT` to listen on. Other machines reach the server only if HOST is not a loopback address;\n"+
		"      what they may do then is said by the access rules of each table")
	f.StringVar(&c.db, "db", server.DefaultDB, databaseUsage)
	f.StringVar(&c.tables, "tables", defaultTables, "the `folder` with one NAME.json for each table")
	f.StringVar(&c.web, "web", "web", "the `folder` with the pages; empty to serve the tables only")
	f.StringVar(&c.spa, "fallback", "", "the `page` of the web folder that answers addresses which are no files, for apps that route in the browser: index.html")
	f.Var(&c.cors, "cors", "`origins` whose pages may call this server, separated by commas: https://app.example.com, http://localhost:*")
	f.Var(&c.connect, "connect", "`origins` of other servers that our own pages may call, separated by commas")
	f.Var(&c.hosts, "host", "`names` under which browsers reach this server, separated by commas. On a loopback address only localhost is\n"+
		"      answered otherwise, so that no foreign page can reach the tables by pointing its own name here")
	f.StringVar(&c.key, "jwt-key", "", "the `text` with which tokens are signed (HS256), 32 bytes or more, or hex: and bytes. Better in the environment than here,\n"+
		"      where others on this machine can read it")
	f.Var(&c.issuers, "oidc-issuer", "`URLs` of OpenID Connect issuers whose tokens are accepted, separated by commas")
	f.Var(&c.audience, "jwt-audience", "`names` one of which a token must be made for, separated by commas. When absent, tokens signed with --jwt-key\n"+
		"      that name an audience must name "+access.Azure)
	f.StringVar(&c.issuer, "jwt-issuer", "", "the `name` that tokens signed with --jwt-key must come from; like --jwt-audience when absent")
	f.BoolVar(&c.login, "dev-login", false, "let everybody on this machine sign in under any name, at /.auth/login/dev?user=NAME: for development")
	f.StringVar(&c.version, "api-version", "", "the `version` that requests without ZUMO-API-VERSION speak, 2.0.0 or 3.0.0; they are refused when it is empty")
	f.BoolVar(&c.openapi, "openapi", false, "describe the tables at "+server.PathOpenAPI+" and, as Swagger 2.0, at "+server.PathSwagger)
	f.BoolVar(&c.status, "status", false, "answer /status to every page, as Azure Mobile Apps did; /healthz is always there")
	f.BoolVar(&c.skipVersion, "skip-version-check", false, "accept requests with any ZUMO-API-VERSION, or none")
	f.Var(&c.maxBody, "max-body", "the largest request body, in `bytes`")
	f.Float64Var(&c.rate, "rate", server.DefaultRate, "the `requests` a second that one address may send; 0 for any number. This machine may always")
	f.IntVar(&c.live, "max-live", live.DefaultMax, "the greatest `number` of live connections")
	f.DurationVar(&c.keep, "keep", feed.DefaultKeep, "the `time` for which deleted records and the answers to pushes are remembered: a device that was\n"+
		"      offline for longer pulls everything again")
	f.BoolVar(&c.relaxed, "relaxed", false, "answer writes to SQLite before they are on disk: a power cut may lose the last of them, a crash none")
	c.tls.flags(f)
	f.StringVar(&c.metrics, "metrics", "", "`HOST:PORT` where /metrics is told to everybody who can reach it; without, it is told on this machine alone,\n"+
		"      on the server's own address")
	f.StringVar(&c.pprof, "pprof", "", "`HOST:PORT` of this machine itself where /debug/pprof/ is served")
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
func (c *config) check() (err error) {
	for _, origin := range c.connect {
		if err := static.CheckOrigin(origin); err != nil {
			return fmt.Errorf("--connect: %w", err)
		}
	}
	if err := api.CheckOrigins(c.cors); err != nil {
		return fmt.Errorf("--cors: %w", err)
	}
	if err := c.tls.check(); err != nil {
		return err
	}
	if c.rate < 0 || c.live < 1 || c.keep < time.Minute {
		return errors.New("--rate is 0 or more, --max-live 1 or more, and --keep a minute or more, as in 2160h")
	}
	for _, issuer := range c.issuers {
		if err := access.CheckIssuer(issuer); err != nil {
			return fmt.Errorf("--oidc-issuer: %w", err)
		}
	}
	if c.key, err = access.ParseKey(c.key); err != nil {
		return fmt.Errorf("--jwt-key: %w", err)
	}
	if err := api.CheckVersion(c.version); err != nil {
		return fmt.Errorf("--api-version: %w", err)
	}
	for _, name := range c.hosts {
		if err := checkHost("--host", name); err != nil {
			return err
		}
	}
	return nil
}

// checkHost reports a name, given with a flag, under which no browser reaches a server.
func checkHost(flag, name string) error {
	if net.ParseIP(name) == nil && (strings.ContainsAny(name, "/:*") || strings.HasSuffix(name, ".")) {
		return fmt.Errorf("%s %s is not a name as in shop.example.com: leave out scheme and port", flag, name)
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

	encryption, err := c.tls.config(logger)
	if err != nil {
		return err
	}
	o := server.Options{
		DB: c.db, Files: tables, Web: files.handler, Logger: logger, MaxBody: int64(c.maxBody), CORS: c.cors,
		Hosts: slices.Concat(c.hosts, c.tls.authority.names),
		Key:   c.key, Issuers: c.issuers, Audience: c.audience, Issuer: c.issuer, Login: c.login,
		Version: c.version, SkipVersionCheck: c.skipVersion, OpenAPI: c.openapi, Status: c.status,
		Relaxed: c.relaxed, Rate: c.rate, TLS: encryption, Feed: feed.Options{Keep: c.keep}, Live: live.Options{Max: c.live},
	}
	if c.rate == 0 {
		o.Rate = -1
	}
	s, err := server.New(ctx, o)
	if err != nil {
		return explain(err)
	}
	if local := listener.Addr().(*net.TCPAddr).IP.IsLoopback(); !local && c.key == "" && len(c.issuers) == 0 {
		logger.Warn("other machines can reach this server, and nobody has to sign in: see --jwt-key and --oidc-issuer",
			"address", listener.Addr().String())
	}
	if err := c.observe(ctx, s, logger); err != nil {
		return errors.Join(err, s.Close(ctx))
	}
	url := "http://" + listener.Addr().String() + "/"
	if encryption != nil {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	fmt.Fprintf(m.Stderr, "larder: serving %s (stop with Ctrl+C)\n", url)
	logger.Info("listening", "url", url, "db", server.RedactDatabase(c.db), "tables", len(tables), "web", c.web, "version", version())
	if len(c.tls.authority.names) > 0 {
		go c.tls.authority.fetch(logger)
	}
	reserve := make([]byte, reserved)
	defer runtime.KeepAlive(reserve)
	return s.Serve(ctx, listener)
}

// explain tells what the command line has wrong.
func explain(err error) error {
	if table.CodeOf(err) == table.CodeInvalid {
		return usageError("--db: " + err.Error())
	}
	return err
}

// files is what is served besides the tables.
type files struct {
	handler http.Handler
	close   func() error // nil if there is nothing to close
}

func (c *config) files(logger *slog.Logger) (files, error) {
	if c.web == "" {
		return files{}, nil
	}
	root, err := openFolder(c.web)
	if err != nil {
		return files{}, fmt.Errorf("the web folder %w: choose one with --web, or --web \"\" to serve the tables only", err)
	}
	handler, err := static.New(root.FS(), static.Options{Connect: c.connect, Reload: c.reload, Fallback: c.spa, Logger: logger})
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

// reason drops operation and path from an error of the file system: our own text names the file.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
