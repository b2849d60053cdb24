package sync_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// servers are the kinds of servers that a device can sync with: each gives the address of a new one.
var servers = map[string]func(*testing.T) string{
	"Larder's server":      func(t *testing.T) string { return newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL },
	"a plain Azure server": newPlain,
}

// plainly puts something before a server that hides from clients what a plain Azure Mobile Apps server does not know.
func plainly(t *testing.T, server *httptest.Server) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == table.PathBatch {
			http.Error(w, "<!DOCTYPE html>\n<pre>Cannot POST /tables/$batch</pre>", http.StatusNotFound)
			return
		}
		q := r.URL.Query()
		q.Del(table.ParamDeltaToken)
		r.URL.RawQuery = q.Encode()
		server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func newPlain(t *testing.T) string {
	return plainly(t, newServer(t, filepath.Join(t.TempDir(), "larder.db")))
}

// writes are the requests that a device has sent to change something, each as "METHOD path", without the attempts at batches.
func (d *device) writes() (list []string) {
	for _, s := range d.network.sent {
		if s.Method != "GET" && s.Path != table.PathBatch && !strings.HasPrefix(s.Path, table.PathBatch+"?") {
			list = append(list, s.Method+" "+strings.TrimPrefix(s.Path, table.PathTables+"todoitem"))
		}
	}
	return list
}

func isWrite(s replica.Send) bool {
	return s.Method != "GET" && !strings.HasPrefix(s.Path, table.PathBatch)
}

func TestPlainServer(t *testing.T) {
	t.Run("is recognised, and gets one request for each operation", func(t *testing.T) {
		url := newPlain(t)
		a, b := newDevice(t, url), newDevice(t, url)
		b.sync() // by its pull
		a.put(item("1", "bread"), item("2", "milk"), item("3", "tea"))
		if r := a.sync(); r.Pushed != 3 { // by its push
			t.Errorf("pushed %d, want 3", r.Pushed)
		}
		b.sync()
		b.update(table.Record{"id": "1", "complete": true})
		b.delete("2")
		b.put(item("4", "jam"))
		b.sync()
		if got, want := b.writes(), []string{"PATCH /1", "DELETE /2", "POST "}; !slices.Equal(got, want) {
			t.Errorf("it sent %v, want %v", got, want)
		}
		for _, s := range b.network.sent {
			if isWrite(s) && s.Method != "POST" && !strings.Contains(s.Headers["if-match"], `-`) {
				t.Errorf("%s %s without the version it was made on: %v", s.Method, s.Path, s.Headers)
			}
		}
		a.sync()
		bread := table.Record{"id": "1", "text": "bread", "complete": true}
		agree(t, url, map[string]table.Record{"1": bread, "3": item("3", "tea"), "4": item("4", "jam")}, a, b)
	})
	t.Run("is asked in its own way from the start when that was said", func(t *testing.T) {
		d := newDevice(t, newPlain(t))
		d.options.Protocol = replica.ProtocolAzure
		d.restart()
		d.put(item("1", "bread"))
		d.sync()
		if first := d.network.sent[0]; first.Method != "POST" || first.Path != "/tables/todoitem" {
			t.Errorf("it began with %s %s", first.Method, first.Path)
		}
	})
	t.Run("is not what any server is that does not find something", func(t *testing.T) {
		d := newDevice(t, newPlain(t))
		d.network.answer = func(replica.Send) *replica.Answer {
			return &replica.Answer{Status: 404, Body: []byte("<html>no such backend")}
		}
		d.put(item("1", "bread"))
		if _, err := d.replica.Sync(ctx, 0); table.CodeOf(err) != table.CodeServer || len(d.writes()) != 0 {
			t.Errorf("%v, and it sent %v", err, d.writes())
		}
		if ops := d.pending(); len(ops) != 1 || ops[0].State == table.StateQuarantined {
			t.Errorf("waiting: %v", ops)
		}
	})
	t.Run("may become Larder's", func(t *testing.T) {
		server := newServer(t, filepath.Join(t.TempDir(), "larder.db"))
		url := plainly(t, server)
		a, b := newDevice(t, url), newDevice(t, url)
		a.put(item("1", "bread"), item("2", "milk"))
		a.sync()
		b.sync()
		a.delete("2")
		a.sync()
		for _, d := range []*device{a, b} {
			d.network.url = server.URL
			d.restart()
		}
		b.put(item("3", "tea"))
		b.sync()
		a.sync()
		agree(t, server.URL, map[string]table.Record{"1": item("1", "bread"), "3": item("3", "tea")}, a, b)
		if n := len(b.writes()); n != 0 {
			t.Errorf("%d single writes", n)
		}
	})
}

