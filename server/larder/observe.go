package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/larder-sync/larder/server"
)

// observe serves what operators look at on addresses of its own, until the context ends.
func (c *config) observe(ctx context.Context, s *server.Server, logger *slog.Logger) error {
	for _, page := range []struct {
		flag, addr string
		local      bool
		handler    http.Handler
	}{
		{"--metrics", c.metrics, false, s.Metrics()},
		{"--pprof", c.pprof, true, server.Profiles()},
	} {
		if page.addr == "" {
			continue
		}
		l, err := listen(page.addr)
		if err != nil {
			return fmt.Errorf("%s: %w", page.flag, err)
		}
		if !l.Addr().(*net.TCPAddr).IP.IsLoopback() && page.local {
			return errors.Join(usageError(page.flag+" "+page.addr+" can be reached by others: use an address such as 127.0.0.1:6060"),
				l.Close())
		}
		h := &http.Server{Handler: page.handler, ReadHeaderTimeout: 5 * time.Second,
			ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
		logger.Info("listening", "for", page.flag, "address", l.Addr().String())
		go func() {
			if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				logger.Error("nobody can look any more", "for", page.flag, "error", err.Error())
			}
		}()
		context.AfterFunc(ctx, func() { _ = h.Close() }) // nothing depends on it
	}
	return nil
}
