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

func TestWaitingIsReportedWithItsPlace(t *testing.T) {
	ctx := background(t)
	db := plainStore(t, idb.StoreOptions{})
	elsewhere := func(*idb.Tx) error { time.Sleep(20 * time.Millisecond); return nil }
	use := func(tx *idb.Tx, op func(s *idb.Store) error) error {
		s, err := tx.Store("s")
		if err == nil {
			err = op(s)
		}
		return err
	}
	put := func(tx *idb.Tx) error {
		return use(tx, func(s *idb.Store) error { _, err := s.Put(ctx, 1, 1); return err })
	}
	get := func(tx *idb.Tx) error {
		return use(tx, func(s *idb.Store) error { _, err := s.Get(ctx, 1); return err })
	}
	turn := func(fns ...func(tx *idb.Tx) error) func(tx *idb.Tx) error {
		return func(tx *idb.Tx) error {
			for _, fn := range fns {
				if err := fn(tx); err != nil {
					return err
				}
			}
			return nil
		}
	}
	begun := func(mode idb.Mode, fn func(tx *idb.Tx) error) error {
		tx, err := db.Begin(ctx, mode, "s")
		if err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	for _, tt := range []struct {
		name, state string
		do          func() error
	}{
		{"in an update, on a timer", "sleep", func() error { return db.Update(ctx, []string{"s"}, turn(put, elsewhere)) }},
		{"in an update, on a channel", "chan receive", func() error {
			return db.Update(ctx, []string{"s"}, turn(put, func(*idb.Tx) error { <-time.After(20 * time.Millisecond); return nil }))
		}},
		{"in an update that begins with it", "sleep", func() error { return db.Update(ctx, []string{"s"}, turn(elsewhere, put)) }},
		{"in a view", "sleep", func() error { return db.View(ctx, []string{"s"}, turn(get, elsewhere, get)) }},
		{"in a view that begins with it", "sleep", func() error { return db.View(ctx, []string{"s"}, turn(elsewhere, get)) }},
		{"after Begin of a writer", "sleep", func() error { return begun(idb.ReadWrite, turn(put, elsewhere)) }},
		{"after Begin of a reader", "sleep", func() error { return begun(idb.ReadOnly, turn(get, elsewhere, get)) }},
		{"in an upgrade", "sleep", func() error {
			_, err := idb.Open(ctx, fresh(t), 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
				_, err := u.CreateStore("s", idb.StoreOptions{})
				time.Sleep(20 * time.Millisecond)
				return err
			}})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			is(t, err, idb.ErrTransactionInactive)
			if err != nil && (!strings.Contains(err.Error(), "left waiting ("+tt.state+") at ") || !strings.Contains(err.Error(), "place_test.go:")) {
				t.Errorf("it says %v", err)
			}
		})
	}
	t.Run("not where a view reads no more after it", func(t *testing.T) {
		is(t, db.View(ctx, []string{"s"}, turn(get, elsewhere)), nil)
	})
}

func TestTheKeyOfAFailure(t *testing.T) {
	ctx := background(t)
	db := shaped(t, func(u *idb.Upgrade) error {
		for name, path := range map[string]any{"s": "id", "deep": "a.id", "pair": []string{"a", "b"}, "beside": nil} {
			if _, err := u.CreateStore(name, idb.StoreOptions{KeyPath: path}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		name, store, row, key string
		add                   func(s *idb.Store, row js.Value) error
	}{
		{"one value", "s", `{"id":1}`, "1", addOne},
		{"one value at a path", "deep", `{"a":{"id":"x"}}`, `"x"`, addOne},
		{"one value at several paths", "pair", `{"a":1,"b":"two"}`, `[1,"two"]`, addOne},
		{"one value with its key beside it", "beside", `{}`, `[7]`, func(s *idb.Store, row js.Value) error {
			_, err := s.Add(ctx, row, []any{7})
			return err
		}},
		{"many values", "s", `{"id":"two"}`, `"two"`, addTwo},
		{"many values at a path", "deep", `{"a":{"id":2}}`, "2", addTwo},
		{"many values at several paths", "pair", `{"a":1,"b":2}`, "[1,2]", addTwo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row := object(tt.row)
			is(t, db.Update(ctx, []string{tt.store}, func(tx *idb.Tx) error {
				s, err := tx.Store(tt.store)
				if err != nil {
					return err
				}
				if tt.store == "beside" {
					_, err = s.Add(ctx, row, []any{7})
				} else {
					_, err = s.Add(ctx, row)
				}
				if err != nil {
					return err
				}
				var e *idb.Error
				err = tt.add(s, row)
				if !errors.As(err, &e) || e.Key != tt.key || !strings.HasPrefix(err.Error(), "add in store "+tt.store+" of "+tt.key+": ConstraintError") {
					t.Errorf("got %v, want the key %s", err, tt.key)
				}
				return nil
			}), nil)
		})
	}
	t.Run("what is read, deleted or counted by key", func(t *testing.T) {
		tx, err := db.Begin(ctx, idb.ReadWrite, "s")
		is(t, err, nil)
		s, err := tx.Store("s")
		is(t, err, nil)
		tx.Abort(nil)
		for op, do := range map[string]func(query any) error{
			"get":        func(q any) error { _, err := s.Get(ctx, q); return err },
			"getKey":     func(q any) error { _, err := s.GetKey(ctx, q); return err },
			"getAllKeys": func(q any) error { _, err := s.GetAllKeys(ctx, q, 0); return err },
			"count":      func(q any) error { _, err := s.Count(ctx, q); return err },
			"delete":     func(q any) error { return s.Delete(ctx, q) },
		} {
			for key, query := range map[string]any{`"k"`: "k", "": idb.Range{Lower: 1}} {
				var e *idb.Error
				if err := do(query); !errors.As(err, &e) || e.Op != op || e.Key != key || !errors.Is(err, idb.ErrAbort) {
					t.Errorf("%s of %v gives %v", op, query, err)
				}
			}
		}
	})
}

func addOne(s *idb.Store, row js.Value) error {
	_, err := s.Add(context.Background(), row)
	return err
}

func addTwo(s *idb.Store, row js.Value) error {
	return s.AddMany(context.Background(), js.ValueOf([]any{row, row}))
}

func TestGoKeyIsTheReverseOfKey(t *testing.T) {
	for _, source := range ascending {
		key := expression(source)
		v, err := idb.GoKey(key)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		back, err := idb.Key(v)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if order, err := idb.Compare(key, back); order != 0 || err != nil {
			t.Errorf("%s came back as another: %v, %v", source, v, err)
		}
	}
	for _, source := range []string{"undefined", "null", "true", "NaN", "({})", "[1, null]", "new Date(NaN)", "() => 1"} {
		_, err := idb.GoKey(expression(source))
		is(t, err, idb.ErrData)
	}
	view, err := idb.GoKey(expression("new Uint8Array([1, 2, 3]).subarray(1)"))
	if b, ok := view.([]byte); !ok || string(b) != "\x02\x03" {
		t.Errorf("a view is %v, %v", view, err)
	}
	for _, v := range []any{int64(1<<53 + 1), int64(-1 << 60), uint(math.MaxUint64), "\xff", []any{1 << 60}} {
		_, err := idb.Key(v)
		is(t, err, idb.ErrData)
	}
}
