//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
)

func put(ctx context.Context, tx *idb.Tx, id string) error {
	_, err := tx.Run(ctx, []byte(`[{"op":"put","store":"todo","values":[{"id":"`+id+`"}]}]`))
	return err
}

func TestUpdateKeepsAll(t *testing.T) {
	db := open(t)
	err := db.Update(background(t), []string{"todo", "log"}, func(tx *idb.Tx) error {
		if tx.Mode() != idb.ReadWrite {
			t.Errorf("mode is %s", tx.Mode())
		}
		// Promise jobs are part of a transaction's life, and so is work of any length.
		if _, err := browser.Await(background(t), js.Global().Get("Promise").Call("resolve", 1)); err != nil {
			return err
		}
		if err := put(background(t), tx, "a"); err != nil {
			return err
		}
		for range 20 {
			if _, err := browser.Await(background(t), js.Global().Get("Promise").Call("resolve", 1)); err != nil {
				return err
			}
		}
		runtime.GC()
		done := make(chan error, 3)
		for _, id := range []string{"b", "c", "d"} {
			go func() { done <- put(background(t), tx, id) }()
		}
		return errors.Join(<-done, <-done, <-done)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(t, db); got != `[["a","b","c","d"]]` {
		t.Errorf("rows are %s", got)
	}
}

func TestUpdateKeepsNothing(t *testing.T) {
	db := open(t)
	inactive := []error{idb.ErrTransactionInactive}
	for _, tt := range []struct {
		name string
		fn   func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, tx *idb.Tx) error
		want []error
		code table.Code
	}{
		{"when the function fails", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			return errors.Join(put(ctx, tx, "a"), errMine)
		}, []error{errMine}, ""},
		{"when it panics", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			panic(errors.Join(put(ctx, tx, "a"), errMine))
		}, []error{idb.ErrPanic, errMine}, table.CodeEngine},
		{"when it panics with no error", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			if err := put(ctx, tx, "a"); err != nil {
				return err
			}
			panic(42)
		}, []error{idb.ErrPanic}, table.CodeEngine},
		{"when its context ends between requests", func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			cancel(errMine)
			return errors.Join(err, put(ctx, tx, "b"))
		}, []error{idb.ErrAbort, context.Canceled, errMine}, table.CodeAborted},
		{"when its context ends during a request", func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, tx *idb.Tx) error {
			go cancel(errMine) // runs when put waits
			return put(ctx, tx, "a")
		}, []error{idb.ErrAbort, context.Canceled, errMine}, table.CodeAborted},
		{"when its context ends during a request made with another", func(t *testing.T, _ context.Context, cancel context.CancelCauseFunc, tx *idb.Tx) error {
			go cancel(errMine)
			return put(context.Background(), tx, "a")
		}, []error{idb.ErrAbort, context.Canceled, errMine}, table.CodeAborted},
		{"when its context ends last, and the function does not mind", func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			cancel(errMine)
			return err
		}, []error{idb.ErrAbort, context.Canceled, errMine}, table.CodeAborted},
		{"when it aborts, and goes on", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			tx.Abort(errMine)
			if err := put(ctx, tx, "b"); !errors.Is(err, idb.ErrAbort) || !errors.Is(err, errMine) {
				t.Errorf("a request after Abort gave %v", err)
			}
			return err
		}, []error{idb.ErrAbort, errMine}, table.CodeAborted},
		{"when it aborts without a reason", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			tx.Abort(nil)
			return err
		}, []error{idb.ErrAbort}, table.CodeAborted},
		{"when it waits on a timer", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			time.Sleep(50 * time.Millisecond)
			return errors.Join(err, put(ctx, tx, "b"))
		}, inactive, table.CodeTransaction},
		{"when it waits on a timer and does nothing more", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			time.Sleep(50 * time.Millisecond)
			return err
		}, inactive, table.CodeTransaction},
		{"when it waits as briefly as can be", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			tick := make(chan struct{})
			channel := js.Global().Get("MessageChannel").New()
			received := js.FuncOf(func(js.Value, []js.Value) any { close(tick); return nil })
			defer received.Release()
			channel.Get("port1").Set("onmessage", received)
			channel.Get("port2").Call("postMessage", 1)
			<-tick
			return err
		}, inactive, table.CodeTransaction},
		{"when it waits and does not mind the error", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			time.Sleep(time.Millisecond)
			if err := put(ctx, tx, "b"); !errors.Is(err, idb.ErrTransactionInactive) {
				t.Errorf("a request after waiting gave %v", err)
			}
			return err
		}, inactive, table.CodeTransaction},
		{"when it waits before its first request", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			time.Sleep(time.Millisecond)
			return put(ctx, tx, "a")
		}, inactive, table.CodeTransaction},
		{"when it waits for another transaction", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			_, readErr := db.Read(ctx, []byte(`[{"op":"count","store":"log"}]`))
			return errors.Join(err, readErr, put(ctx, tx, "b"))
		}, inactive, table.CodeTransaction},
		{"when a store is asked for too late", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			time.Sleep(50 * time.Millisecond)
			_, err := tx.Store("todo")
			return err
		}, inactive, table.CodeTransaction},
		{"when there is no room for the commit", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			err := put(ctx, tx, "a")
			// What the browser does when the disk is full: it aborts, and tells why in the transaction's error.
			full := js.Global().Get("DOMException").New("full", "QuotaExceededError")
			js.Global().Get("Object").Call("defineProperty", tx.Value(), "error", map[string]any{"value": full})
			tx.Value().Call("abort")
			return err
		}, []error{idb.ErrQuota}, table.CodeQuota},
		{"when there is no room during a request", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, tx *idb.Tx) error {
			full := js.Global().Get("DOMException").New("full", "QuotaExceededError")
			js.Global().Get("Object").Call("defineProperty", tx.Value(), "error", map[string]any{"value": full})
			go tx.Value().Call("abort")
			return put(ctx, tx, "a")
		}, []error{idb.ErrQuota}, table.CodeQuota},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(background(t))
			defer cancel(nil)
			err := db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error { return tt.fn(t, ctx, cancel, tx) })
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("got %v, want one that is %v", err, want)
				}
			}
			if code := idb.Code(err); code != tt.code {
				t.Errorf("its code is %q, want %q", code, tt.code)
			}
			if got := keys(t, db); got != `[[]]` {
				t.Errorf("rows are %s, want none", got)
			}
		})
	}
	t.Run("when its goroutine ends", func(t *testing.T) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
				defer runtime.Goexit()
				return put(background(t), tx, "a")
			})
			t.Errorf("Update returned %v", err)
		}()
		<-ended
		if got := keys(t, db); got != `[[]]` {
			t.Errorf("rows are %s, want none", got)
		}
	})
	t.Run("and says what to do", func(t *testing.T) {
		err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			err := put(background(t), tx, "a")
			time.Sleep(time.Millisecond)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "wait for anything else before or after it") {
			t.Errorf("got %v", err)
		}
	})
}

