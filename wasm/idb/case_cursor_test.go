//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// tree opens a new database whose store "s" has the rows 1 to 9. The index "i" sorts them by k: a a a b b b c c c; its
// multi-entry index "m" has two entries of each.
func tree(t *testing.T) *idb.DB {
	t.Helper()
	db := shaped(t, func(u *idb.Upgrade) error {
		s, err := u.CreateStore("s", idb.StoreOptions{})
		if err != nil {
			return err
		}
		return errors.Join(s.CreateIndex("i", "k", idb.IndexOptions{}), s.CreateIndex("m", "list", idb.IndexOptions{MultiEntry: true}))
	})
	in(t, db, func(ctx context.Context, s *idb.Store) error {
		for n := range 9 {
			row := `{"k":"` + string("abc"[n/3]) + `","list":[` + strconv.Itoa(n+1) + `,` + strconv.Itoa(10*(n+1)) + `]}`
			if _, err := s.Add(ctx, object(row), n+1); err != nil {
				return err
			}
		}
		return nil
	})
	return db
}

type walk struct {
	name  string
	index string // "" for the store
	opts  idb.CursorOptions
	at    func(ctx context.Context, s *idb.Store, c *idb.Cursor) error // at each row; nil does nothing
	want  string                                                       // the primary keys visited, and the error's name at the end
}

var errLeave = errors.New("leave the loop")

func (w walk) run(ctx context.Context, t *testing.T, s *idb.Store) string {
	t.Helper()
	seq := s.Cursor(ctx, w.opts)
	if w.index != "" {
		i, err := s.Index(w.index)
		if err != nil {
			t.Fatal(err)
		}
		seq = i.Cursor(ctx, w.opts)
	}
	var visited []string
	for c, err := range seq {
		if err != nil {
			var e *idb.Error
			if !errors.As(err, &e) {
				t.Errorf("got %v", err)
				break
			}
			visited = append(visited, e.Name)
			continue
		}
		visited = append(visited, text(c.PrimaryKey()))
		if w.at == nil {
			continue
		}
		if err := w.at(ctx, s, c); errors.Is(err, errLeave) {
			break
		} else if err != nil {
			t.Error(err)
		}
	}
	return strings.Join(visited, " ")
}

// on returns a function for walks: do what is said at the row of that primary key.
func on(row int, do func(ctx context.Context, s *idb.Store, c *idb.Cursor) error) func(context.Context, *idb.Store, *idb.Cursor) error {
	return func(ctx context.Context, s *idb.Store, c *idb.Cursor) error {
		if c.PrimaryKey().Int() == row {
			return do(ctx, s, c)
		}
		return nil
	}
}

func (w walk) test(t *testing.T) {
	t.Run(w.name, func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			same(t, "the way", w.run(ctx, t, s), w.want)
			return nil
		})
	})
}

