//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

func TestUpgradeFails(t *testing.T) {
	name := fresh(t)
	db := openAs(t, name, 1, idb.Options{Upgrade: todos})
	run(t, db, `[{"op":"put","store":"todo","values":[{"id":"a","same":1},{"id":"b","same":1}]}]`)
	db.Close()
	spoil := func(u *idb.Upgrade) error {
		if _, err := u.CreateStore("new", idb.StoreOptions{}); err != nil {
			return err
		}
		return u.DeleteStore("log")
	}
	ctx, cancel := context.WithCancelCause(background(t))
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		upgrade func(context.Context, *idb.Upgrade) error
		want    []error
		code    table.Code
	}{
		{"by an error", nil, func(_ context.Context, u *idb.Upgrade) error { return errors.Join(spoil(u), errMine) },
			[]error{idb.ErrUpgrade, errMine}, table.CodeMigration},
		{"by an error after requests", nil, func(ctx context.Context, u *idb.Upgrade) error {
			s, err := u.Store("todo")
			if err == nil {
				err = s.Clear(ctx)
			}
			return errors.Join(err, spoil(u), errMine)
		}, []error{idb.ErrUpgrade, errMine}, table.CodeMigration},
		{"by a panic", nil, func(_ context.Context, u *idb.Upgrade) error { panic(errors.Join(spoil(u), errMine)) },
			[]error{idb.ErrUpgrade, idb.ErrPanic, errMine}, table.CodeEngine},
		{"by a panic of JavaScript", nil, func(context.Context, *idb.Upgrade) error { js.Null().Get("x"); return nil },
			[]error{idb.ErrUpgrade, idb.ErrPanic}, table.CodeEngine},
		{"by waiting on a timer", nil, func(_ context.Context, u *idb.Upgrade) error {
			err := spoil(u)
			time.Sleep(50 * time.Millisecond)
			return err
		}, []error{idb.ErrUpgrade, idb.ErrTransactionInactive}, table.CodeMigration},
		{"by waiting on a timer after requests", nil, func(ctx context.Context, u *idb.Upgrade) error {
			s, err := u.Store("todo")
			if err == nil {
				err = s.Clear(ctx)
			}
			time.Sleep(time.Millisecond)
			return err
		}, []error{idb.ErrUpgrade, idb.ErrTransactionInactive}, table.CodeMigration},
		{"by a unique index over rows that are not", nil, func(ctx context.Context, u *idb.Upgrade) error {
			s, err := u.Store("todo")
			if err != nil {
				return err
			}
			return s.CreateIndex("same", "same", idb.IndexOptions{Unique: true})
		}, []error{idb.ErrUpgrade, idb.ErrConstraint}, table.CodeMigration},
		{"by a store that exists", nil, func(_ context.Context, u *idb.Upgrade) error {
			_, err := u.CreateStore("todo", idb.StoreOptions{})
			return err
		}, []error{idb.ErrUpgrade, idb.ErrConstraint}, table.CodeMigration},
		{"by an error with a code, which it keeps", nil, func(context.Context, *idb.Upgrade) error { return table.Errorf(table.CodeInvalid, "row") },
			[]error{idb.ErrUpgrade}, table.CodeInvalid},
		{"by the end of its context", ctx, func(ctx context.Context, u *idb.Upgrade) error {
			cancel(errMine)
			_, err := u.Tx.Run(ctx, []byte(`[{"op":"clear","store":"todo"}]`))
			return err
		}, []error{idb.ErrAbort, context.Canceled, errMine}, table.CodeAborted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.ctx == nil {
				tt.ctx = background(t)
			}
			db, err := idb.Open(tt.ctx, name, 2, idb.Options{Upgrade: tt.upgrade})
			if db != nil {
				t.Error("it gave a connection")
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("got %v, want one that is %v", err, want)
				}
			}
			if code := idb.Code(err); code != tt.code {
				t.Errorf("its code is %q, want %q", code, tt.code)
			}
			stays(t, name)
		})
	}
	db = openAs(t, name, 1, idb.Options{})
	if got := keys(t, db); got != `[["a","b"]]` {
		t.Errorf("rows are %s", got)
	}
}

func TestUpgradeOfNothingWaits(t *testing.T) {
	name := fresh(t)
	_, err := idb.Open(background(t), name, 1, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
		time.Sleep(time.Millisecond)
		return todos(ctx, u)
	}})
	if !errors.Is(err, idb.ErrUpgrade) || !errors.Is(err, idb.ErrTransactionInactive) {
		t.Errorf("got %v, want a TransactionInactiveError", err)
	}
	db := openAs(t, name, 1, idb.Options{Upgrade: todos})
	if got := strings.Join(db.StoreNames(), " "); got != "log todo" {
		t.Errorf("the next one made %s", got)
	}
}
