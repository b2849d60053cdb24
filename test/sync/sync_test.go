// Package sync_test runs the sync engine natively, over the memory store, against the real server on a real SQLite file,
// with a network between them that the test can break.
package sync_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
	r, err := http.NewRequestWithContext(ctx, s.Method, n.url+s.Path, bytes.NewReader(s.Body))
	if err != nil {
		return replica.Answer{Err: err}
	}
	r.Header.Set("ZUMO-API-VERSION", table.ZUMOVersion)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return replica.Answer{Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && n.after != nil {
		err = n.after(s)
	}
	if err != nil {
		return replica.Answer{Err: err}
	}
	return replica.Answer{Status: response.StatusCode, Body: body}
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
}

func newDevice(t *testing.T, url string) *device {
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
	s, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox, NewID: uuid.NewString})
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

func TestTwoDevicesMeet(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(item("1", "bread"), item("2", "milk"), item("3", "tea"))
	if r := a.sync(); r.Pushed != 3 {
		t.Errorf("pushed %d, want 3", r.Pushed)
	}
	b.sync()
	b.update(table.Record{"id": "1", "complete": true})
	b.delete("2")
	b.put(item("4", "jam"))
	b.sync()
	a.sync()
	agree(t, url, map[string]table.Record{"1": {"id": "1", "text": "bread", "complete": true}, "3": item("3", "tea"), "4": item("4", "jam")}, a, b)
}

func TestCollapse(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("old", "old"), item("gone", "gone"), item("back", "back"))
	a.sync()
	for name, c := range map[string]struct {
		writes func()
		want   []table.Action
	}{
		"an insert that is deleted sends nothing":         {func() { a.put(item("new", "x")); a.delete("new") }, nil},
		"updates of an insert stay an insert":             {func() { a.put(item("new", "x")); a.put(item("new", "y")) }, []table.Action{table.ActionInsert}},
		"updates join":                                    {func() { a.put(item("old", "x")); a.put(item("old", "y")) }, []table.Action{table.ActionUpdate}},
		"an update that is taken back sends nothing":      {func() { a.put(item("old", "x")); a.put(item("old", "old")) }, nil},
		"an update and a delete are a delete":             {func() { a.put(item("gone", "x")); a.delete("gone") }, []table.Action{table.ActionDelete}},
		"a delete and a new record are an update":         {func() { a.delete("back"); a.put(item("back", "y")) }, []table.Action{table.ActionUpdate}},
		"a delete of what is not there sends nothing":     {func() { a.delete("never") }, nil},
		"a delete and the same record again send nothing": {func() { a.delete("old"); a.put(item("old", "old")) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.writes()
			var got []table.Action
			for _, op := range a.pending() {
				got = append(got, op.Action)
				if err := a.replica.Discard(ctx, op.ID); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("the outbox has %v, want %v", got, c.want)
			}
			want := map[string]table.Record{"old": item("old", "old"), "gone": item("gone", "gone"), "back": item("back", "back")}
			if rows := a.rows(); !reflect.DeepEqual(rows, want) {
				t.Errorf("after the discard: %v, want %v", rows, want)
			}
		})
	}
}