func TestCursorDirections(t *testing.T) {
	b := idb.Range{Lower: "b"}
	for _, w := range []walk{
		{"a store forwards", "", idb.CursorOptions{}, nil, "1 2 3 4 5 6 7 8 9"},
		{"a store backwards", "", idb.CursorOptions{Direction: idb.Prev}, nil, "9 8 7 6 5 4 3 2 1"},
		{"a store has no two of a key: unique is all", "", idb.CursorOptions{Direction: idb.NextUnique, Query: idb.Range{Upper: 3}}, nil, "1 2 3"},
		{"a store backwards, unique", "", idb.CursorOptions{Direction: idb.PrevUnique, Query: idb.Range{Lower: 7}}, nil, "9 8 7"},
		{"an index forwards", "i", idb.CursorOptions{}, nil, "1 2 3 4 5 6 7 8 9"},
		{"an index backwards: equal keys backwards too", "i", idb.CursorOptions{Direction: idb.Prev}, nil, "9 8 7 6 5 4 3 2 1"},
		{"an index forwards, the first of each key", "i", idb.CursorOptions{Direction: idb.NextUnique}, nil, "1 4 7"},
		{"an index backwards, still the first of each key", "i", idb.CursorOptions{Direction: idb.PrevUnique}, nil, "7 4 1"},
		{"a range of an index", "i", idb.CursorOptions{Query: b}, nil, "4 5 6 7 8 9"},
		{"a range of an index, unique backwards", "i", idb.CursorOptions{Query: b, Direction: idb.PrevUnique}, nil, "7 4"},
		{"one key of an index", "i", idb.CursorOptions{Query: "b"}, nil, "4 5 6"},
		{"an index of entries", "m", idb.CursorOptions{Query: idb.Range{Lower: 8}}, nil, "8 9 1 2 3 4 5 6 7 8 9"},
		{"keys only", "i", idb.CursorOptions{Query: "c", KeysOnly: true}, nil, "7 8 9"},
		{"nothing there", "i", idb.CursorOptions{Query: "d"}, nil, ""},
		{"nothing there, backwards", "", idb.CursorOptions{Query: idb.Range{Upper: 0}, Direction: idb.Prev}, nil, ""},
		{"left at once", "", idb.CursorOptions{}, func(context.Context, *idb.Store, *idb.Cursor) error { return errLeave }, "1"},
		{"of an empty range is an error", "", idb.CursorOptions{Query: idb.Range{Lower: 2, Upper: 1}}, nil, "DataError"},
		{"of no key is an error", "", idb.CursorOptions{Query: true}, nil, "DataError"},
	} {
		w.test(t)
	}
}

