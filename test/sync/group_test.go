package sync_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func (d *device) atomic(records ...table.Record) {
	d.t.Helper()
	if err := d.store.Atomic(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		_, err := tx.Table("todoitem").Put(ctx, records...)
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
}

// states are those of the operations, by record.
func (d *device) states() map[string]table.State {
	out := map[string]table.State{}
	for _, op := range d.pending() {
		out[op.RecordID] = op.State
	}
	return out
}

func TestAtomicGroup(t *testing.T) {
	start := func(t *testing.T) (a, b *device) {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		return newDevice(t, url), newDevice(t, url)
	}
	// theirs inserts a record on the server, so that an insert of the same id is a conflict.
	theirs := func(b *device, id string) {
		b.put(item(id, "theirs"))
		b.sync()
	}
	t.Run("goes out next to each other, wherever its operations stand", func(t *testing.T) {
		a, b := start(t)
		a.atomic(item("1", "a"), item("3", "a"))
		a.put(item("2", "plain"))
		a.atomic(item("3", "b"), item("4", "b")) // by record 3 the two are one unit
		a.sync()
		requests, err := table.ParseBatch(a.network.sent[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, r := range requests {
			id := r.Body.ID()
			if r.Group != "" {
				id += " " + r.Group[:2]
			}
			order = append(order, id)
		}
		group := requests[0].Group[:2]
		if want := []string{"1 " + group, "3 " + group, "4 " + group, "2"}; !reflect.DeepEqual(order, want) {
			t.Errorf("sent %q, want %q", order, want)
		}
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "plain"), "3": item("3", "b"), "4": item("4", "b")}, a, b)
	})
	t.Run("a conflict that nobody decides keeps all of it from the server", func(t *testing.T) {
		a, b := start(t)
		theirs(b, "2")
		a.atomic(item("1", "a"), item("2", "a"), item("3", "a"))
		a.sync()
		want := map[string]table.State{"1": table.StateQuarantined, "2": table.StateQuarantined, "3": table.StateQuarantined}
		if got := a.states(); !reflect.DeepEqual(got, want) {
			t.Errorf("the outbox has %v, want %v", got, want)
		}
		b.sync()
		b.holds("2")
		t.Run("a retry is one of all", func(t *testing.T) {
			a.decide = func(*replica.Conflict) (replica.Decision, error) {
				return replica.Decision{Choice: replica.ChooseLocal}, nil
			}
			if err := a.replica.Retry(ctx, a.pending()[0].ID); err != nil {
				t.Fatal(err)
			}
			a.sync()
			b.sync()
			agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "a"), "3": item("3", "a")}, a, b)
		})
	})
	t.Run("a decision lets all of it go on", func(t *testing.T) {
		a, b := start(t)
		theirs(b, "2")
		a.decide = func(*replica.Conflict) (replica.Decision, error) {
			return replica.Decision{Choice: replica.ChooseLocal}, nil
		}
		a.atomic(item("1", "a"), item("2", "a"))
		a.sync()
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "a")}, a, b)
	})
	t.Run("a refusal quarantines all of it, and a discard undoes all of it", func(t *testing.T) {
		a, b := start(t)
		refuseColumn(t, a, "colour", func() { a.atomic(item("1", "a"), item("2", "a")) })
		a.put(item("3", "free"))
		result := a.sync()
		if len(result.Quarantined) != 2 || result.Pushed != 1 {
			t.Fatalf("quarantined %v, pushed %d", result.Quarantined, result.Pushed)
		}
		if err := a.replica.Discard(ctx, a.pending()[1].ID); err != nil {
			t.Fatal(err)
		}
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"3": item("3", "free")}, a, b)
	})
	t.Run("an edit mends all of it", func(t *testing.T) {
		a, b := start(t)
		refuseColumn(t, a, "colour", func() { a.atomic(item("1", "a"), item("2", "a")) })
		a.sync()
		for _, op := range a.pending() {
			if strings.Contains(op.Reason, "colour") && !strings.Contains(op.Reason, "of its transaction") {
				if err := a.replica.Edit(ctx, op.ID, table.Record{"text": "mended"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.sync()
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "mended"), "2": item("2", "a")}, a, b)
	})
	t.Run("a lost answer heals by sending the same group", func(t *testing.T) {
		a, b := start(t)
		lost := errors.New("the connection was reset")
		a.network.after = func(replica.Send) error { return lost }
		a.atomic(item("1", "a"), item("2", "a"))
		if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("got %v", err)
		}
		a.network.after = nil
		a.put(item("2", "newer"))
		a.restart()
		a.sync()
		if first, again := a.network.sent[0].Body, a.network.sent[1].Body; string(first) != string(again) {
			t.Errorf("sent\n%s\nand then\n%s", first, again)
		}
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "newer")}, a, b)
	})
	t.Run("a server that is busy in the middle of it is asked again for all", func(t *testing.T) {
		a, b := start(t)
		a.atomic(item("1", "a"), item("2", "a"))
		a.network.answer = func(s replica.Send) *replica.Answer {
			a.network.answer = nil
			requests, err := table.ParseBatch(s.Body)
			if err != nil {
				t.Fatal(err)
			}
			return &replica.Answer{Status: http.StatusOK, Body: table.AppendResponses(nil, []table.Response{
				{ID: requests[0].ID, Status: 503}, {ID: requests[1].ID, Status: 424}})}
		}
		a.sync()
		b.sync()
		agree(t, a.network.url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "a")}, a, b)
	})
}

func TestEdit(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	t.Run("takes the place of what waits", func(t *testing.T) {
		a.put(item("1", "first"))
		op := a.pending()[0]
		if err := a.replica.Edit(ctx, op.ID, table.Record{"text": "second"}); err != nil {
			t.Fatal(err)
		}
		if ops := a.pending(); len(ops) != 1 || ops[0].Record["text"] != "second" {
			t.Errorf("the outbox has %v", ops)
		}
		a.sync()
		agree(t, url, map[string]table.Record{"1": item("1", "second")}, a)
	})
	t.Run("an operation that was settled cannot be edited", func(t *testing.T) {
		if err := a.replica.Edit(ctx, "gone", item("1", "x")); table.CodeOf(err) != table.CodeNotFound {
			t.Errorf("got %v, want code not-found", err)
		}
	})
}

// refuseColumn gives the first operation that write makes a column that the server's table does not have.
func refuseColumn(t *testing.T, d *device, column string, write func()) {
	t.Helper()
	write()
	if err := d.store.Update(ctx, []string{replica.StoreOutbox}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: replica.StoreOutbox, Take: -1})
		if err != nil {
			return err
		}
		row := results[0].Rows[0]
		record := row["record"].(map[string]any)
		record[column] = "red"
		_, err = tx.Run(ctx, store.Step{Op: store.OpPut, Store: replica.StoreOutbox, Values: []table.Record{row}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
