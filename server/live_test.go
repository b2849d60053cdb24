package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/servertest"
)

// events reads a stream: the names and data of its events, and its last id.
type events struct {
	in   *bufio.Scanner
	last string
}

// next returns "name data" of the next event with data, "" at the end.
func (e *events) next() string {
	name := ""
	for e.in.Scan() {
		field, value, _ := strings.Cut(e.in.Text(), ": ")
		switch field {
		case "id":
			e.last = value
		case "event":
			name = value + " "
		case "data":
			return name + value
		}
	}
	return ""
}

// listen opens a stream, which must be answered with a status, and waits until it says where it begins.
func listen(t *testing.T, address string, want int) *events {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != want {
		text, _ := io.ReadAll(r.Body)
		t.Fatalf("%s: %s %s", address, r.Status, text)
	}
	e := &events{in: bufio.NewScanner(r.Body)}
	for want == http.StatusOK && e.in.Scan() && e.in.Text() != "" {
		if _, id, ok := strings.Cut(e.in.Text(), "id: "); ok {
			e.last = id
		}
	}
	return e
}

func write(t *testing.T, s *servertest.Server, user, table, record string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.URL+"/tables/"+table, strings.NewReader(record))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	r.Header.Set("X-ZUMO-AUTH", s.Token(user, nil))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("insert: %s %s", answer.Status, text)
	}
}

func TestLive(t *testing.T) {
	s := servertest.New(t, server.Options{Tables: []server.Table{
		{Name: "news"},
		{Name: "mail", PerUser: true, Access: server.Authenticated},
		{Name: "board", Hooks: server.Hooks{Read: server.Hook{After: func(c *server.Context) error {
			for _, item := range c.Items {
				delete(item, "secret")
			}
			return nil
		}}}},
	}})
	token := func(user string) string { return "access_token=" + url.QueryEscape(s.Token(user, nil)) }

	t.Run("a table's changes come as they are pulled", func(t *testing.T) {
		e := listen(t, s.URL+"/tables/news/live", 200)
		write(t, s, "ann", "news", `{"id":"1","text":"bread"}`)
		if got := e.next(); !strings.Contains(got, `"id":"1"`) || !strings.Contains(got, `"version":"`+e.last) {
			t.Errorf("%s at %s", got, e.last)
		}
	})
	t.Run("by a token in the address each hears of its own records", func(t *testing.T) {
		listen(t, s.URL+"/tables/mail/live", 401)
		listen(t, s.URL+"/tables/mail/live?access_token=nonsense", 401)
		ann := listen(t, s.URL+"/tables/mail/live?"+token("ann"), 200)
		write(t, s, "bob", "mail", `{"id":"b"}`)
		write(t, s, "ann", "mail", `{"id":"a"}`)
		if got := ann.next(); !strings.Contains(got, `"id":"a"`) {
			t.Errorf("ann hears of %s", got)
		}
	})
	t.Run("what hooks take away is not told here either", func(t *testing.T) {
		e := listen(t, s.URL+"/tables/board/live", 200)
		write(t, s, "ann", "board", `{"id":"1","text":"open","secret":"s3"}`)
		if got := e.next(); !strings.Contains(got, `"open"`) || strings.Contains(got, "s3") {
			t.Errorf("%s", got)
		}
	})
	t.Run("one connection hears of several tables, each by its name, and comes back by its id", func(t *testing.T) {
		address := s.URL + "/tables/$live?tables=news,mail&" + token("ann")
		e := listen(t, address, 200)
		write(t, s, "ann", "mail", `{"id":"m"}`)
		write(t, s, "ann", "news", `{"id":"n"}`)
		for range 2 {
			if got := e.next(); !strings.HasPrefix(got, "mail {") && !strings.HasPrefix(got, "news {") {
				t.Errorf("%s", got)
			}
		}
		write(t, s, "ann", "news", `{"id":"later"}`)
		back := listen(t, address+"&lastEventId="+url.QueryEscape(e.last), 200)
		if got := back.next(); !strings.Contains(got, `"id":"later"`) {
			t.Errorf("%s after %s", got, e.last)
		}
	})
	t.Run("what is not there, or nobody may listen to, is told before the stream begins", func(t *testing.T) {
		listen(t, s.URL+"/tables/nothing/live", 404)
		listen(t, s.URL+"/tables/$live?tables=news,nothing", 404)
		listen(t, s.URL+"/tables/$live?tables=news,mail", 401)
		listen(t, s.URL+"/tables/$live", 400)
	})
}

// One user's connections are bounded, whoever else listens; one that ends makes room.
func TestListenersOfOneUser(t *testing.T) {
	s := servertest.New(t, server.Options{Tables: []server.Table{{Name: "news"}}, Live: live.Options{MaxPerUser: 1}})
	address := func(user string) string {
		return s.URL + "/tables/news/live?access_token=" + url.QueryEscape(s.Token(user, nil))
	}
	first, err := http.Get(address("ann"))
	if err != nil || first.StatusCode != http.StatusOK {
		t.Fatal(first, err)
	}
	listen(t, address("bob"), http.StatusOK)
	second, err := http.Get(address("ann"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(second.Body)
	if second.StatusCode != http.StatusTooManyRequests || second.Header.Get("Retry-After") == "" || err != nil ||
		!strings.Contains(string(text), "1 live connections") || !strings.Contains(string(text), `"code":"limit"`) {
		t.Errorf("%s, Retry-After %q, %s, %v", second.Status, second.Header.Get("Retry-After"), text, err)
	}
	if err := errors.Join(first.Body.Close(), second.Body.Close()); err != nil {
		t.Error(err)
	}
	for status := 0; status != http.StatusOK && !t.Failed(); { // the server hears of the first one's end when it does
		r, err := http.Get(address("ann"))
		if err != nil {
			t.Fatal(err)
		}
		if status = r.StatusCode; r.Body.Close() != nil || t.Context().Err() != nil {
			t.Error(r.Status)
		}
	}
}

func TestStop(t *testing.T) {
	address, stop := serve(t)
	e := listen(t, "http://"+address+"/tables/news/live", 200)
	if err := stop(); err != nil {
		t.Errorf("requests were cut off: %v", err)
	}
	if got := e.next(); got != "" {
		t.Errorf("the stream goes on: %s", got)
	}
}

// Who sends a request by the byte holds a connection for seconds, and not for ever.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	address, stop := serve(t)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /tables/news HTTP/1.1\r\nHost: localhost\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil || strings.Contains(string(answer), " 200 ") {
		t.Errorf("%q, %v", answer, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// serve runs a server as a program would, and returns its address and what stops it.
func serve(t *testing.T) (address string, stop func() error) {
	t.Helper()
	s, err := server.New(t.Context(), server.Options{DB: "sqlite:" + filepath.Join(t.TempDir(), "larder.db"),
		Tables: []server.Table{{Name: "news"}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}
