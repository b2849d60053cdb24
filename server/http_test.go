package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/metric"
)

func TestLogged(t *testing.T) {
	var log bytes.Buffer
	answer := func(fn http.HandlerFunc) (*http.Response, string, error) {
		log.Reset()
		server := httptest.NewServer(logged(slog.New(slog.NewJSONHandler(&log, nil)), metric.New(), fn))
		defer server.Close() // waits until the log is written
		r, err := http.Get(server.URL + "/tables/note?$filter=secret")
		if err != nil {
			return nil, "", err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return r, string(body), err
	}

	t.Run("one line for a request, by an id that the client has too, and without what was asked", func(t *testing.T) {
		r, _, err := answer(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "tea")
		})
		if err != nil {
			t.Fatal(err)
		}
		id := r.Header.Get("X-Request-Id")
		for _, want := range []string{`"id":"` + id + `"`, `"status":418`, `"bytes":3`, `"path":"/tables/note"`} {
			if id == "" || !strings.Contains(log.String(), want) {
				t.Errorf("no %s in %s", want, log.String())
			}
		}
		if strings.Contains(log.String(), "secret") || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("logged: %s", log.String())
		}
	})

	t.Run("a panic is told by an id alone; what happened is in the log", func(t *testing.T) {
		r, body, err := answer(func(http.ResponseWriter, *http.Request) { panic("out of bread") })
		if err != nil || r.StatusCode != http.StatusInternalServerError {
			t.Fatalf("%+v, %v", r, err)
		}
		if id := r.Header.Get("X-Request-Id"); body != "internal error "+id+"\n" || !strings.Contains(log.String(), id) {
			t.Errorf("answered %q, logged %s", body, log.String())
		}
		if !strings.Contains(log.String(), "out of bread") || !strings.Contains(log.String(), "goroutine") {
			t.Errorf("logged: %s", log.String())
		}
	})

	t.Run("a panic in the middle of an answer cuts it off, so that nobody takes it for the whole", func(t *testing.T) {
		_, body, err := answer(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half of")
			http.NewResponseController(w).Flush()
			panic("out of bread")
		})
		if err == nil {
			t.Errorf("the answer looks complete: %q", body)
		}
	})
}

func TestOnlyHosts(t *testing.T) {
	handler := onlyHosts([]string{"Shop.example.com", "2001:db8::1"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost:8000":         200,
		"LOCALHOST.":             200,
		"todo.localhost:8000":    200,
		"127.0.0.1":              200,
		"127.8.9.1:8000":         200,
		"[::1]:8000":             200,
		"[::1]":                  200,
		"shop.example.com:80":    200,
		"SHOP.example.com":       200,
		"[2001:db8::1]:8000":     200,
		"evil.example":           421,
		"localhost.evil.example": 421,
		"127.0.0.1.evil.example": 421,
		"192.0.2.1:8000":         421,
		"shop.example.com.evil":  421,
		"xlocalhost":             421,
		"":                       421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, not %d", host, w.Code, want)
		}
	}
}