// TestReplyLost drops the answer to a push after the server has committed it.
func TestReplyLost(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("keep", "keep"), item("drop", "drop"))
	a.sync()

	lost := errors.New("the connection was reset")
	a.network.after = func(s replica.Send) error { return lost }
	a.put(item("new", "new"))
	a.update(table.Record{"id": "keep", "rank": 1.0})
	a.delete("drop")
	if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("the push ended with %v, want code network", err)
	}
	for _, op := range a.pending() {
		if op.State != table.StateSending {
			t.Errorf("%s %s is %s, want sending", op.Action, op.RecordID, op.State)
		}
	}

	t.Run("edits made meanwhile survive the late verdict", func(t *testing.T) {
		a.network.after = nil
		a.update(table.Record{"id": "keep", "text": "edited"})
		a.put(item("new", "newer"))
		a.put(item("late", "late"))
		result := a.sync()
		if len(a.asked) != 0 || len(result.Quarantined) != 0 {
			t.Errorf("asked %v, quarantined %v: a lost reply needs nobody", a.asked, result.Quarantined)
		}
		agree(t, url, map[string]table.Record{"keep": {"id": "keep", "text": "edited", "rank": 1.0}, "new": item("new", "newer"), "late": item("late", "late")}, a)
	})
	t.Run("nothing was applied twice", func(t *testing.T) {
		// Four writes before the loss and three after it, seen from the feed: each has taken one sequence number.
		response, err := http.Get(url + "/tables/todoitem?$deltatoken=")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		page, err := table.ParsePage(body)
		if err != nil {
			t.Fatal(err)
		}
		highest := 0
		for _, c := range page.Changes {
			highest = max(highest, number(t, c.Open().Version()))
		}
		if highest != 2+3+3 {
			t.Errorf("the feed is at %d after 8 writes: something was applied twice, or not at all", highest)
		}
	})
}

func TestPullIsAtomicWithItsCursor(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	want := map[string]table.Record{}
	for i := range 25 {
		r := item(strconv.Itoa(100+i), "x")
		want[r.ID()] = r
		a.put(r)
	}
	a.sync()
	broken := errors.New("broken")
	page := 0
	b.network.after = func(replica.Send) error {
		if page++; page == 2 {
			return broken
		}
		return nil
	}
	if _, err := b.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 10}); table.CodeOf(err) != table.CodeNetwork {
		t.Fatalf("got %v, want code network", err)
	}
	if n := len(b.rows()); n != 10 {
		t.Errorf("%d rows after one page of 10", n)
	}
	b.network.after, b.network.sent = nil, nil
	done := []int{}
	if _, err := b.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 10,
		Progress: func(_ string, n, known int) { done = append(done, n) }}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(done, []int{10, 15}) {
		t.Errorf("the second pull brought pages of %v rows: it began anew", done)
	}
	agree(t, url, want, a, b)
}

func TestConflicts(t *testing.T) {
	base := table.Record{"id": "1", "text": "base", "rank": 1.0}
	mine := table.Record{"id": "1", "text": "mine"}
	theirs := table.Record{"id": "1", "text": "theirs"}
	both := func(r table.Record) table.Record { return table.Record{"id": "1", "text": r["text"], "rank": 1.0} }
	merged := table.Record{"id": "1", "text": "both", "rank": 2.0}
	for name, c := range map[string]struct {
		a, b     func(*device)
		decision replica.Decision
		asked    int
		want     map[string]table.Record
	}{
		"different columns merge without asking": {
			a: func(d *device) { d.update(mine) }, b: func(d *device) { d.update(table.Record{"id": "1", "rank": 2.0}) },
			want: map[string]table.Record{"1": {"id": "1", "text": "mine", "rank": 2.0}}},
		"equal changes are no conflict": {
			a: func(d *device) { d.update(mine) }, b: func(d *device) { d.update(mine) },
			want: map[string]table.Record{"1": both(mine)}},
		"the local record wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{"1": both(mine)}},
		"the server's record wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseServer}, asked: 1, want: map[string]table.Record{"1": both(theirs)}},
		"a record of the app's own wins": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseRecord, Record: merged}, asked: 1, want: map[string]table.Record{"1": merged}},
		"a cancelled operation leaves the server's record to the next pull": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseCancel}, asked: 1, want: map[string]table.Record{"1": both(theirs)}},
		"mine over a record that was deleted there": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{"1": both(mine)}},
		"the delete of the server's over mine": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.update(mine) },
			decision: replica.Decision{Choice: replica.ChooseServer}, asked: 1, want: map[string]table.Record{}},
		"my delete over a newer record": {
			a: func(d *device) { d.update(theirs) }, b: func(d *device) { d.delete("1") },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1, want: map[string]table.Record{}},
		"deleted on both sides": {
			a: func(d *device) { d.delete("1") }, b: func(d *device) { d.delete("1") }, want: map[string]table.Record{}},
		"two inserts of one id": {
			a: func(d *device) { d.put(item("2", "theirs")) }, b: func(d *device) { d.put(item("2", "mine")) },
			decision: replica.Decision{Choice: replica.ChooseLocal}, asked: 1,
			want: map[string]table.Record{"1": base, "2": item("2", "mine")}},
	} {
		t.Run(name, func(t *testing.T) {
			url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
			a, b := newDevice(t, url), newDevice(t, url)
			a.put(base)
			a.sync()
			b.sync()
			c.a(a)
			a.sync()
			c.b(b)
			b.decide = func(*replica.Conflict) (replica.Decision, error) { return c.decision, nil }
			b.sync()
			if len(b.asked) != c.asked {
				t.Errorf("asked %d times, want %d", len(b.asked), c.asked)
			}
			a.sync()
			agree(t, url, c.want, a, b)
		})
	}
}

