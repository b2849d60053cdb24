//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// shape describes all stores of a database, their properties, indexes and keys.
func shape(t *testing.T, db *idb.DB) string {
	t.Helper()
	var b strings.Builder
	names := db.StoreNames()
	if len(names) == 0 {
		return ""
	}
	ctx := background(t)
	is(t, db.View(ctx, names, func(tx *idb.Tx) error {
		for _, name := range names {
			s, err := tx.Store(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s %v %t %s", s.Name(), s.KeyPath(), s.AutoIncrement(), keysOf(ctx, t, s))
			for _, name := range s.IndexNames() {
				i, err := s.Index(name)
				if err != nil {
					return err
				}
				fmt.Fprintf(&b, " [%s %v %t %t %s]", i.Name(), i.KeyPath(), i.Unique(), i.MultiEntry(), keysOf(ctx, t, i))
			}
			b.WriteString("; ")
		}
		return nil
	}), nil)
	return b.String()
}

// pantry is a database whose version 1 has a store "s" with the index "i" and three rows, and an empty store "e".
func pantry(t *testing.T) (name string, db *idb.DB) {
	t.Helper()
	name = fresh(t)
	return name, openAs(t, name, 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
		s, err := u.CreateStore("s", idb.StoreOptions{KeyPath: "id"})
		if err != nil {
			return err
		}
		for _, row := range []string{`{"id":1,"a":"z"}`, `{"id":2,"a":"y"}`, `{"id":3,"a":"x"}`} {
			if _, err := s.Add(ctx, object(row)); err != nil {
				return err
			}
		}
		_, err = u.CreateStore("e", idb.StoreOptions{AutoIncrement: true})
		return errors.Join(err, s.CreateIndex("i", "a", idb.IndexOptions{Unique: true}))
	}})
}

