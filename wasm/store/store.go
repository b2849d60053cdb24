package store

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/larder-sync/larder/table"
)

// Options say what to open. Name, Schema and Open are needed.
type Options struct {
	Name     string          // of the database
	Schema   *table.Database // version and tables
	Migrate  Migrations      // from older versions; what only adds tables, columns and indexes needs none
	Open     Opener          // IndexedDB, or Memory
	Patience time.Duration   // how long to wait for other tabs before an upgrade; 0: as long as the context lasts
	Journal  Journal         // hears of every write; nil for a purely local store
	// NewID makes the id of a record that comes without one. Random ones are best, such as UUIDs of version 4: an id goes to
	// everyone who may see the record, and shall not tell when it was made.
	NewID    func() string
	OnCommit func(Commit) // called after each commit that changed something, one at a time per transaction; may be nil
	Sentinel Sentinel     // tells a database that was emptied from a new one; it needs NewID; nil: nobody does
	Events   Events
}

// Commit is what a committed transaction changed.
type Commit struct {
	Changes []Change
}

// Change is what a transaction changed in one object store: a table, or one of the journal's own.
type Change struct {
	Store string
	IDs   []string // of a table's records; empty where they are more than MaxTold, and for the journal's stores

	many bool // they were more than MaxTold
}

// Store is an open database of tables. It is safe for concurrent use.
type Store struct {
	options    Options
	converter  *Converter
	connection *connection
	known      atomic.Bool // the database has been open
	evicted    atomic.Bool
	spent      atomic.Bool // the reserve is not there
	own        []string    // the journal's object stores
	watches    watches
}

// Layout returns the object stores that a schema and a journal need. A table's rows are keyed by "id"; its indexes are
// named by their columns joined with "+". The database's version leaves room for changes of Larder's own stores.
func (o *Options) layout() Layout {
	l := Layout{Name: o.Name, Version: uint(o.Schema.Version)*revisions + layoutRevision}
	for _, t := range o.Schema.Tables {
		l.Stores = append(l.Stores, StoreLayout{Name: t.Name, Key: table.ColumnID, Indexes: indexLayouts(t)})
	}
	if o.Journal != nil {
		l.Stores = append(l.Stores, o.Journal.Stores()...)
	}
	if !slices.ContainsFunc(l.Stores, func(s StoreLayout) bool { return s.Name == StoreMeta }) {
		l.Stores = append(l.Stores, StoreLayout{Name: StoreMeta, Key: "key"})
	}
	return l
}

// StoreMeta is the object store of what Larder keeps about a database itself, as rows by "key". A journal may name it among
// its own; it is there in any case.
const StoreMeta = "$meta"

// Close closes the database. Running transactions finish first; later calls fail with code "closed".
func (s *Store) Close() error {
	err := s.connection.stop(table.Errorf(table.CodeClosed, "the store is closed: open it again"))
	s.watches.end()
	return err
}

// Backend returns what keeps the rows now, and waits for it while the database is being opened again.
func (s *Store) Backend(ctx context.Context) (Backend, error) { return s.connection.current(ctx) }

// Lost tells that the backend now, if is says that it is the one, does not work any more: the next call opens another.
func (s *Store) Lost(is func(Backend) bool) { s.connection.lost(is) }

// Evicted reports whether the browser had emptied the database since it was last opened, and this one was made anew.
func (s *Store) Evicted() bool { return s.evicted.Load() }

// Schema returns the schema of a table, or an error that names the tables there are.
func (s *Store) Schema(name string) (*table.Schema, error) {
	for _, t := range s.options.Schema.Tables {
		if t.Name == name {
			return t, nil
		}
	}
	list := ""
	for i, t := range s.options.Schema.Tables {
		if i > 0 {
			list += ", "
		}
		list += t.Name
	}
	return nil, table.Errorf(table.CodeNotFound, "there is no table ", strconv.Quote(name), ": the schema has ", list)
}

