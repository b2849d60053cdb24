//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strings"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// The files named case_*_test.go check what IndexedDB promises, seen through this package: one theme each.

// expression evaluates JavaScript, for values that Go has no words for.
func expression(source string) js.Value {
	return js.Global().Get("Function").New("return (" + source + ")").Invoke()
}

// shaped opens a new database with the stores that shape makes.
func shaped(t testing.TB, shape func(u *idb.Upgrade) error) *idb.DB {
	t.Helper()
	return openAs(t, fresh(t), 1, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error { return shape(u) }})
}

// plainStore opens a new database with one store "s", whose keys are given beside the values unless opts say otherwise.
func plainStore(t testing.TB, opts idb.StoreOptions) *idb.DB {
	t.Helper()
	return shaped(t, func(u *idb.Upgrade) error {
		_, err := u.CreateStore("s", opts)
		return err
	})
}

// in runs fn with the store "s" in a write transaction, which must commit.
func in(t testing.TB, db *idb.DB, fn func(ctx context.Context, s *idb.Store) error) {
	t.Helper()
	if err := try(t, db, fn); err != nil {
		t.Fatal(err)
	}
}

// try is in for transactions that may fail.
func try(t testing.TB, db *idb.DB, fn func(ctx context.Context, s *idb.Store) error) error {
	t.Helper()
	ctx := background(t)
	return db.Update(ctx, []string{"s"}, func(tx *idb.Tx) error {
		s, err := tx.Store("s")
		if err != nil {
			return err
		}
		return fn(ctx, s)
	})
}

// keysOf is the JSON text of all primary keys of a store, or of what else has them.
func keysOf(ctx context.Context, t testing.TB, from interface {
	GetAllKeys(ctx context.Context, query any, count uint) ([]js.Value, error)
}) string {
	t.Helper()
	all, err := from.GetAllKeys(ctx, nil, 0)
	if err != nil {
		t.Error(err)
	}
	return text(list(all))
}

// is checks that err is the error that is wanted; nil is none.
func is(t testing.TB, err, want error) {
	t.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

// same checks a text.
func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

func named(name string) error { return &idb.Error{Name: name} }

// caseName makes a test's name of an expression.
func caseName(source string) string { return strings.ReplaceAll(source, "/", "∕") }

// inWebKit reports whether this is a WebKit, for the few cases where it does not do what it should: README.md lists them.
func inWebKit() bool {
	agent := js.Global().Get("navigator").Get("userAgent").String()
	return strings.Contains(agent, "AppleWebKit") && !strings.Contains(agent, "Chrom")
}
