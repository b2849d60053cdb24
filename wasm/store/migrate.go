package store

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Migration brings records of one table from the version before to the one it belongs to. It gets some records at a time
// and returns as many, in their order; nil drops a record here, on this device only. It must be a pure function of each
// record: it runs over rows, over what operations in the outbox were made on, and over what they hold.
type Migration func(records []table.Record) ([]table.Record, error)

// all runs the migration, and checks that no record has got lost on the way.
func (m Migration) all(records []table.Record) ([]table.Record, error) {
	next, err := m(records)
	if err == nil && len(next) != len(records) {
		err = table.Errorf(table.CodeMigration, strconv.Itoa(len(records)), " records went into the migration, and ",
			strconv.Itoa(len(next)), " came out of it")
	}
	return next, err
}

// Each makes a [Migration] of a function of one record, which may change and return the record that it gets, or return nil.
func Each(fn func(table.Record) (table.Record, error)) Migration {
	return func(records []table.Record) ([]table.Record, error) {
		next := make([]table.Record, len(records))
		for i, r := range records {
			var err error
			if next[i], err = fn(maps.Clone(r)); err != nil {
				return nil, table.Errorf(table.CodeMigration, "record ", r.ID()).Because(err)
			}
		}
		return next, nil
	}
}

// Migrations are an app's migrations: by the version they lead to, and the table. A step that needs none has none.
type Migrations map[int]map[string]Migration

// Converter brings records of older schema versions into the form of a schema. It is safe for concurrent use if the
// migrations are.
type Converter struct {
	Schema     *table.Database
	Migrations Migrations
}

// Has reports whether the schema has the table.
func (c *Converter) Has(name string) bool { return c.Schema.Table(name) != nil }

// Convert brings records of a table from version from to the schema's. A nil in the answer is a record that was dropped.
// Columns that are not declared any more go, ids and system columns stay as they are. Errors have code "migration", and
// name the table, the record and, where it is one, the column.
func (c *Converter) Convert(name string, from int, records []table.Record) ([]table.Record, error) {
	failed := func(err error) ([]table.Record, error) {
		return nil, table.Errorf(table.CodeMigration, "migrating table ", name, " from version ", strconv.Itoa(from),
			" to ", strconv.Itoa(c.Schema.Version)).Because(err)
	}
	schema := c.Schema.Table(name)
	if schema == nil {
		return failed(table.Errorf(table.CodeNotFound, "the schema has no such table any more"))
	}
	next, at := records, make([]int, len(records)) // the records that are left, and which of the given ones they were
	for i := range at {
		at[i] = i
	}
	for version := from + 1; version <= c.Schema.Version; version++ {
		migrate := c.Migrations[version][name]
		if migrate == nil || len(next) == 0 {
			continue
		}
		converted, err := migrate.all(next)
		if err != nil {
			return failed(err)
		}
		left := make([]table.Record, 0, len(converted))
		kept := at[:0]
		for i, r := range converted {
			if r == nil {
				continue
			}
			given := records[at[i]]
			if r[table.ColumnID] == nil {
				r[table.ColumnID] = given.ID()
			} else if r.ID() != given.ID() {
				return failed(table.Errorf(table.CodeInvalid, "record ", given.ID(), " came out of the migration with another id"))
			}
			left, kept = append(left, r), append(kept, at[i])
		}
		next, at = left, kept
	}
	all := make([]table.Record, len(records))
	for i, r := range next {
		fitting, err := fit(schema, records[at[i]], r)
		if err != nil {
			return failed(err)
		}
		all[at[i]] = fitting
	}
	return all, nil
}

// fit checks a migrated record against the schema and returns it as it is stored. What the record had before and the
// schema does not know goes; what the migration has added must be known to it.
func fit(schema *table.Schema, before, after table.Record) (table.Record, error) {
	known := maps.Clone(after)
	for name := range after {
		if _, declared := schema.Column(name); declared {
			if table.IsSystem(name) {
				delete(known, name)
			}
			continue
		}
		if _, old := before[name]; old && !schema.Dynamic {
			delete(known, name)
		}
	}
	next, err := schema.Normalize(known)
	if err != nil {
		return nil, err
	}
	for name, v := range before {
		if table.IsSystem(name) {
			next[name] = v
		}
	}
	return next, nil
}

