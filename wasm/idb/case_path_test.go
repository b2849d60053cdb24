//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

func TestKeyPathValidity(t *testing.T) {
	for _, tt := range []struct {
		path any
		auto bool
		want error
	}{
		{"", false, nil},
		{"a", false, nil},
		{"a.b.c", false, nil},
		{"π.$_1", false, nil},
		{[]string{"a", "b.c"}, false, nil},
		{[]string{""}, false, nil},
		{"a", true, nil},
		{nil, true, nil},
		{"a.", false, named("SyntaxError")},
		{".a", false, named("SyntaxError")},
		{"a..b", false, named("SyntaxError")},
		{"a b", false, named("SyntaxError")},
		{"1a", false, named("SyntaxError")},
		{"a-b", false, named("SyntaxError")},
		{" ", false, named("SyntaxError")},
		{[]string{}, false, named("SyntaxError")},
		{[]string{"a", "b c"}, false, named("SyntaxError")},
		{"", true, named("InvalidAccessError")},
		{[]string{"a"}, true, named("InvalidAccessError")},
		{7, false, named("TypeError")},
	} {
		name := "no path"
		switch p := tt.path.(type) {
		case string:
			name = "path «" + p + "»"
		case []string:
			name = "paths «" + strings.Join(p, "», «") + "»"
		case int:
			name = "a number as path"
		}
		if tt.auto {
			name += " with a key generator"
		}
		t.Run(name, func(t *testing.T) {
			shaped(t, func(u *idb.Upgrade) error {
				_, err := u.CreateStore("s", idb.StoreOptions{KeyPath: tt.path, AutoIncrement: tt.auto})
				is(t, err, tt.want)
				if tt.want == nil || tt.auto {
					return nil
				}
				s, err := u.CreateStore("other", idb.StoreOptions{})
				if err == nil {
					is(t, s.CreateIndex("i", tt.path, idb.IndexOptions{}), tt.want)
				}
				return err
			})
		})
	}
	t.Run("an index of entries cannot have several paths", func(t *testing.T) {
		shaped(t, func(u *idb.Upgrade) error {
			s, err := u.CreateStore("s", idb.StoreOptions{})
			if err == nil {
				is(t, s.CreateIndex("i", []string{"a", "b"}, idb.IndexOptions{MultiEntry: true}), named("InvalidAccessError"))
			}
			return err
		})
	})
}

func TestKeyPathFindsTheKey(t *testing.T) {
	for _, tt := range []struct {
		name        string
		path        any
		value, want string // want is the key's JSON text, or the name of an error
	}{
		{"a property", "id", "({id: 7})", "7"},
		{"a property of a property", "a.b", "({a: {b: 'x'}})", `"x"`},
		{"the value itself", "", "'me'", `"me"`},
		{"several", []string{"a", "b.c"}, "({a: 1, b: {c: 2}})", "[1,2]"},
		{"an element by number is not a path, but length is", "list.length", "({list: [1, 2, 3]})", "3"},
		{"the length of a text", "s.length", "({s: 'four'})", "4"},
		{"the size of a blob", "b.size", "({b: new Blob(['12345'])})", "5"},
		{"the type of a blob", "b.type", "({b: new Blob([], {type: 'text/x'})})", `"text/x"`},
		{"a getter is called once, and its value stored", "id", "({get id() { return 'got'; }})", `"got"`},
		{"a missing property", "id", "({})", "DataError"},
		{"a missing property on the way", "a.b", "({})", "DataError"},
		{"one of several missing", []string{"a", "b"}, "({a: 1})", "DataError"},
		{"a property that is no key", "id", "({id: null})", "DataError"},
		{"a property of what has none", "id", "5", "DataError"},
		{"a property of the prototype", "id", "Object.create({id: 1})", "DataError"},
		{"the value itself, which is no key", "", "({})", "DataError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, plainStore(t, idb.StoreOptions{KeyPath: tt.path}), func(ctx context.Context, s *idb.Store) error {
				key, err := s.Add(ctx, expression(tt.value))
				if strings.HasSuffix(tt.want, "Error") {
					is(t, err, named(tt.want))
					same(t, "keys", keysOf(ctx, t, s), "[]")
					return nil
				}
				want(t, "the key", key, tt.want)
				same(t, "keys", keysOf(ctx, t, s), "["+tt.want+"]")
				return err
			})
		})
	}
	t.Run("a key beside is refused", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{KeyPath: "id"}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"id":1}`), 1)
			is(t, err, idb.ErrData)
			return nil
		})
	})
	t.Run("a key beside is wanted where there is no path", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"id":1}`))
			is(t, err, idb.ErrData)
			return nil
		})
	})
}

