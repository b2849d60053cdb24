package live_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/postgres"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

// site is a table "note" whose changes can be listened to.
type site struct {
	t    *testing.T
	db   db.DB
	note *db.Table
	feed *feed.Feed
	hub  *live.Hub
}

func open(t *testing.T, d db.DB, o live.Options) *site {
	t.Helper()
	note, err := db.ParseTable("note", []byte(`{"perUser": true}`))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, db: d, note: note, hub: live.New(d, o)}
	t.Cleanup(s.hub.Close)
	s.feed, err = feed.Open(t.Context(), d, []*db.Table{note}, feed.Options{Wrote: func(p []db.Piece) { s.hub.Committed(p) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.feed.Close(context.Background()) })
	return s
}

func openSQLite(t *testing.T) db.DB {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "larder.db"), sqlite.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// put writes a record; an owner may follow.
func (s *site) put(id string, owner ...string) {
	s.t.Helper()
	r := table.Record{"id": id}
	if len(owner) > 0 {
		r["userId"] = owner[0]
	}
	s.push(feed.Op{Action: feed.Put, ID: id, Record: r})
}

func (s *site) push(op feed.Op) {
	s.t.Helper()
	op.Table = s.note
	answers, err := s.feed.Push(context.Background(), []feed.Op{op})
	if err != nil || !answers[0].OK() {
		s.t.Fatalf("%v, %v", answers, err)
	}
}

// message is one that a client received.
type message struct{ id, event, data string }

// client is a connection that listens.
type client struct {
	t    *testing.T
	in   *bufio.Scanner
	last string // the id, also of messages without data
	end  context.CancelFunc
}

func (s *site) listen(stream live.Stream) *client {
	s.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.hub.Serve(w, r, stream); err != nil {
			http.Error(w, string(table.CodeOf(err)), http.StatusServiceUnavailable)
		}
	}))
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(server.Close)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { answer.Body.Close() })
	c := &client{t: s.t, in: bufio.NewScanner(answer.Body), end: cancel}
	if answer.StatusCode != http.StatusOK {
		c.in.Scan()
		s.t.Fatalf("%s: %s", answer.Status, c.in.Text())
	}
	c.block() // says where it begins
	return c
}

// block reads up to an empty line; ok is false at the end.
func (c *client) block() (m message, ok bool) {
	for c.in.Scan() {
		field, value, _ := strings.Cut(c.in.Text(), ": ")
		switch field {
		case "":
			return m, true
		case "id":
			m.id, c.last = value, value
		case "event":
			m.event = value
		case "data":
			m.data = value
		}
	}
	return m, false
}

// next returns the next message with data.
func (c *client) next() message {
	c.t.Helper()
	for {
		m, ok := c.block()
		if !ok {
			c.t.Fatalf("the stream ended: %v", c.in.Err())
		}
		if m.data != "" {
			return m
		}
	}
}

// ids reads n messages: their records' ids, with "-" before those deleted and "~" before those lost.
func (c *client) ids(n int) string {
	c.t.Helper()
	var list []string
	for range n {
		m := c.next()
		r, err := table.ParseRecord([]byte(m.data))
		if err != nil {
			c.t.Fatal(err)
		}
		id := r.ID()
		switch {
		case r["resync"] == true:
			id = "resync"
		case strings.Contains(m.data, `"deleted"}`):
			id = "-" + id
		case strings.Contains(m.data, `"changed"}`):
			id = "~" + id
		}
		list = append(list, id)
	}
	return strings.Join(list, " ")
}

var all = live.Stream{Tables: []live.Table{{Name: "note", Stored: "note"}}}

