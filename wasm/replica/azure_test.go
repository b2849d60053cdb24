package replica_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// plain is a server's table as Azure Mobile Apps has it, with all that makes pulls from it hard: many records of one updatedAt,
// of which the database keeps more than answers show; pages as large as the server likes; writes while it is read, some of
// which others see only some time after the moment that updatedAt tells.
type plain struct {
	random *rand.Rand
	rows   map[string]*plainRow
	hidden []*plainRow // written, and not yet seen by readers
	now    time.Duration
	most   int // rows in a page
	soft   bool
	busy   bool // others write while it is read, and the network fails
}

type plainRow struct {
	id, text, version string
	at                time.Duration
	deleted           bool
}

// writesAreSeen is how long a write takes to be seen at most.
const writesAreSeen = 50 * time.Second

var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *plain) record(r *plainRow) table.Record {
	out := table.Record{"id": r.id, "text": r.text, "version": r.version, "rank": nil, "other": "not in the schema",
		"updatedAt": beginning.Add(r.at).Format("2006-01-02T15:04:05.000Z")}
	if p.soft {
		out["deleted"] = r.deleted
	}
	return out
}

// write changes a record, as another client does.
func (p *plain) write() {
	p.now += time.Duration(p.random.IntN(2)*p.random.IntN(700)) * time.Microsecond
	number := func(below int) string { return strconv.Itoa(p.random.IntN(below)) }
	r := &plainRow{id: number(90), text: number(1e6), version: number(1e9), at: p.now}
	r.deleted = p.rows[r.id] != nil && p.random.IntN(3) == 0
	if p.random.IntN(5) == 0 {
		p.hidden = append(p.hidden, r)
		return
	}
	p.show(r)
}

func (p *plain) show(r *plainRow) {
	if was := p.rows[r.id]; was != nil && was.at > r.at {
		return
	}
	if p.rows[r.id] = r; r.deleted && !p.soft {
		delete(p.rows, r.id)
	}
}

// pass lets time pass.
func (p *plain) pass(d time.Duration) {
	p.now += d
	p.hidden = slices.DeleteFunc(p.hidden, func(r *plainRow) bool {
		seen := p.now-r.at >= writesAreSeen || p.random.IntN(4) == 0
		if seen {
			p.show(r)
		}
		return seen
	})
}

func (p *plain) send(_ context.Context, s replica.Send) replica.Answer {
	if p.busy && p.random.IntN(3) == 0 {
		p.write()
	}
	if p.busy && p.random.IntN(12) == 0 {
		return replica.Answer{Err: errors.New("cut off")}
	}
	_, query, _ := strings.Cut(s.Path, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return replica.Answer{Err: err}
	}
	filter, err := table.ParseFilter(cmp.Or(q.Get("$filter"), "true"))
	if err != nil {
		return replica.Answer{Status: 500, Body: []byte(err.Error())}
	}
	var found []*plainRow
	for _, r := range p.rows {
		if table.Matches(filter, p.record(r)) && (!r.deleted || q.Get("__includeDeleted") != "") {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *plainRow) int {
		if strings.HasPrefix(q.Get("$orderby"), "updatedAt") {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
		}
		return cmp.Compare(a.id, b.id)
	})
	top, err := strconv.Atoi(q.Get("$top"))
	if err != nil || top > 200 {
		return replica.Answer{Status: 400, Body: []byte(`{"error":"You cannot request more than 200 records"}`)}
	}
	list := []any{}
	for _, r := range found[:min(top, p.most, len(found))] {
		list = append(list, map[string]any(p.record(r)))
	}
	if q.Get("$inlinecount") == "allpages" {
		counted := table.Record{"results": list, "count": float64(len(found))}
		return replica.Answer{Status: 200, Body: table.AppendJSON(nil, counted)}
	}
	return replica.Answer{Status: 200, Body: table.AppendJSON(nil, list)}
}

// reader is a database that pulls from such a server.
type reader struct {
	*testing.T
	server  *plain
	store   *store.Store
	outbox  *replica.Outbox
	replica *replica.Replica
}

