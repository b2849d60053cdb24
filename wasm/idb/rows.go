//go:build js && wasm

package idb

import (
	"context"
	"slices"
	"unsafe" // for texts that share an answer's memory: nothing writes to an answer

	"github.com/larder-sync/larder/table"
)

// Rows are the rows of a store as values of T. The caller's functions make them of JSON text and back, so nothing is looked
// at by reflection, and a batch of any size crosses into JavaScript once. A Rows is made once, as a literal, and is safe for
// use by several goroutines if its functions are. T must hold the row's key, where the store expects it.
type Rows[T any] struct {
	Store  string
	Append func(dst []byte, row *T) ([]byte, error) // appends the JSON text of a row
	Parse  func(text string, row *T) error          // the reverse; texts of a batch are cut from one, which stays while a part does
	Encode []string                                 // columns that indexes on "$.column" are made of: see the package's documentation
}

// Select says which rows. The zero value selects all.
type Select struct {
	Index      string // "" to select by the store's own key
	Query      any    // a text, number, list of these, nil within a list, a [Range] of these, or nil
	Prev       bool   // the last first
	Skip, Take uint   // Take 0 is all
}

// Put stores rows, in place of those that have their keys.
func (r *Rows[T]) Put(ctx context.Context, tx *Tx, rows ...T) error {
	return r.write(ctx, tx, "put", rows)
}

// Add stores rows that are new: a key that exists is [ErrConstraint].
func (r *Rows[T]) Add(ctx context.Context, tx *Tx, rows ...T) error {
	return r.write(ctx, tx, "add", rows)
}

func (r *Rows[T]) write(ctx context.Context, tx *Tx, op string, rows []T) error {
	program, err := r.writing(op, rows)
	if err == nil {
		_, err = tx.Run(ctx, program)
	}
	return err
}

func (r *Rows[T]) writing(op string, rows []T) ([]byte, error) {
	b := r.opening(op)
	if len(r.Encode) > 0 {
		b = append(b, `,"encode":[`...)
		for i, column := range r.Encode {
			b = table.AppendJSON(comma(b, i), column)
		}
		b = append(b, ']')
	}
	b = append(b, `,"values":[`...)
	for i := range rows {
		var err error
		if b, err = r.Append(comma(b, i), &rows[i]); err != nil {
			return nil, err
		}
	}
	return append(b, `]}]`...), nil
}

// Get returns the rows that have the keys, in their order; there tells of each whether it is there.
func (r *Rows[T]) Get(ctx context.Context, tx *Tx, keys ...any) (rows []T, there []bool, err error) {
	return r.get(ctx, tx.Run, keys)
}

// Fetch is Get without a transaction of the caller's: see [DB.Read].
func (r *Rows[T]) Fetch(ctx context.Context, db *DB, keys ...any) (rows []T, there []bool, err error) {
	return r.get(ctx, db.Read, keys)
}

// runner is [Tx.Run] or [DB.Read].
type runner func(ctx context.Context, program []byte) ([]byte, error)

