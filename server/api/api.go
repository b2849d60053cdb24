// Package api speaks HTTP for tables: single records and lists as the clients of Azure Mobile Apps (ZUMO 2.0.0) and Datasync
// (3.0.0) do, Larder's batches, deltas and streams, and the probe that tells a browser whether the server is there. A
// program's hooks run around each operation, and its own APIs beside the tables.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
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
	// Only the host's name is compared in "localhost" and "*.example.com": any port, http and https.
	CORS   []string
	Logger *slog.Logger // for what the server did wrong; nothing is logged when nil
	Feed   feed.Options
	Live   live.Options

	Access    *access.Verifier // of tokens; nobody is trusted when nil
	Hooks     map[string]Hooks // by the names of tables
	Endpoints []Endpoint
	// Version is what requests speak that do not say it: "2.0.0" or "3.0.0". They are refused when it is empty.
	Version          string
	SkipVersionCheck bool // requests of any other version speak Version too, or 2.0.0 where that is empty
}

// API answers requests for [table.PathTables], [PathAPI], [access.PathMe], [PathPush] and [table.PathProbe]. It is made by [New]
// and safe for concurrent use.
type API struct {
	db      db.DB
	feed    *feed.Feed
	live    *live.Hub
	tables  map[string]*db.Table // by their names in lower case
	hooks   map[*db.Table]*Hooks
	maxBody int64
	log     *slog.Logger
	clock   func() time.Time
	handler http.Handler

	origins    *origins
	access     *access.Verifier
	endpoints  endpoints
	webhooks   *webhooks
	formers    formers
	unnamed    protocol // what requests without a version speak; 0 refuses them
	anyVersion bool
}

// PathPush is where apps register for push notifications. There are none, but Azure's clients may ask.
const PathPush = "/push/installations/"

// New makes an API, and in the database the tables that are not there yet. The caller closes the API before the database.
func New(ctx context.Context, o Options) (*API, error) {
	origins, err := parseOrigins(o.CORS)
	if err != nil {
		return nil, err
	}
	a := &API{db: o.DB, tables: map[string]*db.Table{}, hooks: map[*db.Table]*Hooks{}, maxBody: o.MaxBody, log: o.Logger,
		clock: o.Feed.Now, origins: origins, access: o.Access,
		formers: formers{db: o.DB}}
	if err := a.defaults(o); err != nil {
		return nil, err
	}
	for _, t := range o.Tables {
		key := strings.ToLower(t.Name())
		if a.tables[key] != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table ", t.Name(), " is declared twice")
		}
		a.tables[key] = t
	}
	for name, hooks := range o.Hooks {
		t := a.tables[strings.ToLower(name)]
		if t == nil {
			return nil, table.Errorf(table.CodeInvalid, "there are hooks for the table ", name, ", which is not declared")
		}
		a.hooks[t] = &hooks
	}
	if a.endpoints, err = newEndpoints(o.Endpoints); err != nil {
		return nil, err
	}
	o.Feed.Former = a.narrowed()
	a.live = live.New(o.DB, o.Live)
	if a.feed, err = feed.Open(ctx, o.DB, o.Tables, a.announced(o.Feed)); err != nil {
		a.live.Close()
		return nil, err
	}
	a.webhooks = newWebhooks(a.log)
	mux := http.NewServeMux()
	mux.HandleFunc(table.PathProbe, probe)
	mux.Handle(access.PathMe, origins.guard(a.serve(a.me)))
	mux.Handle(PathAPI, origins.guard(http.HandlerFunc(a.custom)))
	mux.Handle(PathPush, origins.guard(a.serve(a.push)))
	mux.Handle("/", origins.guard(a.tablesHandler()))
	a.handler = mux
	return a, nil
}

