package api

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/table"
)

const (
	pathLive     = table.PathTables + "$live" // of several tables
	suffixLive   = "/live"                    // of one
	maxLive      = 100                        // tables of one connection
	headerLastID = "Last-Event-ID"
)

// isLive reports whether a request is for a stream of changes. A record may be called "live" too: who wants that one asks for
// JSON, as Azure's clients do.
func isLive(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path == pathLive || r.Method == http.MethodGet && strings.HasSuffix(path, suffixLive) &&
		strings.Count(path, "/") == 3 && !strings.Contains(r.Header.Get("Accept"), "json")
}

// serveLive streams changes, after the same questions as a pull's.
func (a *API) serveLive(w http.ResponseWriter, r *http.Request) {
	known, err := a.identify(r)
	var s live.Stream
	if err == nil {
		s, err = a.stream(known)
	}
	if err == nil {
		err = a.live.Serve(w, known, s)
	}
	if table.CodeOf(err) == table.CodeLimit {
		err = &statusError{status: http.StatusTooManyRequests, err: err, header: http.Header{"Retry-After": {"10"}}}
	}
	if err != nil {
		a.send(w, a.refuse(r, err))
	}
}

func (a *API) stream(r *http.Request) (s live.Stream, err error) {
	if r.Method != http.MethodGet {
		return s, notAllowed(r.Method, http.MethodGet)
	}
	params, err := parseQuery(r.URL)
	if err != nil {
		return s, err
	}
	names := []string{strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), table.PathTables), suffixLive)}
	if s.Named = r.URL.EscapedPath() == pathLive; s.Named {
		names = strings.Split(params.Get("tables"), ",")
	}
	if len(names) > maxLive || names[0] == "" {
		return s, table.Errorf(table.CodeQuery, "tables is not a list of at most 100 names: ", pathLive, "?tables=todoitem,note")
	}
	for _, name := range names {
		t, id, err := a.resolve(name)
		if err == nil && id != "" {
			err = unknownTable(name)
		}
		if err != nil {
			return s, err
		}
		of, err := a.liveTable(r, t)
		if err != nil {
			return s, err
		}
		if !slices.ContainsFunc(s.Tables, func(other live.Table) bool { return other.Name == of.Name }) {
			s.Tables = append(s.Tables, of)
		}
	}
	if s.Last = r.Header.Get(headerLastID); s.Last == "" {
		s.Last = params.Get("lastEventId") // for who begins where a pull ended: EventSource cannot send the header at first
	}
	s.Address, _, _ = net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(s.Address); ip != nil && ip.IsLoopback() {
		s.Address = "" // a proxy's: it stands for many
	}
	if u := access.FromContext(r.Context()); u != nil {
		s.User = u.ID
		if until, ok := u.Claims["exp"].(float64); ok {
			s.Until = time.Unix(int64(until), 0)
		}
	}
	return s, nil
}

// liveTable says what the caller is told of a table: what a pull would bring.
func (a *API) liveTable(r *http.Request, t *db.Table) (live.Table, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return live.Table{}, err
	}
	d := &delta{Context: c, params: url.Values{}}
	c.Query = table.NewQuery()
	if answered, err := c.before(); answered || err != nil {
		if err == nil {
			err = status(http.StatusForbidden,
				table.Errorf(table.CodeAuth, "nobody can listen to the changes of ", t.Name(), ": pull them"))
		}
		return live.Table{}, err
	}
	if err := d.narrow(); err != nil {
		return live.Table{}, err
	}
	of := live.Table{Name: t.Name(), Stored: t.StoredName(), Scope: d.since.Scope, PerUser: d.since.PerUser, User: d.since.User}
	if d.filter != nil || c.hooks.Read.After != nil {
		ctx := context.WithoutCancel(r.Context())
		of.See = func(e db.Entry, after int64) []byte {
			text, err := d.see(ctx, e, after)
			if err != nil {
				a.log.Error("a change was not told", "table", t.Name(), "error", err.Error())
				return []byte(`{"resync":true}`)
			}
			return text
		}
	}
	return of, nil
}
