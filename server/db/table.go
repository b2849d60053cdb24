package db

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"github.com/larder-sync/larder/table"
)

// Table is a table as the server offers it: its schema and the rules of its endpoints. It is made by [ParseTable] and not
// changed afterwards, and so safe for concurrent use.
type Table struct {
	Schema        *table.Schema
	SoftDelete    bool           // deleted records can be read and brought back by those who ask, and their ids stay taken
	AutoIncrement bool           // the server numbers new records
	PageSize      int            // rows in an answer when $top is absent
	MaxTop        int            // the greatest $top
	Seed          []table.Record // rows of a new table; those without an id are given one

	Rules   Rules  // who may do what
	Owner   string // the column that holds whose record it is, which alone sees it; "" if all see all
	Expiry  Expiry // when records stop being seen
	Webhook string // the URL that is told of each operation; "" for none

	Stored  string   // the name in the database, which several tables may share; the table's own when empty
	Unknown []string // keys of the table's file that mean nothing, sorted
}

// Name returns the table's name.
func (t *Table) Name() string { return t.Schema.Name }

// StoredName returns the table's name in the database.
func (t *Table) StoredName() string { return cmp.Or(t.Stored, t.Schema.Name) }

// The values for keys that a table file leaves out are Azure Mobile Apps', except softDelete: what is not remembered as
// deleted cannot be synced.
const (
	DefaultPageSize = 50
	DefaultMaxTop   = 1000
	DefaultOwner    = "userId"
)

// tableKeys are the keys of a table file that mean something here. Others are kept in [Table.Unknown]: files of Azure Mobile
// Apps may hold what only their own program understood.
var tableKeys = []string{
	"access", "authorize", "autoIncrement", "columns", "containerName", "databaseTableName", "delete", "disable", "dynamic",
	"dynamicSchema", "indexes", "insert", "maxTop", "name", "pageSize", "perUser", "read", "recordsExpire", "schema", "seed",
	"softDelete", "undelete", "update", "userIdColumn", "webhook",
}

// ParseTable reads a table file, in the JSON shape of Azure Mobile Apps:
//
//	{"columns": {"text": "string", "complete": "boolean"}, "indexes": ["complete"], "dynamicSchema": false,
//	 "softDelete": true, "seed": [{"text": "bread", "complete": false}], "pageSize": 50, "maxTop": 1000,
//	 "access": "authenticated", "read": {"access": "anonymous"}, "perUser": false, "userIdColumn": "userId",
//	 "autoIncrement": false, "recordsExpire": {"days": 30}, "databaseTableName": "items",
//	 "webhook": {"url": "https://example.com/hook"}}
//
// Every key may be left out; dynamicSchema and softDelete are true then. Errors name the key and have code
// [table.CodeInvalid].
func ParseTable(name string, data []byte) (*Table, error) {
	file, err := table.ParseRecord(data)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for key := range file {
		if !slices.Contains(tableKeys, key) {
			t.Unknown = append(t.Unknown, key)
		}
	}
	slices.Sort(t.Unknown)
	if file["dynamicSchema"] == nil && file["dynamic"] == nil {
		file["dynamicSchema"] = true
	}
	if err := t.parseOwner(file); err != nil {
		return nil, err
	}
	if t.Schema, err = table.ParseSchema(name, file); err != nil {
		return nil, err
	}
	if err := t.parseFlags(file); err != nil {
		return nil, err
	}
	if t.Rules, err = parseRules(file); err != nil {
		return nil, err
	}
	if t.Expiry, err = parseExpiry(file["recordsExpire"]); err != nil {
		return nil, err
	}
	if t.Webhook, err = parseWebhook(file["webhook"]); err != nil {
		return nil, err
	}
	if t.Stored, err = text(file, "databaseTableName", "containerName"); err != nil {
		return nil, err
	}
	if t.Stored != "" {
		if err := table.CheckName("table", t.Stored); err != nil {
			return nil, table.Errorf(table.CodeInvalid, "databaseTableName").Because(err)
		}
	}
	if t.Seed, err = seeds(t.Schema, file["seed"]); err != nil {
		return nil, err
	}
	return t, nil
}

// parseFlags reads what is true or false, and the sizes.
func (t *Table) parseFlags(file table.Record) (err error) {
	if t.SoftDelete, err = flag(file, "softDelete", true); err != nil {
		return err
	}
	if t.AutoIncrement, err = flag(file, "autoIncrement", false); err != nil {
		return err
	}
	if t.MaxTop, err = size(file, "maxTop", DefaultMaxTop); err != nil {
		return err
	}
	if t.PageSize, err = size(file, "pageSize", min(DefaultPageSize, t.MaxTop)); err != nil {
		return err
	}
	if t.PageSize > t.MaxTop {
		return table.Errorf(table.CodeInvalid, "pageSize is greater than maxTop")
	}
	return nil
}

// parseOwner reads perUser and userIdColumn, and declares the column if the file does not.
func (t *Table) parseOwner(file table.Record) error {
	perUser, err := flag(file, "perUser", false)
	if err != nil || !perUser {
		return err
	}
	name, err := text(file, "userIdColumn")
	if err != nil {
		return err
	}
	t.Owner = cmp.Or(name, DefaultOwner)
	columns, ok := file["columns"].(map[string]any)
	if !ok && file["columns"] != nil {
		return nil // told by the schema
	}
	if columns == nil {
		columns = map[string]any{}
		file["columns"] = columns
	}
	if declared, ok := columns[t.Owner]; ok && declared != string(table.TypeString) {
		return table.Errorf(table.CodeInvalid, "the column ", t.Owner, ", which says whose a record is, is not a string")
	}
	columns[t.Owner] = string(table.TypeString)
	return nil
}

func parseWebhook(v any) (string, error) {
	object, _ := v.(map[string]any)
	address, ok := object["url"].(string)
	switch {
	case v == nil || v == false:
		return "", nil
	case !ok:
		return "", table.Errorf(table.CodeInvalid, `webhook is not like {"url": "https://example.com/hook"}`)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", table.Errorf(table.CodeInvalid, "webhook: the url is not one of http or https")
	}
	return address, nil
}

// text reads a text that may be left out, under the first of its names that is there.
func text(file table.Record, keys ...string) (string, error) {
	for _, key := range keys {
		v, ok := file[key]
		if !ok || v == nil {
			continue
		}
		s, ok := v.(string)
		if !ok || s == "" {
			return "", table.Errorf(table.CodeInvalid, key, " is not a text")
		}
		return s, nil
	}
	return "", nil
}

func flag(file table.Record, key string, otherwise bool) (bool, error) {
	v, ok := file[key]
	if !ok || v == nil {
		return otherwise, nil
	}
	on, ok := v.(bool)
	if !ok {
		return false, table.Errorf(table.CodeInvalid, key, " is neither true nor false")
	}
	return on, nil
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
