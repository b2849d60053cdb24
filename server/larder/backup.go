package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db/sqlite"
)

// errNotSQLite is for databases that have better means of their own.
const errNotSQLite = usageError("this is for SQLite: PostgreSQL's own pg_dump and pg_restore do it for a database there")

func backupCommand(f *flags) func(context.Context, *Main, []string) error {
	url := f.String("db", server.DefaultDB, "the `database`, as sqlite:PATH. Its server may go on meanwhile")
	return func(ctx context.Context, m *Main, args []string) error {
		path, ok := strings.CutPrefix(*url, "sqlite:")
		if !ok {
			return errNotSQLite
		}
		d, err := sqlite.Open(ctx, path, sqlite.Options{Existing: true})
		if err != nil {
			return err
		}
		if err := errors.Join(d.Backup(ctx, args[0]), d.Close()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(m.Stdout, "%s: backed up to %s\n", path, args[0])
		return err
	}
}

func restoreCommand(f *flags) func(context.Context, *Main, []string) error {
	url := f.String("db", server.DefaultDB, "the `database` to make, as sqlite:PATH")
	force := f.Bool("force", false, "replace the database that is there; no server may have it open")
	return func(ctx context.Context, m *Main, args []string) error {
		path, ok := strings.CutPrefix(*url, "sqlite:")
		if !ok {
			return errNotSQLite
		}
		if err := sqlite.Restore(ctx, args[0], path, *force); err != nil {
			return err
		}
		_, err := fmt.Fprintf(m.Stdout, "%s: restored from %s\n", path, args[0])
		return err
	}
}
