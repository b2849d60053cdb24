package servertest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// A test starts a server in a line, calls it, and looks at what is stored.
func TestNew(t *testing.T) {
	s := servertest.New(t, server.Options{Tables: []server.Table{{Name: "todoitem", Access: server.Authenticated}}})

	r, err := http.NewRequest("POST", s.URL+"/tables/todoitem", strings.NewReader(`{"id":"1","text":"bread"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	r.Header.Set("X-ZUMO-AUTH", s.Token("anna"))
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if body, err := io.ReadAll(w.Body); w.StatusCode != http.StatusCreated || err != nil {
		t.Fatalf("%s: %s, %v", w.Status, body, err)
	}
	todo, err := s.Data("todoitem")
	if err != nil {
		t.Fatal(err)
	}
	if row, err := todo.Get(t.Context(), "1"); err != nil || row["text"] != "bread" {
		t.Errorf("%v, %v", row, err)
	}
	if _, err := todo.Get(t.Context(), "2"); table.CodeOf(err) != table.CodeNotFound {
		t.Errorf("%v", err)
	}
}
