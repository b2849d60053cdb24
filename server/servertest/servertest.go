// Package servertest starts a Larder server for a test, as httptest starts any handler: over a database of its own in the
// test's folder, and ended with the test.
package servertest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/access"
)

// Key signs tokens where the options name no key.
const Key = "servertest's key: for tests alone"

// Server is a server that runs.
type Server struct {
	*server.Server
	URL string // where it is, without a slash at the end

	key string
	now func() time.Time
	tb  testing.TB
}

// New starts a server. What the options leave out is fit for a test: an SQLite file in a folder of the test's, a key for
// tokens, and no log.
func New(tb testing.TB, o server.Options) *Server {
	tb.Helper()
	if o.DB == "" {
		o.DB = "sqlite:" + filepath.Join(tb.TempDir(), "larder.db")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Key = cmp.Or(o.Key, Key)
	s, err := server.New(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	listening := httptest.NewServer(s)
	t := &Server{s, listening.URL, o.Key, o.Feed.Now, tb}
	if t.now == nil {
		t.now = time.Now
	}
	tb.Cleanup(func() {
		s.EndStreams()
		listening.Close()
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return t
}

// Token returns a token with which its bearer is the user, for an hour. Claims are what it says besides.
func (s *Server) Token(user string, claims ...map[string]any) string {
	s.tb.Helper()
	all := map[string]any{}
	for _, more := range claims {
		for name, v := range more {
			all[name] = v
		}
	}
	token, err := access.Sign(s.key, user, all, s.now(), time.Hour)
	if err != nil {
		s.tb.Fatal(err)
	}
	return token
}