func TestCursorMoves(t *testing.T) {
	advance := func(n uint) func(context.Context, *idb.Store, *idb.Cursor) error {
		return func(_ context.Context, _ *idb.Store, c *idb.Cursor) error { c.Advance(n); return nil }
	}
	to := func(key any) func(context.Context, *idb.Store, *idb.Cursor) error {
		return func(_ context.Context, _ *idb.Store, c *idb.Cursor) error { c.Continue(key); return nil }
	}
	toRow := func(key, primary any) func(context.Context, *idb.Store, *idb.Cursor) error {
		return func(_ context.Context, _ *idb.Store, c *idb.Cursor) error {
			c.ContinuePrimaryKey(key, primary)
			return nil
		}
	}
	prev := idb.CursorOptions{Direction: idb.Prev}
	for _, w := range []walk{
		{"by four", "", idb.CursorOptions{}, advance(4), "1 5 9"},
		{"by four, backwards", "", prev, advance(4), "9 5 1"},
		{"by more than there is", "", idb.CursorOptions{}, advance(100), "1"},
		{"by two of each key", "i", idb.CursorOptions{Direction: idb.NextUnique}, advance(2), "1 7"},
		{"by none is an error", "", idb.CursorOptions{}, advance(0), "1 TypeError"},
		{"to a key ahead", "", idb.CursorOptions{}, on(2, to(6)), "1 2 6 7 8 9"},
		{"to a key ahead, backwards", "", prev, on(8, to(3)), "9 8 3 2 1"},
		{"to between two keys", "", idb.CursorOptions{}, on(2, to(5.5)), "1 2 6 7 8 9"},
		{"to between two keys, backwards", "", prev, on(8, to(3.5)), "9 8 3 2 1"},
		{"to beyond the end", "", idb.CursorOptions{}, on(2, to(100)), "1 2"},
		{"to beyond the range", "", idb.CursorOptions{Query: idb.Range{Upper: 5}}, on(2, to(7)), "1 2"},
		{"to another kind of key", "", idb.CursorOptions{}, on(2, to("x")), "1 2"},
		{"to the next key of an index", "i", idb.CursorOptions{}, on(1, to("b")), "1 4 5 6 7 8 9"},
		{"to the last of a key, backwards", "i", prev, on(9, to("b")), "9 6 5 4 3 2 1"},
		{"to a key, unique", "i", idb.CursorOptions{Direction: idb.NextUnique}, on(1, to("c")), "1 7"},
		{"to a key, unique backwards", "i", idb.CursorOptions{Direction: idb.PrevUnique}, on(7, to("a")), "7 1"},
		{"to where it is, is an error", "", idb.CursorOptions{}, on(2, to(2)), "1 2 DataError"},
		{"to a key behind is an error", "", idb.CursorOptions{}, on(3, to(1)), "1 2 3 DataError"},
		{"to a key ahead is behind, backwards", "", prev, on(8, to(9)), "9 8 DataError"},
		{"to its own key in an index is an error", "i", idb.CursorOptions{}, on(1, to("a")), "1 DataError"},
		{"to no key is an error", "", idb.CursorOptions{}, on(2, to(false)), "1 2 DataError"},
		{"to a row ahead", "i", idb.CursorOptions{}, on(1, toRow("b", 5)), "1 5 6 7 8 9"},
		{"to a row ahead of the same key", "i", idb.CursorOptions{}, on(1, toRow("a", 3)), "1 3 4 5 6 7 8 9"},
		{"to a row ahead, backwards", "i", prev, on(9, toRow("b", 5)), "9 5 4 3 2 1"},
		{"to between two rows", "i", idb.CursorOptions{}, on(1, toRow("b", 4.5)), "1 5 6 7 8 9"},
		{"to a row beyond those of its key", "i", idb.CursorOptions{}, on(1, toRow("b", 60)), "1 7 8 9"},
		{"to the row where it is, is an error", "i", idb.CursorOptions{}, on(2, toRow("a", 2)), "1 2 DataError"},
		{"to a row behind is an error", "i", idb.CursorOptions{}, on(2, toRow("a", 1)), "1 2 DataError"},
		{"to a row behind by key is an error", "i", idb.CursorOptions{}, on(4, toRow("a", 9)), "1 2 3 4 DataError"},
		{"to a row of a store is an error", "", idb.CursorOptions{}, on(2, toRow(5, 5)), "1 2 InvalidAccessError"},
		{"to a row, unique, is an error", "i", idb.CursorOptions{Direction: idb.NextUnique}, on(1, toRow("b", 5)), "1 InvalidAccessError"},
		{"to a row by no key is an error", "i", idb.CursorOptions{}, on(2, toRow("b", nil)), "1 2 DataError"},
	} {
		w.test(t)
	}
}

