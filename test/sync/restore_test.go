package sync_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// shop is a server that can be stopped, restored and started again behind the same address.
type shop struct {
	t      *testing.T
	dir    string
	url    string
	db     *sqlite.DB
	api    *api.API
	writes int // requests of batches that reached it
}

func newShop(t *testing.T) *shop {
	s := &shop{t: t, dir: t.TempDir()}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.api.ServeHTTP(w, r) }))
	s.url = front.URL
	s.start()
	t.Cleanup(func() {
		front.Close()
		s.stop()
	})
	return s
}

func (s *shop) path() string { return filepath.Join(s.dir, "larder.db") }

func (s *shop) start() {
	s.t.Helper()
	var err error
	if s.db, err = sqlite.Open(ctx, s.path(), sqlite.Options{Relaxed: true}); err != nil {
		s.t.Fatal(err)
	}
	todo, err := db.ParseTable("todoitem", []byte(tableFile))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.api, err = api.New(ctx, api.Options{DB: s.db, Tables: []*db.Table{todo}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) stop() {
	s.t.Helper()
	if err := errors.Join(s.api.Close(ctx), s.db.Close()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) backup() {
	s.t.Helper()
	path := filepath.Join(s.dir, "backup.db")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	if err := s.db.Backup(ctx, path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) restore() {
	s.t.Helper()
	s.stop()
	if err := sqlite.Restore(ctx, filepath.Join(s.dir, "backup.db"), s.path(), true); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}

// empty deletes the database.
func (s *shop) empty() {
	s.t.Helper()
	s.stop()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.path() + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatal(err)
		}
	}
	s.start()
}

// numbers is how many writes the server has carried out.
func (s *shop) numbers() int64 {
	s.t.Helper()
	heads, err := s.db.Heads(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return heads["todoitem"].Seq
}

func (d *device) undecided(t *testing.T) {
	t.Helper()
	if len(d.asked) > 0 {
		t.Errorf("asked about a conflict: %+v", d.asked[0])
	}
}

func TestRestored(t *testing.T) {
	text := func(id, text string) table.Record { return table.Record{"id": id, "text": text} }
	// Two devices have what the backup has, and what came after it.
	start := func(t *testing.T) (s *shop, a, b *device) {
		s = newShop(t)
		a, b = newDevice(t, s.url), newDevice(t, s.url)
		a.put(item("kept", "kept"), item("changed", "old"), item("deleted", "x"), item("again", "first"))
		a.sync()
		a.delete("again")
		a.sync()
		s.backup()
		a.put(item("new", "new"), item("again", "second"))
		a.update(text("changed", "new"))
		a.delete("deleted")
		a.sync()
		b.sync()
		return s, a, b
	}
	all := map[string]table.Record{"kept": item("kept", "kept"), "changed": item("changed", "new"), "new": item("new", "new"), "again": item("again", "second")}

	t.Run("what the backup lacks is there again, once, whoever comes first", func(t *testing.T) {
		for _, order := range []string{"ab", "ba"} {
			s, a, b := start(t)
			s.restore()
			before := s.numbers()
			devices := map[rune]*device{'a': a, 'b': b}
			for _, name := range order + order {
				devices[name].sync()
			}
			agree(t, s.url, all, a, b)
			if n := s.numbers() - before; n != 4 {
				t.Errorf("%s: it took %d writes to bring back 4 changes", order, n)
			}
			for _, d := range devices {
				d.undecided(t)
				if len(d.epochs) != 1 || d.epochs[0].Kind != replica.EpochRestored || !reflect.DeepEqual(d.epochs[0].Tables, []string{"todoitem"}) {
					t.Errorf("the app was told of %+v", d.epochs)
				}
				if r := d.sync(); r.Pushed+r.Pulled > 0 {
					t.Errorf("afterwards there is more to do: %+v", r)
				}
			}
		}
	})
	t.Run("a plain copy of an old file, too, and after a start that has written", func(t *testing.T) {
		s, a, b := start(t)
		s.stop()
		text, err := os.ReadFile(filepath.Join(s.dir, "backup.db"))
		if err := errors.Join(err, os.WriteFile(s.path(), text, 0o600)); err != nil {
			t.Fatal(err)
		}
		s.start()
		c := newDevice(t, s.url)
		c.put(item("since", "since"))
		c.sync()
		a.sync()
		b.sync()
		want := map[string]table.Record{"since": item("since", "since")}
		for id, r := range all {
			want[id] = r
		}
		a.sync()
		c.sync()
		agree(t, s.url, want, a, b, c)
		a.undecided(t)
	})
	t.Run("what waits goes on top of it", func(t *testing.T) {
		s, a, b := start(t)
		b.update(text("changed", "newest"), text("new", "newer"), text("kept", "kept and changed"))
		b.delete("again")
		s.restore()
		b.sync()
		a.sync()
		want := map[string]table.Record{"kept": item("kept", "kept and changed"), "changed": item("changed", "newest"), "new": item("new", "newer")}
		a.undecided(t)
		b.undecided(t)
		// The record that b has deleted was not there to be deleted: a brings it back, and who deletes it again deletes it.
		if a.rows()["again"] == nil {
			t.Error("the device that still had the record did not bring it back")
		}
		a.delete("again")
		a.sync()
		b.sync()
		agree(t, s.url, want, a, b)
	})
	t.Run("a change that others made since is a conflict; of one that does not touch it nothing is lost", func(t *testing.T) {
		s, a, b := start(t)
		s.restore()
		c := newDevice(t, s.url)
		c.sync()
		c.update(text("changed", "other"))
		c.update(table.Record{"id": "deleted", "rank": 7.0})
		c.delete("kept")
		c.sync()
		a.decide = func(c *replica.Conflict) (replica.Decision, error) {
			if c.RecordID == "changed" {
				return replica.Decision{Choice: replica.ChooseRecord, Record: text("changed", "both")}, nil
			}
			return replica.Decision{Choice: replica.ChooseServer}, nil
		}
		a.sync()
		var asked []string
		for _, c := range a.asked {
			asked = append(asked, c.RecordID)
			if c.RecordID == "changed" && (c.Local["text"] != "new" || c.Server["text"] != "other") || c.RecordID == "deleted" && (c.Local != nil || c.Server["rank"] != 7.0) {
				t.Errorf("asked about %+v", c)
			}
		}
		if strings.Join(asked, " ") != "changed deleted" && strings.Join(asked, " ") != "deleted changed" {
			t.Errorf("asked about %v", asked)
		}
		b.sync() // what a has decided includes what b holds
		b.undecided(t)
		c.sync()
		agree(t, s.url, map[string]table.Record{"changed": item("changed", "both"), "new": item("new", "new"), "again": item("again", "second"),
			"deleted": {"id": "deleted", "text": "x", "rank": 7.0}}, a, b, c)
	})
	t.Run("of two that hold different versions the later counts, whoever comes first", func(t *testing.T) {
		for _, late := range []bool{true, false} {
			s, a, b := start(t)
			a.update(text("changed", "newest"), text("new", "newest"))
			a.delete("again")
			a.sync() // b does not know
			s.restore()
			if late {
				b.sync()
			}
			a.sync()
			b.sync()
			a.sync()
			a.undecided(t)
			b.undecided(t)
			got := a.rows()
			if delete(got, "again"); !reflect.DeepEqual(got, map[string]table.Record{"kept": item("kept", "kept"), "changed": item("changed", "newest"), "new": item("new", "newest")}) {
				t.Errorf("b first: %v: %v", late, got)
			}
			if late && a.rows()["again"] != nil {
				t.Error("what was deleted later was brought back for good")
			}
		}
	})
	t.Run("a device that has only pushed notices, too", func(t *testing.T) {
		s := newShop(t)
		a := newDevice(t, s.url)
		push := func() {
			if _, err := a.replica.Push(ctx, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		a.put(item("1", "old"))
		push()
		s.backup()
		a.put(item("2", "new"))
		push()
		s.restore()
		a.put(item("3", "newer"))
		push()
		want := map[string]table.Record{"1": item("1", "old"), "2": item("2", "new"), "3": item("3", "newer")}
		agree(t, s.url, want, a)
		s.restore()
		a.sync()
		agree(t, s.url, want, a)
	})
	t.Run("it goes on after a break, and after a new start", func(t *testing.T) {
		s, a, _ := start(t)
		a.network.sent = nil
		s.restore()
		var fails int
		a.network.after = func(replica.Send) error {
			if fails--; fails == 0 {
				return errors.New("cut off")
			}
			return nil
		}
		for n := 1; ; n++ {
			fails = n
			_, err := a.replica.Run(ctx, replica.Job{Push: true, Pulls: replica.Whole("todoitem"), PageSize: 2})
			if err == nil {
				break
			}
			if table.CodeOf(err) != table.CodeNetwork || n > 30 {
				t.Fatal(err)
			}
			a.restart()
		}
		a.sync()
		agree(t, s.url, all, a)
		a.undecided(t)
	})
	t.Run("an operation whose answer was lost is done once", func(t *testing.T) {
		s, a, b := start(t)
		b.update(text("changed", "newest"))
		b.network.after = func(replica.Send) error { return errors.New("cut off") }
		if _, err := b.replica.Push(ctx, 0); err == nil {
			t.Fatal("the answer was not lost")
		}
		b.network.after = nil
		s.restore()
		b.sync()
		a.sync()
		b.undecided(t)
		if got := b.rows()["changed"]["text"]; got != "newest" || a.rows()["changed"]["text"] != "newest" {
			t.Errorf("after it the record is %v", got)
		}
	})
	t.Run("a part of a table, with what was written beside it", func(t *testing.T) {
		s := newShop(t)
		a := newDevice(t, s.url)
		low := part("rank lt 3")
		a.put(ranked("1", 1), ranked("9", 9))
		a.sync()
		b := newDevice(t, s.url)
		b.pull(low)
		s.backup()
		b.put(ranked("2", 2), ranked("8", 8))
		b.update(table.Record{"id": "1", "text": "x"})
		if _, err := b.replica.Push(ctx, 0); err != nil {
			t.Fatal(err)
		}
		s.restore()
		b.sync()
		a.sync()
		want := []string{"1", "2", "8", "9"}
		a.holds(want...)
		if a.rows()["1"]["text"] != "x" {
			t.Errorf("the update is gone: %v", a.rows())
		}
	})
	t.Run("the app can take the server as it is", func(t *testing.T) {
		s, a, _ := start(t)
		a.course = replica.CourseServer
		a.update(text("changed", "mine"), text("kept", "mine"))
		s.restore()
		a.decide = func(*replica.Conflict) (replica.Decision, error) {
			return replica.Decision{Choice: replica.ChooseLocal}, nil
		}
		a.sync()
		agree(t, s.url, map[string]table.Record{"kept": item("kept", "mine"), "changed": item("changed", "mine"), "deleted": item("deleted", "x")}, a)
	})
	t.Run("or keep what it has, and decide later", func(t *testing.T) {
		s, a, b := start(t)
		a.course = replica.CourseKeep
		a.update(text("kept", "waits"))
		s.restore()
		for range 2 {
			if _, err := a.replica.Sync(ctx, time.Minute); table.CodeOf(err) != table.CodeEpoch {
				t.Errorf("sync: %v", err)
			}
		}
		if ops := a.pending(); len(ops) != 1 || ops[0].State != table.StateWaiting || len(a.epochs) != 2 {
			t.Errorf("pending %v, asked %d times", ops, len(a.epochs))
		}
		a.course = replica.CourseOffer
		a.sync()
		b.sync()
		want := map[string]table.Record{"kept": item("kept", "waits"), "changed": all["changed"], "new": all["new"], "again": all["again"]}
		agree(t, s.url, want, a, b)
	})
}

func TestOtherServer(t *testing.T) {
	start := func(t *testing.T) (*shop, *device) {
		s := newShop(t)
		a := newDevice(t, s.url)
		a.put(item("1", "one"), item("2", "two"))
		a.sync()
		a.update(item("2", "waits"))
		a.put(item("3", "waits"))
		return s, a
	}
	replace := func(t *testing.T, s *shop) {
		s.empty()
		c := newDevice(t, s.url)
		c.put(item("theirs", "x"))
		c.sync()
	}
	mine := map[string]table.Record{"1": item("1", "one"), "2": item("2", "waits"), "3": item("3", "waits")}
	for name, c := range map[string]struct {
		kind   replica.EpochKind
		change func(t *testing.T, s *shop)
		theirs map[string]table.Record
	}{
		"emptied":  {replica.EpochEmptied, func(_ *testing.T, s *shop) { s.empty() }, map[string]table.Record{}},
		"replaced": {replica.EpochReplaced, replace, map[string]table.Record{"theirs": item("theirs", "x")}},
	} {
		t.Run("nothing is pushed to a server that was "+name+", and nothing deleted, until the app decides", func(t *testing.T) {
			s, a := start(t)
			c.change(t, s)
			before := s.numbers()
			for _, job := range []replica.Job{{Push: true}, {Pulls: replica.Whole("todoitem")}, {Push: true, Pulls: replica.Whole("todoitem")}} {
				if _, err := a.replica.Run(ctx, job); table.CodeOf(err) != table.CodeEpoch {
					t.Errorf("%+v: %v", job, err)
				}
			}
			if got := a.rows(); !reflect.DeepEqual(got, mine) || s.numbers() != before {
				t.Errorf("the device holds %v, and the server has %d writes", got, s.numbers())
			}
			if len(a.epochs) != 3 || a.epochs[0].Kind != c.kind {
				t.Errorf("the app was told of %+v", a.epochs[0])
			}
			a.course = replica.CourseOffer
			a.sync()
			want := map[string]table.Record{}
			for _, part := range []map[string]table.Record{mine, c.theirs} {
				for id, r := range part {
					want[id] = r
				}
			}
			agree(t, s.url, want, a)
			a.undecided(t)
		})
		t.Run("the app takes a server that was "+name+" as it is: what waits stays", func(t *testing.T) {
			s, a := start(t)
			c.change(t, s)
			a.course = replica.CourseServer
			a.decide = func(*replica.Conflict) (replica.Decision, error) {
				return replica.Decision{Choice: replica.ChooseLocal}, nil
			}
			a.sync()
			want := map[string]table.Record{"2": mine["2"], "3": mine["3"]}
			for id, r := range c.theirs {
				want[id] = r
			}
			agree(t, s.url, want, a)
		})
	}
	t.Run("an app that fails to decide stops the sync alone", func(t *testing.T) {
		s, a := start(t)
		s.empty()
		a.options.Epoch = func(context.Context, *replica.Epoch) (replica.Course, error) { return "", errors.New("no idea") }
		a.restart()
		if _, err := a.replica.Sync(ctx, 0); err == nil || !strings.Contains(err.Error(), "no idea") {
			t.Errorf("sync: %v", err)
		}
		if got := a.rows(); !reflect.DeepEqual(got, mine) {
			t.Errorf("the device holds %v", got)
		}
	})
}
