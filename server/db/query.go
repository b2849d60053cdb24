package db

import (
	"strings"

	"github.com/larder-sync/larder/table"
)

// Find asks for records of a table.
type Find struct {
	Table  string        // its name in the database
	Schema *table.Schema // what its columns hold; a value of another type is null
	Query  *table.Query  // that [table.Query.Check] let pass; Select is not looked at
}

// Found is what a [Find] found.
type Found struct {
	Records [][]byte // as JSON, in the query's order
	Count   int64    // where the query asks for it: how many records match, before skip and take, and are not deleted
}

// Statement is SQL text and the values of its parameters. What a query brings from outside is in the values only: the text
// is made of our own words and the names of declared columns.
type Statement struct {
	Text string
	Args []any
}

// maxParameters is SQLite's limit, and half of PostgreSQL's.
const maxParameters = 32_766

// Page returns the statement that finds the records of one page, in column data. From is the SQL table, with the columns
// id, deleted and data.
func (d *Dialect) Page(from string, f Find) (Statement, error) {
	c := &compiler{Dialect: d, schema: f.Schema, row: "r."}
	q := f.Query
	keys := c.sortKeys(q.Order)
	where := c.where(f, !q.IncludeDeleted)
	if q.After != nil {
		where = append(where, c.after(keys, q.After))
	}
	text := c.selection("r.data", from, where) + " ORDER BY " + orderBy(keys)
	if q.Take != table.All {
		text += " LIMIT " + c.integer(q.Take)
	} else if q.Skip > 0 {
		text += d.noLimit
	}
	if q.Skip > 0 {
		text += " OFFSET " + c.integer(q.Skip)
	}
	return c.statement(text)
}

// Count returns the statement that counts all matches that are not deleted.
func (d *Dialect) Count(from string, f Find) (Statement, error) {
	c := &compiler{Dialect: d, schema: f.Schema, row: "r."}
	return c.statement(c.selection("count(*)", from, c.where(f, true)))
}

func (c *compiler) selection(what, from string, where []string) string {
	text := "SELECT " + what + " FROM " + from + " AS r"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text
}

func (c *compiler) statement(text string) (Statement, error) {
	if len(c.args) > maxParameters {
		return Statement{}, table.Errorf(table.CodeQuery, "the query compares with more than 32,000 values: ask for them in parts")
	}
	return Statement{Text: text, Args: c.args}, nil
}

func (c *compiler) where(f Find, live bool) []string {
	var all []string
	if live {
		all = append(all, c.live)
	}
	if f.Query.Filter != nil {
		all = append(all, c.expr(f.Query.Filter, table.KindBoolean))
	}
	return all
}

// sortKey is an expression that rows are ordered by.
type sortKey struct {
	sql        string
	kind       table.Kind
	descending bool
	text       string                   // how a text parameter is compared with sql: a format
	value      func(r table.Record) any // the key's value in a record
}

// sortKeys returns what rows are ordered by, the id always the last of them.
func (c *compiler) sortKeys(order []table.Order) []sortKey {
	var keys []sortKey
	for _, o := range order {
		if o.Column == table.ColumnID {
			return append(keys, c.idKey(o.Descending))
		}
		keys = append(keys, c.columnKeys(o.Column, o.Descending)...)
	}
	return append(keys, c.idKey(false))
}

func (c *compiler) idKey(descending bool) sortKey {
	return sortKey{fill(c.bytes, c.row+"id"), table.KindText, descending, c.bytes, func(r table.Record) any { return r.ID() }}
}

// columnKeys are one key where the column has a type. Values of any type come as nulls, numbers and booleans, texts, and
// the rest, and then in the order of their kind.
func (c *compiler) columnKeys(name string, descending bool) []sortKey {
	value := func(r table.Record) any { return r[name] }
	kind := c.schema.KindOf(table.ColumnRef{Name: name})
	switch kind {
	case table.KindText, table.KindDate:
		format := c.textOrder(kind)
		return []sortKey{{fill(format, c.column(name, table.KindText)), table.KindText, descending, format, value}}
	case table.KindNumber, table.KindBoolean:
		return []sortKey{{c.column(name, kind), kind, descending, "", value}}
	}
	number := "coalesce(" + c.column(name, table.KindNumber) +
		", CASE " + c.column(name, table.KindBoolean) + " WHEN TRUE THEN 1 WHEN FALSE THEN 0 END)"
	text := c.column(name, table.KindText)
	rank := "CASE WHEN " + c.isNull(table.ColumnRef{Name: name}) + " THEN 0 WHEN " + number + " IS NOT NULL THEN 1 WHEN " +
		text + " IS NOT NULL THEN 2 ELSE 3 END"
	return []sortKey{
		{rank, table.KindNumber, descending, "", func(r table.Record) any { return rankOf(r[name]) }},
		{number, table.KindNumber, descending, "", func(r table.Record) any { return numberOf(r[name]) }},
		{fill(c.units, text), table.KindText, descending, c.units, func(r table.Record) any {
			if s, ok := r[name].(string); ok {
				return s
			}
			return nil
		}},
	}
}

func rankOf(v any) any {
	switch v.(type) {
	case nil:
		return 0.0
	case float64, bool:
		return 1.0
	case string:
		return 2.0
	}
	return 3.0
}

func numberOf(v any) any {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1.0
		}
		return 0.0
	}
	return nil
}

func orderBy(keys []sortKey) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.sql + " NULLS FIRST"
		if k.descending {
			texts[i] = k.sql + " DESC NULLS LAST"
		}
	}
	return strings.Join(texts, ", ")
}

// after is the condition that a row comes after r. The first key's bound stands by itself too, where an index sees it.
func (c *compiler) after(keys []sortKey, r table.Record) string {
	k := keys[0]
	v := k.value(r)
	if len(keys) == 1 {
		return c.beyond(k, v)
	}
	rest := "(" + c.beyond(k, v) + " OR " + c.equals(k, v) + " AND " + c.after(keys[1:], r) + ")"
	if v == nil || k.descending {
		return rest
	}
	return "(" + k.sql + " >= " + c.bound(k, v) + " AND " + rest + ")"
}

// beyond is the condition that a row's key comes after v.
func (c *compiler) beyond(k sortKey, v any) string {
	switch {
	case v == nil && k.descending:
		return "FALSE"
	case v == nil:
		return k.sql + " IS NOT NULL"
	case k.descending:
		return "(" + k.sql + " < " + c.bound(k, v) + " OR " + k.sql + " IS NULL)"
	}
	return k.sql + " > " + c.bound(k, v)
}

func (c *compiler) equals(k sortKey, v any) string {
	if v == nil {
		return k.sql + " IS NULL"
	}
	return k.sql + " = " + c.bound(k, v)
}

func (c *compiler) bound(k sortKey, v any) string {
	if b, ok := v.(bool); ok {
		return truth(b)
	}
	p := c.param(v, k.kind)
	if k.text != "" {
		return fill(k.text, p)
	}
	return p
}