func TestCursorDuringChanges(t *testing.T) {
	put := func(key int, row string) func(context.Context, *idb.Store, *idb.Cursor) error {
		return func(ctx context.Context, s *idb.Store, _ *idb.Cursor) error {
			_, err := s.Put(ctx, object(row), key)
			return err
		}
	}
	remove := func(query any) func(context.Context, *idb.Store, *idb.Cursor) error {
		return func(ctx context.Context, s *idb.Store, _ *idb.Cursor) error { return s.Delete(ctx, query) }
	}
	prev := idb.CursorOptions{Direction: idb.Prev}
	for _, w := range []walk{
		{"a row put ahead is visited", "", idb.CursorOptions{}, on(2, put(100, `{}`)), "1 2 3 4 5 6 7 8 9 100"},
		{"a row put behind is not", "", idb.CursorOptions{}, on(2, put(0, `{}`)), "1 2 3 4 5 6 7 8 9"},
		{"a row put ahead, backwards", "", prev, on(8, put(0, `{}`)), "9 8 7 6 5 4 3 2 1 0"},
		{"the next row deleted is not visited", "", idb.CursorOptions{}, on(2, remove(3)), "1 2 4 5 6 7 8 9"},
		{"the next row deleted, backwards", "", prev, on(8, remove(7)), "9 8 6 5 4 3 2 1"},
		{"the row it is at deleted", "", idb.CursorOptions{}, on(2, remove(2)), "1 2 3 4 5 6 7 8 9"},
		{"all that is ahead deleted", "", idb.CursorOptions{}, on(2, remove(idb.Range{Lower: 3})), "1 2"},
		{"all cleared", "", idb.CursorOptions{}, on(2, func(ctx context.Context, s *idb.Store, _ *idb.Cursor) error { return s.Clear(ctx) }), "1 2"},
		{"a row that moves ahead in the index is visited again", "i", idb.CursorOptions{}, on(1, put(1, `{"k":"d"}`)), "1 2 3 4 5 6 7 8 9 1"},
		{"a row that moves behind in the index is not", "i", idb.CursorOptions{}, on(4, put(9, `{"k":"a"}`)), "1 2 3 4 5 6 7 8"},
		{"a row that enters the index is visited", "i", idb.CursorOptions{}, on(1, put(50, `{"k":"b"}`)), "1 2 3 4 5 6 50 7 8 9"},
		{"a row that leaves the index is not", "i", idb.CursorOptions{}, on(1, put(5, `{}`)), "1 2 3 4 6 7 8 9"},
		{"the first of a key deleted, unique", "i", idb.CursorOptions{Direction: idb.NextUnique}, on(1, remove(4)), "1 5 7"},
		{"a move over deleted rows", "", idb.CursorOptions{}, on(1, func(ctx context.Context, s *idb.Store, c *idb.Cursor) error {
			c.Advance(3)
			return s.Delete(ctx, idb.Range{Lower: 2, Upper: 4})
		}), "1 7 8 9"},
		{"a move from a deleted row", "", idb.CursorOptions{}, on(2, func(ctx context.Context, s *idb.Store, c *idb.Cursor) error {
			c.Advance(2)
			return s.Delete(ctx, 2)
		}), "1 2 4 5 6 7 8 9"},
		{"a program that deletes", "", idb.CursorOptions{}, on(2, func(ctx context.Context, s *idb.Store, _ *idb.Cursor) error {
			return s.Delete(ctx, idb.Range{Lower: 3, Upper: 8})
		}), "1 2 9"},
	} {
		w.test(t)
	}
	t.Run("a row changed ahead is seen as it is now", func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			for c, err := range s.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Upper: 3}}) {
				if err != nil {
					return err
				}
				switch c.Key().Int() {
				case 1:
					if _, err := s.Put(ctx, "new", 2); err != nil {
						return err
					}
				case 2:
					want(t, "the row", c.Value(), `"new"`)
				}
			}
			return nil
		})
	})
}