func TestView(t *testing.T) {
	db := open(t)
	run(t, db, shelf)
	t.Run("returns the function's error as it is", func(t *testing.T) {
		if err := db.View(background(t), []string{"todo"}, func(*idb.Tx) error { return errMine }); err != errMine {
			t.Errorf("got %v", err)
		}
	})
	t.Run("returns a panic", func(t *testing.T) {
		err := db.View(background(t), []string{"todo"}, func(*idb.Tx) error { panic("no") })
		if !errors.Is(err, idb.ErrPanic) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("tells that its transaction is over", func(t *testing.T) {
		err := db.View(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			time.Sleep(50 * time.Millisecond)
			_, err := tx.Run(background(t), []byte(`[{"op":"count","store":"todo"}]`))
			return err
		})
		if !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(background(t))
		err := db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			go cancel()
			_, err := tx.Run(ctx, []byte(`[{"op":"count","store":"todo"}]`))
			return err
		})
		if !errors.Is(err, idb.ErrAbort) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBegin(t *testing.T) {
	db := open(t)
	ctx := background(t)
	t.Run("a store that is not there", func(t *testing.T) {
		_, err := db.Begin(ctx, idb.ReadWrite, "todo", "nope")
		if !errors.Is(err, idb.ErrNotFound) {
			t.Errorf("got %v, want a NotFoundError", err)
		}
	})
	t.Run("no stores", func(t *testing.T) {
		if _, err := db.Begin(ctx, idb.ReadOnly); err == nil {
			t.Error("it was begun")
		}
	})
	t.Run("commit, and nothing after it", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, idb.TxOptions{Mode: idb.ReadWrite, Durability: idb.DurabilityStrict}, "todo")
		if err != nil {
			t.Fatal(err)
		}
		if got := tx.Value().Get("durability").String(); got != "strict" {
			t.Errorf("durability is %s", got)
		}
		if err := errors.Join(put(ctx, tx, "a"), tx.Commit(ctx)); err != nil {
			t.Fatal(err)
		}
		if err := put(ctx, tx, "b"); !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("a request gave %v", err)
		}
		if err := tx.Commit(ctx); !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("another commit gave %v", err)
		}
		tx.Abort(errMine)
		if got := keys(t, db); got != `[["a"]]` {
			t.Errorf("rows are %s", got)
		}
	})
	t.Run("a commit whose context ends meanwhile tells the truth", func(t *testing.T) {
		tx, err := db.Begin(ctx, idb.ReadWrite, "todo")
		if err != nil {
			t.Fatal(err)
		}
		if err := put(ctx, tx, "truth"); err != nil {
			t.Fatal(err)
		}
		ending, cancel := context.WithCancel(ctx)
		go cancel()
		err = tx.Commit(ending)
		if kept := strings.Contains(keys(t, db), "truth"); kept != (err == nil) {
			t.Errorf("it gave %v, and the row being kept is %t", err, kept)
		}
	})
	t.Run("writers of one store follow each other", func(t *testing.T) {
		done := make(chan error, 10)
		for range 10 {
			go func() {
				done <- db.Update(ctx, []string{"log"}, func(tx *idb.Tx) error {
					n, err := tx.Run(ctx, []byte(`[{"op":"count","store":"log"}]`))
					if err != nil {
						return err
					}
					_, err = tx.Run(ctx, []byte(`[{"op":"add","store":"log","values":[{"n":`+strings.Trim(string(n), "[]")+`}]}]`))
					return err
				})
			}()
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		last := run(t, db, `[{"op":"getAll","store":"log","direction":"prev","take":1}]`)
		if last != `[[{"n":9,"seq":10}]]` {
			t.Errorf("the last row is %s", last)
		}
	})
}
