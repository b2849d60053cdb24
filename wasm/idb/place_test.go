//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/wasm/idb"
)

func TestWaitingIsReportedWithItsPlace(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{})
	never := make(chan int)
	for _, tt := range []struct {
		name, state string
		wait        func()
	}{
		{"a timer", "(sleep)", func() { time.Sleep(20 * time.Millisecond) }},
		{"a channel", "(chan receive)", func() {
			time.AfterFunc(20*time.Millisecond, func() { never <- 1 })
			<-never
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := try(t, db, func(ctx context.Context, s *idb.Store) error {
				if _, err := s.Put(ctx, 1, 1); err != nil {
					return err
				}
				tt.wait()
				return nil
			})
			is(t, err, idb.ErrTransactionInactive)
			if !strings.Contains(err.Error(), "left waiting "+tt.state+" at ") || !strings.Contains(err.Error(), "_test.go:") {
				t.Errorf("it says %v", err)
			}
		})
	}
	t.Run("in an upgrade", func(t *testing.T) {
		_, err := idb.Open(background(t), fresh(t), 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			_, err := u.CreateStore("s", idb.StoreOptions{})
			time.Sleep(20 * time.Millisecond)
			return err
		}})
		is(t, err, idb.ErrTransactionInactive)
	})
}

func TestTheKeyOfAFailure(t *testing.T) {
	db := plainStore(t, idb.StoreOptions{KeyPath: "id"})
	in(t, db, func(ctx context.Context, s *idb.Store) error {
		if err := s.PutMany(ctx, object(`[{"id":1},{"id":"two"}]`)); err != nil {
			return err
		}
		for _, tt := range []struct{ rows, key string }{
			{`[{"id":0},{"id":1},{"id":"two"}]`, "1"},
			{`[{"id":"two"}]`, `"two"`},
		} {
			var e *idb.Error
			err := s.AddMany(ctx, object(tt.rows))
			if !errors.As(err, &e) || e.Key != tt.key || !strings.HasPrefix(err.Error(), "add in store s of "+tt.key+": ConstraintError") {
				t.Errorf("got %v, want the key %s", err, tt.key)
			}
		}
		return nil
	})
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
