// Package api speaks HTTP for tables: single records and lists as Azure Mobile Apps' clients do (ZUMO 2.0.0), Larder's
// batches and deltas, and the probe that tells a browser whether the server is there.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// DefaultMaxBody is the greatest request body, in bytes, when the options name none.
const DefaultMaxBody = 4 << 20

// Options is what an [API] is made of. DB is needed; the zero value of the rest is a server for its own origin, without
// tables.
type Options struct {
	DB      db.DB
	Tables  []*db.Table
	MaxBody int64 // bytes; DefaultMaxBody when 0
	// CORS lists the origins, besides the server's own, whose pages may use the API: "https://app.example.com", or
	// "http://localhost:*" for every port, or "*" for all.
	CORS   []string
	Logger *slog.Logger // for what the server did wrong; nothing is logged when nil
	Feed   feed.Options
}

// API answers requests for [table.PathTables] and [table.PathProbe]. It is made by [New] and safe for concurrent use.
type API struct {
	db      db.DB
	feed    *feed.Feed
	tables  map[string]*db.Table // by their names in lower case
	maxBody int64
	log     *slog.Logger
	handler http.Handler
}

// New makes an API, and in the database the tables that are not there yet. The caller closes the API before the database.
func New(ctx context.Context, o Options) (*API, error) {
	origins, err := parseOrigins(o.CORS)
	if err != nil {
		return nil, err
	}
	a := &API{db: o.DB, tables: map[string]*db.Table{}, maxBody: o.MaxBody, log: o.Logger}
	if a.maxBody <= 0 {
		a.maxBody = DefaultMaxBody
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	for _, t := range o.Tables {
		key := strings.ToLower(t.Name())
		if a.tables[key] != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table ", t.Name(), " is declared twice")
		}
		a.tables[key] = t
	}
	if a.feed, err = feed.Open(ctx, o.DB, o.Tables, o.Feed); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc(table.PathProbe, probe)
	mux.Handle("/", origins.guard(a.serve(a.route)))
	a.handler = mux
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Close refuses further writes, which are answered 503, and waits until those that were taken are committed or the context
// ends.
func (a *API) Close(ctx context.Context) error { return a.feed.Close(ctx) }

// route finds what a request asks for: /tables/$batch, /tables/NAME or /tables/NAME/ID.
func (a *API) route(r *http.Request) (reply, error) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), table.PathTables)
	if !ok || path == "" {
		return reply{}, status(http.StatusNotFound, table.Errorf(table.CodeNotFound,
			"there is nothing at this path: tables are at ", table.PathTables, "NAME"))
	}
	if table.PathTables+path == table.PathBatch {
		return a.batch(r)
	}
	t, id, err := a.resolve(path)
	if err != nil {
		return reply{}, err
	}
	query, err := parseQuery(r.URL)
	if err != nil {
		return reply{}, err
	}
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case r.Method == http.MethodOptions: // a preflight was answered before it came here
		return reply{status: http.StatusNoContent, header: http.Header{"Allow": {allowed(id)}}}, nil
	case read && id == "" && query.Has(table.ParamDeltaToken):
		return a.delta(r.Context(), t, query)
	}
	if err := checkVersion(r.Header, query); err != nil {
		return reply{}, err
	}
	switch {
	case read && id == "":
		return a.list(r, t, query)
	case read:
		return a.lookup(r.Context(), t, id)
	case r.Method == http.MethodPost, r.Method == http.MethodPatch, r.Method == http.MethodDelete:
		return a.write(r, t, id)
	}
	return reply{}, notAllowed(r.Method, allowed(id))
}

// allowed lists the methods of a table, or of a record when there is an id.
func allowed(id string) string {
	if id == "" {
		return "GET, HEAD, POST, PATCH, OPTIONS"
	}
	return "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
}

// resolve reads a path below [table.PathTables]: the table, and the record's id where there is one.
func (a *API) resolve(path string) (*db.Table, string, error) {
	name, rest, single := strings.Cut(path, "/")
	name, err := table.UnescapeID(name)
	if err != nil {
		return nil, "", err
	}
	t := a.tables[strings.ToLower(name)]
	if t == nil {
		return nil, "", unknownTable(name)
	}
	if !single {
		return t, "", nil
	}
	id, err := table.UnescapeID(rest)
	if err == nil {
		err = table.CheckID(id)
	}
	return t, id, err
}

func unknownTable(name string) error {
	file := "NAME.json"
	if table.CheckName("table", name) == nil {
		file = name + ".json"
	}
	if len(name) > 128 {
		name = name[:128] + "…"
	}
	return table.Errorf(table.CodeNotFound, "the server has no table ", strconv.QuoteToGraphic(name), `: to add one, put a file `, file,
		` such as {"columns":{"text":"string"}} into the server's --tables folder and start it again`)
}