func TestUpgradeChanges(t *testing.T) {
	const before = "e <nil> true []; s id false [1,2,3] [i a true false [3,2,1]]; "
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error
		want string
	}{
		{"nothing", func(context.Context, *idb.Upgrade, *idb.Store) error { return nil }, before},
		{"a new store", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error {
			_, err := u.CreateStore("new", idb.StoreOptions{KeyPath: []string{"a", "b"}})
			return err
		}, "e <nil> true []; new [a b] false []; s id false [1,2,3] [i a true false [3,2,1]]; "},
		{"a store dropped", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error { return u.DeleteStore("s") }, "e <nil> true []; "},
		{"a store dropped and made anew is empty", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error {
			err := u.DeleteStore("s")
			_, err2 := u.CreateStore("s", idb.StoreOptions{})
			return errors.Join(err, err2)
		}, "e <nil> true []; s <nil> false []; "},
		{"a store renamed keeps all", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error { return s.Rename("t") },
			"e <nil> true []; t id false [1,2,3] [i a true false [3,2,1]]; "},
		{"a store renamed to its own name", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error { return s.Rename("s") }, before},
		{"a store renamed to a name set free", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error {
			return errors.Join(u.DeleteStore("e"), s.Rename("e"))
		}, "e id false [1,2,3] [i a true false [3,2,1]]; "},
		{"two stores that swap names", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error {
			e, err := u.Store("e")
			if err != nil {
				return err
			}
			return errors.Join(s.Rename("tmp"), e.Rename("s"), s.Rename("e"))
		}, "e id false [1,2,3] [i a true false [3,2,1]]; s <nil> true []; "},
		{"a new index over the rows", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error {
			return s.CreateIndex("both", []string{"a", "id"}, idb.IndexOptions{})
		}, "e <nil> true []; s id false [1,2,3] [both [a id] false false [3,2,1]] [i a true false [3,2,1]]; "},
		{"an index dropped", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error { return s.DeleteIndex("i") },
			"e <nil> true []; s id false [1,2,3]; "},
		{"an index renamed", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error { return s.RenameIndex("i", "j") },
			"e <nil> true []; s id false [1,2,3] [j a true false [3,2,1]]; "},
		{"an index dropped and made anew of something else", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error {
			return errors.Join(s.DeleteIndex("i"), s.CreateIndex("i", "id", idb.IndexOptions{MultiEntry: true}))
		}, "e <nil> true []; s id false [1,2,3] [i id false true [1,2,3]]; "},
		{"rows", func(ctx context.Context, _ *idb.Upgrade, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"id":4,"a":"w"}`))
			return errors.Join(err, s.Delete(ctx, 1))
		}, "e <nil> true []; s id false [2,3,4] [i a true false [4,3,2]]; "},
		{"names of any text", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error {
			return errors.Join(s.Rename(""), s.RenameIndex("i", "ü\x00𝄞"))
		}, " id false [1,2,3] [ü\x00𝄞 a true false [3,2,1]]; e <nil> true []; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, db := pantry(t)
			same(t, "version 1", shape(t, db), before)
			db.Close()
			change := func(fail error) func(context.Context, *idb.Upgrade) error {
				return func(ctx context.Context, u *idb.Upgrade) error {
					s, err := u.Store("s")
					if err != nil {
						return err
					}
					return errors.Join(tt.do(ctx, u, s), fail)
				}
			}
			_, err := idb.Open(background(t), name, 2, idb.Options{Upgrade: change(errMine)})
			is(t, err, idb.ErrUpgrade)
			is(t, err, errMine)
			old := openAs(t, name, 1, idb.Options{})
			same(t, "what a failed upgrade leaves", shape(t, old), before)
			old.Close()
			same(t, "version 2", shape(t, openAs(t, name, 2, idb.Options{Upgrade: change(nil)})), tt.want)
		})
	}
	t.Run("a new database whose upgrade fails does not exist", func(t *testing.T) {
		name := fresh(t)
		_, err := idb.Open(background(t), name, 3, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error {
			_, err := u.CreateStore("s", idb.StoreOptions{})
			return errors.Join(err, errMine)
		}})
		is(t, err, errMine)
		all, err := idb.Databases(background(t))
		if slices.ContainsFunc(all, func(i idb.Info) bool { return i.Name == name }) {
			t.Error("it is listed")
		}
		is(t, err, nil)
	})
}

func TestUpgradeRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error
		want error
	}{
		{"a store that exists", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error {
			_, err := u.CreateStore("s", idb.StoreOptions{})
			return err
		}, idb.ErrConstraint},
		{"dropping a store that does not", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error { return u.DeleteStore("x") }, idb.ErrNotFound},
		{"a store by a name that is not there", func(_ context.Context, u *idb.Upgrade, _ *idb.Store) error { _, err := u.Store("x"); return err }, idb.ErrNotFound},
		{"renaming a store to one that exists", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error { return s.Rename("e") }, idb.ErrConstraint},
		{"an index that exists", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error {
			return s.CreateIndex("i", "b", idb.IndexOptions{})
		}, idb.ErrConstraint},
		{"dropping an index that does not", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error { return s.DeleteIndex("x") }, idb.ErrNotFound},
		{"renaming an index to one that exists", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error {
			return errors.Join(s.CreateIndex("j", "b", idb.IndexOptions{}), s.RenameIndex("i", "j"))
		}, idb.ErrConstraint},
		{"renaming an index that is not there", func(_ context.Context, _ *idb.Upgrade, s *idb.Store) error { return s.RenameIndex("x", "y") }, idb.ErrNotFound},
		{"reading a store that was dropped", func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error {
			err := u.DeleteStore("s")
			_, gone := s.Get(ctx, 1)
			return errors.Join(err, gone)
		}, idb.ErrInvalidState},
		{"writing to a store that was dropped", func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error {
			err := u.DeleteStore("s")
			_, gone := s.Put(ctx, object(`{"id":1}`))
			return errors.Join(err, gone)
		}, idb.ErrInvalidState},
		{"walking a store that was dropped", func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error {
			if err := u.DeleteStore("s"); err != nil {
				return err
			}
			for _, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				return err
			}
			return nil
		}, idb.ErrInvalidState},
		{"a new index on a store that was dropped", func(_ context.Context, u *idb.Upgrade, s *idb.Store) error {
			return errors.Join(u.DeleteStore("s"), s.CreateIndex("j", "b", idb.IndexOptions{}))
		}, idb.ErrInvalidState},
		{"reading an index that was dropped", func(ctx context.Context, _ *idb.Upgrade, s *idb.Store) error {
			i, err := s.Index("i")
			if err != nil {
				return err
			}
			err = s.DeleteIndex("i")
			_, gone := i.Count(ctx, nil)
			return errors.Join(err, gone)
		}, idb.ErrInvalidState},
		{"reading an index whose store was dropped", func(ctx context.Context, u *idb.Upgrade, s *idb.Store) error {
			i, err := s.Index("i")
			if err != nil {
				return err
			}
			err = u.DeleteStore("s")
			_, gone := i.GetKey(ctx, "x")
			return errors.Join(err, gone)
		}, idb.ErrInvalidState},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, db := pantry(t)
			db.Close()
			db = openAs(t, name, 2, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
				s, err := u.Store("s")
				if err != nil {
					return err
				}
				is(t, tt.do(ctx, u, s), tt.want) // it is the caller's to say whether that ends the upgrade
				return nil
			}})
			if db.Version() != 2 {
				t.Errorf("version is %d", db.Version())
			}
		})
	}
	t.Run("a unique index over rows that are not fails the upgrade", func(t *testing.T) {
		name, db := pantry(t)
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"id":8,"b":1}`))
			_, err2 := s.Put(ctx, object(`{"id":9,"b":1}`))
			return errors.Join(err, err2)
		})
		before := shape(t, db)
		db.Close()
		_, err := idb.Open(background(t), name, 2, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error {
			s, err := u.Store("s")
			if err != nil {
				return err
			}
			return s.CreateIndex("b", "b", idb.IndexOptions{Unique: true})
		}})
		is(t, err, idb.ErrUpgrade)
		is(t, err, idb.ErrConstraint)
		same(t, "what is there", shape(t, openAs(t, name, 1, idb.Options{})), before)
	})
	t.Run("a version that no number of JavaScript holds", func(t *testing.T) {
		_, err := idb.Open(background(t), fresh(t), 1<<53, idb.Options{})
		is(t, err, named("TypeError"))
	})
	t.Run("the greatest version, and a database of any name", func(t *testing.T) {
		name := fresh(t) + "\x00ü/𝄞 ?"
		db, err := idb.Open(background(t), name, 1<<53-1, idb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if db.Version() != 1<<53-1 || db.Name() != name {
			t.Errorf("%q is at %d", db.Name(), db.Version())
		}
		db.Close()
		is(t, idb.Delete(background(t), name), nil)
	})
}
