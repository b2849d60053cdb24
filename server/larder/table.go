package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db"
)

// forTable adds the flags of a command about one table of a database. Once the flags are read, find returns that table, and
// all that there are.
func forTable(f *flags, usage string) (c *config, find func() (*db.Table, []*db.Table, error)) {
	name := f.String("table", "", usage)
	c = &config{tablesGiven: true}
	f.StringVar(&c.db, "db", server.DefaultDB, databaseUsage)
	f.StringVar(&c.tables, "tables", defaultTables, "the `folder` with one NAME.json for each table")
	return c, func() (*db.Table, []*db.Table, error) {
		if *name == "" {
			return nil, nil, f.wrong("which --table?")
		}
		tables, err := c.loadTables(slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, nil, err
		}
		for _, t := range tables {
			if strings.EqualFold(t.Name(), *name) {
				return t, tables, nil
			}
		}
		return nil, nil, fmt.Errorf(`there is no table %s: to add one, make a file %s such as {"columns":{"text":"string"}}`,
			*name, filepath.Join(c.tables, *name+".json"))
	}
}
