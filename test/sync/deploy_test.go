package sync_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// TestResentBatchWithMore loses the answer to 50 operations, which then are sent again together with 10 more.
func TestResentBatchWithMore(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	want := map[string]table.Record{}
	add := func(from, to int) {
		for i := from; i < to; i++ {
			r := item(fmt.Sprint("r", i), "x")
			want[r.ID()] = r
			a.put(r)
		}
	}
	add(0, 50)
	a.network.after = func(replica.Send) error { return errors.New("the connection was reset") }
	if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the push ended with %v, want code network", err)
	}
	a.network.after = nil
	add(50, 60)
	a.restart()
	if result := a.sync(); result.Pushed != 60 || len(result.Quarantined) != 0 {
		t.Errorf("pushed %d, quarantined %v", result.Pushed, result.Quarantined)
	}
	agree(t, url, want, a)
	if got := writes(t, url); got != 60 {
		t.Errorf("the server has carried out %d writes, want 60", got)
	}
}

// TestPoison has one operation of many refused for good, or break the server's handler, wherever it stands in the queue.
func TestPoison(t *testing.T) {
	for _, at := range []int{0, 10, 19} {
		for _, breaks := range []bool{false, true} {
			t.Run(fmt.Sprint("operation ", at, " of 20, breaks: ", breaks), func(t *testing.T) {
				var mended atomic.Bool
				hooks := map[string]api.Hooks{"todoitem": {
					Insert: api.Hook{Before: func(c *api.Context) error {
						switch {
						case mended.Load() || c.Item["text"] != "poison":
							return nil
						case breaks:
							panic("out of bread")
						}
						return table.Errorf(table.CodeConstraint, "nobody buys poison")
					}}}}
				url := serve(t, filepath.Join(t.TempDir(), "larder.db"), tableFile, api.Options{Hooks: hooks}).URL
				a := newDevice(t, url)
				want := map[string]table.Record{}
				for i := range 20 {
					r := item(fmt.Sprint("r", 10+i), "x")
					if i == at {
						r["text"] = "poison"
					}
					want[r.ID()] = r
					a.put(r)
				}
				result, err := a.replica.Sync(ctx, 0)
				pending := a.pending()
				refused := func(op *table.Operation) bool {
					return op.State == table.StateQuarantined && strings.Contains(op.Reason, "poison")
				}
				if result.Pushed != 19 || len(pending) != 1 || pending[0].Record["text"] != "poison" {
					t.Fatalf("pushed %d, %d wait, %v", result.Pushed, len(pending), err)
				}
				switch {
				case breaks && (table.CodeOf(err) != table.CodeServer || pending[0].State != table.StateSending):
					t.Errorf("what breaks the server is %s, and the sync ended with %v", pending[0].State, err)
				case !breaks && (err != nil || !refused(pending[0])):
					t.Errorf("what is refused is %s, %q, and the sync ended with %v", pending[0].State, pending[0].Reason, err)
				}
				a.put(item("later", "x"))
				if _, err := a.replica.Sync(ctx, 0); breaks != (err != nil) {
					t.Errorf("the next sync ended with %v", err)
				}
				if n := len(a.pending()); n != 1 {
					t.Errorf("%d operations wait after the next sync", n)
				}
				mended.Store(true)
				if !breaks {
					if err := a.replica.Retry(ctx, pending[0].ID); err != nil {
						t.Fatal(err)
					}
				}
				a.sync()
				want["later"] = item("later", "x")
				agree(t, url, want, a)
			})
		}
	}
}

// TestRollingDeploy has clients and servers meet whose tables differ by a column.
func TestRollingDeploy(t *testing.T) {
	const more = `{"columns":{"text":"string","complete":"boolean","rank":"number","colour":"string"},
		"dynamicSchema":false,"softDelete":true}`
	const less = `{"columns":{"text":"string","complete":"boolean"},"dynamicSchema":false,"softDelete":true}`
	t.Run("a server that has a column more than the client", func(t *testing.T) {
		url := serve(t, filepath.Join(t.TempDir(), "larder.db"), more, api.Options{}).URL
		a, b := newDevice(t, url), newDevice(t, url)
		a.put(item("1", "a"))
		a.sync()
		b.sync()
		b.update(table.Record{"id": "1", "rank": 2.0})
		b.sync()
		a.sync()
		agree(t, url, map[string]table.Record{"1": {"id": "1", "text": "a", "rank": 2.0}}, a, b)
	})
	t.Run("a server that lacks a column: what needs it waits for the deploy, the rest does not", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "larder.db")
		old := serve(t, path, less, api.Options{})
		a := newDevice(t, old.URL)
		a.put(item("1", "a"), ranked("2", 1), item("3", "c"))
		result := a.sync()
		if result.Pushed != 2 || len(result.Quarantined) != 1 || !strings.Contains(result.Quarantined[0].Reason, "rank") {
			t.Fatalf("pushed %d, quarantined %v", result.Pushed, result.Quarantined)
		}
		old.Close()
		a.network.url = newServer(t, path).URL
		if err := a.replica.Retry(ctx, result.Quarantined[0].ID); err != nil {
			t.Fatal(err)
		}
		a.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": ranked("2", 1), "3": item("3", "c")}, a)
	})
}