func TestConflictThatNobodyDecides(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a, b := newDevice(t, url), newDevice(t, url)
	a.put(item("1", "base"))
	a.sync()
	b.sync()
	a.update(item("1", "theirs"))
	a.sync()
	b.update(item("1", "mine"))
	b.put(item("2", "free"))
	result := b.sync()
	if len(result.Quarantined) != 1 || result.Quarantined[0].Reason != "conflict" || result.Pushed != 1 {
		t.Fatalf("quarantined %v, pushed %d: want the conflict aside and the rest pushed", result.Quarantined, result.Pushed)
	}
	if got := b.rows()["1"]["text"]; got != "mine" {
		t.Errorf("the local record is %v, want mine until somebody decides", got)
	}
	t.Run("discard goes back to the server's record", func(t *testing.T) {
		if err := b.replica.Discard(ctx, b.pending()[0].ID); err != nil {
			t.Fatal(err)
		}
		agree(t, url, map[string]table.Record{"1": item("1", "theirs"), "2": item("2", "free")}, b)
	})
}

func TestRefusedOperationHoldsUpNothing(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	// The server's table has no such column: it stands for any record that the server refuses for good.
	if err := a.store.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		if _, err := tx.Table("todoitem").Insert(ctx, item("1", "a"), item("2", "b"), item("3", "c")); err != nil {
			return err
		}
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: replica.StoreOutbox, Take: -1})
		if err != nil {
			return err
		}
		row := results[0].Rows[1]
		row["record"] = map[string]any{"id": "2", "text": "b", "colour": "red"}
		_, err = tx.Run(ctx, store.Step{Op: store.OpPut, Store: replica.StoreOutbox, Values: []table.Record{row}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	result := a.sync()
	if result.Pushed != 2 || len(result.Quarantined) != 1 || !strings.Contains(result.Quarantined[0].Reason, "colour") {
		t.Fatalf("pushed %d, quarantined %v", result.Pushed, result.Quarantined)
	}
	a.put(item("2", "mended"))
	a.sync()
	agree(t, url, map[string]table.Record{"1": item("1", "a"), "2": item("2", "mended"), "3": item("3", "c")}, a)
}

func TestServerRestoredFromBackup(t *testing.T) {
	dir := t.TempDir()
	first := newServer(t, filepath.Join(dir, "one.db"))
	a := newDevice(t, first.URL)
	a.put(item("1", "kept"))
	a.sync()
	// Another database behind the same address: nothing local may be deleted for it.
	other := newServer(t, filepath.Join(dir, "two.db"))
	a.network.url = other.URL
	if _, err := a.replica.Sync(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := a.rows(); !reflect.DeepEqual(got, map[string]table.Record{"1": item("1", "kept")}) {
		t.Errorf("after the server was replaced the device holds %v", got)
	}
}

func TestLargePushGoesInBatches(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	want := map[string]table.Record{}
	var all []table.Record
	for i := range 2500 {
		r := item(strconv.Itoa(10000+i), "x")
		want[r.ID()] = r
		all = append(all, r)
	}
	a.put(all...)
	result := a.sync()
	if result.Pushed != 2500 || result.Requests > 10 {
		t.Errorf("pushed %d in %d requests", result.Pushed, result.Requests)
	}
	agree(t, url, want, a)
}
