package db

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
)

// Table is a table as the server offers it: its schema and the rules of its endpoints. It is made by [ParseTable] and not
// changed afterwards, and so safe for concurrent use.
type Table struct {
	Schema     *table.Schema
	SoftDelete bool           // deleted records can be read and brought back by those who ask, and their ids stay taken
	PageSize   int            // rows in an answer when $top is absent
	MaxTop     int            // the greatest $top
	Seed       []table.Record // rows of a new table; those without an id are given one
}

// Name returns the table's name.
func (t *Table) Name() string { return t.Schema.Name }

// The values for keys that a table file leaves out are Azure Mobile Apps', except softDelete: what is not remembered as
// deleted cannot be synced.
const (
	DefaultPageSize = 50
	DefaultMaxTop   = 1000
)

// tableKeys are the keys of a table file. Others are refused, not ignored: a rule about who may do what would otherwise be
// believed and not kept.
var tableKeys = []string{"columns", "dynamic", "dynamicSchema", "indexes", "maxTop", "pageSize", "seed", "softDelete"}

// ParseTable reads a table file, in the JSON shape of Azure Mobile Apps:
//
//	{"columns": {"text": "string", "complete": "boolean"}, "indexes": ["complete"], "dynamicSchema": false,
//	 "softDelete": true, "seed": [{"text": "bread", "complete": false}], "pageSize": 50, "maxTop": 1000}
//
// Every key may be left out; dynamicSchema and softDelete are true then. Errors name the key and have code
// [table.CodeInvalid].
func ParseTable(name string, data []byte) (*Table, error) {
	file, err := table.ParseRecord(data)
	if err != nil {
		return nil, err
	}
	for key := range file {
		if !slices.Contains(tableKeys, key) {
			return nil, table.Errorf(table.CodeInvalid, `unknown key "`, key, `"; the keys are `, strings.Join(tableKeys, ", "))
		}
	}
	if file["dynamicSchema"] == nil && file["dynamic"] == nil {
		file["dynamicSchema"] = true
	}
	t := &Table{SoftDelete: true, PageSize: DefaultPageSize, MaxTop: DefaultMaxTop}
	if t.Schema, err = table.ParseSchema(name, file); err != nil {
		return nil, err
	}
	if v, ok := file["softDelete"]; ok {
		if t.SoftDelete, ok = v.(bool); !ok {
			return nil, table.Errorf(table.CodeInvalid, "softDelete is neither true nor false")
		}
	}
	if t.MaxTop, err = size(file, "maxTop", t.MaxTop); err != nil {
		return nil, err
	}
	if t.PageSize, err = size(file, "pageSize", min(t.PageSize, t.MaxTop)); err != nil {
		return nil, err
	}
	if t.PageSize > t.MaxTop {
		return nil, table.Errorf(table.CodeInvalid, "pageSize is greater than maxTop")
	}
	t.Seed, err = seeds(t.Schema, file["seed"])
	return t, err
}

// size reads a number of rows.
func size(file table.Record, key string, otherwise int) (int, error) {
	v, ok := file[key]
	if !ok {
		return otherwise, nil
	}
	const most = 1_000_000
	n, _ := v.(float64)
	if n < 1 || n > most || n != float64(int(n)) {
		return 0, table.Errorf(table.CodeInvalid, key, " is not a whole number from 1 to 1000000")
	}
	return int(n), nil
}

func seeds(schema *table.Schema, v any) ([]table.Record, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, table.Errorf(table.CodeInvalid, "seed is not an array of records")
	}
	var rows []table.Record
	for i, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, table.Errorf(table.CodeInvalid, fmt.Sprintf("seed, record %d: it is not an object", i+1))
		}
		row := table.Record(object)
		check := table.Record{table.ColumnID: "seed"} // stands in for an id that is given later
		for name, v := range row {
			check[name] = v
		}
		if err := schema.Check(check); err != nil {
			return nil, table.Errorf(table.CodeInvalid, fmt.Sprintf("seed, record %d", i+1)).Because(err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// LoadTables reads every file called NAME.json in a folder as the table NAME, sorted by name. Errors name the file and
// the key. Names are matched without regard to case on the wire and in SQL, so two that differ only by it are refused.
func LoadTables(folder fs.FS) ([]*Table, error) {
	files, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	var tables []*Table
	for _, file := range files {
		data, err := fs.ReadFile(folder, file)
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err // the file is named already
		}
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table file ", file, " cannot be read").Because(err)
		}
		t, err := ParseTable(strings.TrimSuffix(path.Base(file), ".json"), data)
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "the table file ", file).Because(err)
		}
		for _, other := range tables {
			if strings.EqualFold(other.Name(), t.Name()) {
				return nil, table.Errorf(table.CodeInvalid, "the table files ", other.Name(), ".json and ", file,
					" differ only in case: rename one")
			}
		}
		tables = append(tables, t)
	}
	return tables, nil
}