// migrate is the upgrade of a database: it converts the rows of tables that need it, lets the journal do the same with
// what it keeps, and notes the schema. It runs within the upgrade transaction, so all of it is kept or nothing.
func (s *Store) migrate(ctx context.Context, old uint, txn Txn) error {
	from, was := int(old/revisions), about{}
	if old > 0 {
		results, err := txn.Run(ctx, []Step{{Op: OpGet, Store: StoreMeta, Keys: []Key{keyAbout}}})
		if err != nil {
			return err
		}
		was.read(results[0].Rows[0])
	}
	if from > 0 && from <= s.converter.Schema.Version {
		for _, t := range s.converter.Schema.Tables {
			if err := s.migrateTable(ctx, txn, t, was.tables[t.Name], from); err != nil {
				return err
			}
		}
	}
	if s.options.Journal != nil {
		if err := s.options.Journal.Migrate(ctx, txn); err != nil {
			return err
		}
	}
	now := about{version: s.converter.Schema.Version, born: was.born, tables: map[string]*table.Schema{}}
	if now.born == "" && s.options.Sentinel != nil {
		now.born = s.options.NewID()
	}
	for _, t := range s.converter.Schema.Tables {
		now.tables[t.Name] = t
	}
	_, err := txn.Run(ctx, []Step{{Op: OpPut, Store: StoreMeta, Values: []table.Record{now.row()}}})
	return err
}

// migrateTable converts a table's rows if a migration says so or they may not fit any more, and gives them the keys of
// new indexes. Old is the table as it was, nil if that is not known.
func (s *Store) migrateTable(ctx context.Context, txn Txn, t, old *table.Schema, from int) error {
	convert := old == nil || !accepts(t, old)
	for version := from + 1; version <= s.converter.Schema.Version; version++ {
		convert = convert || s.options.Migrate[version][t.Name] != nil
	}
	encode := old == nil || slices.ContainsFunc(encodings(indexLayouts(t)), func(column string) bool {
		return !slices.Contains(encodings(indexLayouts(old)), column)
	})
	if !convert && !encode {
		return nil
	}
	for after := (&Range{}); ; {
		results, err := txn.Run(ctx, []Step{{Op: OpGetAll, Store: t.Name, Range: after, Take: slice}})
		if err != nil {
			return err
		}
		rows := results[0].Rows
		if len(rows) == 0 {
			return nil
		}
		after = After(rows[len(rows)-1].ID())
		next := rows
		if convert {
			if next, err = s.converter.Convert(t.Name, from, rows); err != nil {
				return err
			}
		}
		var puts []table.Record
		var drops []string
		for i, r := range next {
			switch {
			case r == nil:
				drops = append(drops, rows[i].ID())
			case encode || len(r) != len(rows[i]) || !table.Equal(r, rows[i]):
				puts = append(puts, r)
			}
		}
		var steps []Step
		if len(puts) > 0 {
			steps = append(steps, Step{Op: OpPut, Store: t.Name, Values: puts, Encode: encodings(indexLayouts(t))})
		}
		if len(drops) > 0 {
			steps = append(steps, Step{Op: OpDelete, Store: t.Name, Keys: keysOf(drops)})
		}
		if len(steps) > 0 {
			if _, err := txn.Run(ctx, steps); err != nil {
				return err
			}
		}
	}
}

// accepts reports whether all records that fit old fit t as well.
func accepts(t, old *table.Schema) bool {
	if old.Dynamic && !t.Dynamic {
		return false
	}
	for _, c := range old.Columns {
		now, declared := t.Column(c.Name)
		if declared && now != c || !declared && !t.Dynamic {
			return false
		}
	}
	for _, c := range t.Columns {
		if _, declared := old.Column(c.Name); !declared && old.Dynamic {
			return false // undeclared values may be of any type
		}
	}
	return true
}
