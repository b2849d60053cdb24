//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
)

// transactions counts the transactions that fn makes on the page's databases.
func transactions(t *testing.T, fn func()) int {
	t.Helper()
	prototype := js.Global().Get("IDBDatabase").Get("prototype")
	original := prototype.Get("transaction")
	made := 0
	count := js.FuncOf(func(this js.Value, args []js.Value) any {
		made++
		list := make([]any, len(args))
		for i, a := range args {
			list[i] = a
		}
		return original.Call("apply", this, list)
	})
	defer count.Release()
	prototype.Set("transaction", count)
	defer prototype.Set("transaction", original)
	fn()
	return made
}

func TestRead(t *testing.T) {
	db := open(t)
	run(t, db, shelf)
	ctx := background(t)
	read := func(program string) string {
		t.Helper()
		got, err := db.Read(ctx, []byte(program))
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	const get = `[{"op":"get","store":"todo","keys":["d"]}]`
	t.Run("a chain shares a transaction", func(t *testing.T) {
		made := transactions(t, func() {
			for range 50 {
				if got, want := read(get), `[[{"id":"d","rank":3}]]`; got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
		if made != 1 {
			t.Errorf("50 reads made %d transactions", made)
		}
	})
	t.Run("a chain cannot keep a writer waiting for ever", func(t *testing.T) {
		if made := transactions(t, func() {
			for range 2500 {
				read(get)
			}
		}); made < 2 {
			t.Errorf("2500 reads made %d transactions, want more", made)
		}
	})
	t.Run("it sees a write that was begun before it", func(t *testing.T) {
		written := make(chan error, 1)
		for i := range 20 {
			read(get) // leaves a transaction that would answer what was
			tx, err := db.Begin(ctx, idb.ReadWrite, "log")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, err := tx.Run(ctx, []byte(`[{"op":"add","store":"log","values":[{}]}]`))
				written <- errors.Join(err, tx.Commit(ctx))
			}()
			if got, want := read(`[{"op":"count","store":"log"}]`), "["+text(js.ValueOf(i+1))+"]"; got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("several stores at once", func(t *testing.T) {
		if got := read(`[{"op":"count","store":"todo"},{"op":"count","store":"log"}]`); got != `[6,20]` {
			t.Errorf("got %s", got)
		}
	})
	t.Run("it cannot write", func(t *testing.T) {
		if _, err := db.Read(ctx, []byte(`[{"op":"clear","store":"todo"}]`)); !errors.Is(err, idb.ErrReadOnly) {
			t.Errorf("got %v, want a ReadOnlyError", err)
		}
	})
	t.Run("a store that is not there", func(t *testing.T) {
		if _, err := db.Read(ctx, []byte(`[{"op":"count","store":"nope"}]`)); !errors.Is(err, idb.ErrNotFound) {
			t.Errorf("got %v, want a NotFoundError", err)
		}
	})
	t.Run("it ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		go cancel()
		if _, err := db.Read(ctx, []byte(get)); !errors.Is(err, context.Canceled) || !errors.Is(err, idb.ErrAbort) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
	t.Run("JavaScript reads without Go", func(t *testing.T) {
		helper := js.Global().Get("larderIDB")
		step := object(`{"op":"getAll","store":"todo","index":"done","range":{"lower":null,"upper":null}}`)
		rows, err := browser.Await(ctx, helper.Call("read", db.Value(), step))
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the rows", rows, `[{"id":"c","done":null,"rank":4},{"id":"d","rank":3}]`)
		_, err = browser.Await(ctx, helper.Call("read", db.Value(), object(`{"op":"get","store":"todo","keys":[{}]}`)))
		var e *browser.Error
		if !errors.As(err, &e) || e.Name != "DataError" {
			t.Errorf("got %v, want a DataError", err)
		}
	})
	t.Run("JavaScript uses a transaction that Go holds", func(t *testing.T) {
		helper := js.Global().Get("larderIDB")
		err := db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			for range 3 {
				program := object(`[{"op":"put","store":"todo","values":[{"id":"js"}]},{"op":"count","store":"todo"}]`)
				results, err := browser.Await(ctx, helper.Call("run", tx.Value(), program))
				if err != nil {
					return err
				}
				want(t, "the results", results, `[null,7]`)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Two Go programs in one page share idb.js, and must not read each other's programs and answers.
func TestAnotherProgramInThePage(t *testing.T) {
	db, ctx := open(t), background(t)
	run(t, db, shelf)
	other := expression(`async (db, rows) => {
		const { go } = larderIDB, io = go.buffers();
		const text = JSON.stringify([{ op: 'get', store: 'todo', keys: Array.from({ length: rows }, () => 'a') }]);
		const bytes = new TextEncoder().encode(text);
		go.input(io, bytes.length).set(bytes);
		return new Promise((ok, no) => go.run(db, bytes.length, (error, size) => (error ? no(error)
			: ok(JSON.parse(new TextDecoder().decode(go.output(io).subarray(0, size)))[0].length)), io));
	}`)
	for _, rows := range []int{1, 5000, 1, 20000} {
		theirs := other.Invoke(db.Value(), rows)
		got, err := db.Read(ctx, []byte(`[{"op":"get","store":"todo","keys":["d"]}]`))
		same(t, "what this program reads", string(got), `[[{"id":"d","rank":3}]]`)
		is(t, err, nil)
		n, err := browser.Await(ctx, theirs)
		is(t, err, nil)
		if n.Int() != rows {
			t.Errorf("the other read %d rows, want %d", n.Int(), rows)
		}
	}
}
