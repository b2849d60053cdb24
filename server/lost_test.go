package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/test/postgres"
)

// onPostgreSQL starts a server over a database of its own, with the table news.
func onPostgreSQL(t *testing.T) (*postgres.Server, *servertest.Server) {
	t.Helper()
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
	return pg, servertest.New(t, server.Options{DB: address, Tables: []server.Table{{Name: "news"}}})
}

// PostgreSQL is killed while many write: what was answered is there, what was sent again is there once, and all that fails is
// told to come again.
func TestKilledDatabase(t *testing.T) {
	pg, s := onPostgreSQL(t)
	const writers, kills, most, between = 8, 3, 20, 60
	var taken, failed atomic.Int64
	send := func(w, i int) (done bool) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/tables/news",
			strings.NewReader(fmt.Sprintf(`{"id":"%d-%d"}`, w, i)))
		if err != nil {
			t.Error(err)
			return true
		}
		r.Header.Set("ZUMO-API-VERSION", "2.0.0")
		r.Header.Set("Repeatability-Client-ID", fmt.Sprintf("writer%d.%d", w, i))
		r.Header.Set("Repeatability-Request-ID", fmt.Sprintf("%d-%d", w, i))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return true
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		switch {
		case answer.StatusCode == http.StatusCreated:
			taken.Add(1)
			return true
		case answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "":
			t.Errorf("a write to a killed database: %d, Retry-After %q, %s, %v",
				answer.StatusCode, answer.Header.Get("Retry-After"), text, err)
			return true
		}
		failed.Add(1)
		return false
	}
	var ended atomic.Bool
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 1; !ended.Load() && !t.Failed(); i++ {
				for !send(w, i) {
					time.Sleep(20 * time.Millisecond) // as long as Retry-After says would be a long test
				}
			}
		})
	}
	for n := 0; n < kills || failed.Load() == 0 && n < most; n++ { // between two commits a kill may meet no write
		for least := taken.Load() + between; taken.Load() < least && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		if err := pg.Kill(); err != nil {
			t.Errorf("kill %d: %v", n, err)
		}
	}
	for least := taken.Load() + between; taken.Load() < least && !t.Failed(); {
		time.Sleep(time.Millisecond)
	}
	ended.Store(true)
	wg.Wait()
	status, text := request(t, s, "", "GET", "/tables/news?$deltatoken=&$top=10000", "")
	if got := int64(strings.Count(text, `"id":"`)); status != 200 || got != taken.Load() {
		t.Errorf("%d, with %d records of %d that were taken", status, got, taken.Load())
	}
	if failed.Load() == 0 {
		t.Error("no write met a killed database")
	}
}

func TestLostDatabase(t *testing.T) {
	pg, s := onPostgreSQL(t)
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
		{"POST", "/tables/news", `{"id":"meanwhile"}`}, {"PATCH", "/tables/news/before", `{"text":"new"}`},
		{"DELETE", "/tables/news/before", ""},
		{"GET", "/tables/news", ""}, {"GET", "/tables/news/before", ""}, {"GET", "/tables/news?$deltatoken=", ""},
		{"GET", "/tables/news/live?lastEventId=" + url.QueryEscape(e.last), ""},
	} {
		if status, retry, text := ask(request[0], request[1], request[2]); status != 503 || retry == "" ||
			!strings.Contains(text, `"storage"`) {
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
	if status, _, text := ask("GET", "/tables/news?$select=id", ""); status != 200 || strings.Contains(text, "meanwhile") ||
		!strings.Contains(text, "before") {
		t.Errorf("after it came back there is: %d %s", status, text)
	}
	if status, _, text := ask("GET", "/readyz", ""); status != 200 {
		t.Errorf("not ready with the database: %d %s", status, text)
	}
}