func (r *Rows[T]) get(ctx context.Context, run runner, keys []any) (rows []T, there []bool, err error) {
	b, err := r.keyed("get", keys)
	if err != nil {
		return nil, nil, err
	}
	answer, err := run(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	rows, there = make([]T, len(keys)), make([]bool, len(keys))
	i := 0
	for text := range Elements(result(answer)) {
		if there[i] = string(text) != "null"; there[i] {
			if err := r.Parse(unsafe.String(&text[0], len(text)), &rows[i]); err != nil {
				return nil, nil, err
			}
		}
		i++
	}
	return rows, there, nil
}

// Delete deletes the rows that have the keys.
func (r *Rows[T]) Delete(ctx context.Context, tx *Tx, keys ...any) error {
	b, err := r.keyed("delete", keys)
	if err == nil {
		_, err = tx.Run(ctx, b)
	}
	return err
}

// All returns the rows that are selected, in order.
func (r *Rows[T]) All(ctx context.Context, tx *Tx, sel Select) ([]T, error) {
	return r.all(ctx, tx.Run, sel)
}

// Read is All without a transaction of the caller's: see [DB.Read].
func (r *Rows[T]) Read(ctx context.Context, db *DB, sel Select) ([]T, error) {
	return r.all(ctx, db.Read, sel)
}

func (r *Rows[T]) all(ctx context.Context, run runner, sel Select) ([]T, error) {
	program, err := r.selecting(sel)
	if err != nil {
		return nil, err
	}
	answer, err := run(ctx, program)
	if err != nil {
		return nil, err
	}
	var rows []T
	list, read := result(answer), 0
	for text := range Elements(list) {
		if len(rows) == cap(rows) && read > 0 { // rows are much of a size, so those that were read tell how many there are
			rows = slices.Grow(rows, (len(list)-read)*len(rows)/read+8)
		}
		read += len(text) + 1
		rows = append(rows, *new(T))
		if err := r.Parse(unsafe.String(&text[0], len(text)), &rows[len(rows)-1]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Change reads the rows that have the keys, has them changed, and writes them back and commits. It is a transaction by
// itself: [Tx.Run] of the reads, and [Tx.Finish] of the writes, so that nothing comes in between and the whole crosses
// twice, whatever the number of rows. Change is called for the rows that are there; a row for which it returns false is
// not written. If it fails, nothing is.
func (r *Rows[T]) Change(ctx context.Context, db *DB, keys []any, change func(row *T) (bool, error)) error {
	return db.Update(ctx, []string{r.Store}, func(tx *Tx) error {
		rows, there, err := r.Get(ctx, tx, keys...)
		if err != nil {
			return err
		}
		changed := rows[:0]
		for i := range rows {
			if !there[i] {
				continue
			}
			write, err := change(&rows[i])
			if err != nil {
				return err
			}
			if write {
				changed = append(changed, rows[i])
			}
		}
		if len(changed) == 0 {
			return nil
		}
		program, err := r.writing("put", changed)
		if err == nil {
			_, err = tx.Finish(ctx, program)
		}
		return err
	})
}

func (r *Rows[T]) opening(op string) []byte {
	return table.AppendJSON(append(append([]byte(`[{"op":"`), op...), `","store":`...), r.Store)
}

func (r *Rows[T]) keyed(op string, keys []any) ([]byte, error) {
	b, err := appendKey(append(r.opening(op), `,"keys":`...), keys)
	if err != nil {
		e := thrown(err)
		e.Op, e.Store = op, r.Store
		return nil, e
	}
	return append(b, `}]`...), nil
}

func (r *Rows[T]) selecting(sel Select) ([]byte, error) {
	const op = "getAll"
	b := r.opening(op)
	if sel.Index != "" {
		b = table.AppendJSON(append(b, `,"index":`...), sel.Index)
	}
	b, err := appendQuery(b, sel.Query)
	if err != nil {
		e := thrown(err)
		e.Op, e.Store = op, r.Store
		return nil, e
	}
	if sel.Prev {
		b = append(b, `,"direction":"prev"`...)
	}
	if sel.Skip > 0 {
		b = table.AppendJSON(append(b, `,"skip":`...), float64(sel.Skip))
	}
	if sel.Take > 0 {
		b = table.AppendJSON(append(b, `,"take":`...), float64(sel.Take))
	}
	return append(b, `}]`...), nil
}

// result returns the one result of an answer.
func result(answer []byte) []byte { return answer[1 : len(answer)-1] }

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// appendQuery appends the range that a query is, as a step has it.
func appendQuery(b []byte, query any) (_ []byte, err error) {
	r, ok := query.(Range)
	switch {
	case query == nil:
		return b, nil
	case !ok:
		r = Range{Lower: query, Upper: query}
	}
	b = append(b, `,"range":{`...)
	n := 0
	for _, bound := range [...]struct {
		name string
		key  any
		open bool
	}{{"lower", r.Lower, r.LowerOpen}, {"upper", r.Upper, r.UpperOpen}} {
		if bound.key == nil {
			continue
		}
		b = append(append(append(comma(b, n), '"'), bound.name...), `":`...)
		if b, err = appendKey(b, bound.key); err != nil {
			return nil, err
		}
		if bound.open {
			b = append(append(append(b, `,"`...), bound.name...), `Open":true`...)
		}
		n++
	}
	return append(b, '}'), nil
}

// appendKey appends a key as the steps of programs have them.
func appendKey(b []byte, key any) (_ []byte, err error) {
	switch k := key.(type) {
	case nil, bool, string, float64:
		return table.AppendJSON(b, k), nil
	case int:
		return table.AppendJSON(b, float64(k)), nil
	case []any:
		b = append(b, '[')
		for i, e := range k {
			if b, err = appendKey(comma(b, i), e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
	return nil, &Error{Name: ErrData.Name, Message: "a key in a program must be a text, a number, a boolean, nil, " +
		"or a list of these; others need RunValues"}
}
