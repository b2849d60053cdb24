package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/test/postgres"
)

func TestLostDatabase(t *testing.T) {
	pg, err := postgres.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	address, err := pg.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.New(t, server.Options{DB: address, Tables: []server.Table{{Name: "news"}}})
	ask := func(method, path, body string) (status int, retry, text string) {
		t.Helper()
		r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("ZUMO-API-VERSION", "2.0.0")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		all, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header.Get("Retry-After"), string(all)
	}
	e := listen(t, s.URL+"/tables/news/live", 200)
	write(t, s, "ann", "news", `{"id":"before"}`)
	if got := e.next(); !strings.Contains(got, `"id":"before"`) {
		t.Fatalf("%s", got)
	}

	back, err := pg.Vanish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range [][3]string{
		{"POST", "/tables/news", `{"id":"meanwhile"}`}, {"PATCH", "/tables/news/before", `{"text":"new"}`}, {"DELETE", "/tables/news/before", ""},
		{"GET", "/tables/news", ""}, {"GET", "/tables/news/before", ""}, {"GET", "/tables/news?$deltatoken=", ""},
		{"GET", "/tables/news/live?lastEventId=" + url.QueryEscape(e.last), ""},
	} {
		if status, retry, text := ask(request[0], request[1], request[2]); status != 503 || retry == "" || !strings.Contains(text, `"storage"`) {
			t.Errorf("%s %s without the database: %d, Retry-After %q, %s", request[0], request[1], status, retry, text)
		}
	}
	if status, _, _ := ask("GET", "/readyz", ""); status != 503 {
		t.Errorf("ready without the database: %d", status)
	}
	if status, _, _ := ask("GET", "/healthz", ""); status != 200 {
		t.Errorf("the process is well all the same: %d", status)
	}

	if err := back(); err != nil {
		t.Fatal(err)
	}
	// Connections that broke are found broken when they are used: some requests more may fail, each so that it can be sent again.
	for end := time.Now().Add(30 * time.Second); ; {
		status, retry, text := ask("POST", "/tables/news", `{"id":"after"}`)
		if status == 201 {
			break
		}
		if status != 503 || retry == "" || time.Now().After(end) {
			t.Fatalf("a write after the database came back: %d, Retry-After %q, %s", status, retry, text)
		}
	}
	if got := e.next(); !strings.Contains(got, `"id":"after"`) {
		t.Errorf("the stream that was open goes on with %s", got)
	}
	if status, _, text := ask("GET", "/tables/news?$select=id", ""); status != 200 || strings.Contains(text, "meanwhile") || !strings.Contains(text, "before") {
		t.Errorf("after it came back there is: %d %s", status, text)
	}
	if status, _, text := ask("GET", "/readyz", ""); status != 200 {
		t.Errorf("not ready with the database: %d %s", status, text)
	}
}
