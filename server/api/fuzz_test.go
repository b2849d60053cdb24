package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// FuzzRequest sends anything to the tables. Whatever it is, it is not the server that fails: the answer is a status below 500,
// and says in JSON what was wrong.
func FuzzRequest(f *testing.F) {
	for _, seed := range [...][5]string{
		{"GET", "/tables/todoitem", "$filter=text eq 'x' and n gt 1&$orderby=n desc&$top=5&$skip=1&$select=id,n&$inlinecount=allpages",
			"", "2.0.0"},
		{"GET", "/tables/note", "$filter=contains(a,'b') or a in ('x',null)&$count=true&__includedeleted=true", "", "3.0.0"},
		{"GET", "/tables/note", "$filter=at gt cast(2026-01-01T00:00:00.000Z,Edm.DateTimeOffset)", "", "3.0.0"},
		{"GET", "/tables/note", "$deltatoken=b-1.0~00&$top=3&$filter=a eq 1", "", ""},
		{"GET", "/tables/note", "modifiedSince=2026-01-01T00:00:00Z", "", ""},
		{"POST", "/tables/note", "", `{"id":"a","x":{"y":[1,2,{"z":null}]},"n":1e3}`, "2.0.0"},
		{"POST", "/tables/$batch", "", `{"requests":[{"id":"1","atomicityGroup":"g","method":"PATCH","url":"note/a",` +
			`"headers":{"if-match":"\"b-1\""},"body":{"x":1}}]}`, ""},
		{"PATCH", "/tables/todoitem/a", "", `{"text":"x","version":"b-1"}`, "2.0.0"},
		{"PUT", "/tables/note/a", "__includeDeleted=true", `{"deleted":false}`, "3.0.0"},
		{"DELETE", "/tables/note", "$filter=true", "", "2.0.0"},
		{"POST", "/tables/note/a", "", "", "2.0.0"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	s := start(f, nil).api
	f.Fuzz(func(t *testing.T, method, path, query, body, version string) {
		u, err := url.Parse(path)
		if err != nil || !strings.HasPrefix(path, "/") || u.Host != "" || !validMethod(method) {
			t.Skip()
		}
		u.RawQuery = query
		r := &http.Request{Method: method, URL: u, Host: "localhost", Header: http.Header{}, Body: http.NoBody, Proto: "HTTP/1.1"}
		if body != "" {
			r = httptest.NewRequest(method, "/", strings.NewReader(body))
			r.URL = u
		}
		r.Header.Set(table.HeaderZUMOVersion, version)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(t.Context()))
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "json") {
			if _, err := table.ParseJSON(w.Body.Bytes()); err != nil {
				t.Fatalf("%s %s?%s: %v in %s", method, path, query, err, w.Body)
			}
		}
	})
}

func validMethod(m string) bool {
	return slices.Contains([]string{"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}, m)
}
