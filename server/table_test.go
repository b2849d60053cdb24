package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// request sends one of version 2, with a user's token if there is a user.
func request(t *testing.T, s *servertest.Server, user, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	r.Header.Set("Content-Type", "application/json")
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+s.Token(user))
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	data, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(data)
}

func TestTable(t *testing.T) {
	files, err := db.LoadTables(fstest.MapFS{"shop.json": {Data: []byte(`{"columns":{"name":"string"},"dynamicSchema":false}`)}})
	if err != nil {
		t.Fatal(err)
	}
	name := server.Hook{Before: func(c *server.Context) error { c.Item["name"] = "a hook's"; return nil }}
	s := servertest.New(t, server.Options{Files: files, Tables: []server.Table{
		{Name: "Shop", Hooks: server.Hooks{Insert: name}},
		{
			Name: "order", Columns: map[string]table.Type{"n": table.TypeInteger, "at": table.TypeDate}, Indexes: [][]string{{"n", "at"}},
			Static: true, PageSize: 2, MaxTop: 3, Seed: []server.Record{{"id": "1", "n": 1.0}, {"id": "2", "n": 2.0},
				{"id": "3", "n": 3.0}},
			AccessOf: map[server.Operation]server.Access{server.Delete: server.Disabled, server.Insert: server.Authenticated},
		},
		{Name: "diary", PerUser: true, Owner: "writer", Access: server.Authenticated},
		{Name: "log", AutoIncrement: true, HardDelete: true, Expire: server.Expiry{Days: 1}, Stored: "log_entries"},
	}})

	for name, c := range map[string]struct {
		user, method, path, body string
		status                   int
		want                     string
	}{
		"a file's table has its program's hooks": {"", "POST", "/tables/shop", `{"id":"a"}`, 201, `"name":"a hook's"`},
		"and the file's columns":                 {"", "POST", "/tables/shop", `{"id":"b","size":1}`, 400, "size"},
		"seeds and page size":                    {"", "GET", "/tables/order?$select=id", "", 200, `[{"id":"1"},{"id":"2"}]`},
		"the greatest $top":                      {"", "GET", "/tables/order?$top=4", "", 400, "3 records"},
		"declared columns alone":                 {"anna", "POST", "/tables/order", `{"m":1}`, 400, "m"},
		"of their types":                         {"anna", "POST", "/tables/order", `{"n":1.5}`, 400, "n"},
		"an operation's access":                  {"", "POST", "/tables/order", `{"n":1}`, 401, "logged in"},
		"a disabled operation":                   {"anna", "DELETE", "/tables/order/1", "", 405, "delete"},
		"an owner": {"anna", "POST", "/tables/diary", `{"id":"d","writer":"ben"}`, 201,
			`"writer":"anna"`},
		"numbers for ids": {"", "POST", "/tables/log", `{"text":"x"}`, 201, `"id":1`},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := request(t, s, c.user, c.method, c.path, c.body); status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	t.Run("another user does not see it", func(t *testing.T) {
		if status, body := request(t, s, "ben", "GET", "/tables/diary", ""); status != 200 || body != "[]" {
			t.Errorf("%d %s", status, body)
		}
	})
}

func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		options server.Options
		want    string
	}{
		"a column of no type": {server.Options{Tables: []server.Table{{Name: "a",
			Columns: map[string]table.Type{"x": "moment"}}}}, "moment"},
		"a table twice":              {server.Options{Tables: []server.Table{{Name: "a"}, {Name: "A"}}}, "twice"},
		"a table's name":             {server.Options{Tables: []server.Table{{Name: "a b"}}}, "a b"},
		"an access of no kind":       {server.Options{Tables: []server.Table{{Name: "a", Access: "friends"}}}, "friends"},
		"a page greater than maxTop": {server.Options{Tables: []server.Table{{Name: "a", PageSize: 10, MaxTop: 5}}}, "pageSize"},
		"a seed of the wrong type": {server.Options{Tables: []server.Table{{Name: "a", Columns: map[string]table.Type{"n": "number"},
			Seed: []server.Record{{"n": "x"}}}}}, "seed, record 1"},
		"an api without a handler":    {server.Options{APIs: []server.API{{Name: "a", Methods: server.Methods{"GET": {}}}}}, "handler"},
		"an api twice":                {server.Options{APIs: []server.API{{Name: "a"}, {Name: "A"}}}, "twice"},
		"an api's name":               {server.Options{APIs: []server.API{{Name: "a/b"}}}, "a/b"},
		"an issuer without https":     {server.Options{Issuers: []string{"http://example.com"}}, "issuer"},
		"a version that is not known": {server.Options{Version: "4"}, "version"},
		"an origin that is none":      {server.Options{CORS: []string{"https://a/b"}}, "origin"},
		"a database that is none":     {server.Options{DB: "larder.db"}, "sqlite:PATH"},
	} {
		t.Run(name+" is refused at the start", func(t *testing.T) {
			if c.options.DB == "" {
				c.options.DB = "sqlite:" + t.TempDir() + "/larder.db"
			}
			s, err := server.New(t.Context(), c.options)
			if s != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v", s, err)
			}
		})
	}
}
