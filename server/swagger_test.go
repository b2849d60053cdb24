package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// Swagger 2.0 has the same paths and methods, and is whole: each reference leads somewhere, and nothing of OpenAPI 3 is left.
func TestSwagger(t *testing.T) {
	nothing := server.Method{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	s := servertest.New(t, server.Options{
		OpenAPI: true,
		Tables: []server.Table{{Name: "todoitem", Columns: map[string]table.Type{"text": "string", "due": "date", "tags": "json"},
			Access: server.Authenticated}},
		APIs: []server.API{{Name: "sum", Methods: server.Methods{"GET": nothing}}},
	})
	var old, now struct {
		Swagger     string
		Paths       map[string]map[string]json.RawMessage
		Definitions map[string]json.RawMessage
	}
	_, text := request(t, s, "", "GET", server.PathSwagger, "")
	if err := json.Unmarshal([]byte(text), &old); err != nil || old.Swagger != "2.0" {
		t.Fatalf("%v: %s", err, text)
	}
	_, modern := request(t, s, "", "GET", server.PathOpenAPI, "")
	if err := json.Unmarshal([]byte(modern), &now); err != nil {
		t.Fatal(err)
	}
	methods := func(paths map[string]map[string]json.RawMessage) string {
		var all []string
		for path, list := range paths {
			all = append(all, path+" "+strings.Join(slices.Sorted(maps.Keys(list)), " "))
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	if a, b := methods(old.Paths), methods(now.Paths); a != b {
		t.Errorf("Swagger has\n%s\nand OpenAPI\n%s", a, b)
	}
	for _, gone := range []string{"components", "requestBody", `"content"`, `"bearer"`, `"null"`, "3.1"} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is none of Swagger's", gone)
		}
	}
	for part := range strings.SplitSeq(text, `"$ref":"`) {
		ref, _, _ := strings.Cut(part, `"`)
		if name, ok := strings.CutPrefix(ref, "#"); ok && old.Definitions[strings.TrimPrefix(name, "/definitions/")] == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	}
	var schema struct{ Properties map[string]map[string]any }
	if err := json.Unmarshal(old.Definitions["todoitem"], &schema); err != nil {
		t.Fatal(err)
	}
	if due := schema.Properties["due"]; due["type"] != "string" || due["x-nullable"] != true || due["format"] != "date-time" {
		t.Errorf("due is %v", due)
	}
	var post struct {
		Parameters []map[string]any
		Security   []map[string]any
	}
	if err := json.Unmarshal(old.Paths["/tables/todoitem"]["post"], &post); err != nil {
		t.Fatal(err)
	}
	body := slices.IndexFunc(post.Parameters, func(p map[string]any) bool { return p["in"] == "body" && p["schema"] != nil })
	version := slices.IndexFunc(post.Parameters, func(p map[string]any) bool { return p["in"] == "header" && p["type"] == "string" })
	if body < 0 || version < 0 || len(post.Security) != 1 || post.Security[0]["zumo"] == nil {
		t.Errorf("an insert takes %v, security %v", post.Parameters, post.Security)
	}
}

func TestStatus(t *testing.T) {
	for asked, want := range map[bool]int{true: 200, false: 404} {
		s := servertest.New(t, server.Options{Status: asked})
		if status, text := request(t, s, "", "GET", "/status", ""); status != want || asked && text != `{"status":"Running"}` {
			t.Errorf("asked for: %v: %d %s", asked, status, text)
		}
	}
}
