//go:build js && wasm

package idb

import (
	"context"
	"iter"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
)

// Direction is the order in which rows are visited.
type Direction uint8

// The directions. The unique ones visit the first row of each key of an index only.
const (
	Next Direction = iota
	NextUnique
	Prev
	PrevUnique
)

func (d Direction) String() string { return d.driver().String() }

func (d Direction) driver() driver.CursorDirection {
	return [...]driver.CursorDirection{
		driver.CursorNext, driver.CursorNextUnique, driver.CursorPrevious, driver.CursorPreviousUnique,
	}[d]
}

// CursorOptions say what a cursor visits. The zero value visits all rows from the first to the last.
type CursorOptions struct {
	Query     any // a key, a [Range], or nil
	Direction Direction
	KeysOnly  bool // do not read the values
}

// Cursor is at one row. It is valid until the loop that it came from goes on. A row by cursor costs some twenty times a
// row by program: walk only where what comes next depends on what was found.
type Cursor struct {
	source *source
	driver *driver.Cursor
	value  func() (js.Value, error)
	move   func() error
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
// An error is the last that is visited. The loop may be left at any time.
func (s *source) Cursor(ctx context.Context, opts CursorOptions) iter.Seq2[*Cursor, error] {
	const op = "cursor"
	return func(yield func(*Cursor, error) bool) {
		var at func() (*Cursor, error)
		current, err := s.query(ctx, op, opts.Query, func(q js.Value) error {
			if opts.KeysOnly {
				request, err := s.reader.OpenKeyCursorKey(q, opts.Direction.driver())
				at = func() (*Cursor, error) {
					c, err := request.Result()
					return &Cursor{source: s, driver: c, value: undefined}, err
				}
				return err
			}
			request, err := s.reader.OpenCursorKey(q, opts.Direction.driver())
			at = func() (*Cursor, error) {
				c, err := request.Result()
				if err != nil {
					return nil, err
				}
				return &Cursor{source: s, driver: c.Cursor, value: c.Value}, nil
			}
			return err
		})
		for err == nil && !current.IsNull() {
			var c *Cursor
			if c, err = at(); err != nil {
				err = s.named(err, op)
				break
			}
			c.move = c.driver.Continue
			if !yield(c, nil) {
				return
			}
			current, err = s.tx.ask(ctx, op, s.name, c.move)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func undefined() (js.Value, error) { return js.Undefined(), nil }

// Key returns the key that the cursor is sorted by: the index's, or the primary key of a store.
func (c *Cursor) Key() js.Value { return property(c.driver.Key()) }

// PrimaryKey returns the row's key in its store.
func (c *Cursor) PrimaryKey() js.Value { return property(c.driver.PrimaryKey()) }

// Value returns the row, or undefined if the cursor visits keys only.
func (c *Cursor) Value() js.Value { return property(c.value()) }

// property is for properties of a cursor at a row, which always has them.
func property(v js.Value, _ error) js.Value { return v }

// Update stores value in place of the row. Its primary key must stay the same.
func (c *Cursor) Update(ctx context.Context, value any) error {
	_, err := c.source.tx.ask(ctx, "cursor update", c.source.name, func() error {
		v, err := asValue(value)
		if err == nil {
			_, err = c.driver.Update(v)
		}
		return err
	})
	return err
}

// Delete deletes the row.
func (c *Cursor) Delete(ctx context.Context) error {
	_, err := c.source.tx.ask(ctx, "cursor delete", c.source.name, func() error {
		_, err := c.driver.Delete()
		return err
	})
	return err
}

// Advance makes the loop go on count rows further instead of one.
func (c *Cursor) Advance(count uint) {
	c.move = func() error { return c.driver.Advance(count) }
}

// Continue makes the loop go on at the key, or where it would be. The key must lie ahead.
func (c *Cursor) Continue(key any) {
	c.move = func() error {
		k, err := Key(key)
		if err != nil {
			return err
		}
		return c.driver.ContinueKey(k)
	}
}

// ContinuePrimaryKey makes the loop of an index's cursor go on at the row with this index key and primary key, or where it
// would be.
func (c *Cursor) ContinuePrimaryKey(key, primaryKey any) {
	c.move = func() error {
		k, err := Key(key)
		if err != nil {
			return err
		}
		p, err := Key(primaryKey)
		if err != nil {
			return err
		}
		return c.driver.ContinuePrimaryKey(k, p)
	}
}
