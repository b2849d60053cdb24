//go:build js && wasm

package store

import (
	"context"
	"errors"
	"slices"
	"syscall/js"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

// IndexedDB returns an opener of the browser's own database. Opening it upgrades what is there to the layout: missing
// object stores and indexes are made, those that the layout no longer names are dropped, and rows stay.
func IndexedDB() Opener {
	return func(ctx context.Context, layout Layout, events Events) (Backend, error) {
		db, err := idb.Open(ctx, layout.Name, layout.Version, idb.Options{
			Upgrade: func(ctx context.Context, up *idb.Upgrade) error { return upgrade(ctx, up, layout) },
			Blocked: func(uint, uint) {
				if events.Blocked != nil {
					events.Blocked()
				}
			},
			VersionChange: func(_, newVersion uint) {
				if events.VersionChange != nil {
					events.VersionChange(newVersion == 0)
				}
			},
			Closed: func() {
				if events.Closed != nil {
					events.Closed(table.Errorf(table.CodeStorage, "the browser closed the database ", layout.Name))
				}
			},
		})
		if err != nil {
			return nil, coded(err)
		}
		d := &database{db: db}
		for _, s := range layout.Stores {
			if !slices.Contains(db.StoreNames(), s.Name) {
				d.Close()
				return nil, table.Errorf(table.CodeVersion, "the database ", layout.Name, " has no object store ", s.Name,
					": a changed schema needs a higher version")
			}
		}
		return d, nil
	}
}

// reserved is the property of a stored row that holds the encoded keys of its indexes.
const reserved = "$"

func (l *IndexLayout) path() any {
	paths := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		if paths[i] = c; !l.Plain {
			paths[i] = reserved + "." + c
		}
	}
	if len(paths) == 1 {
		return paths[0]
	}
	return paths
}

// upgrade brings the object stores to the layout. An index of a name covers the same columns in every version, because
// its name is made of them, so one that is there is right.
func upgrade(ctx context.Context, up *idb.Upgrade, layout Layout) error {
	wanted := map[string]bool{}
	for _, s := range layout.Stores {
		wanted[s.Name] = true
		if !slices.Contains(up.StoreNames(), s.Name) {
			os, err := up.CreateStore(s.Name, idb.StoreOptions{KeyPath: s.Key, AutoIncrement: s.AutoIncrement})
			if err == nil {
				_, err = reindex(os, s)
			}
			if err != nil {
				return err
			}
			continue
		}
		os, err := up.Tx.Store(s.Name)
		if err != nil {
			return err
		}
		added, err := reindex(os, s)
		if err != nil {
			return err
		}
		if added {
			if err := reencode(ctx, &transaction{up.Tx}, s); err != nil {
				return err
			}
		}
	}
	for _, name := range up.StoreNames() {
		if !wanted[name] {
			if err := up.DeleteStore(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// reindex makes and drops indexes, and reports whether one was made.
func reindex(os *idb.Store, s StoreLayout) (added bool, err error) {
	have := os.IndexNames()
	for _, index := range s.Indexes {
		if !slices.Contains(have, index.Name) {
			if err := os.CreateIndex(index.Name, index.path(), idb.IndexOptions{Unique: index.Unique}); err != nil {
				return false, err
			}
			added = true
		}
	}
	for _, name := range have {
		if !slices.ContainsFunc(s.Indexes, func(l IndexLayout) bool { return l.Name == name }) {
			if err := os.DeleteIndex(name); err != nil {
				return false, err
			}
		}
	}
	return added, nil
}

// reencode writes the rows again, so that they carry the keys of a new index.
func reencode(ctx context.Context, t Txn, s StoreLayout) error {
	var columns []string
	for _, index := range s.Indexes {
		if !index.Plain {
			columns = append(columns, index.Columns...)
		}
	}
	after := &Range{}
	for {
		results, err := t.Run(ctx, []Step{{Op: OpGetAll, Store: s.Name, Range: after, Take: slice}})
		if err != nil {
			return err
		}
		rows := results[0].Rows
		if len(rows) == 0 {
			return nil
		}
		if _, err := t.Run(ctx, []Step{{Op: OpPut, Store: s.Name, Values: rows, Encode: columns}}); err != nil {
			return err
		}
		after = After(rows[len(rows)-1][s.Key])
	}
}

// database is a Backend on IndexedDB.
type database struct{ db *idb.DB }

// Raw returns the IDBDatabase behind a backend, or undefined if it is not IndexedDB.
func Raw(b Backend) js.Value {
	if d, ok := b.(*database); ok {
		return d.db.Value()
	}
	return js.Undefined()
}

// RawTx returns the IDBTransaction behind a transaction, or undefined if it is not IndexedDB's.
func RawTx(tx *Tx) js.Value {
	if t, ok := tx.txn.(*transaction); ok {
		return t.tx.Value()
	}
	return js.Undefined()
}

func (d *database) Durable() bool { return true }

func (d *database) Close() error {
	d.db.Close()
	return nil
}

func (d *database) Begin(ctx context.Context, write bool, stores []string) (Txn, error) {
	mode := idb.ReadOnly
	if write {
		mode = idb.ReadWrite
	}
	tx, err := d.db.Begin(ctx, mode, stores...)
	if err != nil {
		return nil, coded(err)
	}
	return &transaction{tx}, nil
}

type transaction struct{ tx *idb.Tx }

func (t *transaction) Run(ctx context.Context, steps []Step) ([]Result, error) {
	return t.Start(ctx, steps)()
}

func (t *transaction) Start(ctx context.Context, steps []Step) (wait func() ([]Result, error)) {
	answered := t.tx.Start(ctx, AppendProgram(nil, steps))
	return func() ([]Result, error) {
		answer, err := answered()
		if err != nil {
			return nil, coded(err)
		}
		return ParseResults(steps, answer)
	}
}

func (t *transaction) Finish(ctx context.Context, steps []Step) error {
	_, err := t.tx.Finish(ctx, AppendProgram(nil, steps))
	return coded(err)
}

func (t *transaction) Commit(ctx context.Context) error { return coded(t.tx.Commit(ctx)) }

func (t *transaction) Abort(reason error) { t.tx.Abort(reason) }

// coded gives an error of IndexedDB the code that callers of the store branch on.
func coded(err error) error {
	if err == nil {
		return nil
	}
	// That the way was blocked tells more than the context that ended the waiting.
	if table.CodeOf(err) != "" && !errors.Is(err, idb.ErrBlocked) {
		return err
	}
	code := table.CodeStorage
	if e, ok := errors.AsType[*idb.Error](err); ok {
		code = e.Code()
	}
	return table.Errorf(code, "the browser's storage").Because(err)
}