func TestStream(t *testing.T) {
	t.Run("a listener is told of each write, by ids that a pull can go on from", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{})
		s.put("before")
		c := s.listen(all)
		s.put("a")
		s.put("b")
		if got := c.ids(2); got != "a b" {
			t.Errorf("told of %s", got)
		}
		cursor, err := db.ParseCursor(c.last)
		if err != nil {
			t.Fatal(err)
		}
		s.push(feed.Op{Action: feed.Delete, ID: "a"})
		if got := c.ids(1); got != "-a" {
			t.Errorf("told of %s", got)
		}
		page, err := s.db.Changes(t.Context(), "note", db.Since{Cursor: cursor, Limit: 10})
		if err != nil || page.Count != 1 || page.Next.String() != c.last {
			t.Errorf("a pull from %s: %+v, %v; the stream is at %s", cursor, page, err, c.last)
		}
	})

	t.Run("who comes back is told what it missed, once", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{Keep: 8})
		c := s.listen(all)
		for i := range 4 {
			s.put(fmt.Sprint(i))
		}
		c.ids(2)
		c.end()
		for i := range 40 { // more than the ring keeps
			s.put(fmt.Sprint(4 + i))
		}
		back := all
		back.Last = c.last
		c = s.listen(back)
		want := ""
		for i := 2; i < 44; i++ {
			want += fmt.Sprint(" ", i)
		}
		if got := " " + c.ids(42); got != want {
			t.Errorf("told of %s", got)
		}
		s.put("next")
		if got := c.ids(1); got != "next" {
			t.Errorf("and then of %s", got)
		}
	})

	t.Run("who comes back from another past has to pull", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{})
		s.put("a")
		for _, last := range []string{"other-1", "nonsense", "other-1~scope"} {
			stream := all
			stream.Last = last
			if got := s.listen(stream).ids(1); got != "resync" {
				t.Errorf("after %s: %s", last, got)
			}
		}
	})

	t.Run("each is told of its own rows, and of those that it lost", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{})
		of := func(user string) *client {
			note := live.Table{Name: "note", Stored: "note", PerUser: true, User: user, Scope: user}
			return s.listen(live.Stream{Tables: []live.Table{note}})
		}
		ann, bob, nobody := of("ann"), of("bob"), of("")
		// Each waits for its news, or a record that is written twice may be told of once.
		told := func(c *client, want string) {
			t.Helper()
			if got := c.ids(len(strings.Fields(want))); got != want {
				t.Errorf("told of %s, not of %s", got, want)
			}
		}
		s.put("a", "ann")
		told(ann, "a")
		s.put("free")
		s.put("a", "bob")
		told(ann, "~a")
		told(bob, "a")
		s.push(feed.Op{Action: feed.Delete, ID: "a"})
		told(bob, "-a")
		s.put("c", "ann")
		s.put("d", "bob")
		told(ann, "c")
		told(bob, "d")
		s.hub.Close()
		if m, ok := nobody.block(); ok && m.data != "" {
			t.Errorf("nobody: %+v", m)
		}
	})

	t.Run("one connection listens to several tables, and comes back to each where it was", func(t *testing.T) {
		d := openSQLite(t)
		s := open(t, d, live.Options{})
		other, err := db.ParseTable("other", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		f, err := feed.Open(t.Context(), d, []*db.Table{other}, feed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close(context.Background())
		both := live.Stream{Named: true, Tables: append([]live.Table{{Name: "o", Stored: "other"}}, all.Tables...)}
		c := s.listen(both)
		s.put("a")
		c.next()
		if _, err := f.Push(t.Context(), []feed.Op{{Table: other, Action: feed.Insert, ID: "x",
			Record: table.Record{"id": "x"}}}); err != nil {
			t.Fatal(err)
		}
		if m := c.next(); m.event != "o" || !strings.Contains(m.data, `"x"`) { // of another feed: by asking
			t.Errorf("%+v", m)
		}
		c.end()
		s.put("b")
		both.Last = c.last
		if m := s.listen(both).next(); m.event != "note" || !strings.Contains(m.data, `"b"`) {
			t.Errorf("%+v after %s", m, c.last)
		}
	})

	t.Run("a silent stream shows that it lives", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{Heartbeat: 10 * time.Millisecond})
		c := s.listen(all)
		for range 3 {
			if m, ok := c.block(); !ok || m.id == "" || m.data != "" {
				t.Errorf("%+v", m)
			}
		}
	})

	t.Run("a stream ends when its token does, and with the server", func(t *testing.T) {
		s := open(t, openSQLite(t), live.Options{})
		short := all
		short.Until = time.Now().Add(time.Millisecond)
		if _, ok := s.listen(short).block(); ok {
			t.Error("it goes on")
		}
		c := s.listen(all)
		s.hub.End()
		if _, ok := c.block(); ok {
			t.Error("it goes on")
		}
	})
}