// defaults fills in what the options leave out.
func (a *API) defaults(o Options) (err error) {
	if a.maxBody <= 0 {
		a.maxBody = DefaultMaxBody
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.access == nil {
		if a.access, err = access.New(access.Options{}); err != nil {
			return err
		}
	}
	if err := CheckVersion(o.Version); err != nil {
		return err
	}
	a.unnamed, _ = parseVersion(o.Version)
	if a.anyVersion = o.SkipVersionCheck; a.anyVersion && a.unnamed == 0 {
		a.unnamed = version2
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Refuse answers a request that was not let through to the API, as the API would.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.origins.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.send(w, a.refuse(r, err)) })).ServeHTTP(w, r)
}

// Close refuses further writes, which are answered 503, and waits until those that were taken are committed and webhooks are
// told, or the context ends.
func (a *API) Close(ctx context.Context) error {
	a.live.End()
	err := a.feed.Close(ctx)
	a.live.Close()
	return errors.Join(err, a.webhooks.close(ctx))
}

// Waiting returns how many pushes wait for the next commit.
func (a *API) Waiting() int { return a.feed.Waiting() }

// Connections returns how many live connections there are.
func (a *API) Connections() int { return a.live.Connections() }

// EndStreams ends the live connections, which would go on for ever, and refuses new ones. It comes before the server waits for
// running requests.
func (a *API) EndStreams() { a.live.End() }

// announced lets live connections hear of what is written.
func (a *API) announced(o feed.Options) feed.Options {
	told := o.Wrote
	o.Wrote = func(wrote []db.Piece) {
		a.live.Committed(wrote)
		if told != nil {
			told(wrote)
		}
	}
	return o
}

// tablesHandler answers what is below [table.PathTables].
func (a *API) tablesHandler() http.Handler {
	answers := a.serve(a.route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isLive(r) {
			a.serveLive(w, r)
			return
		}
		answers.ServeHTTP(w, r)
	})
}

// me answers who the caller is.
func (a *API) me(r *http.Request) (reply, error) {
	u := access.FromContext(r.Context())
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return reply{}, notAllowed(r.Method, "GET, HEAD, OPTIONS")
	case u == nil:
		return reply{}, status(http.StatusUnauthorized, table.Errorf(table.CodeAuth, "You must be logged in to use this application"))
	}
	return reply{status: http.StatusOK, body: access.AppendIdentity(nil, u)}, nil
}

// push takes registrations for push notifications, to no effect.
func (a *API) push(r *http.Request) (reply, error) {
	if r.Method != http.MethodPut && r.Method != http.MethodDelete {
		return reply{}, notAllowed(r.Method, "PUT, DELETE")
	}
	return reply{status: http.StatusNoContent}, nil
}

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
	case read && "/"+id == table.PathDigest && query.Has(table.ParamDeltaToken): // without a token it is a record's id
		return a.digest(r, t, query)
	case read && id == "" && query.Has(table.ParamDeltaToken):
		return a.delta(r, t, query)
	case read && id == "" && query.Has(paramSince):
		return a.since(r, t, query)
	}
	speaks, err := a.speaks(r.Header, query)
	if err != nil {
		return reply{}, err
	}
	switch {
	case read && id == "":
		return a.list(r, t, speaks, query)
	case read:
		return a.lookup(r, t, id, speaks, query)
	case r.Method == http.MethodDelete && id == "":
		return a.deleteAll(r, t, speaks)
	case r.Method == http.MethodPost, r.Method == http.MethodPatch, r.Method == http.MethodDelete,
		r.Method == http.MethodPut && speaks == version3 && id != "":
		return a.write(r, t, id, speaks, query)
	}
	return reply{}, notAllowed(r.Method, allowed(id))
}

// allowed lists the methods of a table, or of a record when there is an id. PUT is of version 3.
func allowed(id string) string {
	if id == "" {
		return "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
	}
	return "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"
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
	return table.Errorf(table.CodeNotFound, "the server has no table ", strconv.QuoteToGraphic(name),
		`: to add one, put a file `, file, ` such as {"columns":{"text":"string"}} into the server's --tables folder `,
		`and start it again`)
}
