//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// indexed opens a new database with a store "s", keys beside, that has an index "i" at path.
func indexed(t *testing.T, path any, opts idb.IndexOptions) *idb.DB {
	t.Helper()
	return shaped(t, func(u *idb.Upgrade) error {
		s, err := u.CreateStore("s", idb.StoreOptions{})
		if err != nil {
			return err
		}
		return s.CreateIndex("i", path, opts)
	})
}

func TestIndexEntries(t *testing.T) {
	for _, tt := range []struct {
		name   string
		path   any
		multi  bool
		values []string // stored under the keys 1, 2, …
		want   string   // the primary keys in the order of the index
	}{
		{"in the order of their keys", "a", false, []string{"({a: 3})", "({a: 1})", "({a: 2})"}, "[2,3,1]"},
		{"equal keys in the order of the primary keys", "a", false, []string{"({a: 1})", "({a: 0})", "({a: 1})"}, "[2,1,3]"},
		{"rows without the property are left out", "a", false, []string{"({})", "({a: 1})", "7"}, "[2]"},
		{"rows whose property is no key are left out", "a", false, []string{"({a: null})", "({a: true})", "({a: {}})", "({a: [null]})", "({a: NaN})", "({a: 5})"}, "[6]"},
		{"keys of different kinds", "a", false, []string{"({a: 'x'})", "({a: [1]})", "({a: new Date(0)})", "({a: 9})", "({a: new Uint8Array([1])})"}, "[4,3,1,5,2]"},
		{"the value itself", "", false, []string{"'b'", "'a'", "({})"}, "[2,1]"},
		{"several paths sort by the first, then the next", []string{"a", "b"}, false,
			[]string{"({a: 1, b: 2})", "({a: 1, b: 1})", "({a: 0, b: 9})"}, "[3,2,1]"},
		{"a row that misses one of several paths is left out", []string{"a", "b"}, false, []string{"({a: 1})", "({b: 1})", "({a: 1, b: 1})"}, "[3]"},
		{"a list is one key without multi-entry", "a", false, []string{"({a: [2, 1]})", "({a: [1, 2]})"}, "[2,1]"},
		{"a list is an entry per element with it", "a", true, []string{"({a: [2, 1]})", "({a: [1, 3]})"}, "[1,2,1,2]"},
		{"elements that come twice are one entry", "a", true, []string{"({a: [1, 1, 1]})"}, "[1]"},
		{"elements that are no keys are left out", "a", true, []string{"({a: [null, 1, {}, undefined, 2]})"}, "[1,1]"},
		{"an empty list has no entries", "a", true, []string{"({a: []})", "({a: [1]})"}, "[2]"},
		{"what is no list is one entry", "a", true, []string{"({a: 'x'})", "({a: 4})"}, "[2,1]"},
		{"a list in a list is a key", "a", true, []string{"({a: [[1, 2], 3]})"}, "[1,1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, indexed(t, tt.path, idb.IndexOptions{MultiEntry: tt.multi}), func(ctx context.Context, s *idb.Store) error {
				i, err := s.Index("i")
				if err != nil {
					return err
				}
				for n, value := range tt.values {
					if _, err := s.Add(ctx, expression(value), n+1); err != nil {
						return err
					}
				}
				same(t, "the order", keysOf(ctx, t, i), tt.want)
				return nil
			})
		})
	}
	t.Run("an index made over rows that are there has them", func(t *testing.T) {
		shaped(t, func(u *idb.Upgrade) error {
			ctx := background(t)
			s, err := u.CreateStore("s", idb.StoreOptions{})
			if err != nil {
				return err
			}
			for n, value := range []string{"({a: 3})", "({a: 1})", "({})"} {
				if _, err := s.Add(ctx, expression(value), n+1); err != nil {
					return err
				}
			}
			if err := s.CreateIndex("i", "a", idb.IndexOptions{}); err != nil {
				return err
			}
			i, err := s.Index("i")
			if err == nil {
				same(t, "the order", keysOf(ctx, t, i), "[2,1]")
			}
			return err
		})
	})
	t.Run("entries follow their row", func(t *testing.T) {
		in(t, indexed(t, "a", idb.IndexOptions{}), func(ctx context.Context, s *idb.Store) error {
			i, err := s.Index("i")
			if err != nil {
				return err
			}
			for _, tt := range []struct {
				do   func() error
				want string
			}{
				{func() error { _, err := s.Put(ctx, object(`{"a":1}`), 1); return err }, "[1]"},
				{func() error { _, err := s.Put(ctx, object(`{"a":0}`), 2); return err }, "[2,1]"},
				{func() error { _, err := s.Put(ctx, object(`{"a":9}`), 2); return err }, "[1,2]"},
				{func() error { _, err := s.Put(ctx, object(`{}`), 1); return err }, "[2]"},
				{func() error { return s.Delete(ctx, 2) }, "[]"},
			} {
				if err := tt.do(); err != nil {
					return err
				}
				same(t, "the index", keysOf(ctx, t, i), tt.want)
			}
			return nil
		})
	})
}

