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

// IndexedDB returns an opener of the browser's own database. Where there is no IndexedDB, or the browser's settings forbid
// it, opening is an error with code "storage" that says so; [Memory] can stand in.
func IndexedDB() Opener {
	return func(ctx context.Context, layout Layout, events Events) (Backend, error) {
		options := idb.Options{
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
		}
		db, err := idb.Open(ctx, layout.Name, layout.Version, options)
		if e, ok := errors.AsType[*idb.Error](err); ok && e.Name == idb.ErrAbort.Name && e.Err == nil && ctx.Err() == nil {
			// Nobody here has asked for that: the browser was about to close the database, or to empty it.
			db, err = idb.Open(ctx, layout.Name, layout.Version, options)
		}
		if err != nil {
			return nil, unopened(layout.Name, err)
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
	prefix := ""
	if !l.Plain {
		if prefix = reserved + "."; l.mark() == markUnique {
			prefix += markUnique
		}
	}
	paths := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		paths[i] = prefix + c
	}
	if len(paths) == 1 {
		return paths[0]
	}
	return paths
}

// upgrade brings the object stores to the layout. An index of a name covers the same columns in every version, because
// its name is made of them. Indexes are made when the rows are as they will be, which is faster, and which lets rows that
// broke a unique index be migrated first.
func upgrade(ctx context.Context, up *idb.Upgrade, layout Layout) error {
	for _, s := range layout.Stores {
		if slices.Contains(up.StoreNames(), s.Name) {
			if err := dropIndexes(up, s); err != nil {
				return err
			}
		} else if _, err := up.CreateStore(s.Name, idb.StoreOptions{KeyPath: s.Key, AutoIncrement: s.AutoIncrement}); err != nil {
			return err
		}
	}
	if layout.Upgrade != nil {
		if err := layout.Upgrade(ctx, up.OldVersion, &transaction{up.Tx}); err != nil {
			return err
		}
	}
	for _, s := range layout.Stores {
		if err := makeIndexes(ctx, up, s); err != nil {
			return err
		}
	}
	for _, name := range up.StoreNames() {
		kept := name[0] == '$' || slices.ContainsFunc(layout.Stores, func(s StoreLayout) bool { return s.Name == name })
		if kept {
			continue
		}
		if err := up.DeleteStore(name); err != nil {
			return err
		}
	}
	return nil
}

// dropIndexes drops the indexes that go, and those that are unique and shall not be, or the other way round.
func dropIndexes(up *idb.Upgrade, s StoreLayout) error {
	os, err := up.Store(s.Name)
	if err != nil {
		return err
	}
	for _, name := range os.IndexNames() {
		index, err := os.Index(name)
		if err != nil {
			return err
		}
		same := func(l IndexLayout) bool {
			return l.Name == name && l.Unique == index.Unique() && l.MultiEntry == index.MultiEntry()
		}
		if slices.ContainsFunc(s.Indexes, same) {
			continue
		}
		if err := os.DeleteIndex(name); err != nil {
			return err
		}
	}
	return nil
}

// makeIndexes makes the indexes that are missing.
func makeIndexes(ctx context.Context, up *idb.Upgrade, s StoreLayout) error {
	os, err := up.Store(s.Name)
	if err != nil {
		return err
	}
	have := os.IndexNames()
	for _, index := range s.Indexes {
		if slices.Contains(have, index.Name) {
			continue
		}
		options := idb.IndexOptions{Unique: index.Unique, MultiEntry: index.MultiEntry}
		if err := os.CreateIndex(index.Name, index.path(), options); err != nil {
			return err
		}
		if !index.Unique {
			continue
		}
		// The browser finds rows with equal keys later, and says only that there are some: so it is asked about this index.
		if _, err := up.Tx.Run(ctx, AppendProgram(nil, []Step{{Op: OpCount, Store: s.Name, Index: index.Name}})); err != nil {
			return table.Errorf(table.CodeMigration, "table ", s.Name, " has rows with equal values in ", index.Name,
				", which is to be unique").Because(err)
		}
	}
	return nil
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

// unopened gives an error of opening its code. What is not about versions, room or waiting is the browser that gives no
// access to its storage, in whatever words.
func unopened(name string, err error) error {
	for _, known := range [...]*idb.Error{idb.ErrVersion, idb.ErrBlocked, idb.ErrUpgrade, idb.ErrAbort, idb.ErrQuota} {
		if errors.Is(err, known) {
			return coded(err)
		}
	}
	if table.CodeOf(err) != "" {
		return err
	}
	return table.Errorf(table.CodeStorage, "the browser does not open the database ", name,
		": its settings, or a private window, may forbid it").Because(err)
}

// coded gives an error of IndexedDB the code that callers of the store branch on.
func coded(err error) error {
	if err == nil {
		return nil
	}
	// That the way was blocked tells more than the context that ended the waiting.
	if table.CodeOf(err) != "" && !errors.Is(err, idb.ErrBlocked) && !errors.Is(err, idb.ErrQuota) {
		return err
	}
	code := table.CodeStorage
	if e, ok := errors.AsType[*idb.Error](err); ok {
		code = e.Code()
		if code == table.CodeAborted && e.Err == nil {
			code = table.CodeStorage // nobody here has asked for it: the browser did it by itself
		}
	}
	if errors.Is(err, idb.ErrQuota) {
		code = table.CodeQuota // whatever it was that had no room
	}
	return table.Errorf(code, "the browser's storage").Because(err)
}
