package live_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/table"
)

// handler serves a stream.
func (s *site) handler(stream live.Stream) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.hub.Serve(w, r, stream); err != nil {
			http.Error(w, string(table.CodeOf(err)), http.StatusServiceUnavailable)
		}
	})
}

// plain hides that a connection is TCP's.
type plain struct{ net.Conn }

type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return plain{c}, err
}

func TestConnections(t *testing.T) {
	shown := all
	shown.Tables = []live.Table{{Name: "note", Stored: "note", See: func(e db.Entry, _ int64) []byte { return e.Data }}}
	over := func(protocol string) func(*httptest.Server) {
		return func(server *httptest.Server) {
			server.EnableHTTP2 = true
			server.StartTLS()
			server.Client().Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{protocol}
			server.Client().Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
		}
	}
	for name, c := range map[string]struct {
		stream live.Stream
		start  func(*httptest.Server)
		want   string
	}{
		"a connection that can be taken over": {all, (*httptest.Server).Start, "HTTP/1.1"},
		"one that cannot tell when it is full": {all, func(server *httptest.Server) {
			server.Listener = plainListener{server.Listener}
			server.Start()
		}, "HTTP/1.1"},
		"one whose records are shown by the request": {shown, (*httptest.Server).Start, "HTTP/1.1"},
		"one with TLS": {all, over("http/1.1"), "HTTP/1.1"},
		"HTTP/2":       {all, over("h2"), "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, openSQLite(t), live.Options{})
			server := httptest.NewUnstartedServer(s.handler(c.stream))
			c.start(server)
			t.Cleanup(server.Close)
			answer, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.Proto != c.want {
				t.Errorf("speaks %s, not %s", answer.Proto, c.want)
			}
			in := &client{t: t, in: bufio.NewScanner(answer.Body)}
			in.block()
			for i := range 3 {
				s.put(fmt.Sprint(i))
				if got := in.ids(1); got != fmt.Sprint(i) {
					t.Errorf("told of %s, not of %d", got, i)
				}
			}
			s.hub.End()
			if m, ok := in.block(); ok || in.in.Err() != nil {
				t.Errorf("it does not end in order: %+v, %v", m, in.in.Err())
			}
		})
	}
}

func TestVersion10(t *testing.T) {
	s := open(t, openSQLite(t), live.Options{})
	server := httptest.NewServer(s.handler(all))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	in := &client{t: t, in: bufio.NewScanner(conn)}
	in.block() // the header
	in.block()
	s.put("a")
	if m := in.next(); !strings.HasPrefix(m.data, "{") || strings.Contains(m.id, "\r") {
		t.Errorf("%+v", m)
	}
}

// A client that does not read costs what its connection holds. When it reads again it is told to pull, and then of what comes.
func TestSlowSocket(t *testing.T) {
	const records = 400 // of 32 kB: more than the system keeps for a connection
	s := open(t, openSQLite(t), live.Options{Keep: 8})
	server := httptest.NewServer(s.handler(all))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	slow, fast := &client{t: t, in: bufio.NewScanner(answer.Body)}, s.listen(all)
	slow.block()
	for i := range records {
		s.push(feed.Op{Action: feed.Put, ID: fmt.Sprint(i), Record: table.Record{"text": strings.Repeat("x", 32<<10)}})
		if got := fast.ids(1); got != fmt.Sprint(i) {
			t.Fatalf("the other one is told of %s, not of %d", got, i)
		}
	}
	heard := 0
	for got := slow.ids(1); got != "resync"; got = slow.ids(1) {
		if got != fmt.Sprint(heard) {
			t.Fatalf("told of %s, not of %d", got, heard)
		}
		heard++
	}
	if heard == 0 || heard > records-8 {
		t.Errorf("told of %d of %d", heard, records)
	}
	s.put("next")
	for got := slow.ids(1); got != "next"; got = slow.ids(1) {
		if got != fmt.Sprint(records-1) && got != "resync" {
			t.Errorf("told of %s after it had to pull", got)
		}
	}
}

func TestGone(t *testing.T) {
	s := open(t, openSQLite(t), live.Options{MaxPerUser: 1})
	ann := all
	ann.User = "ann"
	s.listen(ann).end()
	for s.hub.Connections() > 0 { // until the end is noticed; the test's own limit bounds it
		time.Sleep(time.Millisecond)
	}
	c := s.listen(ann)
	s.put("a")
	if got := c.ids(1); got != "a" {
		t.Errorf("told of %s", got)
	}
}

func TestAudience(t *testing.T) {
	const clients, records = 600, 20 // more clients than one processor tells
	d := &counted{DB: openSQLite(t)}
	s := open(t, d, live.Options{Poll: time.Hour})
	s.put("first")
	from := s.listen(all).last
	missed := make(chan []string)
	go func() { missed <- s.herd(clients, from, records) }()
	for s.hub.Connections() < clients {
		time.Sleep(time.Millisecond)
	}
	for i := range records {
		s.put(fmt.Sprint(i))
	}
	if list := <-missed; len(list) > 0 {
		t.Errorf("%d of %d clients missed something, as %s", len(list), clients, list[0])
	}
	if reads := d.reads.Load(); reads > 0 {
		t.Errorf("the database was read %d times for what this process wrote itself", reads)
	}
}

func TestAlike(t *testing.T) {
	s := open(t, openSQLite(t), live.Options{})
	of := func(user, scope string) *client {
		note := live.Table{Name: "note", Stored: "note", PerUser: user != "", User: user, Scope: scope}
		return s.listen(live.Stream{Tables: []live.Table{note}})
	}
	named := all
	named.Named = true
	everybody := []*client{s.listen(all), s.listen(named), s.listen(all), of("", "x"), s.listen(named), of("", "x")}
	own := map[string][]*client{"ann": {of("ann", "u1"), of("ann", "u1")}, "bob": {of("bob", "u2"), of("bob", "u2")}}
	for i, user := range []string{"ann", "bob", "bob", "ann"} {
		id := fmt.Sprint(i)
		s.put(id, user)
		for k, c := range everybody {
			m := c.next()
			if !strings.Contains(m.data, `"id":"`+id+`"`) || (m.event == "note") != (k == 1 || k == 4) ||
				strings.HasSuffix(m.id, "~x") != (k == 3 || k == 5) {
				t.Errorf("%d is told %+v of %s", k, m, id)
			}
		}
		for _, c := range own[user] {
			if m := c.next(); !strings.Contains(m.data, `"id":"`+id+`"`) || !strings.Contains(m.id, "~u") {
				t.Errorf("%s is told %+v of %s", user, m, id)
			}
		}
	}
}
