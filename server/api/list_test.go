package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/api"
)

func TestList(t *testing.T) {
	s := start(t, nil)
	for i := range 12 {
		s.expect(s.do("POST", "/tables/todoitem", fmt.Sprintf(`{"id":"%02d","text":"it's %d","n":%d,"complete":%t}`, i, i, 100-i,
			i%2 == 0)), 201)
	}
	s.expect(s.do("DELETE", "/tables/todoitem/03", ""), 200)

	for query, want := range map[string]string{
		"":                                     "00 01 02 04 05",
		"$top=0":                               "00 01 02 04 05",
		"$top=3&$skip=2":                       "02 04 05",
		"$skip=10":                             "11",
		"$skip=99":                             "",
		"$skip=9223372036854775807":            "",
		"$skip=9223372036854775807&$orderby=n": "",
		"$top=100&__includeDeleted=true":       "00 01 02 03 04 05 06 07 08 09 10 11",
		"$filter=complete&$top=3":              "00 02 04",
		"$filter=text%20eq%20'it''s%204'":      "04",
		"$filter=n%20lt%2092":                  "09 10 11",
		"$orderby=n&$top=2&$skip=1":            "10 09",
		"$orderby=complete%20desc,n&$top=2":    "10 08",
		"$filter=substringof('s%201',text)&$orderby=id%20desc": "11 10 01",
	} {
		if got := ids(s.records(s.expect(s.do("GET", "/tables/todoitem?"+query, ""), 200))); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}

	t.Run("the count is of all matches that are not deleted", func(t *testing.T) {
		for query, count := range map[string]int{
			"":                                      11,
			"&__includeDeleted=true":                11,
			"&__includeDeleted=true&$orderby=n":     11,
			"&$filter=complete%20eq%20false&$top=1": 5,
		} {
			a := s.do("GET", "/tables/todoitem?$inlinecount=allpages"+query, "")
			s.expect(a, 200, `{"results":[`, fmt.Sprintf(`],"count":%d}`, count))
		}
		s.expect(s.do("GET", "/tables/todoitem?$inlinecount=none&$count=true", ""), 200, `[{`)
	})

	t.Run("$select leaves the rest out", func(t *testing.T) {
		a := s.expect(s.do("GET", "/tables/todoitem?$select=n,due&$top=1", ""), 200)
		if a.text != `[{"due":null,"n":100}]` {
			t.Error(a.text)
		}
	})

	t.Run("following Link visits every record once", func(t *testing.T) {
		for _, query := range []string{"?$top=4", "?$top=4&$orderby=n&$filter=n%20gt%200", "?zumo-api-version=2.0.0"} {
			seen := map[string]bool{}
			for path := "/tables/todoitem" + query; path != ""; {
				a := s.do("GET", path, "")
				for _, r := range s.records(a) {
					if seen[r.ID()] {
						t.Errorf("%s: %s comes twice", query, r.ID())
					}
					seen[r.ID()] = true
				}
				link := a.header.Get("Link")
				if path = ""; link != "" {
					url, ok := strings.CutSuffix(link, "; rel=next")
					if path, ok = strings.CutPrefix(url, s.URL); !ok {
						t.Fatalf("Link: %s", link)
					}
				}
			}
			if len(seen) != 11 {
				t.Errorf("%s: %d records", query, len(seen))
			}
		}
	})

	t.Run("answers are asked for anew each time", func(t *testing.T) {
		a := s.do("GET", "/tables/todoitem/00", "")
		if a.header.Get("Cache-Control") != "no-cache" || a.header.Get("Pragma") != "no-cache" {
			t.Error(a.header)
		}
		b := s.do("GET", "/tables/todoitem/00", "", "If-None-Match: "+a.header.Get("ETag"))
		s.expect(b, 200)
		if head := s.do("HEAD", "/tables/todoitem/00", ""); head.status != 200 || head.text != "" || head.header.Get("ETag") == "" {
			t.Errorf("%+v", head)
		}
	})

	t.Run("of many records the first ones are found", func(t *testing.T) {
		var b strings.Builder
		const rows = 5000
		for i := range rows {
			fmt.Fprintf(&b, `{"id":"%d","n":%d}`, i, i*7919%rows) // every number once, in no order
		}
		if _, err := s.api.Import(t.Context(), strings.NewReader(b.String()), "note", api.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		a := s.do("GET", "/tables/note?$filter=n%20ge%20100&$orderby=n&$skip=2&$top=2&$select=n&$inlinecount=allpages", "")
		if a.text != `{"results":[{"n":102},{"n":103}],"count":4900}` {
			t.Error(a.text)
		}
	})
}
