package sync_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/wire"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

var ctx = context.Background()

const tableFile = `{"columns":{"text":"string","complete":"boolean","rank":"number"},"dynamicSchema":false,"softDelete":true}`
const clientSchema = `{"version":1,"tables":{"todoitem":{"columns":{"text":"string","complete":"boolean","rank":"number"},"indexes":["complete"]}}}`

// newServer starts the real API over a database file, and stops it with the test.
func newServer(t *testing.T, path string) *httptest.Server {
	t.Helper()
	return serve(t, path, tableFile, api.Options{})
}

// serve starts the API with other options, and a table file of the test's own.
func serve(t *testing.T, path, file string, o api.Options) *httptest.Server {
	t.Helper()
	d, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	todo, err := db.ParseTable("todoitem", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	o.DB, o.Tables = d, []*db.Table{todo}
	a, err := api.New(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a)
	t.Cleanup(func() {
		s.Close()
		if err := errors.Join(a.Close(ctx), d.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// network sends by net/http. Before and after may break it: before the server acts, and after.
type network struct {
	url           string
	before, after func(s replica.Send) error
	answer        func(s replica.Send) *replica.Answer // in the place of the server, if it gives one
	sent          []replica.Send
}

func (n *network) Send(ctx context.Context, s replica.Send, token string) replica.Answer {
	n.sent = append(n.sent, s)
	if n.answer != nil {
		if a := n.answer(s); a != nil {
			return *a
		}
	}
	if n.before != nil {
		if err := n.before(s); err != nil {
			return replica.Answer{Err: err}
		}
	}
	a := wire.Send(ctx, n.url, s, token)
	if a.Err != nil || n.after == nil {
		return a
	}
	if err := n.after(s); err != nil {
		return replica.Answer{Err: err}
	}
	return a
}

// device is one client: a memory store and its replica.
type device struct {
	t       *testing.T
	store   *store.Store
	replica *replica.Replica
	options replica.Options
	network *network
	asked   []*replica.Conflict
	decide  func(*replica.Conflict) (replica.Decision, error)
	forked  func() // may be nil
	epochs  []*replica.Epoch
	course  replica.Course // in a new epoch
}

func newDevice(t *testing.T, url string) *device {
	t.Helper()
	return newDeviceOver(t, url, store.Memory())
}

// newDeviceOver is newDevice with a storage of the test's own.
func newDeviceOver(t *testing.T, url string, open store.Opener) *device {
	t.Helper()
	v, err := table.ParseJSON([]byte(clientSchema))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := table.ParseDatabase(v)
	if err != nil {
		t.Fatal(err)
	}
	now := func() string { return "2026-01-01T00:00:00.000Z" }
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: uuid.NewString, Now: now})
	s, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: open, Journal: outbox, NewID: uuid.NewString})
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, store: s, network: &network{url: url}}
	d.options = replica.Options{Outbox: outbox, Network: d.network, Now: now,
		Wait: func(context.Context, time.Duration) error { return nil },
		Fork: func() {
			if d.forked != nil {
				d.forked()
			}
		},
		Epoch: func(_ context.Context, e *replica.Epoch) (replica.Course, error) {
			d.epochs = append(d.epochs, e)
			return d.course, nil
		},
		Conflict: func(_ context.Context, c *replica.Conflict) (replica.Decision, error) {
			d.asked = append(d.asked, c)
			if d.decide == nil {
				return replica.Decision{Choice: replica.ChooseLater}, nil
			}
			return d.decide(c)
		}}
	d.restart()
	return d
}

// restart is the end of the program and its next start: what was stored is there, and nothing else.
func (d *device) restart() { d.replica = replica.New(d.store, d.options) }

func (d *device) do(fn func(items *store.TxTable) error) {
	d.t.Helper()
	if err := d.store.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error { return fn(tx.Table("todoitem")) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) put(records ...table.Record) {
	d.t.Helper()
	d.do(func(items *store.TxTable) error { _, err := items.Put(ctx, records...); return err })
}

func (d *device) update(records ...table.Record) {
	d.t.Helper()
	d.do(func(items *store.TxTable) error { _, err := items.Update(ctx, records...); return err })
}

func (d *device) delete(ids ...string) {
	d.t.Helper()
	d.do(func(items *store.TxTable) error { return items.Delete(ctx, ids...) })
}

func (d *device) sync() replica.Result {
	d.t.Helper()
	result, err := d.replica.Sync(ctx, time.Minute)
	if err != nil {
		d.t.Fatal(err)
	}
	return result
}

// rows are the local records as the app sees them, without the system's columns.
func (d *device) rows() map[string]table.Record {
	d.t.Helper()
	out := map[string]table.Record{}
	if err := d.store.View(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		rows, err := tx.Table("todoitem").Query(ctx, table.NewQuery())
		for _, r := range rows {
			user := table.Record{}
			for k, v := range r {
				if !table.IsSystem(k) && v != nil {
					user[k] = v
				}
			}
			out[r.ID()] = user
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	return out
}

func (d *device) pending() []*table.Operation {
	d.t.Helper()
	ops, err := d.replica.Pending(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	return ops
}

// agree fails the test unless all devices, and a fresh one, hold these records and nothing waits.
func agree(t *testing.T, url string, want map[string]table.Record, devices ...*device) {
	t.Helper()
	fresh := newDevice(t, url)
	fresh.sync()
	for i, d := range append(devices, fresh) {
		if got := d.rows(); !reflect.DeepEqual(got, want) {
			t.Errorf("device %d holds %v, want %v", i, got, want)
		}
		if n := len(d.pending()); n > 0 {
			t.Errorf("device %d still has %d operations", i, n)
		}
	}
}

// number is that of a write in its table's feed, which versions end in.
func number(t *testing.T, version string) int {
	t.Helper()
	n, err := strconv.Atoi(version[strings.LastIndex(version, "-")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func item(id, text string) table.Record { return table.Record{"id": id, "text": text} }
