package replica_test

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// disk is a model of a disk that fills up, around the memory store. As in browsers a transaction learns at its commit that
// there is no room, and what it deletes counts for the next one only. It is for one goroutine.
type disk struct {
	open store.Opener
	size int
	used map[string]int // bytes, by store
}

func (d *disk) Open(ctx context.Context, l store.Layout, e store.Events) (store.Backend, error) {
	b, err := d.open(ctx, l, e)
	return &diskBackend{b, d}, err
}

func (d *disk) total() (n int) {
	for _, size := range d.used {
		n += size
	}
	return n
}

type diskBackend struct {
	store.Backend
	disk *disk
}

func (b *diskBackend) Durable() bool { return true }

func (b *diskBackend) Begin(ctx context.Context, write bool, stores []string) (store.Txn, error) {
	txn, err := b.Backend.Begin(ctx, write, stores)
	return &diskTxn{Txn: txn, disk: b.disk, changed: map[string]bool{}}, err
}

type diskTxn struct {
	store.Txn
	disk    *disk
	changed map[string]bool // stores
	written int
}

func (t *diskTxn) Run(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	for _, step := range steps {
		if step.Op == store.OpPut || step.Op == store.OpAdd || step.Op == store.OpDelete {
			t.changed[step.Store] = true
		}
		for _, r := range step.Values {
			t.written += len(table.AppendJSON(nil, map[string]any(r)))
		}
		for _, r := range step.Rows {
			t.written += len(r.AppendJSON(nil))
		}
	}
	return t.Txn.Run(ctx, steps)
}

func (t *diskTxn) Start(ctx context.Context, steps []store.Step) func() ([]store.Result, error) {
	results, err := t.Run(ctx, steps)
	return func() ([]store.Result, error) { return results, err }
}

func (t *diskTxn) Finish(ctx context.Context, steps []store.Step) error {
	if _, err := t.Run(ctx, steps); err != nil {
		return err
	}
	return t.Commit(ctx)
}

func (t *diskTxn) Commit(ctx context.Context) error {
	if t.written > 0 && t.disk.total()+t.written > t.disk.size {
		err := table.Errorf(table.CodeQuota, "the disk is full")
		t.Abort(err)
		return err
	}
	used := map[string]int{}
	for name := range t.changed {
		used[name] = 0
		results, err := t.Txn.Run(ctx, []store.Step{{Op: store.OpGetAll, Store: name, Take: -1}})
		if err != nil {
			return err
		}
		for _, r := range results[0].Rows {
			used[name] += len(table.AppendJSON(nil, map[string]any(r)))
		}
	}
	if err := t.Txn.Commit(ctx); err != nil {
		return err
	}
	maps.Copy(t.disk.used, used)
	return nil
}

