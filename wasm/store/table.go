package store

import (
	"context"
	"iter"
	"unsafe"

	"github.com/larder-sync/larder/table"
)

// Table is a table whose records are structs: T's fields are its columns, as [SchemaOf] says. [TableOf] makes one. It is
// safe for concurrent use; one that [Table.In] made is for its transaction's goroutine.
//
// A query is that of package table, over the names of columns; nil is the query for all records. Fields that it does not
// select are zero.
type Table[T any] struct {
	store *Store
	tx    *Tx // nil: each call has a transaction of its own
	name  string
	shape *shape
}

// TableOf returns a table of the store by structs. A field that the table has no column for, or one of another type, is an
// error with code "invalid"; columns without a field are left out when a record is read, and lost when it is put.
func TableOf[T any](s *Store, name string) (*Table[T], error) {
	schema, err := s.Schema(name)
	if err != nil {
		return nil, err
	}
	shape, err := shapeOf[T]()
	if err != nil {
		return nil, err
	}
	if err := shape.fits(schema); err != nil {
		return nil, err
	}
	return &Table[T]{store: s, name: name, shape: shape}, nil
}

// In returns the table as it is within a transaction, which must include it.
func (t *Table[T]) In(tx *Tx) *Table[T] {
	return &Table[T]{store: t.store, tx: tx, name: t.name, shape: t.shape}
}

