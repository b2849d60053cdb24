package replica_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

const (
	tasks1 = `{"version":1,"tables":{"task":{"columns":{"text":"string","done":"boolean"}},"old":{"columns":{"text":"string"}}}}`
	tasks2 = `{"version":2,"tables":{"task":{"columns":{"title":"string","done":"boolean"}}}}`
)

// server answers pushes with verdicts, and keeps what it was sent.
type server struct {
	status  int // of each verdict; 0: the network is down
	record  func(r *table.Request) table.Record
	batches []string
}

func (s *server) Send(_ context.Context, send replica.Send, _ string) replica.Answer {
	s.batches = append(s.batches, string(send.Body))
	if s.status == 0 {
		return replica.Answer{Err: errors.New("down")}
	}
	requests, err := table.ParseBatch(send.Body)
	if err != nil {
		return replica.Answer{Err: err}
	}
	responses := make([]table.Response, len(requests))
	for i := range requests {
		responses[i] = table.Response{ID: requests[i].ID, Status: s.status, Body: s.record(&requests[i])}
	}
	return replica.Answer{Status: 200, Body: table.AppendResponses(nil, responses)}
}

// client is a database that is opened in one version after another.
type client struct {
	*testing.T
	open    store.Opener
	server  *server
	store   *store.Store
	replica *replica.Replica
	ids     int
}

func (c *client) reopen(schema string, migrate store.Migrations) {
	c.Helper()
	if c.store != nil {
		c.store.Close()
	}
	v, err := table.ParseJSON([]byte(schema))
	if err != nil {
		c.Fatal(err)
	}
	d, err := table.ParseDatabase(v)
	if err != nil {
		c.Fatal(err)
	}
	outbox := replica.NewOutbox(replica.OutboxOptions{Now: func() string { return "2026-11-21T09:00:00.000Z" },
		NewID: func() string { c.ids++; return "op-" + strconv.Itoa(c.ids) }})
	if c.store, err = store.Open(context.Background(), store.Options{Name: "app", Schema: d, Open: c.open, Journal: outbox, Migrate: migrate}); err != nil {
		c.Fatal(err)
	}
	c.replica = replica.New(c.store, replica.Options{Outbox: outbox, Network: c.server})
}

func (c *client) write(action table.Action, name string, r table.Record) {
	c.Helper()
	if _, err := c.store.Write(context.Background(), action, name, r); err != nil {
		c.Fatal(err)
	}
}

