package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/api"
)

func importCommand(f *flags) func(context.Context, *Main, []string) error {
	c, find := forTable(f, "the `table` that gets the records")
	id := f.String("id", "id", "the `column` whose value becomes the record's id")
	return func(ctx context.Context, m *Main, args []string) (err error) {
		t, tables, err := find()
		if err != nil {
			return err
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
		counts, err := tablesAPI.Import(ctx, file, t.Name(), api.ImportOptions{ID: *id})
		if err := errors.Join(err, tablesAPI.Close(ctx)); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		_, err = fmt.Fprintf(m.Stdout, "%s: %s\n", t.Name(), counts)
		return err
	}
}
