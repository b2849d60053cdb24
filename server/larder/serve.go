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

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/static"
	"github.com/larder-sync/larder/table"
)

// reserved is a part of the heap that is never touched, and so takes no memory, but counts where Go decides how much may gather
// before it is collected. What the server keeps is little: without this it would collect after every few pages of changes.
const reserved = 32 << 20

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
	logger.Info("listening", "url", url, "db", server.RedactDatabase(c.db), "tables", len(tables), "web", c.web,
		"version", version())
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
			logger.Warn("there is no folder of table files, so there are no tables: make one, or name one with --tables",
				"folder", c.tables)
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
		return nil, fmt.Errorf("--addr %s is in use by another program: stop that one, or choose another port, "+
			"as in --addr 127.0.0.1:8001", addr)
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
