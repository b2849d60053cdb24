package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// pulled is what a delta page says: the ids of records, "-id" for what was deleted, "~id" for what is the caller's no more; and
// the link to go on by.
func (s *server) pulled(a answer) (entries, link string) {
	s.t.Helper()
	v, err := table.ParseJSON([]byte(a.text))
	page, ok := v.(map[string]any)
	if err != nil || !ok || a.status != 200 {
		s.t.Fatalf("%d %s: %v", a.status, a.text, err)
	}
	var ids []string
	for _, v := range page["value"].([]any) {
		r := table.Record(v.(map[string]any))
		sign := ""
		if removed, ok := r[table.FieldRemoved].(map[string]any); ok {
			sign = map[any]string{table.ReasonDeleted: "-", table.ReasonChanged: "~"}[removed["reason"]]
		}
		ids = append(ids, sign+r.ID())
	}
	if link, ok = page[table.FieldDeltaLink].(string); !ok {
		link, _ = page[table.FieldNextLink].(string)
	}
	return strings.Join(ids, " "), link
}

func TestOwners(t *testing.T) {
	const key = "a key for tests"
	v, err := access.New(access.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var narrow table.Expr // what a filter of the program asks of records, nil for nothing
	s := start(t, func(o *api.Options) {
		for name, file := range map[string]string{"mine": `{"perUser":true}`, "some": `{}`} {
			parsed, err := db.ParseTable(name, []byte(file))
			if err != nil {
				t.Fatal(err)
			}
			o.Tables = append(o.Tables, parsed)
		}
		o.Access = v
		o.Hooks = map[string]api.Hooks{"some": {Filters: []func(*api.Context) (table.Expr, error){
			func(*api.Context) (table.Expr, error) { return narrow, nil },
		}}}
	})
	as := func(user string) string {
		token, err := access.Sign(key, user, nil, time.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: Bearer " + token
	}
	anna, ben := as("anna"), as("ben")
	expect := func(t *testing.T, what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, not %q", what, got, want)
		}
	}

	t.Run("a delta has the caller's records alone; one that changes its owner is told to both", func(t *testing.T) {
		for id, who := range map[string]string{"a1": anna, "a2": anna, "b1": ben} {
			s.expect(s.do("POST", "/tables/mine", `{"id":"`+id+`"}`, who), 201)
		}
		got, annas := s.pulled(s.do("GET", "/tables/mine?$deltatoken=", ``, anna))
		if got != "a1 a2" && got != "a2 a1" {
			t.Errorf("anna's first: %q", got)
		}
		got, bens := s.pulled(s.do("GET", "/tables/mine?$deltatoken=", ``, ben))
		expect(t, "ben's first", got, "b1")

		mine, err := s.api.Data("mine")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := mine.Update(t.Context(), table.Record{"id": "a1", "userId": "ben"}); err != nil {
			t.Fatal(err)
		}
		s.expect(s.do("DELETE", "/tables/mine/a2", ``, anna), 200)
		got, annas = s.pulled(s.do("GET", annas, ``, anna))
		expect(t, "anna's next", got, "~a1 -a2")
		got, bens = s.pulled(s.do("GET", bens, ``, ben))
		expect(t, "ben's next", got, "a1")
		got, _ = s.pulled(s.do("GET", annas, ``, anna))
		expect(t, "anna's last", got, "")
		s.expect(s.do("GET", "/tables/mine/a1", ``, anna), 404)
		s.expect(s.do("GET", "/tables/mine/a1", ``, ben), 200)

		t.Run("a token is its user's alone", func(t *testing.T) {
			s.expect(s.do("GET", bens, ``, anna), 410, `"code":"expired"`)
			s.expect(s.do("GET", annas, ``), 410)
		})
	})

	t.Run("a filter's delta tells what does not match any more", func(t *testing.T) {
		for _, body := range []string{`{"id":"1","n":1}`, `{"id":"2","n":2}`, `{"id":"3","n":3}`} {
			s.expect(s.do("POST", "/tables/note", body), 201)
		}
		got, link := s.pulled(s.do("GET", "/tables/note?$filter=n%20ge%202&$deltatoken=", ``))
		expect(t, "first", got, "2 3")
		s.expect(s.do("PATCH", "/tables/note/2", `{"n":0}`), 200)
		s.expect(s.do("PATCH", "/tables/note/1", `{"n":9}`), 200)
		s.expect(s.do("DELETE", "/tables/note/3", ``), 200)
		got, link = s.pulled(s.do("GET", link, ``))
		expect(t, "next", got, "~2 1 -3")
		s.expect(s.do("GET", strings.Replace(link, "ge%202", "ge%203", 1), ``), 410, "filter")
	})

	t.Run("small pages of a first pull bring what matches, each once", func(t *testing.T) {
		for _, body := range []string{`{"id":"4","n":4}`, `{"id":"5","n":0}`, `{"id":"6","n":6}`} {
			s.expect(s.do("POST", "/tables/note", body), 201)
		}
		var all []string
		link := "/tables/note?$filter=n%20ge%202&$top=1&$deltatoken="
		for range 10 {
			var got string
			if got, link = s.pulled(s.do("GET", link, ``)); got != "" {
				all = append(all, got)
			}
		}
		expect(t, "all", strings.Join(all, " "), "1 4 6")
	})

	t.Run("a page reads on until it has something to tell, but not for ever", func(t *testing.T) {
		for i := range 200 {
			s.expect(s.do("POST", "/tables/todoitem", fmt.Sprintf(`{"id":"%d","n":%d}`, i, i)), 201)
		}
		ask := func(filter string) []string {
			var pages []string
			for link := "/tables/todoitem?$filter=" + filter + "&$top=10&$deltatoken="; !strings.HasSuffix(link, " end"); {
				a := s.do("GET", link, ``)
				var got string
				if got, link = s.pulled(a); !strings.Contains(a.text, "nextLink") {
					link += " end"
				}
				pages = append(pages, got)
			}
			return pages
		}
		expect(t, "one in 30", strings.Join(ask("(n%20mod%2030)%20eq%201"), ", "), "1 31 61, 91 121 151, 181")
		expect(t, "one in 15", strings.Join(ask("(n%20mod%2015)%20eq%201"), ", "), "1 16 31 46 61, 76 91 106 121 136, 151 166 181 196")
		expect(t, "the last", strings.Join(ask("n%20eq%20199"), ", "), ", , 199")
	})

	t.Run("rights that change make a client pull anew", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/some", `{"id":"1","n":1}`), 201)
		s.expect(s.do("POST", "/tables/some", `{"id":"2","n":2}`), 201)
		got, link := s.pulled(s.do("GET", "/tables/some?$deltatoken=", ``))
		expect(t, "without a filter", got, "1 2")
		narrow = table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: "n"}, Right: table.Literal{Value: 2.0}}
		s.expect(s.do("GET", link, ``), 410, `"code":"expired"`)
		got, link = s.pulled(s.do("GET", "/tables/some?$deltatoken=", ``))
		expect(t, "with a filter", got, "2")
		narrow = nil
		s.expect(s.do("GET", link, ``), 410)
	})
}
