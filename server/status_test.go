package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/live"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// slow is a body that does not come in time.
type slow struct{}

func (slow) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// Every limit has its status, and a body that says which limit, and of how much.
func TestLimits(t *testing.T) {
	var log lines
	s := servertest.New(t, server.Options{
		MaxBody: 50_000, Rate: 0.01, Logger: slog.New(slog.NewTextHandler(&log, nil)), Live: live.Options{Max: 1},
		Tables: []server.Table{
			{Name: "note"},
			{Name: "item", Columns: map[string]table.Type{"text": "string", "n": "number"}, Static: true, MaxTop: 20, Hooks: server.Hooks{
				Insert: server.Hook{Before: func(c *server.Context) error {
					switch c.Item["text"] {
					case "panic":
						panic("out of bread")
					case "slow":
						<-c.Context().Done()
						return c.Context().Err()
					}
					return nil
				}},
			}},
		},
	})
	type ask struct {
		method, target, body string
		header               string
		remote               string
		ctx                  context.Context
		read                 io.Reader
	}
	send := func(a ask) *http.Response {
		var body io.Reader = strings.NewReader(a.body)
		if a.read != nil {
			body = a.read
		}
		r := httptest.NewRequest(a.method, a.target, body)
		r.RemoteAddr = "127.0.0.1:5000"
		if a.remote != "" {
			r.RemoteAddr = a.remote
		}
		if a.ctx != nil {
			r = r.WithContext(a.ctx)
		}
		r.Header.Set("ZUMO-API-VERSION", "2.0.0")
		r.Header.Set("Content-Type", "application/json")
		if name, value, ok := strings.Cut(a.header, ": "); ok {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	if w := send(ask{method: "POST", target: "/tables/item", body: `{"id":"a"}`}); w.StatusCode != http.StatusCreated {
		t.Fatal(w.Status)
	}
	listening := listen(t, s.URL+"/tables/note/live", http.StatusOK)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	deep := `{"id":"d","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	requests := strings.Repeat(`{"id":"1","method":"DELETE","url":"note/a"},`, table.MaxBatch) +
		`{"id":"2","method":"DELETE","url":"note/b"}`
	for what, c := range map[string]struct {
		ask    ask
		status int
		retry  bool
		parts  []string
	}{
		"JSON that is none": {ask{method: "POST", target: "/tables/note", body: `{"text":}`}, 400, false, []string{"byte 8"}},
		"a filter that is none": {ask{method: "GET", target: "/tables/item?$filter=n%20eq%20("}, 400, false,
			[]string{"filter, at its end", `"query"`}},
		"a filter that nests": {ask{method: "GET", target: "/tables/item?$filter=" + strings.Repeat("(", 200)}, 400, false,
			[]string{"deeper than 64"}},
		"a filter that is long": {ask{method: "GET", target: "/tables/item?$filter=" + strings.Repeat("n", 9000)}, 400, false,
			[]string{"8192"}},
		"too many records": {ask{method: "GET", target: "/tables/item?$top=21"}, 400, false, []string{"more than 20 records"}},
		"too many changes": {ask{method: "GET", target: "/tables/item?$deltatoken=&$top=10001"}, 400, false, []string{"10000"}},
		"an id that is too long": {ask{method: "POST", target: "/tables/note", body: `{"id":"` + strings.Repeat("i", 256) + `"}`},
			400, false, []string{"255"}},
		"a number that is inexact": {ask{method: "POST", target: "/tables/note", body: `{"n":9007199254740993}`}, 400, false,
			[]string{"9007199254740991"}},
		"an unknown column": {ask{method: "POST", target: "/tables/item", body: `{"colour":"red"}`}, 400, false,
			[]string{"colour"}},
		"a slow body": {ask{method: "POST", target: "/tables/note", read: slow{}}, 408, false,
			[]string{"60 seconds", `"limit"`}},
		"an id that is taken": {ask{method: "POST", target: "/tables/item", body: `{"id":"a","text":"mine"}`}, 409, false,
			[]string{`"mine"`}},
		"a version that is old": {ask{method: "PATCH", target: "/tables/item/a", body: `{"text":"x"}`, header: `If-Match: "old-1"`},
			412, false,
			[]string{`"id":"a"`, `"version"`}},
		"a large body": {ask{method: "POST", target: "/tables/note", body: `{"x":"` + strings.Repeat("x", 50_000) + `"}`},
			413, false, []string{"50000 bytes", "--max-body", `"limit"`}},
		"a batch of too many": {ask{method: "POST", target: "/tables/$batch", body: `{"requests":[` + requests + `]}`}, 413, false,
			[]string{"1000", `"limit"`}},
		"a long URL": {ask{method: "GET", target: "/tables/note?$filter=" + strings.Repeat("x", 17_000)}, 414, false,
			[]string{"16384", `"limit"`}},
		"what is no JSON": {ask{method: "POST", target: "/tables/note", body: `a=b`, header: "Content-Type: text/csv"}, 415,
			false, []string{"text/csv", "application/json"}},
		"a record that nests": {ask{method: "POST", target: "/tables/note", body: deep}, 422, false, []string{"64", `"limit"`}},
		"too many requests": {ask{method: "GET", target: "/tables/note", remote: "192.0.2.1:2"}, 429, true,
			[]string{"0.01 requests a second", `"limit"`}},
		"long headers": {ask{method: "GET", target: "/tables/note", header: "X-Long: " + strings.Repeat("x", 33_000)}, 431,
			false, []string{"32768", `"limit"`}},
		"a hook that panics": {ask{method: "POST", target: "/tables/item", body: `{"text":"panic"}`}, 500, false,
			[]string{`"server"`}},
		"too many listeners": {ask{method: "GET", target: "/tables/note/live"}, 503, true,
			[]string{"1 live connections", `"closed"`}},
		"a request that is slow": {ask{method: "POST", target: "/tables/item", body: `{"text":"slow"}`, ctx: short}, 503, true,
			[]string{`"error"`}},
	} {
		t.Run(what, func(t *testing.T) {
			for i := 0; i < 20 && c.status == http.StatusTooManyRequests; i++ { // until this address has used up what it may ask
				send(ask{method: "GET", target: "/tables/note", remote: "192.0.2.1:1"})
			}
			w := send(c.ask)
			text, err := io.ReadAll(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.StatusCode != c.status || c.retry != (w.Header.Get("Retry-After") != "") {
				t.Errorf("%s, Retry-After %q, not %d: %s", w.Status, w.Header.Get("Retry-After"), c.status, text)
			}
			for _, part := range c.parts {
				if !strings.Contains(string(text), part) {
					t.Errorf("%d %s: it does not say %s", w.StatusCode, text, part)
				}
			}
			if _, err := table.ParseJSON(text); err != nil || strings.Contains(string(text), "bread") {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	if n := log.count("out of bread"); n != 1 {
		t.Errorf("the panic has %d lines in the log", n)
	}
	if n := log.count("level=ERROR"); n != 1 {
		t.Errorf("%d lines are errors, and one panic was", n)
	}
	write(t, s, "ann", "note", `{"id":"end"}`)
	if got := listening.next(); !strings.Contains(got, `"id":"end"`) {
		t.Errorf("who listened all the time is told %s", got)
	}
}