// Has reports whether the schema has the table.
func (s *Store) Has(name string) bool { return s.converter.Has(name) }

// Convert brings records of an older version of a table into the form of the schema: see [Converter.Convert].
func (s *Store) Convert(name string, from int, records []table.Record) ([]table.Record, error) {
	return s.converter.Convert(name, from, records)
}

// Version returns the schema's version.
func (s *Store) Version() int { return s.options.Schema.Version }

// Tables returns the names of the tables, in order.
func (s *Store) Tables() []string {
	names := make([]string, len(s.options.Schema.Tables))
	for i, t := range s.options.Schema.Tables {
		names[i] = t.Name
	}
	return names
}

// View runs fn in a read transaction over the named tables (of the journal's stores too, by their names).
func (s *Store) View(ctx context.Context, tables []string, fn func(*Tx) error) error {
	return s.transact(ctx, false, tables, fn)
}

// Update runs fn in a transaction that reads and writes the named tables, and commits when fn returns nil. When fn
// returns an error or panics, or ctx ends, nothing of it is kept. Inside fn, wait for nothing but the transaction. On a full
// disk an fn that has only deleted may run once more, from its beginning: see [Store.Relieve].
func (s *Store) Update(ctx context.Context, tables []string, fn func(*Tx) error) error {
	frees := false
	return s.relieve(ctx, tables, func(tx *Tx) error {
		defer func() { frees = len(tx.changes) > 0 && !tx.grew }()
		return fn(tx)
	}, func() bool { return frees })
}

// Atomic is Update for writes that are to be one unit on the server too: all of them take effect there, or none. A journal
// that is no sync engine's does not know the difference. It needs [Options.NewID].
func (s *Store) Atomic(ctx context.Context, tables []string, fn func(*Tx) error) error {
	if s.options.NewID == nil {
		return table.Errorf(table.CodeInvalid, "an atomic transaction needs a store that makes ids: open it with Options.NewID")
	}
	return s.Update(ctx, tables, func(tx *Tx) error {
		tx.group = s.options.NewID()
		return fn(tx)
	})
}

// Write runs one write of a table in a transaction of its own, and returns the records as stored. It does what
// [Store.Update] with the table's method does, with one crossing less, because nothing can come after it.
func (s *Store) Write(
	ctx context.Context, action table.Action, tableName string, records ...table.Record,
) (stored []table.Record, err error) {
	err = s.Update(ctx, []string{tableName}, func(tx *Tx) (err error) {
		tx.single = true
		stored, err = tx.Table(tableName).Write(ctx, action, records...)
		return err
	})
	return stored, err
}

func (s *Store) transact(ctx context.Context, write bool, tables []string, fn func(*Tx) error) (err error) {
	scope := slices.Clone(tables)
	for _, name := range tables {
		if !slices.Contains(s.own, name) {
			if _, err := s.Schema(name); err != nil {
				return err
			}
		}
	}
	if write {
		for _, name := range s.own {
			if !slices.Contains(scope, name) {
				scope = append(scope, name)
			}
		}
	}
	txn, err := s.connection.begin(ctx, write, scope)
	if err != nil {
		return err
	}
	tx := &Tx{store: s, txn: txn, scope: scope}
	defer func() {
		if p := recover(); p != nil {
			err = table.Errorf(table.CodeTransaction, "the transaction's function panicked: ", panicText(p))
		}
		if err != nil {
			txn.Abort(err)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if tx.last != nil {
		err = txn.Finish(ctx, tx.last)
	} else {
		err = txn.Commit(ctx)
	}
	if err != nil {
		return err
	}
	s.watches.committed(tx.changes)
	if len(tx.changes) > 0 && s.options.OnCommit != nil {
		s.options.OnCommit(Commit{Changes: tx.changes})
	}
	return nil
}

func panicText(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	}
	return "a value that is not an error"
}
