package idb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

func TestError(t *testing.T) {
	err := error(&idb.Error{Name: "AbortError", Op: "put", Store: "todo", Err: context.Canceled})
	t.Run("is the same as another of its name, and as its cause", func(t *testing.T) {
		if !errors.Is(err, idb.ErrAbort) || !errors.Is(err, context.Canceled) || errors.Is(err, idb.ErrQuota) {
			t.Errorf("%v is not what it should be", err)
		}
	})
	t.Run("says what was being done, where, what went wrong and why", func(t *testing.T) {
		if got, want := err.Error(), "put in store todo: AbortError: context canceled"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("says the way out", func(t *testing.T) {
		if got := idb.ErrTransactionInactive.Error(); !strings.Contains(got, "wait for anything else before or after it") {
			t.Errorf("got %q", got)
		}
	})
}

func TestCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want table.Code
	}{
		{nil, ""},
		{context.Canceled, ""},
		{idb.ErrConstraint, table.CodeConstraint},
		{errors.Join(context.Canceled, idb.ErrQuota), table.CodeQuota},
		{idb.ErrUnknown, table.CodeStorage},
		{&idb.Error{Name: "NewErrorOfANewBrowser"}, table.CodeStorage},
		{&idb.Error{Name: "UpgradeError", Err: table.Errorf(table.CodeInvalid, "row 7")}, table.CodeInvalid},
	} {
		if got := idb.Code(tt.err); got != tt.want {
			t.Errorf("Code(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}
