//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/wasm/idb"
)

// within runs fn in a transaction over the store "todo" of a database that holds shelf.
func within(t *testing.T, fn func(ctx context.Context, s *idb.Store) error) {
	t.Helper()
	db := open(t)
	run(t, db, shelf)
	err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
		s, err := tx.Store("todo")
		if err != nil {
			return err
		}
		return fn(background(t), s)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, got js.Value, want string) {
	t.Helper()
	if text := text(got); text != want {
		t.Errorf("%s is %s, want %s", what, text, want)
	}
}

// list is the JSON text of several values.
func list(values []js.Value) js.Value {
	all := js.Global().Get("Array").New()
	for _, v := range values {
		all.Call("push", v)
	}
	return all
}

func TestStore(t *testing.T) {
	within(t, func(ctx context.Context, s *idb.Store) error {
		if s.Name() != "todo" || strings.Join(s.IndexNames(), " ") != "done done,rank slug tags" {
			t.Errorf("store %s has indexes %q", s.Name(), s.IndexNames())
		}
		key, err := s.Put(ctx, object(`{"id":"g","n":1}`))
		want(t, "the key of a put", key, `"g"`)
		if err != nil {
			return err
		}
		if key, err = s.Add(ctx, object(`{"id":"h"}`)); err != nil {
			return err
		}
		want(t, "the key of an add", key, `"h"`)
		if _, err := s.Add(ctx, object(`{"id":"h"}`)); !errors.Is(err, idb.ErrConstraint) {
			t.Errorf("an existing key: %v", err)
		}
		row, err := s.Get(ctx, "g")
		want(t, "a row", row, `{"id":"g","n":1}`)
		missing, missingErr := s.Get(ctx, "nobody")
		want(t, "a row that is not there", missing, "undefined")
		first, firstErr := s.GetKey(ctx, idb.Range{Lower: "b", LowerOpen: true})
		want(t, "the first key of a range", first, `"c"`)
		n, countErr := s.Count(ctx, nil)
		m, rangeErr := s.Count(ctx, &idb.Range{Upper: "c"})
		if n != 8 || m != 3 {
			t.Errorf("counts are %d and %d, want 8 and 3", n, m)
		}
		all, allErr := s.GetAllKeys(ctx, nil, 0)
		want(t, "all keys", list(all), `["a","b","c","d","e","f","g","h"]`)
		some, someErr := s.GetAll(ctx, idb.Range{Lower: "g"}, 1)
		want(t, "one row of a range", list(some), `[{"id":"g","n":1}]`)
		if err := errors.Join(err, missingErr, firstErr, countErr, rangeErr, allErr, someErr,
			s.Delete(ctx, "g"), s.Delete(ctx, idb.Range{Lower: "a", Upper: "d", UpperOpen: true})); err != nil {
			return err
		}
		left, err := s.GetAllKeys(ctx, nil, 0)
		want(t, "what is left", list(left), `["d","e","f","h"]`)
		if err := s.Delete(ctx, nil); !errors.Is(err, idb.ErrData) {
			t.Errorf("deleting nothing in particular: %v", err)
		}
		if err := errors.Join(err, s.Clear(ctx)); err != nil {
			return err
		}
		n, err = s.Count(ctx, nil)
		if n != 0 {
			t.Errorf("%d rows after Clear", n)
		}
		return err
	})
}

func TestIndex(t *testing.T) {
	within(t, func(ctx context.Context, s *idb.Store) error {
		if _, err := s.Index("nope"); !errors.Is(err, idb.ErrNotFound) {
			t.Errorf("an index that is not there: %v", err)
		}
		x, err := s.Index("done,rank")
		if err != nil {
			return err
		}
		if x.Store() != s {
			t.Error("the index is of another store")
		}
		key, err := x.GetKey(ctx, []any{1, 2})
		want(t, "the key under a compound key", key, `"e"`)
		row, rowErr := x.Get(ctx, idb.Range{Lower: []any{0}, Upper: []any{1}})
		want(t, "the first row of a compound range", row.Get("id"), `"f"`)
		n, countErr := x.Count(ctx, idb.Range{Lower: []any{math.Inf(-1)}, Upper: []any{0}})
		if n != 2 {
			t.Errorf("%d rows are null, want 2", n)
		}
		if err := errors.Join(err, rowErr, countErr); err != nil {
			return err
		}
		records, err := x.GetAllRecords(ctx, nil, 2, idb.Prev)
		if err == nil {
			want(t, "the last record's key", records[0].Key, `[1,6]`)
			want(t, "the last record's primary key", records[0].PrimaryKey, `"a"`)
			want(t, "the record before", records[1].Value.Get("id"), `"e"`)
			if len(records) != 2 {
				t.Errorf("got %d records, want 2", len(records))
			}
		}
		return err
	})
}

