package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// server is an API over a real database, reached over HTTP.
type server struct {
	*httptest.Server
	t   testing.TB
	api *api.API
	db  *sqlite.DB
}

// tables are the files that tests use: one that knows its columns, one that takes any, one without soft delete.
var tables = map[string]string{
	"todoitem": `{"columns":{"text":"string","complete":"boolean","due":"date","n":"number"},` +
		`"dynamicSchema":false,"maxTop":100,"pageSize":5}`,
	"note": `{}`,
	"hard": `{"columns":{"text":"string"},"softDelete":false}`,
}

func start(t testing.TB, set func(*api.Options)) *server {
	t.Helper()
	d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "larder.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := api.Options{DB: d, Feed: feed.Options{Boot: "b"}}
	for name, file := range tables {
		parsed, err := db.ParseTable(name, []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		o.Tables = append(o.Tables, parsed)
	}
	if set != nil {
		set(&o)
	}
	a, err := api.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{httptest.NewServer(a), t, a, d}
	t.Cleanup(func() {
		s.Server.Close()
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// do sends a request that speaks ZUMO 2.0.0. Headers are "Name: value"; an empty value removes one.
func (s *server) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	data, err := io.ReadAll(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{w.StatusCode, w.Header, string(data)}
}

// record parses an answer that is a record.
func (s *server) record(a answer) table.Record {
	s.t.Helper()
	r, err := table.ParseRecord([]byte(a.text))
	if err != nil {
		s.t.Fatalf("%d %s: %v", a.status, a.text, err)
	}
	return r
}

// records parses an answer that is a list.
func (s *server) records(a answer) []table.Record {
	s.t.Helper()
	v, err := table.ParseJSON([]byte(a.text))
	list, ok := v.([]any)
	if err != nil || !ok {
		s.t.Fatalf("%d %s: %v", a.status, a.text, err)
	}
	out := make([]table.Record, len(list))
	for i, item := range list {
		out[i] = item.(map[string]any)
	}
	return out
}

// ids lists the ids of records.
func ids(list []table.Record) string {
	var all []string
	for _, r := range list {
		all = append(all, r.ID())
	}
	return strings.Join(all, " ")
}

// expect checks an answer's status and parts of its body.
func (s *server) expect(a answer, status int, parts ...string) answer {
	s.t.Helper()
	if a.status != status {
		s.t.Errorf("status %d, want %d: %s", a.status, status, a.text)
	}
	for _, part := range parts {
		if !strings.Contains(a.text, part) {
			s.t.Errorf("%d %s: it does not say %s", a.status, a.text, part)
		}
	}
	return a
}

func TestBadRequests(t *testing.T) {
	s := start(t, func(o *api.Options) { o.MaxBody = 2000 })
	long := `{"text":"` + strings.Repeat("x", 3000) + `"}`
	for name, c := range map[string]struct {
		answer answer
		status int
		parts  []string
	}{
		"an unknown table": {s.do("GET", "/tables/shopping", ""), 404,
			[]string{`\"shopping\"`, "shopping.json", "--tables", `"code":"not-found"`}},
		"a table whose name cannot be one": {s.do("GET", "/tables/..%2f..%2fetc", ""), 404, []string{"NAME.json"}},
		"no table":                         {s.do("GET", "/tables/", ""), 404, []string{"/tables/NAME"}},
		"malformed JSON":                   {s.do("POST", "/tables/todoitem", `{"text":}`), 400, []string{"byte 8"}},
		"JSON that ends early":             {s.do("POST", "/tables/todoitem", `{"text":"a`), 400, []string{"byte 10"}},
		"an array":                         {s.do("POST", "/tables/todoitem", `[{"text":"a"}]`), 400, []string{"byte 0"}},
		"no body":                          {s.do("POST", "/tables/todoitem", ``), 400, []string{"byte 0"}},
		"a body over the limit": {s.do("POST", "/tables/todoitem", long), 413,
			[]string{"2000 bytes", "--max-body", `"code":"limit"`}},
		"a wrong type": {s.do("POST", "/tables/todoitem", `{"text":5}`), 400,
			[]string{"column text", `"code":"invalid"`}},
		"an unknown column":     {s.do("POST", "/tables/todoitem", `{"txet":"a"}`), 400, []string{"txet"}},
		"a number beyond 2^53":  {s.do("POST", "/tables/todoitem", `{"n":9007199254740993}`), 400, nil},
		"text with U+0000":      {s.do("POST", "/tables/todoitem", `{"text":"\u0000"}`), 400, nil},
		"an id with a slash":    {s.do("POST", "/tables/todoitem", `{"id":"a/b"}`), 400, []string{"a/b"}},
		"an id that is no text": {s.do("POST", "/tables/todoitem", `{"id":7}`), 400, []string{"id"}},
		"a form": {s.do("POST", "/tables/todoitem", `text=a`,
			"Content-Type: application/x-www-form-urlencoded"), 415, []string{"application/json"}},
		"plain text":            {s.do("POST", "/tables/$batch", `{}`, "Content-Type: text/plain"), 415, nil},
		"a method of no table":  {s.do("PUT", "/tables/todoitem/a", `{}`), 405, []string{"PUT", "PATCH"}},
		"a delete of no record": {s.do("DELETE", "/tables/todoitem", ``), 400, []string{"/tables/todoitem/ID"}},
		"a batch by GET":        {s.do("GET", "/tables/$batch", ``), 405, []string{"POST"}},
		"a batch that is none":  {s.do("POST", "/tables/$batch", `{"request":[]}`), 400, []string{"requests"}},
		"a broken filter":       {s.do("GET", "/tables/todoitem?$filter=text%20eq", ``), 400, []string{`"code":"query"`}},
		"a filter by no column": {s.do("GET", "/tables/todoitem?$filter=txet%20eq%20'a'", ``), 400, []string{"txet"}},
		"too great a $top": {s.do("GET", "/tables/todoitem?$top=101", ``), 400,
			[]string{"You cannot request more than 100 records"}},
		"a token that is none": {s.do("GET", "/tables/todoitem?$deltatoken=yesterday", ``), 400,
			[]string{"yesterday", "empty $deltatoken"}},
		"a token of elsewhere": {s.do("GET", "/tables/todoitem?$deltatoken=other-12", ``), 410, []string{`"code":"epoch"`}},
		"half of a repeatability": {s.do("POST", "/tables/todoitem", `{}`, "Repeatability-Request-ID: x"), 400,
			[]string{"Repeatability-Client-ID"}},
		"a client without number": {s.do("POST", "/tables/todoitem", `{}`, "Repeatability-Request-ID: x",
			"Repeatability-Client-ID: c"), 400, nil},
		"no version": {s.do("GET", "/tables/todoitem", ``, "ZUMO-API-VERSION:"), 400,
			[]string{"ZUMO-API-VERSION of 2.0.0."}},
		"another version": {s.do("GET", "/tables/todoitem", ``, "ZUMO-API-VERSION: 1.0.0"), 400,
			[]string{"ZUMO-API-VERSION of 2.0.0."}},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.expect(c.answer, c.status, append(c.parts, `"error":"`)...)
			if got := c.answer.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
	s.t = t

	t.Run("nothing of it was stored", func(t *testing.T) {
		for name := range tables {
			if live, err := s.db.Live(t.Context(), name); live != 0 || err != nil {
				t.Errorf("%s has %d rows, %v", name, live, err)
			}
		}
	})

	t.Run("the version may be a parameter in any case, and its last part any number", func(t *testing.T) {
		s.expect(s.do("GET", "/tables/todoitem?zumo-api-version=2.0.17", "", "ZUMO-API-VERSION:"), 200, "[]")
		s.expect(s.do("GET", "/tables/todoitem?zumo-api-version=2.0.0", "", "ZUMO-API-VERSION: 3"), 400)
	})
}

func TestProbe(t *testing.T) {
	s := start(t, nil)
	a := s.do("GET", "/__probe?n=once-7", "", "ZUMO-API-VERSION:", "Origin: https://elsewhere.example")
	s.expect(a, 204)
	for name, want := range map[string]string{
		"Larder-Probe": "once-7", "Cache-Control": "no-store",
		"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Larder-Probe",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	s.expect(s.do("GET", "/__probe?n=a%0d%0ab", ""), 400)
}

func TestOrigins(t *testing.T) {
	const allowed, port, other = "https://app.example.com", "http://localhost:9000", "https://evil.example"
	s := start(t, func(o *api.Options) { o.CORS = []string{allowed, "http://localhost:*"} })

	t.Run("an allowed origin reads ETag and Link, on errors too", func(t *testing.T) {
		for _, origin := range []string{allowed, port} {
			for _, path := range []string{"/tables/note", "/tables/note/none", "/tables/none"} {
				a := s.do("GET", path, "", "Origin: "+origin)
				if a.header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(strings.Join(a.header["Vary"], ","), "Origin") {
					t.Errorf("%s for %s: %d %v", path, origin, a.status, a.header)
				}
				exposed := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
				for _, name := range []string{"etag", "link", "larder-probe"} {
					if !strings.Contains(exposed, name) {
						t.Errorf("%s for %s exposes %q", path, origin, exposed)
					}
				}
			}
		}
	})

	t.Run("a preflight is answered without a version", func(t *testing.T) {
		a := s.do("OPTIONS", "/tables/note/1", "", "ZUMO-API-VERSION:", "Origin: "+allowed,
			"Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: content-type,if-match,x-zumo-installation-id")
		if a.status != 204 || a.header.Get("Access-Control-Allow-Methods") != "PATCH" ||
			a.header.Get("Access-Control-Allow-Headers") != "content-type,if-match,x-zumo-installation-id" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})

	t.Run("another origin gets no headers, and cannot write unasked", func(t *testing.T) {
		for _, origin := range []string{other, "http://localhost.evil.example:80", "http://localhost:",
			"http://localhost:9000.evil.example", "null"} {
			a := s.do("GET", "/tables/note", "", "Origin: "+origin)
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s is allowed", origin)
			}
			s.expect(s.do("POST", "/tables/note", `{"text":"forged"}`, "Origin: "+origin), 403, "--cors")
		}
		s.expect(s.do("GET", "/tables/note", ""), 200, "[]")
	})

	t.Run("the server's own pages write", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/note", `{}`, "Origin: "+s.URL), 201)
		s.expect(s.do("POST", "/tables/note", `{}`, "Origin: https://behind.proxy.example", "Sec-Fetch-Site: same-origin"), 201)
	})

	t.Run("a list that cannot be meant is refused at the start", func(t *testing.T) {
		for _, origin := range []string{"https://*.*.example.com", "https://example.com/app", "http://localhost:8000:*", ""} {
			if _, err := api.New(t.Context(), api.Options{DB: s.db, CORS: []string{origin}}); table.CodeOf(err) != table.CodeInvalid {
				t.Errorf("%q: %v", origin, err)
			}
		}
	})
}

func TestClose(t *testing.T) {
	s := start(t, nil)
	s.expect(s.do("POST", "/tables/note", `{"id":"a"}`), 201)
	if err := s.api.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := s.expect(s.do("POST", "/tables/note", `{"id":"b"}`), 503, "stopping")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.expect(s.do("GET", "/tables/note/a", ""), 200)
}

// batch makes the body of a batch: each line is a request's JSON, without its id.
func batch(requests ...string) string {
	var b bytes.Buffer
	b.WriteString(`{"requests":[`)
	for i, r := range requests {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d",%s`, i, strings.TrimPrefix(r, "{"))
	}
	b.WriteString("]}")
	return b.String()
}
