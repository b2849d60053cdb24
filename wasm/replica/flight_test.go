package replica_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// fickle is a server that takes every operation while it is up, and remembers the ids of all that it was sent.
type fickle struct {
	down bool
	ids  []string
}

func (f *fickle) Send(_ context.Context, s replica.Send, _ string) replica.Answer {
	requests, err := table.ParseBatch(s.Body)
	if err != nil {
		return replica.Answer{Err: err}
	}
	responses := make([]table.Response, len(requests))
	for i, r := range requests {
		f.ids = append(f.ids, r.ID)
		id := r.Body.ID() // an update has it in its URL alone
		if id == "" {
			_, id, _ = strings.Cut(r.URL, "/")
		}
		responses[i] = table.Response{ID: r.ID, Status: 200, Body: table.Record{"id": id, "version": fmt.Sprint("boot-", len(f.ids))}}
	}
	if f.down {
		return replica.Answer{Err: errors.New("the connection was reset")}
	}
	return replica.Answer{Status: 200, Body: table.AppendResponses(nil, responses)}
}

func TestFlight(t *testing.T) {
	columns := []table.Column{{Name: "text", Type: table.TypeString}}
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{Name: "item", Columns: columns}}}
	// Each test has three inserts in the outbox of a new database.
	begin := func(t *testing.T) (*store.Store, *replica.Replica, *fickle) {
		n := 0
		id := func() string { n++; return fmt.Sprint("o", n) }
		outbox := replica.NewOutbox(replica.OutboxOptions{NewID: id, Now: func() string { return "" }})
		s, err := store.Open(t.Context(), store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox, NewID: id})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		for _, id := range []string{"a", "b", "c"} {
			if _, err := s.Write(t.Context(), table.ActionInsert, "item", table.Record{"id": id}); err != nil {
				t.Fatal(err)
			}
		}
		server := &fickle{}
		return s, replica.New(s, replica.Options{Outbox: outbox, Network: server}), server
	}
	fails := func(t *testing.T, r *replica.Replica, server *fickle) {
		t.Helper()
		server.down = true
		if _, err := r.Push(t.Context(), 0); table.CodeOf(err) != table.CodeNetwork {
			t.Fatalf("the push ended with %v, want code network", err)
		}
		server.down = false
	}
	update := func(t *testing.T, s *store.Store, id, text string) {
		t.Helper()
		if _, err := s.Write(t.Context(), table.ActionUpdate, "item", table.Record{"id": id, "text": text}); err != nil {
			t.Fatal(err)
		}
	}
	run := func(t *testing.T, s *store.Store, steps ...store.Step) (rows []table.Record) {
		t.Helper()
		err := s.Update(t.Context(), nil, func(tx *store.Tx) error {
			results, err := tx.Run(t.Context(), steps...)
			rows = results[0].Rows
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	all := store.Step{Op: store.OpGetAll, Store: replica.StoreOutbox, Take: -1}
	// stored are the entries as they stand in the outbox, told those that the replica tells of: state and attempts.
	stored := func(t *testing.T, s *store.Store) (list []string) {
		for _, row := range run(t, s, all) {
			list = append(list, fmt.Sprint(row["recordId"], " ", row["state"], " ", row["attempts"]))
		}
		return list
	}
	told := func(t *testing.T, r *replica.Replica) (list []string) {
		ops, err := r.Pending(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			list = append(list, fmt.Sprint(op.RecordID, " ", op.State, " ", op.Attempts))
		}
		return list
	}
	same := func(t *testing.T, what string, got []string, want ...string) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}

	t.Run("what is sent is marked without a change of it, and what is sent again in itself", func(t *testing.T) {
		s, r, server := begin(t)
		fails(t, r, server)
		same(t, "stored", stored(t, s), "a waiting 0", "b waiting 0", "c waiting 0")
		same(t, "told", told(t, r), "a sending 1", "b sending 1", "c sending 1")
		fails(t, r, server)
		same(t, "stored after another attempt", stored(t, s), "a sending 2", "b sending 2", "c sending 2")
		if _, err := r.Push(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		same(t, "told at the end", told(t, r))
	})
	t.Run("an edit of what is under way comes after it", func(t *testing.T) {
		s, r, server := begin(t)
		fails(t, r, server)
		update(t, s, "b", "later")
		same(t, "told", told(t, r), "a sending 1", "b sending 1", "c sending 1", "b waiting 0")
		result, err := r.Push(t.Context(), 0)
		if err != nil || result.Pushed != 4 {
			t.Fatalf("pushed %d of 4, %v", result.Pushed, err)
		}
		if got := server.ids[:3]; !reflect.DeepEqual(got, server.ids[3:6]) || len(server.ids) != 7 {
			t.Errorf("the server was sent %q: first three, then the same and the edit", server.ids)
		}
	})
	t.Run("the mark of another batch does not take that of one without a verdict away", func(t *testing.T) {
		s, r, server := begin(t)
		update(t, s, "a", "1")
		fails(t, r, server)
		update(t, s, "a", "2") // its number is less than that of d, which goes with the next attempt
		if _, err := s.Write(t.Context(), table.ActionInsert, "item", table.Record{"id": "d"}); err != nil {
			t.Fatal(err)
		}
		fails(t, r, server)
		same(t, "told", told(t, r), "a sending 2", "b sending 2", "c sending 2", "a waiting 0", "d sending 1")
		update(t, s, "d", "3")
		same(t, "told after an edit", told(t, r),
			"a sending 2", "b sending 2", "c sending 2", "a waiting 0", "d sending 1", "d waiting 0")
	})
	t.Run("entries that were marked in themselves before there was a row are under way", func(t *testing.T) {
		s, r, server := begin(t)
		rows := run(t, s, all)
		for _, row := range rows {
			row["state"], row["attempts"] = "sending", 1.0
		}
		run(t, s, store.Step{Op: store.OpPut, Store: replica.StoreOutbox, Values: rows})
		update(t, s, "a", "later")
		same(t, "told", told(t, r), "a sending 1", "b sending 1", "c sending 1", "a waiting 0")
		if _, err := r.Push(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		want := []string{rows[0]["id"].(string), rows[1]["id"].(string), rows[2]["id"].(string)}
		if got := server.ids[:3]; !reflect.DeepEqual(got, want) {
			t.Errorf("sent as %q, which were %q", got, want)
		}
		same(t, "told at the end", told(t, r))
	})
}
