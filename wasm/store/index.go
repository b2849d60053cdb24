package store

import (
	"slices"

	"github.com/larder-sync/larder/table"
)

// What the helper is told to encode of a row: a column; one for unique indexes, which leaves nulls out; and one whose
// values are those of an array. No column's name begins with these marks.
const (
	markUnique = "$"
	markMulti  = "*"
)

// indexLayouts returns the indexes of a table, named by their columns joined with "+".
func indexLayouts(schema *table.Schema) []IndexLayout {
	var layouts []IndexLayout
	for _, x := range schema.Indexes {
		layouts = append(layouts, IndexLayout{Name: x.Name(), Columns: x.Columns, Unique: x.Unique, MultiEntry: x.MultiEntry})
	}
	return layouts
}

// encodings returns what a put must encode for the indexes to find the row.
func encodings(indexes []IndexLayout) []string {
	var names []string
	for i := range indexes {
		for _, column := range indexes[i].Columns {
			if !indexes[i].Plain {
				names = append(names, indexes[i].mark()+column)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (l *IndexLayout) mark() string {
	switch {
	case l.MultiEntry:
		return markMulti
	case l.Unique:
		return markUnique
	}
	return ""
}

// keys returns the encoded keys under which the index has a row: none, one, or with a multi-entry index several.
func (l *IndexLayout) keys(row table.Record) []string {
	if l.MultiEntry {
		var keys []string
		list, _ := row[l.Columns[0]].([]any)
		for _, v := range list {
			if v == nil {
				continue
			}
			if k, ok := appendScalar(nil, v); ok {
				keys = append(keys, string(k))
			}
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	var key []byte
	if len(l.Columns) > 1 {
		key = append(key, keyOfArray)
	}
	for _, column := range l.Columns {
		v := row[column]
		if _, isBool := v.(bool); v == nil && (l.Plain || l.Unique) || isBool && l.Plain {
			return nil
		}
		var ok bool
		if key, ok = appendScalar(key, v); !ok {
			return nil
		}
	}
	if len(l.Columns) > 1 {
		key = append(key, endOfArray)
	}
	return []string{string(key)}
}
