//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
)

// callbacks returns how many js.Funcs have been made so far: they are numbered.
func callbacks() int {
	f := js.FuncOf(func(js.Value, []js.Value) any { return nil })
	f.Release()
	return int(reflect.ValueOf(f).FieldByName("id").Uint())
}

// settled lets all that is under way in JavaScript come to its end: it waits for a database request made last.
func settled(t *testing.T, db *idb.DB) {
	t.Helper()
	for range 3 {
		run(t, db, `[{"op":"count","store":"todo"}]`)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	db := open(t)
	run(t, db, shelf)
	errMine := errors.New("mine")
	stores := []string{"todo"}
	for _, tt := range []struct {
		name string
		do   func() error
	}{
		{"by transactions", func() error {
			return db.Update(background(t), stores, func(tx *idb.Tx) error { return put(background(t), tx, "a") })
		}},
		{"by transactions that fail", func() error {
			err := db.Update(background(t), stores, func(tx *idb.Tx) error {
				_, err := tx.Run(background(t), []byte(`[{"op":"add","store":"todo","values":[{"id":"a"}]}]`))
				return errors.Join(err, errMine)
			})
			return missing(err, errMine)
		}},
		{"by transactions that are cancelled", func() error {
			ctx, cancel := context.WithCancel(background(t))
			err := db.Update(ctx, stores, func(tx *idb.Tx) error {
				go cancel()
				return put(ctx, tx, "a")
			})
			return missing(err, context.Canceled)
		}},
		{"by reads, cancelled ones too", func() error {
			ctx, cancel := context.WithCancel(background(t))
			_, err := db.Read(ctx, []byte(`[{"op":"count","store":"todo"}]`))
			go cancel()
			_, cancelled := db.Read(ctx, []byte(`[{"op":"count","store":"todo"}]`))
			return errors.Join(err, missing(cancelled, context.Canceled))
		}},
		{"by cursors that are left early", func() error {
			return db.View(background(t), stores, func(tx *idb.Tx) error {
				s, err := tx.Store("todo")
				if err != nil {
					return err
				}
				for _, err := range s.Cursor(background(t), idb.CursorOptions{}) {
					return err
				}
				return nil
			})
		}},
		{"by promises, cancelled ones too", func() error {
			resolved := js.Global().Get("Promise").Call("resolve", 1)
			_, err := browser.Await(background(t), resolved)
			ctx, cancel := context.WithCancel(background(t))
			go cancel()
			_, cancelled := browser.Await(ctx, resolved)
			if cancelled != nil {
				cancelled = missing(cancelled, context.Canceled)
			}
			return errors.Join(err, cancelled)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const rounds = 30
			measure := func() (goroutines, funcs int) {
				settled(t, db)
				return runtime.NumGoroutine(), callbacks()
			}
			for range rounds { // the pools fill
				if err := tt.do(); err != nil {
					t.Fatal(err)
				}
			}
			goroutines, funcs := measure()
			for range rounds {
				if err := tt.do(); err != nil {
					t.Fatal(err)
				}
			}
			goroutinesNow, funcsNow := measure()
			if goroutinesNow > goroutines {
				t.Errorf("%d goroutines more", goroutinesNow-goroutines)
			}
			if made := funcsNow - funcs - 1; made > 0 { // one is measure's own
				t.Errorf("%d callbacks were made by %d rounds that should have used those there are", made, rounds)
			}
		})
	}
}

func missing(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return errors.Join(errors.New("not the error that was wanted"), err)
}

// Opening makes callbacks that it must release, listeners that it must take off, and goroutines that must end, however it
// goes: the driver by itself keeps some of each.
func TestOpeningLeavesNothingBehind(t *testing.T) {
	listeners := 0
	target := js.Global().Get("EventTarget").Get("prototype")
	for method, change := range map[string]int{"addEventListener": 1, "removeEventListener": -1} {
		original := target.Get(method)
		count := js.FuncOf(func(this js.Value, args []js.Value) any {
			if this.InstanceOf(js.Global().Get("IDBOpenDBRequest")) || this.InstanceOf(js.Global().Get("IDBDatabase")) {
				listeners += change
			}
			return original.Call("call", this, args[0], args[1])
		})
		defer count.Release()
		target.Set(method, count)
		defer target.Set(method, original)
	}

	db := open(t)
	name := fresh(t)
	ctx := background(t)
	for _, tt := range []struct {
		name string
		do   func() error
	}{
		{"when it succeeds", func() error {
			db, err := idb.Open(ctx, name, 1, idb.Options{Upgrade: todos})
			if err == nil {
				db.Close()
			}
			return err
		}},
		{"when its upgrade fails", func() error {
			_, err := idb.Open(ctx, name, 2, idb.Options{Upgrade: func(context.Context, *idb.Upgrade) error { return errMine }})
			return missing(err, errMine)
		}},
		{"when its context ends", func() error {
			ctx, cancel := context.WithCancel(ctx)
			go cancel()
			_, err := idb.Open(ctx, name, 1, idb.Options{Upgrade: todos})
			return missing(err, context.Canceled)
		}},
		{"when the database is deleted", func() error { return idb.Delete(ctx, name) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); err != nil {
				t.Fatal(err)
			}
			settled(t, db)
			goroutines, before := runtime.NumGoroutine(), listeners
			for range 20 {
				if err := tt.do(); err != nil {
					t.Fatal(err)
				}
			}
			if err := idb.Delete(ctx, fresh(t)); err != nil { // comes after what was given up
				t.Fatal(err)
			}
			settled(t, db)
			if now := runtime.NumGoroutine(); now > goroutines {
				t.Errorf("%d goroutines more", now-goroutines)
			}
			if listeners != before {
				t.Errorf("%d listeners more", listeners-before)
			}
		})
	}
}