func TestIndexUnique(t *testing.T) {
	for _, tt := range []struct {
		name   string
		path   any
		multi  bool
		first  string
		second string
		want   error
	}{
		{"another key", "a", false, "({a: 1})", "({a: 2})", nil},
		{"the same key", "a", false, "({a: 1})", "({a: 1})", idb.ErrConstraint},
		{"the same key of another kind", "a", false, "({a: 1})", "({a: '1'})", nil},
		{"the same bytes in another view", "a", false, "({a: new Uint8Array([1])})", "({a: new Uint8Array([1]).buffer})", idb.ErrConstraint},
		{"no key, twice", "a", false, "({})", "({})", nil},
		{"null, twice, which is no key", "a", false, "({a: null})", "({a: null})", nil},
		{"one of several paths the same", []string{"a", "b"}, false, "({a: 1, b: 1})", "({a: 1, b: 2})", nil},
		{"all of several paths the same", []string{"a", "b"}, false, "({a: 1, b: 1})", "({a: 1, b: 1})", idb.ErrConstraint},
		{"one element of a list the same", "a", true, "({a: [1, 2]})", "({a: [3, 2]})", idb.ErrConstraint},
		{"one element of a list the same as a single", "a", true, "({a: [1, 2]})", "({a: 2})", idb.ErrConstraint},
		{"no element the same", "a", true, "({a: [1, 2]})", "({a: [3, 4]})", nil},
		{"an element twice in one row", "a", true, "({a: [1, 1]})", "({a: [2, 2]})", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, indexed(t, tt.path, idb.IndexOptions{Unique: true, MultiEntry: tt.multi}), func(ctx context.Context, s *idb.Store) error {
				if _, err := s.Add(ctx, expression(tt.first), 1); err != nil {
					return err
				}
				_, err := s.Put(ctx, expression(tt.second), 2)
				is(t, err, tt.want)
				rows := "[1,2]"
				if tt.want != nil {
					rows = "[1]"
				}
				same(t, "the rows", keysOf(ctx, t, s), rows)
				_, err = s.Put(ctx, expression(tt.first), 1) // a row is not in its own way
				return err
			})
		})
	}
	t.Run("a put that is refused leaves the row that was there", func(t *testing.T) {
		in(t, indexed(t, "a", idb.IndexOptions{Unique: true}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, object(`{"a":1}`), 1)
			_, err2 := s.Add(ctx, object(`{"a":2}`), 2)
			_, refused := s.Put(ctx, object(`{"a":1,"new":true}`), 2)
			is(t, refused, idb.ErrConstraint)
			row, err3 := s.Get(ctx, 2)
			i, err4 := s.Index("i")
			if err4 == nil && !inWebKit() {
				want(t, "the row", row, `{"a":2}`)
				same(t, "the index", keysOf(ctx, t, i), "[1,2]")
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
	t.Run("a value that has been given up can be taken in the same transaction", func(t *testing.T) {
		in(t, indexed(t, "a", idb.IndexOptions{Unique: true}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, object(`{"a":1}`), 1)
			_, err2 := s.Put(ctx, object(`{"a":2}`), 1)
			_, err3 := s.Add(ctx, object(`{"a":1}`), 2)
			err4 := s.Delete(ctx, 1)
			_, err5 := s.Add(ctx, object(`{"a":2}`), 3)
			return errors.Join(err, err2, err3, err4, err5)
		})
	})
}
