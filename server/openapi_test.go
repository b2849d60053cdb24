package server_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// The description is held against the routes both ways: what it names can be asked, and of what it names nothing else can.
func TestOpenAPI(t *testing.T) {
	nothing := server.Method{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	s := servertest.New(t, server.Options{
		OpenAPI: true,
		Tables: []server.Table{
			{Name: "todoitem", Columns: map[string]table.Type{"text": "string", "due": "date", "tags": "json"}, Static: true},
			{Name: "log", AccessOf: map[server.Operation]server.Access{"update": "disabled", "delete": "disabled",
				"undelete": "disabled"}},
		},
		APIs: []server.API{{Name: "sum", Methods: server.Methods{"GET": nothing, "POST": nothing,
			"PUT": {Handler: nothing.Handler, Access: "disabled"}}}},
	})
	status, text := request(t, s, "", "GET", server.PathOpenAPI, "")
	var document struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(text), &document); status != 200 || err != nil || !strings.HasPrefix(document.OpenAPI, "3.") {
		t.Fatalf("%d %v %s", status, err, text)
	}

	if got := slices.Sorted(maps.Keys(document.Components.Schemas["todoitem"].Properties)); strings.Join(got, " ") !=
		"createdAt deleted due id tags text updatedAt version" {
		t.Errorf("columns: %v", got)
	}
	for _, path := range []string{"/tables/todoitem", "/tables/log/{id}", "/tables/log/live", "/tables/log/$digest",
		"/tables/$batch", "/tables/$live", "/api/sum",
		"/.auth/me", "/push/installations/{id}", "/__probe", "/healthz", "/readyz", "/metrics", server.PathOpenAPI,
		server.PathSwagger} {
		if document.Paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	for path, methods := range document.Paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			described, ok := methods[strings.ToLower(method)]
			if method == "GET" && strings.HasSuffix(path, "ive") {
				continue // a stream does not end
			}
			asked := strings.ReplaceAll(path, "{id}", "none")
			if strings.HasSuffix(path, "$batch") && method != "POST" || strings.HasSuffix(path, "$digest") && method != "GET" {
				continue // it is a record's path too, for who does not know the name
			}
			if strings.HasSuffix(path, "$digest") {
				asked += "?$deltatoken="
			}
			got := try(t, s, method, asked)
			there := got != http.StatusMethodNotAllowed && (got != http.StatusNotFound || strings.Contains(path, "{id}"))
			if ok != there {
				t.Errorf("%s %s answers %d; described: %v", method, path, got, ok)
			}
			if _, known := described.Responses[statusText(got)]; ok && !known && got != http.StatusBadRequest {
				t.Errorf("%s %s answers %d, which is not described", method, path, got)
			}
		}
	}

	t.Run("it has every name of the wire", func(t *testing.T) {
		for _, name := range wireNames(t) {
			if !strings.Contains(text, name) {
				t.Errorf("%s is not in it", name)
			}
		}
	})

	t.Run("it is there only if it is asked for", func(t *testing.T) {
		s := servertest.New(t, server.Options{})
		if status, _ := request(t, s, "", "GET", server.PathOpenAPI, ""); status != 404 {
			t.Errorf("status %d", status)
		}
	})
}

// wireNames are the paths, parameters and headers for which the packages have constants, but that of the sign-in for development.
func wireNames(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../table/*.go", "api/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, constants(f)...)
		}
	}
	for _, known := range []string{table.PathDigest, table.ParamSeen, server.PathSwagger} {
		if !slices.Contains(names, known) {
			t.Fatalf("%s is not among the constants %v", known, names)
		}
	}
	return names
}

// constants are the texts of a file's constants that name what is on the wire.
func constants(f *ast.File) (values []string) {
	for n := range ast.Preorder(f) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range spec.Names {
			wire := slices.ContainsFunc([]string{"Path", "Param", "Header"},
				func(kind string) bool { return strings.HasPrefix(name.Name, kind) })
			if !wire || i >= len(spec.Values) {
				continue
			}
			if literal, ok := spec.Values[i].(*ast.BasicLit); ok {
				values = append(values, strings.Trim(literal.Value, `"`))
			}
		}
	}
	return values
}

// try asks for a path in the version that knows the method.
func try(t *testing.T, s *servertest.Server, method, path string) int {
	t.Helper()
	body := ""
	if method == "POST" || method == "PUT" || method == "PATCH" {
		body = `{}`
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("ZUMO-API-VERSION", "2.0.0")
	if method == "PUT" {
		r.Header.Set("ZUMO-API-VERSION", "3.0.0")
	}
	if path == "/.auth/me" {
		r.Header.Set("X-ZUMO-AUTH", s.Token("anna"))
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	return w.StatusCode
}

func statusText(status int) string {
	text, err := json.Marshal(status)
	if err != nil {
		return ""
	}
	return string(text)
}
