package table

import (
	"slices"
	"strings"
)

// ParseDatabase reads the object that an app gives when it opens its database:
//
//	{version: 2, tables: {todoitem: {
//	  columns: {text: 'string', complete: 'boolean', due: 'date'},
//	  indexes: ['complete', ['complete', 'due'], {columns: ['text'], unique: true}],
//	  dynamic: false,
//	}}}
//
// v is as [ParseJSON] makes it. A missing version is 1. Other properties are left to others. Errors have [CodeInvalid].
func ParseDatabase(v any) (*Database, error) {
	m, ok := object(v)
	if !ok {
		return nil, Errorf(CodeInvalid, "the database's description is not an object")
	}
	d := &Database{Version: 1}
	if v := m["version"]; v != nil {
		n, ok := whole(v)
		if !ok || n < 1 {
			return nil, Errorf(CodeInvalid, "the database's version is not a whole number from 1 up")
		}
		d.Version = int(n)
	}
	tables, ok := object(m["tables"])
	if !ok && m["tables"] != nil {
		return nil, Errorf(CodeInvalid, "tables is not an object of tables by name")
	}
	for _, name := range AppendKeys(nil, tables) {
		s, err := ParseSchema(name, tables[name])
		if err != nil {
			return nil, err
		}
		for _, t := range d.Tables {
			if strings.EqualFold(t.Name, name) {
				return nil, Errorf(CodeInvalid, "tables ", t.Name, " and ", name, " differ only by the case of letters; rename one")
			}
		}
		d.Tables = append(d.Tables, s)
	}
	return d, nil
}

// ParseSchema reads one table's part of [ParseDatabase]'s object, or of a server's table file, where "dynamicSchema" is
// another name of "dynamic". The id and system columns may be declared, with their own types, to no effect.
func ParseSchema(name string, v any) (*Schema, error) {
	s := &Schema{Name: name}
	m, ok := object(v)
	if !ok {
		return nil, s.invalid("its description is not an object")
	}
	if err := s.parseColumns(m["columns"]); err != nil {
		return nil, err
	}
	if v := m["indexes"]; v != nil {
		list, ok := v.([]any)
		if !ok {
			return nil, s.invalid("indexes is not an array")
		}
		for _, v := range list {
			x, err := s.parseIndex(v)
			if err != nil {
				return nil, err
			}
			s.Indexes = append(s.Indexes, x)
		}
	}
	for _, key := range [...]string{"dynamicSchema", "dynamic"} {
		if v := m[key]; v != nil {
			if s.Dynamic, ok = v.(bool); !ok {
				return nil, s.invalid(key, " is not a boolean")
			}
		}
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Schema) parseColumns(v any) error {
	columns, ok := object(v)
	if !ok && v != nil {
		return s.invalid("columns is not an object of types by name")
	}
	for _, name := range AppendKeys(nil, columns) {
		word, _ := columns[name].(string)
		typ, ok := parseType(word)
		if !ok {
			return s.invalid("column ", name, " has the type ", string(AppendJSON(nil, columns[name])),
				"; the types are string, number, integer, boolean, date and json")
		}
		if slices.Contains(fixedColumns[:], Column{name, typ}) {
			continue
		}
		s.Columns = append(s.Columns, Column{name, typ})
	}
	return nil
}

// parseIndex reads 'a', ['a', 'b'] or {columns: 'a' or ['a', 'b'], unique: true, multiEntry: true}.
func (s *Schema) parseIndex(v any) (Index, error) {
	var x Index
	columns := v
	if m, ok := object(v); ok {
		columns = m["columns"]
		if x.Unique, ok = m["unique"].(bool); !ok && m["unique"] != nil {
			return x, s.invalid("an index's unique is not a boolean")
		}
		if x.MultiEntry, ok = m["multiEntry"].(bool); !ok && m["multiEntry"] != nil {
			return x, s.invalid("an index's multiEntry is not a boolean")
		}
	}
	names, ok := strs(columns)
	if !ok {
		return x, s.invalid("an index is not a column, an array of columns, or {columns, unique, multiEntry}: ",
			string(AppendJSON(nil, v)))
	}
	x.Columns = names
	return x, nil
}

// object returns v as a map when it is one.
func object(v any) (map[string]any, bool) {
	switch m := v.(type) {
	case map[string]any:
		return m, m != nil
	case Record:
		return m, m != nil
	}
	return nil, false
}

// strs returns v, one string or an array of them, as a slice.
func strs(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []string:
		return slices.Clone(v), true
	case []any:
		names := make([]string, len(v))
		for i, item := range v {
			name, ok := item.(string)
			if !ok {
				return nil, false
			}
			names[i] = name
		}
		return names, true
	}
	return nil, false
}

// whole returns v as a whole number within ±[MaxSafeInteger] when it is one.
func whole(v any) (int64, bool) {
	var n int64
	switch v := v.(type) {
	case float64:
		n = int64(v)
		if float64(n) != v {
			return 0, false
		}
	case int:
		n = int64(v)
	case int64:
		n = v
	case uint64:
		if v > MaxSafeInteger {
			return 0, false
		}
		n = int64(v)
	default:
		return 0, false
	}
	return n, n >= -MaxSafeInteger && n <= MaxSafeInteger
}
