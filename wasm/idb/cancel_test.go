//go:build js && wasm

package idb_test

import (
	"context"
	"runtime"
	"strconv"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// turns returns a function that calls fn once the event loop has turned n times: messages come between IndexedDB's events,
// so that different numbers hit different waits.
func turns(t *testing.T) func(n int, fn func()) {
	channel := js.Global().Get("MessageChannel").New()
	left, then := 0, func() {}
	var message js.Func
	message = js.FuncOf(func(js.Value, []js.Value) any {
		if left--; left == 0 {
			then()
		} else if left > 0 {
			channel.Get("port2").Call("postMessage", 1)
		}
		return nil
	})
	channel.Get("port1").Set("onmessage", message)
	t.Cleanup(func() {
		channel.Get("port1").Call("close")
		message.Release()
	})
	return func(n int, fn func()) {
		if left, then = n, fn; n == 0 {
			go fn() // at the first wait
			return
		}
		channel.Get("port2").Call("postMessage", 1)
	}
}

// Every operation is cancelled at every moment of its life, as far as turns of the event loop tell them apart. Whatever it
// says then must be the truth: nil if it is done, and else the context's error with nothing of it kept.
func TestCancelledAtEveryAwait(t *testing.T) {
	const moments, rounds, opening = 24, 3, "opening and deleting"
	background := background(t)
	after := turns(t)
	put := func(ctx context.Context, s *idb.Store, key string) error {
		_, err := s.Put(ctx, key, key)
		return err
	}
	within := func(fn func(ctx context.Context, s *idb.Store) error) func(context.Context, *idb.DB) error {
		return func(ctx context.Context, db *idb.DB) error {
			return db.Update(ctx, []string{"s"}, func(tx *idb.Tx) error {
				s, err := tx.Store("s")
				if err == nil {
					err = fn(ctx, s)
				}
				return err
			})
		}
	}
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, db *idb.DB) error // writes the rows x and y, or reads only
		rows string                                      // what is there if it says that it is done
	}{
		{"requests one by one", within(func(ctx context.Context, s *idb.Store) error {
			if err := put(ctx, s, "x"); err != nil {
				return err
			}
			if _, err := s.Get(ctx, "x"); err != nil {
				return err
			}
			return put(ctx, s, "y")
		}), `["a","x","y"]`},
		{"requests with another context than the transaction's", within(func(_ context.Context, s *idb.Store) error {
			if err := put(background, s, "x"); err != nil {
				return err
			}
			return put(background, s, "y")
		}), `["a","x","y"]`},
		{"requests at once", within(func(ctx context.Context, s *idb.Store) error {
			done := make(chan error, 2)
			for _, key := range []string{"x", "y"} {
				go func() { done <- put(ctx, s, key) }()
			}
			first, second := <-done, <-done
			if first != nil {
				return first
			}
			return second
		}), `["a","x","y"]`},
		{"a loop that writes", within(func(ctx context.Context, s *idb.Store) error {
			if err := put(ctx, s, "x"); err != nil {
				return err
			}
			for c, err := range s.Cursor(ctx, idb.CursorOptions{Ahead: 1}) {
				if err != nil {
					return err
				}
				if c.Key().String() == "x" {
					if err := put(ctx, s, "y"); err != nil {
						return err
					}
				}
			}
			return nil
		}), `["a","x","y"]`},
		{"a batch of values", within(func(ctx context.Context, s *idb.Store) error {
			_, err := s.Tx().RunValues(ctx, expression("[{op: 'count', store: 's'}, {op: 'get', store: 's', keys: ['a']}]"))
			if err == nil {
				err = put(ctx, s, "x")
			}
			if err == nil {
				err = put(ctx, s, "y")
			}
			return err
		}), `["a","x","y"]`},
		{"a program, and one that finishes", within(func(ctx context.Context, s *idb.Store) error {
			if err := put(ctx, s, "x"); err != nil {
				return err
			}
			if err := put(ctx, s, "y"); err != nil {
				return err
			}
			if _, err := s.Tx().Run(ctx, []byte(`[{"op":"count","store":"s"}]`)); err != nil {
				return err
			}
			_, err := s.Tx().Finish(ctx, []byte(`[{"op":"delete","store":"s","keys":["nobody"]}]`))
			return err
		}), `["a","x","y"]`},
		{"reads in a shared transaction", func(ctx context.Context, db *idb.DB) error {
			for range 4 {
				if _, err := db.Read(ctx, []byte(`[{"op":"count","store":"s"}]`)); err != nil {
					return err
				}
			}
			return nil
		}, `["a"]`},
		{"reads in a transaction", func(ctx context.Context, db *idb.DB) error {
			return db.View(ctx, []string{"s"}, func(tx *idb.Tx) error {
				for range 4 {
					if _, err := tx.Run(ctx, []byte(`[{"op":"count","store":"s"}]`)); err != nil {
						return err
					}
				}
				return nil
			})
		}, `["a"]`},
		{opening, func(ctx context.Context, db *idb.DB) error {
			other, err := idb.Open(ctx, db.Name()+"-other", 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
				s, err := u.CreateStore("s", idb.StoreOptions{})
				if err == nil {
					err = put(ctx, s, "x")
				}
				return err
			}})
			if err != nil {
				return err
			}
			other.Close()
			if _, err := idb.Databases(ctx); err != nil {
				return err
			}
			return idb.Delete(ctx, db.Name()+"-other")
		}, `["a"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := stores(t, "s")
			t.Cleanup(func() { is(t, idb.Delete(background, db.Name()+"-other"), nil) })
			done, ended := 0, 0
			round := func() {
				for moment := range moments {
					in(t, db, func(ctx context.Context, s *idb.Store) error {
						if err := s.Clear(ctx); err != nil {
							return err
						}
						return put(ctx, s, "a")
					})
					ctx, cancel := context.WithCancel(background)
					if tt.name == opening {
						after(100*moment, cancel)
					} else {
						after(moment*moment, cancel)
					}
					err := tt.do(ctx, db)
					after(0, func() {}) // what was not reached is not to come later
					cancel()
					rows := `["a"]`
					if err == nil {
						done++
						rows = tt.rows
					} else {
						ended++
						is(t, err, idb.ErrAbort)
						is(t, err, context.Canceled)
					}
					in(t, db, func(ctx context.Context, s *idb.Store) error {
						same(t, "what is there after "+strconv.Itoa(moment)+" turns and "+text(js.ValueOf(err == nil)), keysOf(ctx, t, s), rows)
						return nil
					})
				}
			}
			count := func() (goroutines, funcs int) {
				is(t, idb.Delete(background, db.Name()+"-none"), nil) // comes after what was given up
				in(t, db, func(ctx context.Context, s *idb.Store) error { return s.Clear(ctx) })
				return runtime.NumGoroutine(), callbacks()
			}
			round() // the pools fill
			goroutines, funcs := count()
			for range rounds {
				round()
			}
			goroutinesNow, funcsNow := count()
			if goroutinesNow > goroutines {
				t.Errorf("%d goroutines more", goroutinesNow-goroutines)
			}
			// Two are count's own, a few more may be in use at once, and opening makes one each time, which it releases.
			if made := funcsNow - funcs - 2; made > 3 && tt.name != opening {
				t.Errorf("%d callbacks were made, which should have been used again", made)
			}
			if ended == 0 || done == 0 {
				t.Errorf("%d were done and %d ended: the moments tell nothing", done, ended)
			}
		})
	}
}
