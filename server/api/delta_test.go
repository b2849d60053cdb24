package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
)

// pull asks for one delta page.
func (s *server) pull(query string) *table.Page {
	s.t.Helper()
	a := s.expect(s.do("GET", "/tables/note?"+query, "", "ZUMO-API-VERSION:"), 200)
	page, err := table.ParsePage([]byte(a.text))
	if err != nil {
		s.t.Fatalf("%s: %v", a.text, err)
	}
	return page
}

// changes lists a page: the ids, with a minus before those that are gone.
func changes(page *table.Page) string {
	var all []string
	for _, c := range page.Changes {
		if c.Removed != "" {
			all = append(all, "-"+c.ID)
		} else {
			all = append(all, c.ID)
		}
	}
	return strings.Join(all, " ")
}

func TestDelta(t *testing.T) {
	s := start(t, nil)
	for i := range 6 {
		s.expect(s.do("POST", "/tables/note", fmt.Sprintf(`{"id":"%d","text":"\"né\\"}`, i)), 201)
	}
	s.do("DELETE", "/tables/note/1", "")
	s.do("PATCH", "/tables/note/0", `{"text":"moved"}`)

	t.Run("a first pull brings live rows only, and goes on with what happened meanwhile", func(t *testing.T) {
		page := s.pull("$deltatoken=&$top=2&$count=true")
		if got := changes(page); got != "2 3" || !page.More || page.Count != 5 {
			t.Fatalf("first page: %s, more %v, count %d", got, page.More, page.Count)
		}
		s.do("DELETE", "/tables/note/2", "") // has been sent
		s.do("DELETE", "/tables/note/4", "") // has not
		s.do("POST", "/tables/note", `{"id":"6"}`)
		page = s.pull("$top=2&$deltatoken=" + page.Token)
		if got := changes(page); got != "5 0" || !page.More {
			t.Fatalf("second page: %s, more %v", got, page.More)
		}
		page = s.pull("$top=2&$deltatoken=" + page.Token)
		if got := changes(page); got != "-2 -4" || !page.More {
			t.Fatalf("third page: %s, more %v", got, page.More)
		}
		page = s.pull("$top=2&$deltatoken=" + page.Token)
		if got := changes(page); got != "6" || page.More {
			t.Fatalf("fourth page: %s, more %v", got, page.More)
		}
		if again := s.pull("$deltatoken=" + page.Token); changes(again) != "" || again.More || again.Token != page.Token {
			t.Errorf("drained: %+v", again)
		}
	})

	t.Run("rows are as a lookup shows them", func(t *testing.T) {
		page := s.pull("$deltatoken=")
		for _, c := range page.Changes {
			if single := s.record(s.do("GET", "/tables/note/"+c.ID, "")); !table.Equal(single, c.Open()) {
				t.Errorf("delta %v\nsingle %v", c.Open(), single)
			}
		}
	})

	t.Run("the link is a path that keeps the other parameters", func(t *testing.T) {
		a := s.do("GET", "/tables/NOTE?$deltatoken=&$top=3&$count=true", "")
		s.expect(a, 200, `"@odata.nextLink":"/tables/note?$top=3&$count=true&$deltatoken=`, `"@odata.count":4`)
	})

	t.Run("a page that ends with the last row is the last one", func(t *testing.T) {
		if page := s.pull("$deltatoken=&$top=4"); page.More || len(page.Changes) != 4 {
			t.Errorf("%+v", page)
		}
	})

	t.Run("an empty table has a token too", func(t *testing.T) {
		a := s.expect(s.do("GET", "/tables/hard?$deltatoken=", ""), 200, `"value":[]`, "@odata.deltaLink")
		page, err := table.ParsePage([]byte(a.text))
		if err != nil {
			t.Fatal(err)
		}
		s.do("POST", "/tables/hard", `{"id":"a"}`)
		s.expect(s.do("GET", "/tables/hard?$deltatoken="+page.Token, ""), 200, `"id":"a"`)
	})

	t.Run("the page has a limit", func(t *testing.T) {
		for _, top := range []string{"0", "-1", "10001", "many"} {
			s.expect(s.do("GET", "/tables/note?$deltatoken=&$top="+top, ""), 400, "$top")
		}
	})
}
