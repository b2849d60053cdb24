//go:build js && wasm

package idb_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/wasm/idb"
)

// timeout bounds everything that must end by itself. It is not reached by a test that passes.
const timeout = time.Minute

var databases atomic.Int64

// fresh returns the name of a database that does not exist, and is deleted after the test.
func fresh(t testing.TB) string {
	t.Helper()
	name := t.Name() + "-" + strconv.FormatInt(time.Now().UnixMicro(), 36) + "-" + strconv.FormatInt(databases.Add(1), 10)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := idb.Delete(ctx, name); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return name
}

func background(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// todos makes the store "todo" with indexes as Larder makes them, and "log", whose keys count up.
func todos(_ context.Context, u *idb.Upgrade) error {
	s, err := u.CreateStore("todo", idb.StoreOptions{KeyPath: "id"})
	if err != nil {
		return err
	}
	if err := s.CreateIndex("done", "$.done", idb.IndexOptions{}); err != nil {
		return err
	}
	if err := s.CreateIndex("done,rank", []string{"$.done", "$.rank"}, idb.IndexOptions{}); err != nil {
		return err
	}
	if err := s.CreateIndex("slug", "slug", idb.IndexOptions{Unique: true}); err != nil {
		return err
	}
	if err := s.CreateIndex("tags", "tags", idb.IndexOptions{MultiEntry: true}); err != nil {
		return err
	}
	_, err = u.CreateStore("log", idb.StoreOptions{KeyPath: "seq", AutoIncrement: true})
	return err
}

// open opens a new database with the stores of todos.
func open(t testing.TB) *idb.DB {
	t.Helper()
	return openAs(t, fresh(t), 1, idb.Options{Upgrade: todos})
}

func openAs(t testing.TB, name string, version uint, opts idb.Options) *idb.DB {
	t.Helper()
	db, err := idb.Open(background(t), name, version, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// run runs a program in a transaction of its own.
func run(t testing.TB, db *idb.DB, program string) string {
	t.Helper()
	var result []byte
	err := db.Update(background(t), []string{"todo", "log"}, func(tx *idb.Tx) (err error) {
		result, err = tx.Run(background(t), []byte(program))
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(result)
}

func wantRun(t testing.TB, db *idb.DB, program, want string) {
	t.Helper()
	if got := run(t, db, program); got != want {
		t.Errorf("%s\n got %s\nwant %s", program, got, want)
	}
}

// object parses JSON text to a JavaScript value.
func object(text string) js.Value { return js.Global().Get("JSON").Call("parse", text) }

// text is the reverse of object.
func text(v js.Value) string {
	if v.IsUndefined() {
		return "undefined"
	}
	return js.Global().Get("JSON").Call("stringify", v).String()
}

func keys(t testing.TB, db *idb.DB) string {
	t.Helper()
	return run(t, db, `[{"op":"getAllKeys","store":"todo"}]`)
}
