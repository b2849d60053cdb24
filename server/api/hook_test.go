package api_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

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

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.buf.String()
	l.buf.Reset()
	return text
}

func TestHooks(t *testing.T) {
	var log lines
	var seen []string
	hook := func(op db.Operation) api.Hook {
		return api.Hook{
			Before: func(c *api.Context) error {
				seen = append(seen, "before "+string(c.Operation)+" "+c.ID)
				return nil
			},
			After: func(c *api.Context) error {
				text := "after " + string(c.Operation) + " " + c.ID
				if c.Repeated {
					text += " again"
				}
				seen = append(seen, text)
				if c.Item["text"] == "unlucky" {
					return errors.New("too late")
				}
				return nil
			},
		}
	}
	s := start(t, func(o *api.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Hooks = map[string]api.Hooks{
			"NOTE": {Read: hook(db.Read), Insert: hook(db.Insert), Update: hook(db.Update), Delete: hook(db.Delete),
				Undelete: hook(db.Undelete)},
			"hard": {Insert: api.Hook{Before: func(*api.Context) error { panic("out of bread") }}},
		}
	})
	expect := func(t *testing.T, want ...string) {
		t.Helper()
		if got := strings.Join(seen, ", "); got != strings.Join(want, ", ") {
			t.Errorf("seen: %s", got)
		}
		seen = nil
	}

	t.Run("each operation has its own, before and after", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/note", `{"id":"a","text":"x"}`), 201)
		s.expect(s.do("GET", "/tables/note/a", ``), 200)
		s.expect(s.do("GET", "/tables/note", ``), 200)
		s.expect(s.do("PATCH", "/tables/note/a", `{"text":"y"}`), 200)
		s.expect(s.do("DELETE", "/tables/note/a", ``), 200)
		s.expect(s.do("POST", "/tables/note/a", ``), 201)
		expect(t, "before insert ", "after insert a", "before read a", "after read a", "before read ", "after read ",
			"before update a", "after update a", "before delete a", "after delete a", "before undelete a", "after undelete a")
	})

	t.Run("what is refused has no after", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/note/none", `{"text":"y"}`), 404)
		s.expect(s.do("PATCH", "/tables/note/a", `{"text":"y"}`, `If-Match: "old"`), 412)
		s.expect(s.do("GET", "/tables/note/none", ``), 404)
		expect(t, "before update none", "before update a", "before read none")
	})

	t.Run("a delta and the classic contract are reads", func(t *testing.T) {
		s.expect(s.do("GET", "/tables/note?$deltatoken=", ``), 200)
		s.expect(s.do("GET", "/tables/note?modifiedSince=null", ``), 200)
		expect(t, "before read ", "after read ", "before read ", "after read ")
	})

	t.Run("an operation that is sent again says so", func(t *testing.T) {
		headers := []string{"Repeatability-Request-ID: op", "Repeatability-Client-ID: c.1"}
		first := s.do("POST", "/tables/note", `{"id":"r"}`, headers...)
		again := s.do("POST", "/tables/note", `{"id":"r"}`, headers...)
		if first.status != 201 || again.status != 201 || first.text != again.text {
			t.Errorf("%+v, %+v", first, again)
		}
		expect(t, "before insert ", "after insert r", "before insert ", "after insert r again")
	})

	t.Run("an error behind the operation is told, and undoes nothing", func(t *testing.T) {
		log.take()
		s.expect(s.do("POST", "/tables/note", `{"id":"u","text":"unlucky"}`), 500)
		if text := log.take(); !strings.Contains(text, "too late") || strings.Count(text, "\n") != 1 {
			t.Errorf("logged: %s", text)
		}
		if _, ok, err := s.db.Get(t.Context(), "note", "u"); !ok || err != nil {
			t.Errorf("stored: %v, %v", ok, err)
		}
	})

	t.Run("a panic is one answer and one line in the log", func(t *testing.T) {
		log.take()
		a := s.do("POST", "/tables/hard", `{"id":"a"}`)
		s.expect(a, 500, `"code":"server"`)
		if text := log.take(); strings.Contains(a.text, "bread") || strings.Count(text, "\n") != 1 ||
			!strings.Contains(text, "out of bread") {
			t.Errorf("answered %s, logged: %s", a.text, text)
		}
	})

	t.Run("hooks of a table that is not there are refused at the start", func(t *testing.T) {
		_, err := api.New(t.Context(), api.Options{DB: s.db, Hooks: map[string]api.Hooks{"nothing": {}}})
		if err == nil || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("%v", err)
		}
	})
}

