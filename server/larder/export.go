package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// exportPage is how many records are held at once.
const exportPage = 1000

func exportCommand(f *flags) func(context.Context, *Main, []string) error {
	c, find := forTable(f, "the `table` whose records are written, one JSON object on each line, as larder import reads them")
	out := f.String("out", "", "the new `file`; standard output when empty")
	return func(ctx context.Context, m *Main, _ []string) (err error) {
		t, _, err := find()
		if err != nil {
			return err
		}
		database, err := server.OpenDatabase(ctx, c.db, false)
		if err != nil {
			return explain(err)
		}
		defer func() { err = errors.Join(err, database.Close()) }()
		var to io.Writer = m.Stdout
		if *out != "" {
			file, err := os.OpenFile(*out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return fmt.Errorf("the file %s cannot be made (%w)", *out, reason(err))
			}
			defer func() { err = errors.Join(err, file.Close()) }()
			to = file
		}
		buffer := bufio.NewWriter(to)
		return errors.Join(export(ctx, database, t, buffer), buffer.Flush())
	}
}

// export writes a table's records in the order of their ids, each once. One that is written meanwhile is as it was before or
// after.
func export(ctx context.Context, database db.DB, t *db.Table, to io.Writer) error {
	q := table.NewQuery()
	q.Take = exportPage
	for {
		found, err := database.Find(ctx, db.Find{Table: t.StoredName(), Schema: t.Schema, Query: q})
		if err != nil {
			return err
		}
		for _, data := range found.Records {
			if _, err := fmt.Fprintf(to, "%s\n", data); err != nil {
				return err
			}
		}
		if len(found.Records) < exportPage {
			return nil
		}
		if q.After, err = table.ParseRecord(found.Records[exportPage-1]); err != nil {
			return err
		}
	}
}
