package replica_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// refusing is a server that refuses every operation on records whose id it has, and answers nothing else.
type refusing map[string]bool

func (ids refusing) Send(_ context.Context, s replica.Send, _ string) replica.Answer {
	requests, err := table.ParseBatch(s.Body)
	if err != nil {
		return replica.Answer{Err: err}
	}
	responses := make([]table.Response, len(requests))
	for i, r := range requests {
		responses[i] = table.Response{ID: r.ID, Status: 503}
		if ids[r.Body.ID()] {
			responses[i] = table.Response{ID: r.ID, Status: 400, Body: table.Record{"error": "no"}}
		}
	}
	return replica.Answer{Status: 200, Body: table.AppendResponses(nil, responses)}
}

func TestStatus(t *testing.T) {
	ctx, n := t.Context(), 0
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: func() string { n++; return fmt.Sprint("o", n) }, Now: func() string { return "" }})
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{Name: "item", Columns: []table.Column{{Name: "text", Type: table.TypeString}}}}}
	s, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox,
		NewID: func() string { n++; return fmt.Sprint("made", n) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := replica.New(s, replica.Options{Outbox: outbox, Network: refusing{"bad": true}})
	check := func(want replica.Status) {
		t.Helper()
		if got, err := r.Status(ctx); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	check(replica.Status{})
	for _, record := range []table.Record{{"id": "bad", "text": "x"}, {"id": "slow", "text": "y"}, {"text": "z"}} {
		if _, err := s.Write(ctx, table.ActionInsert, "item", record); err != nil {
			t.Fatal(err)
		}
	}
	check(replica.Status{Pending: 3})
	if _, err := r.Push(ctx, 0); table.CodeOf(err) != table.CodeServer {
		t.Fatalf("got %v", err)
	}
	check(replica.Status{Pending: 3, Quarantined: 1})
	ops, err := r.Pending(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if op.State != table.StateQuarantined {
			continue
		}
		if err := r.Retry(ctx, op.ID); err != nil {
			t.Fatal(err)
		}
	}
	check(replica.Status{Pending: 3})
}
