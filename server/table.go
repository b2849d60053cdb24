package server

import (
	"slices"
	"strings"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Table declares a table in Go. The zero value of each field but Name is what a table file's absent key means: any columns,
// open to everybody, deleted records are remembered and can be brought back.
type Table struct {
	Name    string
	Columns map[string]table.Type
	Indexes [][]string // columns of each
	Static  bool       // columns that are not declared are refused

	HardDelete    bool // deleted records cannot be read or brought back, and their ids may be used again
	AutoIncrement bool // the server numbers new records
	PageSize      int  // rows in an answer when $top is absent
	MaxTop        int  // the greatest $top
	Seed          []Record

	Access   Access               // of operations that have none of their own
	AccessOf map[Operation]Access // of single operations
	PerUser  bool                 // each record is its writer's, and nobody else's
	Owner    string               // the column that holds whose it is; "userId" when empty
	Expire   Expiry
	Webhook  string // a URL that is told of each operation
	Stored   string // the name in the database; Name when empty

	Hooks
}

// declaration is the table as its file would have it.
func (t *Table) declaration() table.Record {
	columns := map[string]any{}
	for name, kind := range t.Columns {
		columns[name] = string(kind)
	}
	indexes := make([]any, len(t.Indexes))
	for i, x := range t.Indexes {
		indexes[i] = x
	}
	seed := make([]any, len(t.Seed))
	for i, row := range t.Seed {
		seed[i] = map[string]any(row)
	}
	file := table.Record{
		"columns": columns, "indexes": indexes, "dynamicSchema": !t.Static, "softDelete": !t.HardDelete,
		"autoIncrement": t.AutoIncrement, "seed": seed, "perUser": t.PerUser,
	}
	for key, text := range map[string]string{"access": string(t.Access), "userIdColumn": t.Owner, "databaseTableName": t.Stored} {
		if text != "" {
			file[key] = text
		}
	}
	for op, rule := range t.AccessOf {
		file[string(op)] = map[string]any{"access": string(rule)}
	}
	for key, n := range map[string]int{"pageSize": t.PageSize, "maxTop": t.MaxTop} {
		if n != 0 {
			file[key] = n
		}
	}
	if t.Webhook != "" {
		file["webhook"] = map[string]any{"url": t.Webhook}
	}
	if e := t.Expire; e != (Expiry{}) {
		file["recordsExpire"] = map[string]any{"years": e.Years, "months": e.Months, "days": e.Days,
			"milliseconds": int64(e.Rest / time.Millisecond)}
	}
	return file
}

// parse makes the table, by the rules of files.
func (t *Table) parse() (*db.Table, error) {
	return db.ParseTable(t.Name, table.AppendJSON(nil, t.declaration()))
}

// tables are all that were declared, with their hooks.
func (s *Server) tables() (list []*db.Table, hooks map[string]api.Hooks, err error) {
	list = slices.Clone(s.o.Files)
	hooks = map[string]api.Hooks{}
	for i := range s.o.Tables {
		t := &s.o.Tables[i]
		hooks[t.Name] = t.Hooks
		if slices.ContainsFunc(s.o.Files, func(file *db.Table) bool { return strings.EqualFold(file.Name(), t.Name) }) {
			continue
		}
		parsed, err := t.parse()
		if err != nil {
			return nil, nil, table.Errorf(table.CodeInvalid, "the table ", t.Name).Because(err)
		}
		list = append(list, parsed)
	}
	return list, hooks, nil
}