func TestCursorWrites(t *testing.T) {
	t.Run("update and delete each row in turn", func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				if err != nil {
					return err
				}
				if n := c.Key().Int(); n%2 == 0 {
					err = c.Delete(ctx)
				} else {
					err = c.Update(ctx, n*10)
				}
				if err != nil {
					return err
				}
			}
			same(t, "the keys", keysOf(ctx, t, s), "[1,3,5,7,9]")
			all, err := s.GetAll(ctx, nil, 0)
			want(t, "the rows", list(all), "[10,30,50,70,90]")
			return err
		})
	})
	t.Run("a row deleted before is put back by an update", func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			for c, err := range s.Cursor(ctx, idb.CursorOptions{Query: 5}) {
				if err != nil {
					return err
				}
				if err := errors.Join(s.Delete(ctx, 5), c.Update(ctx, "back"), c.Delete(ctx), c.Delete(ctx), c.Update(ctx, "again")); err != nil {
					return err
				}
			}
			row, err := s.Get(ctx, 5)
			want(t, "the row", row, `"again"`)
			return err
		})
	})
	t.Run("an update by an index changes the row and its place", func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			i, err := s.Index("i")
			if err != nil {
				return err
			}
			visits := 0
			for c, err := range i.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Upper: "b"}}) {
				if err != nil {
					return err
				}
				if visits++; c.Key().String() == "a" {
					if err := c.Update(ctx, object(`{"k":"b"}`)); err != nil {
						return err
					}
				}
			}
			if visits != 9 { // three of a, which come again among six of b
				t.Errorf("%d visits, want 9", visits)
			}
			n, err := i.Count(ctx, "b")
			if n != 6 {
				t.Errorf("%d rows of b, want 6", n)
			}
			return err
		})
	})
	inline := idb.StoreOptions{KeyPath: "id.n"}
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"the same key", "({id: {n: 1}, t: 'new'})", nil},
		{"another key", "({id: {n: 2}})", idb.ErrData},
		{"no key", "({id: 5})", idb.ErrData},
		{"a key that is none", "({id: {n: true}})", idb.ErrData},
		{"a function in it", "({id: {n: 1}, f: () => 1})", idb.ErrDataClone},
	} {
		t.Run("an update of a row with "+tt.name, func(t *testing.T) {
			in(t, plainStore(t, inline), func(ctx context.Context, s *idb.Store) error {
				if _, err := s.Add(ctx, object(`{"id":{"n":1}}`)); err != nil {
					return err
				}
				for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
					if err != nil {
						return err
					}
					is(t, c.Update(ctx, expression(tt.value)), tt.want)
				}
				row, err := s.Get(ctx, 1)
				if kept := text(row) == `{"id":{"n":1},"t":"new"}`; kept != (tt.want == nil) {
					t.Errorf("the row is %s", text(row))
				}
				return err
			})
		})
	}
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, c *idb.Cursor) error
	}{
		{"update", func(ctx context.Context, c *idb.Cursor) error { return c.Update(ctx, 1) }},
		{"delete", func(ctx context.Context, c *idb.Cursor) error { return c.Delete(ctx) }},
	} {
		t.Run("a cursor over keys cannot "+tt.name, func(t *testing.T) {
			in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
				for c, err := range s.Cursor(ctx, idb.CursorOptions{KeysOnly: true, Query: 1}) {
					if err != nil {
						return err
					}
					is(t, tt.do(ctx, c), idb.ErrInvalidState)
				}
				return nil
			})
		})
		t.Run("a cursor that only reads cannot "+tt.name, func(t *testing.T) {
			ctx, db := background(t), tree(t)
			err := db.View(ctx, []string{"s"}, func(tx *idb.Tx) error {
				s, err := tx.Store("s")
				if err != nil {
					return err
				}
				for c, err := range s.Cursor(ctx, idb.CursorOptions{Query: 1}) {
					if err != nil {
						return err
					}
					is(t, tt.do(ctx, c), idb.ErrReadOnly)
				}
				return nil
			})
			is(t, err, nil)
		})
	}
	t.Run("an update that a unique index refuses leaves the row", func(t *testing.T) {
		in(t, indexed(t, "a", idb.IndexOptions{Unique: true}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, object(`{"a":1}`), 1)
			_, err2 := s.Add(ctx, object(`{"a":2}`), 2)
			for c, err := range s.Cursor(ctx, idb.CursorOptions{Query: 2}) {
				if err != nil {
					return err
				}
				is(t, c.Update(ctx, object(`{"a":1}`)), idb.ErrConstraint)
			}
			row, err3 := s.Get(ctx, 2)
			if !inWebKit() {
				want(t, "the row", row, `{"a":2}`)
			}
			return errors.Join(err, err2, err3)
		})
	})
	t.Run("two cursors over one store do not mind each other", func(t *testing.T) {
		in(t, tree(t), func(ctx context.Context, s *idb.Store) error {
			pairs := 0
			for a, err := range s.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Upper: 3}}) {
				if err != nil {
					return err
				}
				for b, err := range s.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Upper: 3}, Direction: idb.Prev}) {
					if err != nil {
						return err
					}
					if b.Key().Int() > a.Key().Int() {
						pairs++
					}
				}
			}
			if pairs != 3 {
				t.Errorf("%d pairs, want 3", pairs)
			}
			return nil
		})
	})
}