// TestRightsShrink takes most of a table from a client while it has changes of what it loses, and of what it keeps.
func TestRightsShrink(t *testing.T) {
	const rows = 5000
	var most atomic.Int64 // records with a lower rank may be known
	most.Store(rows)
	url := serve(t, filepath.Join(t.TempDir(), "larder.db"), tableFile, api.Options{Hooks: map[string]api.Hooks{"todoitem": {
		Filters: []func(*api.Context) (table.Expr, error){func(*api.Context) (table.Expr, error) {
			return table.ParseFilter(fmt.Sprint("rank lt ", most.Load()))
		}}}}}).URL
	a := newDevice(t, url)
	var all []table.Record
	for i := range rows {
		all = append(all, ranked(fmt.Sprintf("r%05d", i), float64(i)))
	}
	a.put(all...)
	a.sync()
	if n := len(a.rows()); n != rows {
		t.Fatalf("the device has %d rows", n)
	}
	a.update(table.Record{"id": "r00001", "text": "kept"}, table.Record{"id": "r04000", "text": "lost"})
	a.delete("r04001")
	most.Store(10)
	result, err := a.replica.Sync(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if result.Pushed == 0 || len(result.Quarantined) == 0 {
		t.Errorf("pushed %d, quarantined %v", result.Pushed, result.Quarantined)
	}
	pending := a.pending()
	if len(pending) != 1 || pending[0].RecordID != "r04000" || pending[0].State != table.StateQuarantined {
		t.Errorf("%d operations wait: %v", len(pending), pending)
	}
	var left []string
	for id := range a.rows() {
		left = append(left, id)
	}
	if len(left) != 11 {
		t.Errorf("of %d rows %d are left, want 10 that may be known and one whose change waits: %.200v", rows, len(left), left)
	}
	for _, op := range pending {
		if err := a.replica.Discard(ctx, op.ID); err != nil {
			t.Fatal(err)
		}
	}
	a.sync()
	if n := len(a.rows()); n != 10 {
		t.Errorf("after the discard %d rows are left", n)
	}
}

// TestLongOutbox pushes OUTBOX (20,000) operations, which a device made in a long time without a network, over a connection that
// breaks at two of five requests, with a program that is started again after each.
func TestLongOutbox(t *testing.T) {
	operations := 20_000
	if text := os.Getenv("OUTBOX"); text != "" {
		var err error
		if operations, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	var all []table.Record
	for i := range operations {
		all = append(all, item(fmt.Sprintf("r%06d", i), "x"))
	}
	a.put(all...)
	sent := 0
	lose := func(n int) func(replica.Send) error {
		return func(replica.Send) error {
			if sent++; sent%5 == n {
				return errors.New("the connection was reset")
			}
			return nil
		}
	}
	a.network.before, a.network.after = lose(0), lose(2)
	pushed, tries := 0, 0
	for waiting := operations; waiting > 0; a.restart() {
		if tries++; tries > operations/500 {
			t.Fatalf("%d operations still wait after %d starts", waiting, tries)
		}
		result, _ := a.replica.Push(ctx, 0) // which most often ends with the network
		status, err := a.replica.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		waiting = status.Pending
		if pushed += result.Pushed; pushed+waiting != operations {
			t.Fatalf("%d were pushed, and %d wait", pushed, waiting)
		}
	}
	a.network.before, a.network.after = nil, nil
	a.sync()
	if got := writes(t, url); got != operations {
		t.Errorf("the server has carried out %d writes, want %d", got, operations)
	}
	t.Logf("%d operations in %d requests of %d starts", operations, sent, tries)
}