func (c *client) get(id string) (r table.Record) {
	c.Helper()
	err := c.store.View(context.Background(), []string{"task"}, func(tx *store.Tx) (err error) {
		r, err = tx.Table("task").Get(context.Background(), id)
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return r
}

// pending are the operations by record.
func (c *client) pending() map[string]*table.Operation {
	c.Helper()
	ops, err := c.replica.Pending(context.Background())
	if err != nil {
		c.Fatal(err)
	}
	byRecord := map[string]*table.Operation{}
	for _, op := range ops {
		byRecord[op.RecordID] = op
	}
	return byRecord
}

// rename is the migration to version 2. It drops records called "drop" and fails for those called "fail".
func rename(r table.Record) (table.Record, error) {
	switch r["text"] {
	case "drop":
		return nil, nil
	case "fail":
		return nil, errors.New("it will not go")
	}
	r["title"] = r["text"]
	delete(r, "text")
	return r, nil
}

var toTasks2 = store.Migrations{2: {"task": store.Each(rename)}}

// start makes a client with records that the server has accepted.
func start(t *testing.T, texts ...string) *client {
	c := &client{T: t, open: store.Memory(), server: &server{status: 200}}
	c.server.record = func(r *table.Request) table.Record {
		record := table.Record{"id": strings.TrimPrefix(r.URL, "task/"), "version": "v1"}
		for k, v := range r.Body {
			record[k] = v
		}
		return record
	}
	c.reopen(tasks1, nil)
	for _, text := range texts {
		c.write(table.ActionInsert, "task", table.Record{"id": text, "text": text, "done": false})
	}
	if _, err := c.replica.Push(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(c.pending()); n != 0 {
		t.Fatalf("%d operations wait", n)
	}
	c.server.batches = nil
	return c
}

func TestMigrate(t *testing.T) {
	ctx := context.Background()
	t.Run("waiting operations and their bases are converted, and only what was changed is sent", func(t *testing.T) {
		c := start(t, "bread")
		c.write(table.ActionUpdate, "task", table.Record{"id": "bread", "done": true})
		c.write(table.ActionInsert, "task", table.Record{"id": "new", "text": "milk"})
		c.reopen(tasks2, toTasks2)
		if got := c.get("bread"); got["title"] != "bread" || got["done"] != true {
			t.Errorf("the row is %v", got)
		}
		if _, err := c.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"body":{"done":true}`, `"title":"milk"`} {
			if !strings.Contains(c.server.batches[0], want) {
				t.Errorf("the push %s has no %s", c.server.batches[0], want)
			}
		}
		if strings.Contains(c.server.batches[0], `"text"`) {
			t.Errorf("the push has the old column: %s", c.server.batches[0])
		}
	})
	t.Run("an operation that was sent is sent again as it was, and what came after it is the new one's", func(t *testing.T) {
		c := start(t, "bread")
		c.write(table.ActionUpdate, "task", table.Record{"id": "bread", "text": "rye"})
		c.server.status = 0
		if _, err := c.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("got %v, want code network", err)
		}
		c.reopen(tasks2, toTasks2)
		c.write(table.ActionUpdate, "task", table.Record{"id": "bread", "done": true})
		c.server.status = 200
		c.server.record = func(r *table.Request) table.Record {
			return table.Record{"id": "bread", "version": "v2", "title": "rye", "done": false}
		}
		if _, err := c.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if len(c.server.batches) != 3 || c.server.batches[1] != c.server.batches[0] {
			t.Fatalf("sent %q", c.server.batches)
		}
		if !strings.Contains(c.server.batches[2], `"body":{"done":true}`) || !strings.Contains(c.server.batches[2], `\"v2\"`) {
			t.Errorf("the later change was sent as %s", c.server.batches[2])
		}
	})
	t.Run("what was sent and is refused comes back in the new form", func(t *testing.T) {
		c := start(t)
		c.write(table.ActionInsert, "task", table.Record{"id": "1", "text": "bread"})
		c.server.status = 0
		if _, err := c.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("got %v, want code network", err)
		}
		c.reopen(tasks2, toTasks2)
		c.server.status = 400
		c.server.record = func(*table.Request) table.Record { return table.Record{"error": "too old"} }
		if _, err := c.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if op := c.pending()["1"]; op == nil || op.State != table.StateQuarantined || op.Record["title"] != "bread" || op.Schema != 2 {
			t.Errorf("the operation is %+v", op)
		}
	})
	t.Run("what the migration drops, or cannot convert, is quarantined as it was", func(t *testing.T) {
		c := start(t)
		c.write(table.ActionInsert, "task", table.Record{"id": "1", "text": "drop"})
		c.write(table.ActionInsert, "task", table.Record{"id": "2", "text": "bread"})
		c.reopen(tasks2, toTasks2)
		op := c.pending()["1"]
		if op == nil || op.State != table.StateQuarantined || op.Record["text"] != "drop" || !strings.Contains(op.Reason, "drops") {
			t.Fatalf("the operation is %+v", op)
		}
		if op := c.pending()["2"]; op == nil || op.State != table.StateWaiting || op.Record["title"] != "bread" {
			t.Errorf("its neighbour is %+v", op)
		}
		if c.get("1") != nil {
			t.Error("the row is there still")
		}
		if err := c.replica.Retry(ctx, op.ID); table.CodeOf(err) != table.CodeMigration {
			t.Errorf("retrying it: got %v, want code migration", err)
		}
		if err := c.replica.Discard(ctx, op.ID); err != nil {
			t.Error(err)
		}
		if c.get("1") != nil || c.pending()["1"] != nil {
			t.Error("it was not discarded")
		}
	})
	t.Run("a delete of a record that the migration drops is pushed all the same", func(t *testing.T) {
		c := start(t, "drop")
		c.write(table.ActionDelete, "task", table.Record{"id": "drop"})
		c.reopen(tasks2, toTasks2)
		if _, err := c.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if len(c.server.batches) != 1 || !strings.Contains(c.server.batches[0], `"DELETE"`) || !strings.Contains(c.server.batches[0], `\"v1\"`) {
			t.Errorf("sent %q", c.server.batches)
		}
		if n := len(c.pending()); n != 0 {
			t.Errorf("%d operations wait", n)
		}
	})
	t.Run("operations of a table that is gone are kept, and can be discarded", func(t *testing.T) {
		c := start(t)
		c.write(table.ActionInsert, "old", table.Record{"id": "1", "text": "precious"})
		c.reopen(tasks2, toTasks2)
		op := c.pending()["1"]
		if op == nil || op.State != table.StateQuarantined || op.Record["text"] != "precious" || !strings.Contains(op.Reason, "old") {
			t.Fatalf("the operation is %+v", op)
		}
		if _, err := c.replica.Push(ctx, 0); err != nil || len(c.server.batches) > 0 {
			t.Errorf("the push ended with %v, and sent %q", err, c.server.batches)
		}
		if err := c.replica.Discard(ctx, op.ID); err != nil || len(c.pending()) > 0 {
			t.Errorf("discarding it: %v, and %d wait", err, len(c.pending()))
		}
	})
	t.Run("a sent operation of a table that is gone still gets its verdict", func(t *testing.T) {
		c := start(t)
		c.write(table.ActionInsert, "old", table.Record{"id": "1", "text": "precious"})
		c.server.status = 0
		if _, err := c.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("got %v, want code network", err)
		}
		c.reopen(tasks2, toTasks2)
		c.server.status = 200
		if _, err := c.replica.Push(ctx, 0); err != nil || len(c.pending()) > 0 {
			t.Errorf("the push ended with %v, and %d wait", err, len(c.pending()))
		}
	})
	t.Run("a new edit of a record whose old change could not be converted sends the whole record", func(t *testing.T) {
		c := start(t, "bread")
		c.write(table.ActionUpdate, "task", table.Record{"id": "bread", "text": "drop"})
		c.reopen(tasks2, toTasks2)
		c.write("", "task", table.Record{"id": "bread", "title": "rye"})
		if _, err := c.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if len(c.server.batches) != 1 || strings.Contains(c.server.batches[0], `"text"`) || !strings.Contains(c.server.batches[0], `"title":"rye"`) {
			t.Errorf("sent %q", c.server.batches)
		}
	})
}
