package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/static"
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

const (
	defaultTables = "tables"
	databaseUsage = "the `database`: sqlite:PATH, or postgres://USER:PASSWORD@HOST/NAME, which several servers may share"
)

func serveCommand(f *flags) func(context.Context, *Main, []string) error {
	c := &config{maxBody: api.DefaultMaxBody, level: choice{"info", []string{"debug", "info", "warn", "error"}}}
	f.StringVar(&c.addr, "addr", "127.0.0.1:8000",
		"`HOST:PORT` to listen on. Other machines reach the server only if HOST is not a loopback address; "+
			"what they may do then is said by the access rules of each table")
	f.StringVar(&c.db, "db", server.DefaultDB, databaseUsage)
	f.StringVar(&c.tables, "tables", defaultTables, "the `folder` with one NAME.json for each table")
	f.StringVar(&c.web, "web", "web", "the `folder` with the pages; empty to serve the tables only")
	f.StringVar(&c.spa, "fallback", "",
		"the `page` of the web folder that answers addresses which are no files, for apps that route in the browser: "+
			"index.html")
	f.Var(&c.cors, "cors",
		"`origins` whose pages may call this server, separated by commas: https://app.example.com, http://localhost:*")
	f.Var(&c.connect, "connect", "`origins` of other servers that our own pages may call, separated by commas")
	f.Var(&c.hosts, "host",
		"`names` under which browsers reach this server, separated by commas. On a loopback address only localhost is "+
			"answered otherwise, so that no foreign page can reach the tables by pointing its own name here")
	f.StringVar(&c.key, "jwt-key", "",
		"the `text` with which tokens are signed (HS256), 32 bytes or more, or hex: and bytes. Better in the "+
			"environment than here, where others on this machine can read it")
	f.Var(&c.issuers, "oidc-issuer", "`URLs` of OpenID Connect issuers whose tokens are accepted, separated by commas")
	f.Var(&c.audience, "jwt-audience",
		"`names` one of which a token must be made for, separated by commas. When absent, tokens signed with --jwt-key "+
			"that name an audience must name "+access.Azure)
	f.StringVar(&c.issuer, "jwt-issuer", "",
		"the `name` that tokens signed with --jwt-key must come from; like --jwt-audience when absent")
	f.BoolVar(&c.login, "dev-login", false,
		"let everybody on this machine sign in under any name, at /.auth/login/dev?user=NAME: for development")
	f.StringVar(&c.version, "api-version", "",
		"the `version` that requests without ZUMO-API-VERSION speak, 2.0.0 or 3.0.0; they are refused when it is empty")
	f.BoolVar(&c.openapi, "openapi", false,
		"describe the tables at "+server.PathOpenAPI+" and, as Swagger 2.0, at "+server.PathSwagger)
	f.BoolVar(&c.status, "status", false,
		"answer /status to every page, as Azure Mobile Apps did; /healthz is always there")
	f.BoolVar(&c.skipVersion, "skip-version-check", false, "accept requests with any ZUMO-API-VERSION, or none")
	f.Var(&c.maxBody, "max-body", "the largest request body, in `bytes`")
	f.Float64Var(&c.rate, "rate", server.DefaultRate,
		"the `requests` a second that one address may send; 0 for any number. This machine may always")
	f.IntVar(&c.live, "max-live", live.DefaultMax, "the greatest `number` of live connections")
	f.DurationVar(&c.keep, "keep", feed.DefaultKeep,
		"the `time` for which deleted records and the answers to pushes are remembered: a device that was "+
			"offline for longer pulls everything again")
	f.BoolVar(&c.relaxed, "relaxed", false,
		"answer writes to SQLite before they are on disk: a power cut may lose the last of them, a crash none")
	c.tls.flags(f)
	f.StringVar(&c.metrics, "metrics", "",
		"`HOST:PORT` where /metrics is told to everybody who can reach it; without, it is told on this machine alone, "+
			"on the server's own address")
	f.StringVar(&c.pprof, "pprof", "", "`HOST:PORT` of this machine itself where /debug/pprof/ is served")
	f.BoolVar(&c.reload, "reload", true,
		"read the web folder again when its files change; --reload=false keeps what was there at the start")
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