func TestKeyGenerator(t *testing.T) {
	type step struct {
		key  any // beside the value, or nil
		want string
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"counts from 1", []step{{nil, "1"}, {nil, "2"}, {nil, "3"}}},
		{"goes on after a greater key", []step{{nil, "1"}, {10, "10"}, {nil, "11"}}},
		{"goes on after a smaller key as before", []step{{nil, "1"}, {nil, "2"}, {-5, "-5"}, {nil, "3"}}},
		{"goes on after the whole number of a fraction", []step{{4.9, "4.9"}, {nil, "5"}}},
		{"does not mind text", []step{{"100", `"100"`}, {nil, "1"}}},
		{"does not mind lists", []step{{[]any{50}, "[50]"}, {nil, "1"}}},
		{"ends at 2^53", []step{{9007199254740991, "9007199254740991"}, {nil, "9007199254740992"}, {nil, "ConstraintError"}}},
		{"ends after a number beyond 2^53, and other keys still go", []step{{1e300, "1e+300"}, {nil, "ConstraintError"}, {7, "7"}, {nil, "ConstraintError"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, plainStore(t, idb.StoreOptions{AutoIncrement: true}), func(ctx context.Context, s *idb.Store) error {
				for _, step := range tt.steps {
					var beside []any
					if step.key != nil {
						beside = []any{step.key}
					}
					key, err := s.Add(ctx, "x", beside...)
					if strings.HasSuffix(step.want, "Error") {
						is(t, err, named(step.want))
						continue
					}
					if err != nil {
						return err
					}
					want(t, "the key", key, step.want)
				}
				return nil
			})
		})
	}
	inline := idb.StoreOptions{KeyPath: "a.id", AutoIncrement: true}
	t.Run("makes the way to where the path leads", func(t *testing.T) {
		in(t, plainStore(t, inline), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, object(`{"t":1}`))
			_, err2 := s.Add(ctx, object(`{"a":{"b":2}}`))
			all, err3 := s.GetAll(ctx, nil, 0)
			want(t, "the rows", list(all), `[{"t":1,"a":{"id":1}},{"a":{"b":2,"id":2}}]`)
			return errors.Join(err, err2, err3)
		})
	})
	t.Run("leaves the caller's value as it is", func(t *testing.T) {
		in(t, plainStore(t, inline), func(ctx context.Context, s *idb.Store) error {
			row := object(`{"t":1}`)
			_, err := s.Add(ctx, row)
			want(t, "the value", row, `{"t":1}`)
			return err
		})
	})
	t.Run("cannot put a key where there is no object", func(t *testing.T) {
		in(t, plainStore(t, inline), func(ctx context.Context, s *idb.Store) error {
			for _, value := range []string{"5", "'text'", "({a: 5})", "({a: 'text'})"} {
				_, err := s.Add(ctx, expression(value))
				is(t, err, idb.ErrData)
			}
			key, err := s.Add(ctx, object(`{}`))
			want(t, "the next key", key, "1")
			return err
		})
	})
	t.Run("is not set back by Clear or Delete", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{AutoIncrement: true}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, "a")
			_, err2 := s.Add(ctx, "b")
			err3 := s.Delete(ctx, 2)
			key, err4 := s.Add(ctx, "c")
			want(t, "the key after Delete", key, "3")
			err5 := s.Clear(ctx)
			key, err6 := s.Add(ctx, "d")
			want(t, "the key after Clear", key, "4")
			return errors.Join(err, err2, err3, err4, err5, err6)
		})
	})
	t.Run("is set back with its transaction", func(t *testing.T) {
		db := plainStore(t, idb.StoreOptions{AutoIncrement: true})
		is(t, try(t, db, func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, "a")
			_, err2 := s.Add(ctx, "b", 40)
			return errors.Join(err, err2, errMine)
		}), errMine)
		in(t, db, func(ctx context.Context, s *idb.Store) error {
			key, err := s.Add(ctx, "c")
			want(t, "the key", key, "1")
			return err
		})
	})
	t.Run("is each store's own, and outlives the connection", func(t *testing.T) {
		name := fresh(t)
		db := openAs(t, name, 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			for _, store := range []string{"s", "other"} {
				s, err := u.CreateStore(store, idb.StoreOptions{AutoIncrement: true})
				if err != nil {
					return err
				}
				if _, err := s.Add(ctx, "in "+store); err != nil {
					return err
				}
			}
			return nil
		}})
		db.Close()
		in(t, openAs(t, name, 1, idb.Options{}), func(ctx context.Context, s *idb.Store) error {
			key, err := s.Add(ctx, "later")
			want(t, "the key", key, "2")
			return err
		})
	})
}