// onFullDisk opens a database, writes records, pushes them if they are to be pushed, and fills the disk.
func onFullDisk(t *testing.T, records int, pushed bool) (*client, *disk) {
	t.Helper()
	d := &disk{open: store.Memory(), size: 2_000_000, used: map[string]int{}}
	c := &client{T: t, open: d.Open, server: &server{status: 200, record: func(r *table.Request) table.Record {
		if r.Body == nil {
			return nil
		}
		return table.Record{"id": r.Body["id"], "version": "2", "text": r.Body["text"]}
	}}}
	c.reopen(tasks1, nil)
	for i := range records {
		c.write(table.ActionInsert, "task", table.Record{"id": "t" + strconv.Itoa(i), "text": strings.Repeat("x", 1000)})
	}
	if pushed {
		if _, err := c.replica.Push(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	for n, size := 0, 100_000; size > 0; n++ {
		fill := table.Record{"id": "fill" + strconv.Itoa(n), "text": strings.Repeat("y", size)}
		if _, err := c.store.Write(t.Context(), table.ActionInsert, "task", fill); table.CodeOf(err) == table.CodeQuota {
			size /= 10
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if d.total() < d.size-1000 {
		t.Fatalf("the disk is not full: %d", d.total())
	}
	return c, d
}

func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	pending := func(t *testing.T, c *client) int {
		t.Helper()
		status, err := c.replica.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return status.Pending
	}
	t.Run("records are deleted, and their deletion is to be sent", func(t *testing.T) {
		const records = 50
		c, _ := onFullDisk(t, records, true)
		before := pending(t, c)
		for i := range records {
			c.write(table.ActionDelete, "task", table.Record{"id": "t" + strconv.Itoa(i)})
		}
		if got := pending(t, c); got != before+records {
			t.Errorf("%d operations wait, want %d", got, before+records)
		}
		if _, err := c.replica.Push(ctx, 0); err != nil || pending(t, c) != 0 {
			t.Errorf("a push left %d operations: %v", pending(t, c), err)
		}
	})
	t.Run("many records are deleted at once, in slices", func(t *testing.T) {
		c, _ := onFullDisk(t, 50, true)
		err := c.store.WriteRows(ctx, table.ActionDelete, "task", func(yield func([]table.Row, error) bool) {
			_ = yield([]table.Row{{ID: "t0"}, {ID: "t1"}}, nil) && yield([]table.Row{{ID: "t2"}}, nil)
		}, nil)
		if err != nil || c.get("t0") != nil || c.get("t2") != nil || c.get("t3") == nil {
			t.Errorf("got %v, and left are %v, %v, %v", err, c.get("t0"), c.get("t2"), c.get("t3"))
		}
	})
	t.Run("a transaction that only deletes does so, whatever it reads", func(t *testing.T) {
		c, _ := onFullDisk(t, 50, true)
		err := c.store.Update(ctx, []string{"task"}, func(tx *store.Tx) error {
			for i := range 20 {
				row, err := tx.Table("task").Get(ctx, "t"+strconv.Itoa(i))
				if err == nil {
					err = tx.Table("task").Delete(ctx, row.ID())
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || c.get("t0") != nil || c.get("t19") != nil || c.get("t20") == nil {
			t.Errorf("got %v, and left are %v, %v, %v", err, c.get("t0"), c.get("t19"), c.get("t20"))
		}
	})
	t.Run("a transaction that adds too finds no room, runs once, and leaves the reserve", func(t *testing.T) {
		c, d := onFullDisk(t, 1, true)
		runs := 0
		err := c.store.Update(ctx, []string{"task"}, func(tx *store.Tx) error {
			runs++
			if err := tx.Table("task").Delete(ctx, "t0"); err != nil {
				return err
			}
			_, err := tx.Table("task").Put(ctx, table.Record{"id": "n", "text": strings.Repeat("z", 2000)})
			return err
		})
		if table.CodeOf(err) != table.CodeQuota || runs != 1 || c.get("t0") == nil || d.used[replica.StoreMeta] < 500_000 {
			t.Errorf("got %v after %d runs, and left are %v and %d bytes", err, runs, c.get("t0"), d.used[replica.StoreMeta])
		}
	})
	t.Run("what waits is pushed, and the room that this makes is kept for the next time", func(t *testing.T) {
		const records = 400 // which is more than can be marked as sent in the room there is
		c, d := onFullDisk(t, records, false)
		result, err := c.replica.Push(ctx, 0)
		if err != nil || result.Pushed < records || pending(t, c) != 0 {
			t.Fatalf("got %+v, %v, and %d wait", result, err, pending(t, c))
		}
		if d.used[replica.StoreMeta] < 500_000 {
			t.Errorf("the reserve was not made again: %d bytes", d.used[replica.StoreMeta])
		}
	})
	t.Run("the reserve is made again by the next opening", func(t *testing.T) {
		c, d := onFullDisk(t, 20, true)
		c.write(table.ActionDelete, "task", table.Record{"id": "t1"})
		if d.used[replica.StoreMeta] > 500_000 {
			t.Fatal("the reserve is there still")
		}
		c.reopen(tasks1, nil)
		if d.used[replica.StoreMeta] > 500_000 {
			t.Fatal("the reserve is there, and room for it was not")
		}
		d.size *= 2
		c.reopen(tasks1, nil)
		if d.used[replica.StoreMeta] < 500_000 {
			t.Errorf("the reserve was not made again: %d bytes", d.used[replica.StoreMeta])
		}
	})
	t.Run("what only adds finds no room", func(t *testing.T) {
		c, d := onFullDisk(t, 1, true)
		for _, action := range []table.Action{table.ActionInsert, ""} {
			_, err := c.store.Write(ctx, action, "task", table.Record{"id": "n", "text": strings.Repeat("z", 2000)})
			if table.CodeOf(err) != table.CodeQuota {
				t.Errorf("%q: got %v", action, err)
			}
		}
		if d.used[replica.StoreMeta] < 500_000 {
			t.Error("the reserve was given up for it")
		}
	})
}
