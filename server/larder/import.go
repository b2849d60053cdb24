package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
)

func importCommand(f *flags) func(context.Context, *Main, []string) error {
	name := f.String("table", "", "the `table` that gets the records")
	id := f.String("id", "id", "the `column` whose value becomes the record's id")
	c := &config{}
	f.StringVar(&c.db, "db", server.DefaultDB, databaseUsage)
	f.StringVar(&c.tables, "tables", defaultTables, "the `folder` with one NAME.json for each table")
	return func(ctx context.Context, m *Main, args []string) (err error) {
		if *name == "" {
			return f.wrong("which --table?")
		}
		c.tablesGiven = true
		tables, err := c.loadTables(slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(tables, func(t *db.Table) bool { return strings.EqualFold(t.Name(), *name) }) {
			return fmt.Errorf(`there is no table %s: to add one, make a file %s such as {"columns":{"text":"string"}}`,
				*name, filepath.Join(c.tables, *name+".json"))
		}
		file, err := os.Open(args[0])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the file %s does not exist", args[0])
		case err != nil:
			return fmt.Errorf("the file %s cannot be read (%w)", args[0], reason(err))
		}
		defer file.Close()
		database, err := server.OpenDatabase(ctx, c.db, false)
		if err != nil {
			return explain(err)
		}
		defer func() { err = errors.Join(err, database.Close()) }()
		tablesAPI, err := api.New(ctx, api.Options{DB: database, Tables: tables})
		if err != nil {
			return err
		}
		counts, err := tablesAPI.Import(ctx, file, *name, api.ImportOptions{ID: *id})
		if err := errors.Join(err, tablesAPI.Close(ctx)); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		_, err = fmt.Fprintf(m.Stdout, "%s: %s\n", *name, counts)
		return err
	}
}
