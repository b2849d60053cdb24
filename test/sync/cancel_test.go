package sync_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// fuse ends a context at one of the calls of a storage and a network.
type fuse struct {
	ctx    context.Context
	cancel context.CancelFunc
	left   int // calls until then; it is not counted while 0
}

func (f *fuse) burn() {
	if f.left > 0 {
		if f.left--; f.left == 0 {
			f.cancel()
		}
	}
}

// opener is a storage in memory whose calls burn the fuse.
func (f *fuse) opener() store.Opener {
	memory := store.Memory()
	return func(ctx context.Context, layout store.Layout, events store.Events) (store.Backend, error) {
		b, err := memory(ctx, layout, events)
		return &fused{b, f}, err
	}
}

type fused struct {
	store.Backend
	fuse *fuse
}

func (b *fused) Begin(ctx context.Context, write bool, stores []string) (store.Txn, error) {
	b.fuse.burn()
	txn, err := b.Backend.Begin(ctx, write, stores)
	return &fusedTxn{txn, b.fuse}, err
}

type fusedTxn struct {
	store.Txn
	fuse *fuse
}

func (t *fusedTxn) Run(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	t.fuse.burn()
	return t.Txn.Run(ctx, steps)
}

func (t *fusedTxn) Finish(ctx context.Context, steps []store.Step) error {
	t.fuse.burn()
	return t.Txn.Finish(ctx, steps)
}

func (t *fusedTxn) Commit(ctx context.Context) error {
	t.fuse.burn()
	return t.Txn.Commit(ctx)
}

// TestCancelAtEachCall cancels a write, a push and a pull at each of their calls in turn: what ends by it has code "aborted",
// half of nothing is there, the next sync goes on as if nothing had been, and no goroutine is left.
func TestCancelAtEachCall(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	want := map[string]table.Record{}
	var all []*device
	before := 0
	for at := 1; ; at++ {
		f := &fuse{}
		f.ctx, f.cancel = context.WithCancel(ctx)
		defer f.cancel()
		a := newDeviceOver(t, url, f.opener())
		a.network.before = func(replica.Send) error { f.burn(); return nil }
		one, two := fmt.Sprint(at, "-one"), fmt.Sprint(at, "-two")
		f.left = at
		err := a.store.Update(f.ctx, []string{"todoitem"}, func(tx *store.Tx) error {
			_, err := tx.Table("todoitem").Put(f.ctx, item(one, "1"), item(two, "2"))
			return err
		})
		if err == nil {
			_, err = a.replica.Push(f.ctx, 0)
		}
		if err == nil {
			_, err = a.replica.Pull(f.ctx, 0, "todoitem")
		}
		f.left = 0
		if f.ctx.Err() == nil {
			if err != nil {
				t.Fatalf("uncancelled, it ended with %v", err)
			}
			t.Logf("cancelled at %d calls", at-1)
			break
		}
		if err != nil && table.CodeOf(err) != table.CodeAborted {
			t.Errorf("cancelled at call %d, it ended with %v (%s)", at, err, table.CodeOf(err))
		}
		rows := a.rows()
		if (rows[one] != nil) != (rows[two] != nil) {
			t.Errorf("cancelled at call %d, half of a write is there: %v", at, rows)
		}
		if rows[one] != nil {
			want[one], want[two] = item(one, "1"), item(two, "2")
		}
		a.sync()
		if n := len(a.pending()); n > 0 {
			t.Errorf("cancelled at call %d, %d operations still wait", at, n)
		}
		all = append(all, a)
		if at == 1 {
			before = runtime.NumGoroutine()
		}
	}
	for _, a := range all {
		if a.sync(); !reflect.DeepEqual(inner(a.rows(), want), want) {
			t.Errorf("a device has %v, want %v", a.rows(), want)
		}
	}
	if len(all) < 5 {
		t.Errorf("it was cancelled at %d calls only", len(all))
	}
	// Those of net/http come and go.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+2; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("there are %d goroutines, and there were %d", runtime.NumGoroutine(), before)
		}
	}
}

// inner are the rows that have the keys of others: a call that was not cancelled any more has written as well.
func inner(rows, keys map[string]table.Record) map[string]table.Record {
	out := map[string]table.Record{}
	for id := range keys {
		out[id] = rows[id]
	}
	return out
}