func newReader(t *testing.T, p *plain) *reader {
	r := &reader{T: t, server: p}
	r.outbox = replica.NewOutbox(replica.OutboxOptions{NewID: func() string { return "o" }, Now: func() string { return "" }})
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{Name: "item",
		Columns: []table.Column{{Name: "rank", Type: table.TypeNumber}, {Name: "text", Type: table.TypeString}}}}}
	var err error
	o := store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: r.outbox}
	if r.store, err = store.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	r.restart()
	return r
}

func (r *reader) restart() {
	azure := &replica.Azure{Send: r.server.send, Now: func() time.Time { return beginning.Add(r.server.now) }}
	r.replica = replica.New(r.store, replica.Options{Outbox: r.outbox, Sources: map[string]replica.Source{"item": azure}})
}

func (r *reader) pull(filter string) (replica.Result, error) {
	return r.replica.Run(r.Context(), replica.Job{Pulls: []replica.Pull{{Table: "item", Filter: filter}}})
}

// equal compares what is here with what the server has.
func (r *reader) equal(filter string) {
	r.Helper()
	e, err := table.ParseFilter(cmp.Or(filter, "true"))
	if err != nil {
		r.Fatal(err)
	}
	want := map[string]string{}
	for _, row := range r.server.rows {
		if !row.deleted && table.Matches(e, r.server.record(row)) {
			want[row.id] = row.text + " " + row.version
		}
	}
	err = r.store.View(r.Context(), []string{"item"}, func(tx *store.Tx) error {
		rows, err := tx.Table("item").Query(r.Context(), table.NewQuery())
		for _, row := range rows {
			text, _ := row["text"].(string)
			if got := text + " " + row.Version(); want[row.ID()] != got {
				r.Errorf("%s is %q here and %q on the server %+v", row.ID(), got, want[row.ID()], r.server.rows[row.ID()])
			}
			delete(want, row.ID())
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	for id := range want {
		r.Errorf("%s is not here: %+v, now %v", id, r.server.rows[id], r.server.now)
	}
}

// TestPlainPull reads a table again and again while it changes, with interruptions and restarts, and finds it whole whenever
// there is rest.
func TestPlainPull(t *testing.T) {
	for name, c := range map[string]struct {
		soft   bool
		filter string
	}{
		"a table that keeps deleted records":           {true, ""},
		"a table whose deleted records leave no trace": {false, ""},
		"a part of a table":                            {true, "text gt '5'"},
		"a part of a table without deleted records":    {false, "text gt '5'"},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(60) {
				random := rand.New(rand.NewPCG(seed, 1))
				p := &plain{random: random, rows: map[string]*plainRow{}, soft: c.soft, busy: true,
					most: []int{1, 3, 10, 1000}[seed%4]}
				for range random.IntN(60) {
					p.write()
				}
				r := newReader(t, p)
				for range 25 {
					p.pass(time.Duration(random.IntN(60_000)) * time.Millisecond)
					for range random.IntN(6) {
						p.write()
					}
					if _, err := r.pull(c.filter); err != nil && table.CodeOf(err) != table.CodeNetwork {
						t.Fatal(err)
					}
					if random.IntN(8) == 0 {
						r.restart()
					}
				}
				p.busy = false
				p.pass(writesAreSeen)
				for range 2 { // the first may have gone on where one had been cut off
					if _, err := r.pull(c.filter); err != nil {
						t.Fatal(err)
					}
				}
				if r.equal(c.filter); t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
	t.Run("costs one request when there is nothing new, and a minute has passed", func(t *testing.T) {
		p := &plain{random: rand.New(rand.NewPCG(1, 1)), rows: map[string]*plainRow{}, most: 1000, soft: true}
		for i := range 2000 { // one import, of one moment
			p.show(&plainRow{id: strconv.Itoa(i), version: "1"})
		}
		r := newReader(t, p)
		var requests, pulled []int
		for range 4 {
			result, err := r.pull("")
			if err != nil {
				t.Fatal(err)
			}
			requests, pulled = append(requests, result.Requests), append(pulled, result.Pulled)
			p.pass(time.Minute)
		}
		r.restart()
		if result, err := r.pull(""); err != nil || result.Requests != 1 {
			t.Errorf("%d requests after a restart, %v", result.Requests, err)
		}
		if !slices.Equal(pulled, []int{2000, 0, 0, 0}) || requests[3] != 1 {
			t.Errorf("%v changes by %v requests", pulled, requests)
		}
		r.equal("")
	})
}