// TestEmptyLists has something on the way answer with an empty list whatever is asked, as a plain server does that has nothing.
func TestEmptyLists(t *testing.T) {
	d := newDevice(t, newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL)
	d.put(item("1", "bread"))
	d.network.answer = func(replica.Send) *replica.Answer { return &replica.Answer{Status: http.StatusOK, Body: []byte("[]")} }
	if _, err := d.replica.Pull(ctx, 0, "todoitem"); table.CodeOf(err) != table.CodeServer {
		t.Errorf("the pull ended with %v, want code server", err)
	}
	d.network.answer = nil
	d.sync()
	if list := d.writes(); len(list) > 0 {
		t.Errorf("it took the server for a plain one: %v", list)
	}
}

// TestPlainAnswersLost loses each answer in turn, and finds that nobody noticed.
func TestPlainAnswersLost(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(*device)
		want    map[string]table.Record
		changes int // that the server has seen
	}{
		"of an insert": {func(d *device) { d.put(item("2", "new")) }, map[string]table.Record{"1": item("1", "old"), "2": item("2", "new")}, 1},
		"of an update": {func(d *device) { d.update(item("1", "new")) }, map[string]table.Record{"1": item("1", "new")}, 1},
		"of a delete":  {func(d *device) { d.delete("1") }, map[string]table.Record{}, 1},
		"of an insert once deleted": {func(d *device) {
			d.delete("1")
			d.sync()
			d.put(item("1", "again"))
		}, map[string]table.Record{"1": item("1", "again")}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			url := newPlain(t)
			d, lost := newDevice(t, url), 0
			d.put(item("1", "old"))
			d.sync()
			before := d.clock(url)
			c.do(d)
			d.network.after = func(s replica.Send) error {
				if lost > 0 || !isWrite(s) {
					return nil
				}
				lost++
				return errors.New("cut off")
			}
			if r := d.sync(); lost != 1 || len(r.Quarantined) != 0 || len(d.asked) != 0 {
				t.Errorf("%d answers lost, %v quarantined, %d conflicts", lost, r.Quarantined, len(d.asked))
			}
			if n := d.clock(url) - before; n != c.changes {
				t.Errorf("the server has seen %d changes, want %d", n, c.changes)
			}
			agree(t, url, c.want, d)
		})
	}
}

func TestPlainInsertThatWasDeleted(t *testing.T) {
	url := newPlain(t)
	a, b := newDevice(t, url), newDevice(t, url)
	a.sync()
	a.put(item("1", "bread"))
	a.network.after = func(s replica.Send) error { return errors.New("cut off") }
	if _, err := a.replica.Push(ctx, 0); table.CodeOf(err) != table.CodeNetwork {
		t.Fatal(err)
	}
	b.sync()
	b.delete("1")
	b.sync()
	a.network.after = nil
	a.decide = func(*replica.Conflict) (replica.Decision, error) {
		return replica.Decision{Choice: replica.ChooseServer}, nil
	}
	if a.sync(); len(a.asked) != 1 || a.asked[0].Server != nil {
		t.Errorf("asked %+v: whether the record should be there again is not for the engine to say", a.asked)
	}
	agree(t, url, map[string]table.Record{}, a, b)
}

