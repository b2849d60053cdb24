//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/wasm/idb"
)

func TestFinish(t *testing.T) {
	db := open(t)
	ctx := background(t)
	finish := func(ctx context.Context, first, last string) (string, error) {
		var answer []byte
		err := db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) (err error) {
			if first != "" {
				if _, err = tx.Run(ctx, []byte(first)); err != nil {
					return err
				}
			}
			answer, err = tx.Finish(ctx, []byte(last))
			return err
		})
		return string(answer), err
	}
	t.Run("keeps and answers", func(t *testing.T) {
		got, err := finish(ctx, `[{"op":"put","store":"todo","values":[{"id":"a"}]}]`,
			`[{"op":"get","store":"todo","keys":["a"]},{"op":"put","store":"todo","values":[{"id":"b"}]},{"op":"delete","store":"todo","keys":["a"]}]`)
		if err != nil || got != `[[{"id":"a"}],null,null]` {
			t.Errorf("got %s, %v", got, err)
		}
		if got := keys(t, db); got != `[["b"]]` {
			t.Errorf("rows are %s", got)
		}
	})
	t.Run("steps that take several requests", func(t *testing.T) {
		var many strings.Builder
		for i := range 700 {
			many.WriteString(`,{"id":"m` + strconv.Itoa(1000+i) + `"}`)
		}
		got, err := finish(ctx, "", `[{"op":"put","store":"todo","values":[`+many.String()[1:]+`]},
			{"op":"getAll","store":"todo","skip":700,"take":5},{"op":"delete","store":"todo","range":{"lower":"m"}},{"op":"count","store":"todo"}]`)
		if err != nil || got != `[null,[{"id":"m1699"}],null,1]` {
			t.Errorf("got %s, %v", got, err)
		}
	})
	for _, tt := range []struct {
		name, program string
		want          error
		op            string
	}{
		{"a request", `[{"op":"put","store":"todo","values":[{"id":"x"}]},{"op":"add","store":"todo","values":[{"id":"b"}]},{"op":"clear","store":"todo"}]`,
			idb.ErrConstraint, "add"},
		{"a request of the last of several rows", `[{"op":"add","store":"todo","values":[{"id":"x"},{"id":"b"},{"id":"y"}]}]`, idb.ErrConstraint, "add"},
		{"a step that cannot be made", `[{"op":"put","store":"todo","values":[{"id":"x"}]},{"op":"delete","store":"todo","keys":[{}]}]`, idb.ErrData, "delete"},
		{"a step that answers later", `[{"op":"put","store":"todo","values":[{"id":"x"}]},{"op":"count","store":"todo","index":"nope"}]`, idb.ErrNotFound, "count"},
		{"a step out of reach", `[{"op":"put","store":"todo","values":[{"id":"x"}]},{"op":"clear","store":"log"}]`, idb.ErrNotFound, "clear"},
		{"the text", `[`, &idb.Error{Name: "SyntaxError"}, "finish"},
	} {
		t.Run("keeps nothing when it fails by "+tt.name, func(t *testing.T) {
			for _, first := range []string{"", `[{"op":"put","store":"todo","values":[{"id":"first"}]}]`} {
				_, err := finish(ctx, first, tt.program)
				var e *idb.Error
				if !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Op != tt.op {
					t.Errorf("got %v, want %v of %s", err, tt.want, tt.op)
				}
				if got := keys(t, db); got != `[["b"]]` {
					t.Errorf("rows are %s", got)
				}
			}
		})
	}
	t.Run("tells the truth when its context ends meanwhile", func(t *testing.T) {
		for _, program := range []string{
			`[{"op":"put","store":"todo","values":[{"id":"truth"}]}]`,
			`[{"op":"put","store":"todo","values":[{"id":"truth"}]},{"op":"count","store":"todo"}]`,
		} {
			ending, cancel := context.WithCancel(ctx)
			go cancel()
			_, err := finish(ending, "", program)
			if kept := strings.Contains(keys(t, db), "truth"); kept != (err == nil) || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("it gave %v, and the row being kept is %t", err, kept)
			}
			run(t, db, `[{"op":"delete","store":"todo","keys":["truth"]}]`)
		}
	})
	t.Run("comes too late", func(t *testing.T) {
		err := db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			time.Sleep(50 * time.Millisecond)
			_, err := tx.Finish(ctx, []byte(`[{"op":"clear","store":"todo"}]`))
			return err
		})
		if !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("got %v, want a TransactionInactiveError", err)
		}
		err = db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			err := put(ctx, tx, "late")
			time.Sleep(time.Millisecond)
			_, finishErr := tx.Finish(ctx, []byte(`[{"op":"put","store":"todo","values":[{"id":"later"}]}]`))
			return errors.Join(err, finishErr)
		})
		if !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("got %v, want a TransactionInactiveError", err)
		}
		if got := keys(t, db); got != `[["b"]]` {
			t.Errorf("rows are %s", got)
		}
	})
	t.Run("nothing follows it", func(t *testing.T) {
		err := db.Update(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			if _, err := tx.Finish(ctx, []byte(`[]`)); err != nil {
				return err
			}
			return put(ctx, tx, "after")
		})
		if !errors.Is(err, idb.ErrTransactionInactive) {
			t.Errorf("got %v, want a TransactionInactiveError", err)
		}
	})
	t.Run("reads", func(t *testing.T) {
		err := db.View(ctx, []string{"todo"}, func(tx *idb.Tx) error {
			got, err := tx.Finish(ctx, []byte(`[{"op":"count","store":"todo"}]`))
			if string(got) != `[1]` {
				t.Errorf("got %s", got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
