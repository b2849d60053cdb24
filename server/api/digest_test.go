package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
)

// digest asks for the digests of a table.
func (s *server) digest(name, query string, headers ...string) *table.Parts {
	s.t.Helper()
	a := s.expect(s.do("GET", "/tables/"+name+table.PathDigest+"?"+query, "", headers...), 200)
	parts, err := table.ParseParts([]byte(a.text))
	if err != nil {
		s.t.Fatalf("%s: %v", a.text, err)
	}
	return parts
}

func TestDigest(t *testing.T) {
	s := start(t, nil)
	for i := range 10 {
		s.expect(s.do("POST", "/tables/note", fmt.Sprintf(`{"id":"%d","text":"né 😀","n":%d}`, i, i)), 201)
	}
	page := s.pull("$deltatoken=")
	rows := func(ids string) (list []table.Record) {
		for _, c := range page.Changes {
			if strings.Contains(ids, c.ID) {
				list = append(list, c.Open())
			}
		}
		return list
	}
	at := "$deltatoken=" + page.Token

	t.Run("a range comes in parts, which a pull's records have the digests of", func(t *testing.T) {
		for query, want := range map[string]string{
			at:                                  "0123456789:",
			at + "&size=4":                      "0123:3 4567:7 89:",
			at + "&size=4&after=3&to=8":         "4567:7 8:8",
			at + "&size=4&parts=1":              "0123:3",
			at + "&after=9":                     ":",
			at + "&size=2&after=7&records=true": "89:9 :",
		} {
			var got []string
			for i, p := range s.digest("note", query).Parts {
				ids, _, _ := strings.Cut(strings.Split(want+" ", " ")[i], ":")
				if p.Count != len(ids) || p.Digest != table.DigestOf(rows(ids)...) || strings.Contains(query, "records") &&
					len(p.Records) != p.Count {
					t.Errorf("%s: part %d is %+v", query, i, p)
				}
				got = append(got, ids+":"+p.To)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
	})
	t.Run("what was written after the token is named, and in no part", func(t *testing.T) {
		s.do("PATCH", "/tables/note/3", `{"text":"newer"}`)
		s.do("DELETE", "/tables/note/5", "")
		s.do("POST", "/tables/note", `{"id":"55"}`)
		parts := s.digest("note", at+"&after=2&to=6")
		if got := strings.Join(parts.Changed, " "); got != "3 5 55" || parts.Parts[0].Digest != table.DigestOf(rows("46")...) {
			t.Errorf("changed are %q; %+v", got, parts.Parts)
		}
	})
	t.Run("refusals", func(t *testing.T) {
		for query, want := range map[string]string{
			"$deltatoken=": "pull first", at + "&size=0": "size", at + "&parts=x": "parts", at + "&after=😀": "U+D7FF", at +
				"&$orderby=text": "$orderby",
			at + "&$filter=((": "",
		} {
			s.expect(s.do("GET", "/tables/note"+table.PathDigest+"?"+query, ""), 400, want)
		}
		s.expect(s.do("GET", "/tables/note"+table.PathDigest+"?"+at+"&$filter=n%20eq%201", ""), 410, `"expired"`)
		s.expect(s.do("GET", "/tables/note"+table.PathDigest+"?$deltatoken=other-7", ""), 410, `"epoch"`)
	})
	t.Run("a record may have that id all the same", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/note", `{"id":"$digest","text":"mine"}`), 201)
		s.expect(s.do("GET", "/tables/note/$digest", ""), 200, `"text":"mine"`)
	})
}

func TestDigestTellsNothingOfStrangers(t *testing.T) {
	for name, hooks := range narrowings {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *api.Options) { o.Hooks = map[string]api.Hooks{"note": hooks} })
			s.do("POST", "/tables/note", `{"id":"1","team":"red"}`, "Team: red")
			s.do("POST", "/tables/note", `{"id":"2","team":"blue"}`, "Team: blue")
			page, err := table.ParsePage([]byte(s.do("GET", "/tables/note?$deltatoken=", "", "Team: red").text))
			if err != nil {
				t.Fatal(err)
			}
			s.do("POST", "/tables/note", `{"id":"3","team":"blue"}`, "Team: blue")
			s.do("POST", "/tables/note", `{"id":"4","team":"red"}`, "Team: red")
			parts := s.digest("note", "$deltatoken="+page.Token, "Team: red")
			if parts.Parts[0].Count != 1 || strings.Join(parts.Changed, " ") != "4" {
				t.Errorf("team red is told of %+v", parts)
			}
		})
	}
}