// clock is the number of the newest change that the server knows.
func (d *device) clock(url string) (newest int) {
	d.t.Helper()
	a := (&network{url: url}).Send(ctx, replica.Send{Method: "GET", Path: "/tables/todoitem?__includeDeleted=true"}, "")
	v, err := table.ParseJSON(a.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	list, _ := v.([]any)
	for _, row := range list {
		newest = max(newest, number(d.t, table.Record(row.(map[string]any)).Version()))
	}
	return newest
}

func TestPlainServerRefuses(t *testing.T) {
	to := func(path string, a replica.Answer) func(replica.Send) *replica.Answer {
		return func(s replica.Send) *replica.Answer {
			if !isWrite(s) || s.Path != path && !strings.Contains(string(s.Body), `"id":"`+path+`"`) {
				return nil
			}
			return &a
		}
	}
	for name, c := range map[string]replica.Answer{
		"what is wrong":                      {Status: 400, Body: []byte(`{"error":"no"}`)},
		"what is forbidden":                  {Status: 403, Body: []byte(`{"message":"no"}`)},
		"what is too large":                  {Status: 413, Body: []byte(`{"error":"no"}`)},
		"what makes it fail again and again": {Status: 500, Body: []byte(`{"error":"no"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, newPlain(t))
			d.network.answer = to("bad", c)
			d.put(item("1", "x"), item("bad", "x"), item("2", "x"))
			if _, err := d.replica.Sync(ctx, time.Hour); err != nil {
				t.Fatal(err)
			}
			ops := d.pending()
			if len(ops) != 1 || ops[0].RecordID != "bad" || ops[0].State != table.StateQuarantined || ops[0].Reason != "no" {
				t.Errorf("waiting: %+v", ops)
			}
			if got := d.writes()[:3]; !slices.Equal(got, []string{"POST ", "POST ", "POST "}) {
				t.Errorf("it sent %v", got)
			}
		})
	}
	t.Run("for now", func(t *testing.T) {
		d := newDevice(t, newPlain(t))
		d.put(item("1", "x"))
		d.sync()
		d.restart()
		var waits []time.Duration
		d.options.Wait = func(_ context.Context, w time.Duration) error { waits = append(waits, w); return nil }
		d.restart()
		d.update(item("1", "y"))
		busy := 0
		d.network.answer = func(s replica.Send) *replica.Answer {
			if busy++; !isWrite(s) || busy > 6 {
				return nil
			}
			return &replica.Answer{Status: 429, RetryAfter: 7 * time.Second}
		}
		if r := d.sync(); r.Pushed != 1 || len(waits) == 0 || waits[0] != 7*time.Second {
			t.Errorf("pushed %d after %v", r.Pushed, waits)
		}
	})
	t.Run("a token that has expired between two operations", func(t *testing.T) {
		d := newDevice(t, newPlain(t))
		tokens := 0
		d.options.Token = func(_ context.Context, fresh bool) (string, error) {
			tokens++
			return "token" + strconv.Itoa(tokens), nil
		}
		d.restart()
		d.network.answer = func(s replica.Send) *replica.Answer {
			if isWrite(s) && strings.Contains(string(s.Body), `"id":"2"`) && s.Headers["x-zumo-auth"] != "token2" {
				return &replica.Answer{Status: 401, Body: []byte("You must be logged in to use this application")}
			}
			return nil
		}
		d.put(item("1", "x"), item("2", "x"), item("3", "x"))
		r, err := d.replica.Push(ctx, time.Minute)
		if err != nil || r.Pushed != 3 || tokens != 2 {
			t.Errorf("pushed %d with %d tokens, %v", r.Pushed, tokens, err)
		}
		if got := len(d.writes()); got != 4 {
			t.Errorf("%d writes, want those of three operations and the one that was refused", got)
		}
	})
	t.Run("nothing, but cannot take an atomic transaction", func(t *testing.T) {
		d := newDevice(t, newPlain(t))
		d.sync()
		err := d.store.Atomic(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
			_, err := tx.Table("todoitem").Put(ctx, item("1", "x"), item("2", "x"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		d.put(item("3", "x"))
		if r := d.sync(); r.Pushed != 1 || len(d.writes()) != 1 {
			t.Errorf("pushed %d by %v", r.Pushed, d.writes())
		}
		for _, op := range d.pending() {
			if op.State != table.StateQuarantined || !strings.Contains(op.Reason, "atomic") {
				t.Errorf("%+v", op)
			}
		}
	})
}