func TestStoreErrors(t *testing.T) {
	within(t, func(ctx context.Context, s *idb.Store) error {
		for _, tt := range []struct {
			name string
			do   func() error
			want error
		}{
			{"a function cannot be stored", func() error {
				row := object(`{"id":"x"}`)
				row.Set("f", js.Global().Get("Date"))
				_, err := s.Put(ctx, row)
				return err
			}, idb.ErrDataClone},
			{"a Go value that JavaScript has not", func() error { _, err := s.Put(ctx, struct{}{}); return err }, idb.ErrDataClone},
			{"a key beside a row that has its own", func() error { _, err := s.Put(ctx, object(`{"id":"x"}`), "x"); return err }, idb.ErrData},
			{"two keys", func() error { _, err := s.Put(ctx, object(`{}`), 1, 2); return err }, &idb.Error{Name: "TypeError"}},
			{"a boolean key", func() error { _, err := s.Get(ctx, true); return err }, idb.ErrData},
			{"a null key within a key", func() error { _, err := s.Get(ctx, []any{"a", nil}); return err }, idb.ErrData},
			{"a key that is not a number", func() error { _, err := s.Get(ctx, math.NaN()); return err }, idb.ErrData},
			{"a range from high to low", func() error { _, err := s.Count(ctx, idb.Range{Lower: 2, Upper: 1}); return err }, idb.ErrData},
			{"a new index outside an upgrade", func() error { return s.CreateIndex("x", "x", idb.IndexOptions{}) }, idb.ErrTransactionInactive},
			{"a key path that is none", func() error { return s.CreateIndex("x", 7, idb.IndexOptions{}) }, &idb.Error{Name: "TypeError"}},
		} {
			if err := tt.do(); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
		return nil
	})
}

func TestKeysOfEveryType(t *testing.T) {
	db := openAs(t, fresh(t), 1, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error {
		_, err := u.CreateStore("any", idb.StoreOptions{})
		return err
	}})
	ctx := background(t)
	now := time.UnixMilli(1_700_000_000_123)
	ordered := []any{-1.5, 2, int64(3), uint(4), now, "a", "ä", []byte{1, 2}, []string{"a", "b"}, []any{"a", "b", now, []any{1}}}
	err := db.Update(ctx, []string{"any"}, func(tx *idb.Tx) error {
		s, err := tx.Store("any")
		if err != nil {
			return err
		}
		for i := range ordered {
			k := len(ordered) - 1 - i
			if _, err := s.Add(ctx, k, ordered[k]); err != nil {
				return err
			}
		}
		for i, key := range ordered {
			v, err := s.Get(ctx, key)
			if err != nil {
				return err
			}
			want(t, "the value of a key", v, text(js.ValueOf(i)))
		}
		all, err := s.GetAll(ctx, nil, 0)
		want(t, "the order", list(all), `[0,1,2,3,4,5,6,7,8,9]`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(ordered) - 1 {
		order, err := idb.Compare(ordered[i], ordered[i+1])
		if err != nil || order != -1 {
			t.Errorf("Compare(%v, %v) = %d, %v", ordered[i], ordered[i+1], order, err)
		}
	}
	if _, err := idb.Compare(1, true); !errors.Is(err, idb.ErrData) {
		t.Errorf("Compare of no key: %v", err)
	}
}

func TestRangeIncludes(t *testing.T) {
	for _, tt := range []struct {
		r    idb.Range
		key  any
		want bool
	}{
		{idb.Range{}, 5, true},
		{idb.Range{Lower: 5}, 5, true},
		{idb.Range{Lower: 5, LowerOpen: true}, 5, false},
		{idb.Range{Upper: "m"}, 5, true},
		{idb.Range{Lower: 1, Upper: 3, UpperOpen: true}, 3, false},
	} {
		if got, err := tt.r.Includes(tt.key); got != tt.want || err != nil {
			t.Errorf("%+v includes %v: %t, %v", tt.r, tt.key, got, err)
		}
	}
}

func TestCursor(t *testing.T) {
	visit := func(t *testing.T, seq func(func(*idb.Cursor, error) bool), at func(c *idb.Cursor) bool) string {
		t.Helper()
		var seen []string
		for c, err := range seq {
			if err != nil {
				seen = append(seen, err.Error())
				continue
			}
			seen = append(seen, c.PrimaryKey().String())
			if at != nil && !at(c) {
				break
			}
		}
		return strings.Join(seen, " ")
	}
	within(t, func(ctx context.Context, s *idb.Store) error {
		done, err := s.Index("done")
		if err != nil {
			return err
		}
		tags, err := s.Index("tags")
		if err != nil {
			return err
		}
		for _, tt := range []struct {
			name string
			seq  func(func(*idb.Cursor, error) bool)
			at   func(c *idb.Cursor) bool
			want string
		}{
			{"a store", s.Cursor(ctx, idb.CursorOptions{}), nil, "a b c d e f"},
			{"a range", s.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Lower: "b", Upper: "d"}}), nil, "b c d"},
			{"nothing", s.Cursor(ctx, idb.CursorOptions{Query: "x"}), nil, ""},
			{"backwards", s.Cursor(ctx, idb.CursorOptions{Direction: idb.Prev}), nil, "f e d c b a"},
			{"an index", done.Cursor(ctx, idb.CursorOptions{}), nil, "c d b f a e"},
			{"the first of each key", done.Cursor(ctx, idb.CursorOptions{Direction: idb.NextUnique}), nil, "c b a"},
			{"the first of each key, backwards", done.Cursor(ctx, idb.CursorOptions{Direction: idb.PrevUnique}), nil, "a b c"},
			{"an index of each entry", tags.Cursor(ctx, idb.CursorOptions{KeysOnly: true}), nil, "a b a"},
			{"until the loop is left", s.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool { return c.Key().String() < "c" }, "a b c"},
			{"by steps of two", s.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool { c.Advance(2); return true }, "a c e"},
			{"to a key", s.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool {
				if c.Key().String() == "b" {
					c.Continue("e")
				}
				return true
			}, "a b e f"},
			{"to a key and primary key", done.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool {
				if c.PrimaryKey().String() == "c" {
					c.ContinuePrimaryKey(1, "b")
				}
				return true
			}, "c e"},
			{"a step back is an error", s.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool {
				c.Continue("a")
				return true
			}, "a cursor in store todo: DataError"},
			{"a step to no key is an error", s.Cursor(ctx, idb.CursorOptions{}), func(c *idb.Cursor) bool {
				c.Continue(nil)
				return true
			}, "a cursor in store todo: DataError"},
		} {
			if got := visit(t, tt.seq, tt.at); got != tt.want && !(strings.Contains(tt.want, "Error") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("%s: visited %s, want %s", tt.name, got, tt.want)
			}
		}
		for c, err := range s.Cursor(ctx, idb.CursorOptions{Query: "a", KeysOnly: true}) {
			if err != nil {
				return err
			}
			want(t, "the value of a key cursor", c.Value(), "undefined")
		}

		for c, err := range done.Cursor(ctx, idb.CursorOptions{}) {
			if err != nil {
				return err
			}
			switch id := c.PrimaryKey().String(); {
			case id == "d":
				err = c.Delete(ctx)
			case id >= "e":
				row := c.Value()
				row.Set("seen", true)
				err = c.Update(ctx, row)
			}
			if err != nil {
				return err
			}
		}
		rows, err := s.GetAll(ctx, idb.Range{Lower: "c"}, 0)
		want(t, "what the cursor left", list(rows), `[{"id":"c","done":null,"rank":4,"$":{"done":null,"rank":4}},`+
			`{"id":"e","done":true,"rank":2,"$":{"done":1,"rank":2},"seen":true},{"id":"f","done":false,"rank":1,"$":{"done":0,"rank":1},"seen":true}]`)
		return err
	})
	t.Run("a context that ends is an error, not the end", func(t *testing.T) {
		db := open(t)
		run(t, db, shelf)
		ctx, cancel := context.WithCancel(background(t))
		err := db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			s, err := tx.Store("todo")
			if err != nil {
				return err
			}
			for _, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				if err != nil {
					return err
				}
				cancel()
			}
			t.Error("the loop ended without an error")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
