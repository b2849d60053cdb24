package table

import (
	"slices"
	"strings"
)

// Type is what a column holds.
type Type string

// The types of columns. Every column may hold null as well.
const (
	TypeString  Type = "string"
	TypeNumber  Type = "number"  // a finite float64
	TypeInteger Type = "integer" // a whole number within ±MaxSafeInteger
	TypeBoolean Type = "boolean"
	TypeDate    Type = "date" // an ISO string in UTC with milliseconds
	TypeJSON    Type = "json" // any JSON value
)

// Column is a named and typed field of a table's records.
type Column struct {
	Name string
	Type Type
}

// Index is an order that the store keeps ready. Its columns may be system columns and the id.
type Index struct {
	Columns    []string
	Unique     bool // no two records have equal values; records with a null in one of the columns do not count
	MultiEntry bool // of one json column that holds arrays: the record is found by each element
}

// Name returns the columns joined by "+": no two indexes of a table have the same name.
func (x Index) Name() string { return strings.Join(x.Columns, "+") }

// Schema describes one table. A Schema made by [ParseDatabase] or [ParseSchema] is sound and must not be changed, and
// so is safe for concurrent use; one made by hand is made sound by [Schema.Validate].
type Schema struct {
	Name    string
	Columns []Column // sorted by name; without the id and the system columns, which every table has
	Indexes []Index
	Dynamic bool // records may have columns that are not declared
}

// Database is the schema of an app: its tables at a version.
type Database struct {
	Version int       // 1 or more; a greater one migrates
	Tables  []*Schema // sorted by name
}

// fixedColumns are those that every table has.
var fixedColumns = [...]Column{
	{ColumnID, TypeString},
	{ColumnCreatedAt, TypeDate},
	{ColumnUpdatedAt, TypeDate},
	{ColumnVersion, TypeString},
	{ColumnDeleted, TypeBoolean},
}

// Table returns the table called name, or nil.
func (d *Database) Table(name string) *Schema {
	for _, s := range d.Tables {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Column returns the column called name, which may be the id or a system column, and whether there is one.
func (s *Schema) Column(name string) (Column, bool) {
	for _, c := range s.Columns {
		if c.Name == name {
			return c, true
		}
	}
	for _, c := range fixedColumns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// IndexedColumns returns the names of all columns that are part of an index, sorted, each once.
func (s *Schema) IndexedColumns() []string {
	var names []string
	for _, x := range s.Indexes {
		names = append(names, x.Columns...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Validate reports what is wrong with the schema, with [CodeInvalid]: names that cannot be stored or that differ only
// by the case of letters (SQL does not tell them apart), unknown types, indexes of columns that are not there.
func (s *Schema) Validate() error {
	if err := CheckName("table", s.Name); err != nil {
		return err
	}
	for i, c := range s.Columns {
		if err := CheckName("column", c.Name); err != nil {
			return err
		}
		if _, ok := parseType(string(c.Type)); !ok {
			return s.invalid("column ", c.Name, " has the type ", quote(string(c.Type)),
				"; the types are string, number, integer, boolean, date and json")
		}
		for _, d := range fixedColumns {
			if strings.EqualFold(c.Name, d.Name) {
				return s.invalid("column ", c.Name, " is there in every table, as ", d.Name, " of type ", string(d.Type),
					"; leave it out")
			}
		}
		for _, d := range s.Columns[:i] {
			if strings.EqualFold(c.Name, d.Name) {
				return s.invalid("columns ", d.Name, " and ", c.Name, " differ only by the case of letters; rename one")
			}
		}
	}
	for i, x := range s.Indexes {
		if err := s.validateIndex(x); err != nil {
			return err
		}
		for _, y := range s.Indexes[:i] {
			if x.Name() == y.Name() {
				return s.invalid("index ", x.Name(), " is declared twice")
			}
		}
	}
	return nil
}

func (s *Schema) validateIndex(x Index) error {
	if len(x.Columns) == 0 {
		return s.invalid("an index has no columns")
	}
	for i, name := range x.Columns {
		c, known := s.Column(name)
		if !known && !s.Dynamic {
			return s.invalid("index ", x.Name(), " names column ", quote(name), ", which is not declared")
		}
		if !known {
			if err := CheckName("column", name); err != nil {
				return err
			}
		}
		if known && (c.Type == TypeJSON) != x.MultiEntry {
			return s.invalid("index ", x.Name(), ": a json column can have a multiEntry index, and only a json column can")
		}
		if slices.Contains(x.Columns[:i], name) {
			return s.invalid("index ", x.Name(), " names column ", name, " twice")
		}
	}
	if x.MultiEntry && len(x.Columns) > 1 {
		return s.invalid("index ", x.Name(), " is multiEntry and so can have one column only")
	}
	return nil
}

func (s *Schema) invalid(parts ...string) *Error {
	e := Errorf(CodeInvalid, parts...)
	e.Message = "table " + s.Name + ": " + e.Message
	return e
}

// maxName is the longest name of a table or column: SQL Server's.
const maxName = 128

// CheckName reports whether name can be the name of a table or column, which kind tells: a letter or underscore, then
// letters, digits and underscores, 128 in all.
func CheckName(kind, name string) error {
	ok := name != "" && len(name) <= maxName
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || i > 0 && c >= '0' && c <= '9'
	}
	if !ok {
		return Errorf(CodeInvalid, kind, " name ", quote(name), " is not made of 1 to 128 letters A–Z, digits and underscores, "+
			"with no digit at the front")
	}
	return nil
}

// parseType reads the name of a type, Azure's names included.
func parseType(name string) (Type, bool) {
	switch strings.ToLower(name) {
	case "string", "text":
		return TypeString, true
	case "number", "float", "real":
		return TypeNumber, true
	case "integer":
		return TypeInteger, true
	case "boolean", "bool":
		return TypeBoolean, true
	case "date", "datetime", "time", "date/time":
		return TypeDate, true
	case "json", "object", "array":
		return TypeJSON, true
	}
	return "", false
}

// quote shows a text of unknown origin in a message: as JSON, cut where it is long.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return string(appendString(nil, strings.ToValidUTF8(s[:most], ""))) + "…"
	}
	return string(appendString(nil, s))
}
