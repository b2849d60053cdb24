package azure_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/test/wire"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

const serverKey = "the key with which the server's tokens are signed"

// microsofts starts Microsoft's server, azure-mobile-apps 4.0.2 as npm has it, over SQLite compiled to WebAssembly, and returns
// its address.
func microsofts(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("server/node_modules/azure-mobile-apps/package.json"); err != nil {
		run(t, "npm", "ci", "--prefix", "server", "--no-audit", "--no-fund")
	}
	cmd := exec.Command("node", "server.js", serverKey)
	cmd.Dir = "server"
	complaints, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer complaints.Close()
	cmd.Stderr = complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has nothing to save
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(complaints.Name())
		t.Fatalf("the server does not start: %v\n%s", err, text)
	}
	return strings.TrimSpace(address)
}

// link sends by net/http. After is called with each answer that has come, which is lost if it gives an error.
type link struct {
	url    string
	after  func(replica.Send) error
	writes []string
}

func (l *link) Send(ctx context.Context, s replica.Send, token string) replica.Answer {
	if s.Method != "GET" && s.Path != table.PathBatch {
		l.writes = append(l.writes, s.Method)
	}
	a := wire.Send(ctx, l.url, s, token)
	if a.Err == nil && l.after != nil && s.Method != "GET" {
		a.Err = l.after(s)
	}
	return a
}

// phone is a database that syncs some tables with that server.
type phone struct {
	*testing.T
	link    *link
	store   *store.Store
	replica *replica.Replica
	tables  []string
	token   string
	asked   []*replica.Conflict
}

func newPhone(t *testing.T, url, token string, tables ...string) *phone {
	t.Helper()
	schema := &table.Database{Version: 1}
	for _, name := range tables {
		schema.Tables = append(schema.Tables, &table.Schema{Name: name, Columns: []table.Column{
			{Name: "complete", Type: table.TypeBoolean}, {Name: "due", Type: table.TypeDate},
			{Name: "rank", Type: table.TypeNumber}, {Name: "text", Type: table.TypeString}}})
	}
	p := &phone{T: t, link: &link{url: url}, tables: tables, token: token}
	now := func() string { return "2026-01-01T00:00:00.000Z" }
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: uuid.NewString, Now: now})
	o := store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox, NewID: uuid.NewString}
	var err error
	if p.store, err = store.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.store.Close() })
	p.replica = replica.New(p.store, replica.Options{Outbox: outbox, Network: p.link,
		Token: func(context.Context, bool) (string, error) { return p.token, nil },
		Wait:  func(context.Context, time.Duration) error { return nil },
		Conflict: func(_ context.Context, c *replica.Conflict) (replica.Decision, error) {
			p.asked = append(p.asked, c)
			return replica.Decision{Choice: replica.ChooseLocal}, nil
		}})
	return p
}

func (p *phone) write(action table.Action, name string, records ...table.Record) {
	p.Helper()
	if _, err := p.store.Write(p.Context(), action, name, records...); err != nil {
		p.Fatal(err)
	}
}