func TestWebhook(t *testing.T) {
	calls := make(chan string, 100)
	var log lines
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "break") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		calls <- string(body)
	}))
	defer listener.Close()
	const key = "a key for tests"
	v, err := access.New(access.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *api.Options) {
		told, err := db.ParseTable("told", []byte(`{"webhook":{"url":"`+listener.URL+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		o.Tables = append(o.Tables, told)
		o.Access, o.Logger = v, slog.New(slog.NewTextHandler(&log, nil))
	})
	token, err := access.Sign(key, "anna", nil, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	told := func(t *testing.T, want ...string) {
		t.Helper()
		select {
		case got := <-calls:
			for _, w := range want {
				if !strings.Contains(got, w) {
					t.Errorf("told %s, without %s", got, w)
				}
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was told")
		}
	}

	t.Run("another server is told what was done, and by whom", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/told", `{"id":"a","text":"x"}`, "X-ZUMO-AUTH: "+token), 201)
		told(t, `"operation":"insert"`, `"table":"told"`, `"id":"a"`, `"text":"x"`, `"userId":"anna"`)
		s.expect(s.do("DELETE", "/tables/told/a", ``), 200)
		told(t, `"operation":"delete"`, `"deleted":true`)
	})
	t.Run("also of batches, but not again of what is sent again", func(t *testing.T) {
		batch := `{"requests":[{"id":"1","method":"POST","url":"told","body":{"id":"b"},` +
			`"headers":{"Repeatability-Request-ID":"op","Repeatability-Client-ID":"c.1"}}]}`
		s.expect(s.do("POST", "/tables/$batch", batch), 200, `"status":201`)
		told(t, `"id":"b"`)
		s.expect(s.do("POST", "/tables/$batch", batch), 200, `"status":201`)
		s.expect(s.do("POST", "/tables/told", `{"id":"c"}`), 201)
		told(t, `"id":"c"`)
	})
	t.Run("what is refused is not told", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/told/none", `{"text":"x"}`), 404)
		s.expect(s.do("POST", "/tables/told", `{"id":"d"}`), 201)
		told(t, `"id":"d"`)
	})
	t.Run("a failure is logged, and concerns nobody", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/told", `{"id":"break"}`), 201)
		told(t, `"id":"break"`)
		s.expect(s.do("POST", "/tables/told", `{"id":"e"}`), 201)
		told(t, `"id":"e"`)
	})
}

func TestData(t *testing.T) {
	s := start(t, nil)
	note, err := s.api.Data("Note")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.api.Data("nothing"); table.CodeOf(err) != table.CodeNotFound {
		t.Errorf("an unknown table: %v", err)
	}
	row, err := note.Insert(t.Context(), table.Record{"id": "a", "n": 1.0})
	if err != nil || row.Version() == "" {
		t.Fatalf("%v, %v", row, err)
	}
	if _, err := note.Insert(t.Context(), table.Record{"id": "a"}); table.CodeOf(err) != table.CodeExists {
		t.Errorf("an id that is taken: %v", err)
	}
	if made, err := note.Insert(t.Context(), table.Record{"n": 2.0}); err != nil || made.ID() == "" {
		t.Errorf("without an id: %v, %v", made, err)
	}
	if next, err := note.Update(t.Context(), table.Record{"id": "a", "n": 3.0, "version": row.Version()}); err != nil ||
		next["n"] != 3.0 {
		t.Errorf("%v, %v", next, err)
	}
	if _, err := note.Update(t.Context(), table.Record{"id": "a", "n": 4.0,
		"version": row.Version()}); table.CodeOf(err) != table.CodeConflict {
		t.Errorf("a stale version: %v", err)
	}
	q := table.NewQuery()
	q.Filter = table.Compare{Op: table.OpGe, Left: table.ColumnRef{Name: "n"}, Right: table.Literal{Value: 2.0}}
	if rows, err := note.Query(t.Context(), q); err != nil || len(rows) != 2 {
		t.Errorf("%v, %v", rows, err)
	}
	if err := note.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"get":    func() error { _, err := note.Get(t.Context(), "a"); return err }(),
		"delete": note.Delete(t.Context(), "a"),
	} {
		if table.CodeOf(err) != table.CodeNotFound {
			t.Errorf("%s of what is gone: %v", what, err)
		}
	}
}
