package server

import (
	"context"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/postgres"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/table"
)

// OpenDatabase opens the database that a URL names: "sqlite:PATH" or "postgres://…". A URL that names none is an error with
// code [table.CodeInvalid]. Relaxed is [Options.Relaxed].
func OpenDatabase(ctx context.Context, url string, relaxed bool) (db.DB, error) {
	kind, path, _ := strings.Cut(url, ":")
	switch {
	case kind == "sqlite" && path != "":
		return sqlite.Open(ctx, path, sqlite.Options{Relaxed: relaxed})
	case kind == "postgres" || kind == "postgresql":
		return postgres.Open(ctx, url)
	}
	return nil, table.Errorf(table.CodeInvalid, RedactDatabase(url), " names no database: use --db sqlite:PATH, as in ", DefaultDB,
		", or postgres://USER:PASSWORD@HOST/NAME")
}

// RedactDatabase is a database's URL as it may stand in a log.
func RedactDatabase(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return url
	}
	return postgres.Redact(url)
}