// Get returns the record with the id, or nil if there is none.
func (t *Table[T]) Get(ctx context.Context, id string) (*T, error) {
	found, err := t.GetMany(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// GetMany returns the records with the ids, in their order, with nil for those that are not there.
func (t *Table[T]) GetMany(ctx context.Context, ids []string) (found []*T, err error) {
	err = t.run(ctx, false, func(rows *TxTable) error {
		records, err := rows.GetMany(ctx, ids)
		if err != nil {
			return err
		}
		found = make([]*T, len(records))
		for i, r := range records {
			if r == nil {
				continue
			}
			found[i] = new(T)
			if err := t.shape.decode(unsafe.Pointer(found[i]), r); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// Insert adds records, which afterwards are as they were stored: those without an id have one. An id that is taken is an
// error with code "exists", and nothing is inserted.
func (t *Table[T]) Insert(ctx context.Context, records ...*T) error {
	return t.write(ctx, table.ActionInsert, records)
}

// Put inserts or replaces records, which afterwards are as they were stored: those without an id have one.
func (t *Table[T]) Put(ctx context.Context, records ...*T) error { return t.write(ctx, "", records) }

// Update reads the record with the id, lets change work on it, and stores it, in one transaction. A record that is not
// there is an error with code "not-found"; when change returns an error, nothing is stored.
func (t *Table[T]) Update(ctx context.Context, id string, change func(*T) error) error {
	return t.run(ctx, true, func(rows *TxTable) error {
		record, err := rows.Get(ctx, id)
		if err != nil {
			return err
		}
		if record == nil {
			return table.Errorf(table.CodeNotFound, "there is no record ", id, " in table ", t.name, ": put it first")
		}
		v := new(T)
		if err := t.shape.decode(unsafe.Pointer(v), record); err != nil {
			return err
		}
		if err := change(v); err != nil {
			return err
		}
		changed, err := t.shape.encode(unsafe.Pointer(v), table.MaxRecordDepth-1)
		if err != nil {
			return err
		}
		for name := range record { // what T has no field for stays
			if _, ours := t.shape.byName[name]; !ours {
				changed[name] = record[name]
			}
		}
		_, err = rows.Put(ctx, changed)
		return err
	})
}

// Delete deletes the records with the ids. An id that is not there is no error.
func (t *Table[T]) Delete(ctx context.Context, ids ...string) error {
	return t.run(ctx, true, func(rows *TxTable) error { return rows.Delete(ctx, ids...) })
}

// Query returns the records that the query asks for.
func (t *Table[T]) Query(ctx context.Context, q *table.Query) (found []T, err error) {
	err = t.run(ctx, false, func(rows *TxTable) error {
		records, err := rows.Query(ctx, orAll(q))
		if err == nil {
			found, err = structs[T](t.shape, records)
		}
		return err
	})
	return found, err
}

// Count returns how many records match the query's filter.
func (t *Table[T]) Count(ctx context.Context, q *table.Query) (n int, err error) {
	err = t.run(ctx, false, func(rows *TxTable) error {
		n, err = rows.Count(ctx, orAll(q))
		return err
	})
	return n, err
}

// Each gives the records that the query asks for, in pages of one transaction: the loop's body must wait for nothing else.
// It stops at the first error.
func (t *Table[T]) Each(ctx context.Context, q *table.Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		more := true
		err := t.run(ctx, false, func(rows *TxTable) error {
			for record, err := range rows.Each(ctx, orAll(q)) {
				var v T
				if err == nil {
					err = t.shape.decode(unsafe.Pointer(&v), record)
				}
				if err != nil {
					return err
				}
				if more = yield(v, nil); !more {
					return nil
				}
			}
			return nil
		})
		if err != nil && more {
			var none T
			yield(none, err)
		}
	}
}

// Live is [Store.Live] by structs. A table within a transaction has no live queries.
func (t *Table[T]) Live(ctx context.Context, q *table.Query) iter.Seq2[*Answer[T], error] {
	return func(yield func(*Answer[T], error) bool) {
		if t.tx != nil {
			yield(nil, table.Errorf(table.CodeTransaction, "a query cannot be live inside a transaction"))
			return
		}
		for a, err := range t.store.Live(ctx, t.name, orAll(q)) {
			var typed *Answer[T]
			if err == nil {
				typed, err = answerOf[T](t.shape, a)
			}
			if !yield(typed, err) || err != nil {
				return
			}
		}
	}
}

func answerOf[T any](s *shape, a *Answer[table.Record]) (*Answer[T], error) {
	typed := &Answer[T]{Removed: a.Removed}
	for _, part := range [...]struct {
		to   *[]T
		from []table.Record
	}{{&typed.Rows, a.Rows}, {&typed.Added, a.Added}, {&typed.Changed, a.Changed}} {
		list, err := structs[T](s, part.from)
		if err != nil {
			return nil, err
		}
		*part.to = list
	}
	return typed, nil
}

func structs[T any](s *shape, records []table.Record) ([]T, error) {
	list := make([]T, len(records))
	for i, r := range records {
		if err := s.decode(unsafe.Pointer(&list[i]), r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func orAll(q *table.Query) *table.Query {
	if q == nil {
		return table.NewQuery()
	}
	return q
}

func (t *Table[T]) write(ctx context.Context, action table.Action, values []*T) error {
	records := make([]table.Record, len(values))
	for i, v := range values {
		if v == nil {
			return table.Errorf(table.CodeInvalid, "table ", t.name, ": a record is nil")
		}
		var err error
		if records[i], err = t.shape.encode(unsafe.Pointer(v), table.MaxRecordDepth-1); err != nil {
			return err
		}
	}
	return t.run(ctx, true, func(rows *TxTable) error {
		stored, err := rows.Write(ctx, action, records...)
		if err != nil {
			return err
		}
		for i, r := range stored {
			var v T
			if err := t.shape.decode(unsafe.Pointer(&v), r); err != nil {
				return err
			}
			*values[i] = v
		}
		return nil
	})
}

// run runs fn in the table's transaction, or in one of its own.
func (t *Table[T]) run(ctx context.Context, write bool, fn func(*TxTable) error) error {
	if t.tx != nil {
		return fn(t.tx.Table(t.name))
	}
	return t.store.transact(ctx, write, []string{t.name}, func(tx *Tx) error { return fn(tx.Table(t.name)) })
}
