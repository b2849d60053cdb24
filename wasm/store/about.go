package store

import "github.com/larder-sync/larder/table"

// revisions is how many versions of Larder's own object stores there can be within one version of an app's schema, and
// layoutRevision the one of today.
const (
	revisions      = 10
	layoutRevision = 3
)

// keyAbout is where a database keeps what it is, in [StoreMeta].
const keyAbout = "database"

// about is what a database says of itself: the schema that its rows are stored under, and the mark that it was given when
// it was created, by which it is known again. The zero value is that of a database that says nothing.
type about struct {
	version int
	born    string
	tables  map[string]*table.Schema
}

func (a *about) row() table.Record {
	tables := make(map[string]any, len(a.tables))
	for name, t := range a.tables {
		columns := make(map[string]any, len(t.Columns))
		for _, c := range t.Columns {
			columns[c.Name] = string(c.Type)
		}
		indexes := make([]any, len(t.Indexes))
		for i, x := range t.Indexes {
			names := make([]any, len(x.Columns))
			for j, name := range x.Columns {
				names[j] = name
			}
			indexes[i] = map[string]any{"columns": names, "unique": x.Unique, "multiEntry": x.MultiEntry}
		}
		tables[name] = map[string]any{"columns": columns, "indexes": indexes, "dynamic": t.Dynamic}
	}
	return table.Record{"key": keyAbout, "version": float64(a.version), "born": a.born, "tables": tables}
}

// read takes over a row. What it cannot read it leaves out, which is as if the database had not said it.
func (a *about) read(row table.Record) {
	if row == nil {
		return
	}
	if d, err := table.ParseDatabase(row); err == nil {
		a.version, a.tables = d.Version, make(map[string]*table.Schema, len(d.Tables))
		for _, t := range d.Tables {
			a.tables[t.Name] = t
		}
	}
	a.born, _ = row["born"].(string)
}

// holds reports whether the database has the table with all its indexes. One that says nothing is taken at the schema's word.
func (a *about) holds(t *table.Schema) bool {
	if a.tables == nil {
		return true
	}
	was := a.tables[t.Name]
	if was == nil {
		return false
	}
	for _, x := range t.Indexes {
		there := false
		for _, y := range was.Indexes {
			there = there || x.Name() == y.Name() && x.Unique == y.Unique && x.MultiEntry == y.MultiEntry
		}
		if !there {
			return false
		}
	}
	return true
}
