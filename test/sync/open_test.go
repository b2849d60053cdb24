package sync_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func TestOneDatabaseForEach(t *testing.T) {
	url := guarded(t)
	disk := store.Memory() // of a device that several people use
	v, err := table.ParseJSON([]byte(`{"version":1,"tables":{"todoitem":{"columns":{"text":"string"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := table.ParseDatabase(v)
	if err != nil {
		t.Fatal(err)
	}
	visit := func(t *testing.T, sub string) *device {
		t.Helper()
		now := func() string { return "2026-01-01T00:00:00.000Z" }
		outbox := replica.NewOutbox(replica.OutboxOptions{NewID: uuid.NewString, Now: now})
		s, err := replica.OpenFor(ctx, sub, store.Options{Name: "app", Schema: schema, Open: disk, Journal: outbox})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		d := &device{t: t, store: s, network: &network{url: url}}
		d.options = replica.Options{Outbox: outbox, Network: d.network}
		d.tokens(func(bool) (string, error) { return signIn(t, sub, time.Hour), nil })
		return d
	}
	t.Run("F14: what one has waiting is neither seen nor pushed as another, and goes when they are back", func(t *testing.T) {
		anna := visit(t, "anna")
		anna.put(item("1", "anna's, pushed"))
		anna.sync()
		anna.put(item("2", "anna's, waiting"))

		ben := visit(t, "ben")
		if rows := ben.rows(); len(rows) != 0 || len(ben.pending()) != 0 {
			t.Errorf("ben sees %v", rows)
		}
		ben.put(item("3", "ben's"))
		if r := ben.sync(); r.Pushed != 1 || len(ben.rows()) != 1 || ben.rows()["3"] == nil {
			t.Errorf("ben pushed %d and has %v", r.Pushed, ben.rows())
		}
		back := visit(t, "anna")
		if r := back.sync(); r.Pushed != 1 || len(back.rows()) != 2 {
			t.Errorf("anna pushed %d and has %v", r.Pushed, back.rows())
		}
		if again := visit(t, "ben"); len(again.rows()) != 1 {
			t.Errorf("when ben is back, he has %v", again.rows())
		}
	})
	t.Run("who has signed in owns the database before anything is sent", func(t *testing.T) {
		carol := visit(t, "carol")
		carol.network.before = func(replica.Send) error { t.Error("a request was sent"); return nil }
		if status, err := carol.replica.Status(ctx); err != nil || status.Principal != "carol" {
			t.Errorf("it is %q's, %v", status.Principal, err)
		}
		if err := carol.replica.SignIn(ctx, signIn(t, "dora", time.Hour)); table.CodeOf(err) != table.CodeAuth {
			t.Errorf("dora signs in to it with %v", err)
		}
	})
}