func (p *phone) sync() replica.Result {
	p.Helper()
	r, err := p.replica.Sync(p.Context(), time.Minute)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// rows are a table's records without the system's columns.
func (p *phone) rows(name string) map[string]table.Record {
	p.Helper()
	all := map[string]table.Record{}
	err := p.store.View(p.Context(), []string{name}, func(tx *store.Tx) error {
		rows, err := tx.Table(name).Query(p.Context(), table.NewQuery())
		for _, row := range rows {
			mine := table.Record{}
			for column, v := range row {
				if !table.IsSystem(column) && v != nil {
					mine[column] = v
				}
			}
			all[row.ID()] = mine
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	return all
}

func (p *phone) holds(name string, want ...table.Record) {
	p.Helper()
	expected := map[string]table.Record{}
	for _, r := range want {
		expected[r.ID()] = r
	}
	if got := p.rows(name); !reflect.DeepEqual(got, expected) {
		p.Errorf("%s holds %v, want %v", name, got, expected)
	}
	ops, err := p.replica.Pending(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	for _, op := range ops {
		p.Errorf("%s of %s %s waits: %s", op.Action, op.Table, op.RecordID, op.Reason)
	}
}

// TestMicrosoftsServer syncs with the server that Azure Mobile Apps were made with.
func TestMicrosoftsServer(t *testing.T) {
	url := microsofts(t)
	bread := table.Record{"id": "1", "text": "bread", "complete": false, "rank": 1.5, "due": "2026-11-22T12:00:00.000Z"}
	milk := table.Record{"id": "2", "text": "milk’s “best”, 100 %"}
	t.Run("two devices meet, in a table that keeps deleted records and in one that does not", func(t *testing.T) {
		a, b := newPhone(t, url, "", "note", "todoitem"), newPhone(t, url, "", "note", "todoitem")
		for _, name := range a.tables {
			a.write(table.ActionInsert, name, bread, milk)
		}
		if r := a.sync(); r.Pushed != 4 || len(a.link.writes) != 4 {
			t.Errorf("pushed %d by %v", r.Pushed, a.link.writes)
		}
		b.sync()
		for _, name := range b.tables {
			b.holds(name, bread, milk)
		}
		for _, name := range b.tables {
			b.write(table.ActionUpdate, name,
				table.Record{"id": "1", "complete": true, "rank": nil, "due": "2027-01-01T00:00:00.000Z"})
			b.write(table.ActionDelete, name, milk)
		}
		b.sync()
		a.sync()
		for _, name := range a.tables {
			changed := table.Record{"id": "1", "text": "bread", "complete": true, "due": "2027-01-01T00:00:00.000Z"}
			a.holds(name, changed)
			b.holds(name, changed)
		}
		if r := a.sync(); r.Pulled != 0 {
			t.Errorf("%d changes when nothing has changed", r.Pulled)
		}
	})
	t.Run("answers are lost", func(t *testing.T) {
		d := newPhone(t, url, "", "todoitem")
		lose := func() {
			d.link.after = func(replica.Send) error {
				d.link.after = nil
				return errors.New("cut off")
			}
		}
		juice := table.Record{"id": "3", "text": "juice"}
		d.sync()
		before := d.rows("todoitem")["1"]
		lose()
		d.write(table.ActionInsert, "todoitem", juice)
		d.sync()
		d.holds("todoitem", before, juice)
		lose()
		juice = table.Record{"id": "3", "text": "orange juice"}
		d.write(table.ActionUpdate, "todoitem", juice)
		d.sync()
		d.holds("todoitem", before, juice)
		lose()
		d.write(table.ActionDelete, "todoitem", juice)
		d.sync()
		d.holds("todoitem", before)
		lose()
		juice["rank"] = 2.0
		d.write(table.ActionInsert, "todoitem", juice) // over what is deleted there
		d.sync()
		d.holds("todoitem", before, juice)
		if len(d.asked) != 0 {
			t.Errorf("%d conflicts", len(d.asked))
		}
		other := newPhone(t, url, "", "todoitem")
		other.sync()
		other.holds("todoitem", before, juice)
	})
	t.Run("conflicts come with the server's record", func(t *testing.T) {
		a, b := newPhone(t, url, "", "todoitem"), newPhone(t, url, "", "todoitem")
		a.sync()
		b.sync()
		a.write(table.ActionUpdate, "todoitem", table.Record{"id": "3", "text": "a's", "rank": 3.0})
		a.sync()
		b.write(table.ActionUpdate, "todoitem", table.Record{"id": "3", "text": "b's"})
		b.sync()
		if len(b.asked) != 1 || b.asked[0].Server["text"] != "a's" || b.asked[0].Base["text"] != "orange juice" {
			t.Fatalf("asked %+v", b.asked)
		}
		a.write(table.ActionDelete, "todoitem", table.Record{"id": "3"})
		a.sync() // deleted a version that is not the newest
		if len(a.asked) != 1 || a.asked[0].Server["text"] != "b's" {
			t.Fatalf("asked %+v", a.asked)
		}
		b.write(table.ActionUpdate, "todoitem", table.Record{"id": "3", "text": "again"})
		b.sync() // what is deleted there
		if len(b.asked) != 2 || b.asked[1].Server != nil {
			t.Fatalf("asked %+v", b.asked)
		}
		a.sync()
		if got := a.rows("todoitem")["3"]; got["text"] != "again" {
			t.Errorf("it is %v", got)
		}
	})
	t.Run("a user's own table, with pages of its own size", func(t *testing.T) {
		anna, err := access.Sign(serverKey, "anna", nil, time.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		ben, err := access.Sign(serverKey, "ben", nil, time.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		a, b := newPhone(t, url, anna, "mine"), newPhone(t, url, ben, "mine")
		list := make([]table.Record, 130) // more than it gives at once
		for i := range list {
			list[i] = table.Record{"id": uuid.NewString(), "rank": float64(i)}
		}
		a.write(table.ActionInsert, "mine", list...)
		if r := a.sync(); r.Pushed != len(list) {
			t.Errorf("pushed %d: %+v", r.Pushed, r.Quarantined)
		}
		again := newPhone(t, url, anna, "mine")
		again.sync()
		again.holds("mine", list...)
		b.sync()
		b.holds("mine")
		stranger := newPhone(t, url, "", "mine")
		if _, err := stranger.replica.Sync(t.Context(), 0); table.CodeOf(err) != table.CodeAuth {
			t.Errorf("without a token: %v", err)
		}
	})
	t.Run("a part of a table", func(t *testing.T) {
		d := newPhone(t, url, "", "note")
		d.write(table.ActionInsert, "note",
			table.Record{"id": "a", "text": "ours", "rank": 1.0}, table.Record{"id": "b", "text": "ours", "rank": 9.0})
		d.sync()
		part := newPhone(t, url, "", "note")
		pull := func() {
			t.Helper()
			job := replica.Job{Pulls: []replica.Pull{{Table: "note", Filter: "rank lt 5"}}}
			if _, err := part.replica.Run(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		pull()
		part.holds("note", table.Record{"id": "a", "text": "ours", "rank": 1.0})
		d.write(table.ActionUpdate, "note", table.Record{"id": "a", "rank": 7.0})
		d.write(table.ActionUpdate, "note", table.Record{"id": "b", "rank": 2.0})
		d.sync()
		pull()
		part.holds("note", table.Record{"id": "b", "text": "ours", "rank": 2.0})
	})
}
