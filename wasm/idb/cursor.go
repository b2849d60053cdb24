//go:build js && wasm

package idb

import (
	"context"
	"iter"
	"math"
	"syscall/js"
)

// Direction is the order in which rows are visited.
// Specification: https://w3c.github.io/IndexedDB/#enumdef-idbcursordirection
type Direction uint8

// The directions. The unique ones visit the first row of each key of an index only.
const (
	Next Direction = iota
	NextUnique
	Prev
	PrevUnique
)

func (d Direction) String() string { return [...]string{"next", "nextunique", "prev", "prevunique"}[d] }

func (d Direction) backwards() bool { return d >= Prev }
func (d Direction) unique() bool    { return d == NextUnique || d == PrevUnique }

// CursorOptions say what a cursor visits. The zero value visits all rows from the first to the last.
type CursorOptions struct {
	Query     any // a key, a [Range], or nil
	Direction Direction
	KeysOnly  bool // do not read the values
	Ahead     uint // how many rows to read ahead at most; 0 is as many as pay off, up to a thousand
}

const (
	firstPage = 32   // rows, so that a loop that is left soon has not read much
	lastPage  = 1024 // rows: by then crossing into JavaScript costs next to nothing for each
)

// Cursor is at one row of a store or index. It reads rows ahead, a page for each crossing into JavaScript, and still visits
// what is there as it comes to it: what the transaction writes makes it read again.
//
// The loop of [Store.Cursor] is the usual way to one; [Store.OpenCursor] is for walks that are no loop. A Cursor is for one
// goroutine. It holds nothing that must be given back. JavaScript that writes in the same transaction is not seen by it
// within a page: set Ahead to 1 for that.
// Specification: https://w3c.github.io/IndexedDB/#idbcursor
type Cursor struct {
	source *source
	opts   CursorOptions

	page    js.Value // key, primary key and value of each row, one after the other
	rows    int      // in the page
	at      int      // the row of the page that it is at; -1 before the first
	asked   int      // rows that the page could have had
	written uint64   // the transaction's writes when the page was read

	steps      uint // what Next does: go on by so many rows,
	seeks      bool // or to these keys
	key        any
	primaryKey any
	byRow      bool // by both of them
}

// Cursor visits rows:
//
//	for c, err := range store.Cursor(ctx, idb.CursorOptions{}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error is the last that is visited. The loop may be left at any time. The cursor is the same one in each round.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-opencursor
func (s *source) Cursor(ctx context.Context, opts CursorOptions) iter.Seq2[*Cursor, error] {
	return func(yield func(*Cursor, error) bool) {
		c := s.OpenCursor(opts)
		for {
			there, err := c.Next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if !there || !yield(c, nil) {
				return
			}
		}
	}
}

// OpenCursor returns a cursor that is before its first row: call Next to get there. What is wrong with the options, the
// first Next tells.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-opencursor
func (s *source) OpenCursor(opts CursorOptions) *Cursor {
	return &Cursor{source: s, opts: opts, at: -1, steps: 1}
}

// Next goes to the next row, or where Advance, Continue or ContinuePrimaryKey said since the last call. It reports whether
// there is a row.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-continue
func (c *Cursor) Next(ctx context.Context) (bool, error) {
	const op = "cursor"
	tx := c.source.tx
	if err := tx.usable(ctx, op, c.source.name); err != nil {
		return false, err
	}
	steps, seeks := c.steps, c.seeks
	c.steps, c.seeks = 1, false
	fresh := c.rows > 0 && c.written == tx.writes.Load()
	if fresh && !seeks && steps > 0 && steps < uint(c.rows-c.at) {
		c.at += int(steps)
		return true, nil
	}
	if c.asked > 0 && (c.rows == 0 || c.at >= c.rows) {
		return false, nil // it has come to its end before
	}
	key, primaryKey, err := c.target(steps, seeks)
	if err != nil {
		return false, c.source.named(err, op)
	}
	if fresh && !seeks && c.rows < c.asked {
		c.at = c.rows // the page was the last
		return false, nil
	}
	if seeks {
		steps = 0
	}
	if c.asked == 0 {
		steps = 0 // it is before the first row
	}
	count := c.next(fresh && !seeks)
	written := tx.writes.Load()
	query, err := queryOf(c.opts.Query)
	if err != nil {
		return false, c.source.named(err, op)
	}
	page, err := tx.answered(ctx, op, c.source.name, func(done js.Func) error {
		_, err := tx.realm.page.Invoke(c.source.stand, query, c.opts.Direction.String(), c.opts.KeysOnly, key, primaryKey, steps, count, done)
		return err
	})
	if err != nil {
		return false, err
	}
	c.page, c.rows, c.at, c.asked, c.written = page, page.Length()/3, 0, count, written
	return c.rows > 0, nil
}