// stuck is a connection whose client reads only what the test takes from the channel.
type stuck struct {
	*httptest.ResponseRecorder
	sent chan string
}

func (s stuck) Write(p []byte) (int, error) { s.sent <- string(p); return len(p), nil }

func TestSlowListener(t *testing.T) {
	s := open(t, openSQLite(t), live.Options{Keep: 8})
	slow := stuck{httptest.NewRecorder(), make(chan string)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.hub.Serve(slow, httptest.NewRequestWithContext(ctx, "GET", "/", nil), all)
		close(slow.sent)
	}()
	<-slow.sent // where it begins; what follows it leaves
	fast := s.listen(all)
	for i := range 100 {
		id := fmt.Sprint(i)
		s.put(id)
		if got := fast.ids(1); got != id {
			t.Errorf("told of %s", got)
		}
	}
	bytes := 0
	for text := range slow.sent {
		if bytes += len(text); strings.Contains(text, `{"resync":true}`) {
			cancel()
		}
	}
	if err := <-ended; err != nil || bytes > 10_000 {
		t.Errorf("%d bytes were kept for it, %v", bytes, err)
	}
}

func TestLimits(t *testing.T) {
	s := open(t, openSQLite(t), live.Options{Max: 3, MaxPerUser: 2})
	ann := all
	ann.User = "ann"
	s.listen(ann)
	s.listen(ann)
	serve := func(stream live.Stream) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return s.hub.Serve(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil), stream)
	}
	if err := serve(ann); table.CodeOf(err) != table.CodeLimit || !strings.Contains(err.Error(), "2 live connections") {
		t.Errorf("ann's third: %v", err)
	}
	s.listen(all)
	if err := serve(all); table.CodeOf(err) != table.CodeClosed || !strings.Contains(err.Error(), "3 live connections") {
		t.Errorf("the fourth: %v", err)
	}
}

func TestOtherProcess(t *testing.T) {
	for name, judge := range map[string]pgtest.Judge{
		"PostgreSQL": func(text string) (instead, code string) { return text, "" },
		"a database without notifications": func(text string) (instead, code string) {
			if strings.Contains(text, "LISTEN") || strings.Contains(text, "notify") {
				return text, "0A000" // feature_not_supported
			}
			return text, ""
		},
		"a pool on the way that loses notifications": func(text string) (instead, code string) {
			return strings.ReplaceAll(text, "LISTEN larder_commits", "SELECT 1"), ""
		},
	} {
		t.Run(name, func(t *testing.T) { testOtherProcess(t, pgtest.Through(t, pgtest.New(t), judge)) })
	}
}

func testOtherProcess(t *testing.T, address string) {
	var sites []*site
	for range 2 {
		d, err := postgres.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		sites = append(sites, open(t, d, live.Options{Poll: 20 * time.Millisecond}))
	}
	a, b := sites[0].listen(all), sites[1].listen(all)
	for i := range 20 {
		sites[i%2].put(fmt.Sprint(i))
	}
	if one, two := a.ids(20), b.ids(20); one != two || !strings.HasPrefix(one, "0 1 2 3 ") {
		t.Errorf("one is told of %s, the other of %s", one, two)
	}
}