// next returns how many rows to read: more and more while all that was read is wanted, else as many as were.
func (c *Cursor) next(goesOn bool) int {
	most := lastPage
	if 0 < c.opts.Ahead && c.opts.Ahead < lastPage {
		most = int(c.opts.Ahead)
	}
	switch {
	case c.asked == 0:
		return min(firstPage, most)
	case goesOn:
		return min(4*c.asked, most)
	}
	return min(2*(c.at+1), most)
}

// target returns the keys that Next goes to or on from, and refuses what an IDBCursor refuses.
func (c *Cursor) target(steps uint, seeks bool) (key, primaryKey js.Value, err error) {
	if steps == 0 || steps > math.MaxUint32 {
		return key, primaryKey, &Error{Name: "TypeError", Message: "a cursor advances by 1 to 4294967295 rows"}
	}
	if c.asked == 0 {
		return key, primaryKey, nil
	}
	here, hereRow := c.Key(), c.PrimaryKey()
	byRow := c.source.index && !c.opts.Direction.unique()
	if !seeks {
		if !byRow {
			hereRow = js.Undefined()
		}
		return here, hereRow, nil
	}
	if c.byRow && !byRow {
		return key, primaryKey, &Error{Name: "InvalidAccessError", Message: "only an index's cursor that is not unique can continue to a primary key"}
	}
	if key, err = Key(c.key); err != nil {
		return key, primaryKey, err
	}
	order, err := Compare(key, here)
	if err != nil {
		return key, primaryKey, err
	}
	if c.byRow {
		if primaryKey, err = Key(c.primaryKey); err != nil {
			return key, primaryKey, err
		}
		rows, err := Compare(primaryKey, hereRow)
		if err != nil {
			return key, primaryKey, err
		}
		if order == 0 {
			order = rows
		}
	}
	if c.opts.Direction.backwards() {
		order = -order
	}
	if order <= 0 {
		return key, primaryKey, &Error{Name: ErrData.Name, Message: "the key to continue to must lie ahead"}
	}
	return key, primaryKey, nil
}

// of returns what the page holds at one of the three places of the row.
func (c *Cursor) of(place int) js.Value {
	if c.at < 0 || c.at >= c.rows {
		return js.Undefined()
	}
	return c.page.Index(3*c.at + place)
}

// Key returns the key that the cursor is sorted by: the index's, or the primary key of a store. It is undefined when the
// cursor is at no row.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-key
func (c *Cursor) Key() js.Value { return c.of(0) }

// PrimaryKey returns the row's key in its store.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-primarykey
func (c *Cursor) PrimaryKey() js.Value { return c.of(1) }

// Value returns the row, or undefined if the cursor visits keys only.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursorwithvalue-value
func (c *Cursor) Value() js.Value { return c.of(2) }

// Direction returns the order in which the cursor visits rows.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-direction
func (c *Cursor) Direction() Direction { return c.opts.Direction }

// Update stores value in place of the row. Its primary key must stay the same. A row that was deleted meanwhile is put back.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-update
func (c *Cursor) Update(ctx context.Context, value any) error {
	return c.write(ctx, "cursor update", func(store *Store, primaryKey js.Value) error {
		v, err := asValue(value)
		if err == nil {
			_, err = store.tx.realm.update.Invoke(store.stand, v, primaryKey)
		}
		return err
	})
}

// Delete deletes the row.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-delete
func (c *Cursor) Delete(ctx context.Context) error {
	return c.write(ctx, "cursor delete", func(store *Store, primaryKey js.Value) error {
		_, err := store.driver.Delete(primaryKey)
		return err
	})
}

func (c *Cursor) write(ctx context.Context, op string, request func(store *Store, primaryKey js.Value) error) error {
	if c.at < 0 || c.at >= c.rows || c.opts.KeysOnly {
		return &Error{Name: ErrInvalidState.Name, Op: op, Store: c.source.name, Message: "the cursor is at no row, or over keys only"}
	}
	tx := c.source.tx
	own := !c.source.index && c.written == tx.writes.Load()
	key := c.PrimaryKey()
	_, err := tx.ask(ctx, op, c.source.name, func() error {
		now := tx.writes.Add(1)
		if own {
			c.written = now // what a store's cursor does to its own row changes none of those ahead
		}
		return request(c.source.store, key)
	})
	return c.source.of(err, key, js.Undefined())
}

// Advance makes the next step one of count rows instead of one.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-advance
func (c *Cursor) Advance(count uint) { c.steps, c.seeks = count, false }

// Continue makes the next step go to the key, or where it would be. The key must lie ahead.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-continue
func (c *Cursor) Continue(key any) {
	c.steps, c.seeks, c.byRow, c.key = 1, true, false, key
}

// ContinuePrimaryKey makes the next step of an index's cursor go to the row with this index key and primary key, or where
// it would be.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbcursor-continueprimarykey
func (c *Cursor) ContinuePrimaryKey(key, primaryKey any) {
	c.steps, c.seeks, c.byRow, c.key, c.primaryKey = 1, true, true, key, primaryKey
}
