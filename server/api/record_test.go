package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestInsert(t *testing.T) {
	s := start(t, nil)

	t.Run("the answer is the record with what the server added, and an ETag", func(t *testing.T) {
		a := s.expect(s.do("POST", "/tables/todoitem", `{"id":"a","text":"bread","due":"2026-11-21T10:00:00+02:00"}`), 201)
		r := s.record(a)
		if r["text"] != "bread" || r["due"] != "2026-11-21T08:00:00.000Z" || r["deleted"] != false || r["createdAt"] != r["updatedAt"] {
			t.Errorf("%v", r)
		}
		if v, ok := r["complete"]; !ok || v != nil {
			t.Errorf("a declared column that is empty is not null: %v", r)
		}
		if etag := a.header.Get("ETag"); etag != `"`+r.Version()+`"` || r.Version() == "" {
			t.Errorf("ETag %s, version %q", etag, r.Version())
		}
	})

	t.Run("without an id it gets one", func(t *testing.T) {
		for _, body := range []string{`{}`, `{"id":null}`} {
			if id := s.record(s.do("POST", "/tables/todoitem", body)).ID(); len(id) != 36 {
				t.Errorf("%s: id %q", body, id)
			}
		}
	})

	t.Run("no Content-Type is JSON", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/todoitem", `{"text":"plain"}`, "Content-Type:"), 201)
	})

	t.Run("an id that is taken gives back what was sent, without ETag", func(t *testing.T) {
		a := s.expect(s.do("POST", "/tables/todoitem", `{"id":"a","text":"other"}`), 409, `"text":"other"`)
		if strings.Contains(a.text, "version") || a.header.Get("ETag") != "" {
			t.Errorf("%s %v", a.text, a.header)
		}
	})

	t.Run("what the server owns is refused in any case of letters, but for the version", func(t *testing.T) {
		for _, name := range []string{"createdAt", "updatedat", "DELETED"} {
			s.expect(s.do("POST", "/tables/note", fmt.Sprintf(`{"%s":null}`, name)), 400,
				"Cannot update item with property '"+name+"' as it is reserved")
		}
		r := s.record(s.expect(s.do("POST", "/tables/note", `{"version":"mine"}`), 201))
		if r.Version() == "mine" {
			t.Error("the client's version was kept")
		}
	})

	t.Run("a dynamic table keeps unknown columns as they are", func(t *testing.T) {
		body := `{"id":"odd","list":[1,{"x":null}],"big":9007199254740991,"small":1e-7,"emoji":"🥖","__proto__":"p"}`
		r := s.record(s.expect(s.do("POST", "/tables/note", body), 201))
		for name, want := range map[string]string{"list": "[1 map[x:<nil>]]", "big": "9.007199254740991e+15", "small": "1e-07",
			"emoji": "🥖", "__proto__": "p"} {
			if got := fmt.Sprint(r[name]); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	})

	t.Run("names of tables are matched without case", func(t *testing.T) {
		s.expect(s.do("GET", "/tables/TodoItem/a", ""), 200, "bread")
	})
}

func TestUpdate(t *testing.T) {
	s := start(t, nil)
	first := s.record(s.do("POST", "/tables/todoitem", `{"id":"a","text":"bread","complete":false}`))
	second := s.record(s.expect(s.do("PATCH", "/tables/todoitem/a", `{"complete":true}`), 200))

	t.Run("only the given columns change; version and updatedAt move", func(t *testing.T) {
		if second["text"] != "bread" || second["complete"] != true || second["createdAt"] != first["createdAt"] ||
			second["updatedAt"].(string) <= first["updatedAt"].(string) || second.Version() == first.Version() {
			t.Errorf("from %v\nto   %v", first, second)
		}
	})

	t.Run("a stale If-Match is 412 with the server's record and its ETag", func(t *testing.T) {
		a := s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":"x"}`, `If-Match: "`+first.Version()+`"`), 412)
		if r := s.record(a); r.Version() != second.Version() || r["complete"] != true ||
			a.header.Get("ETag") != `"`+second.Version()+`"` {
			t.Errorf("%s %v", a.text, a.header)
		}
	})

	t.Run("a stale version in the body is 409 with the server's record and its ETag", func(t *testing.T) {
		a := s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":"x","version":"`+first.Version()+`"}`), 409)
		if r := s.record(a); r.Version() != second.Version() || a.header.Get("ETag") != `"`+second.Version()+`"` {
			t.Errorf("%s %v", a.text, a.header)
		}
	})

	t.Run("If-Match wins over the version in the body", func(t *testing.T) {
		a := s.do("PATCH", "/tables/todoitem/a", `{"text":"rye","version":"stale"}`, `If-Match: "`+second.Version()+`"`)
		second = s.record(s.expect(a, 200, `"text":"rye"`))
	})

	t.Run("a weak tag matches no version, and * any", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":"x"}`, `If-Match: W/"`+second.Version()+`"`), 412)
		second = s.record(s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":"any"}`, `If-Match: *`), 200))
	})

	t.Run("null clears a column", func(t *testing.T) {
		second = s.record(s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":null}`), 200, `"text":null`))
	})

	t.Run("an empty update changes nothing", func(t *testing.T) {
		if r := s.record(s.expect(s.do("PATCH", "/tables/todoitem/a", `{}`), 200)); r.Version() != second.Version() {
			t.Errorf("version %s, was %s", r.Version(), second.Version())
		}
	})

	t.Run("the id may be in the body alone, but must not be another", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/todoitem", `{"id":"a","text":"by body"}`), 200, "by body")
		s.expect(s.do("PATCH", "/tables/todoitem/a", `{"id":"b","text":"x"}`), 400, "did not match")
		s.expect(s.do("PATCH", "/tables/todoitem", `{"text":"x"}`), 400, "id")
	})

	t.Run("a wrong value changes nothing", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/todoitem/a", `{"complete":"yes"}`), 400, "column complete")
		s.expect(s.do("GET", "/tables/todoitem/a", ""), 200, "by body")
	})

	t.Run("a record that is not there is 404", func(t *testing.T) {
		s.expect(s.do("PATCH", "/tables/todoitem/none", `{"text":"x"}`), 404, "The item does not exist")
		s.expect(s.do("GET", "/tables/todoitem/none", ""), 404, "The item does not exist")
	})
}

func TestDelete(t *testing.T) {
	s := start(t, nil)
	first := s.record(s.do("POST", "/tables/todoitem", `{"id":"a","text":"bread"}`))

	s.expect(s.do("DELETE", "/tables/todoitem/a", "", `If-Match: "stale"`), 412, first.Version())
	gone := s.record(s.expect(s.do("DELETE", "/tables/todoitem/a", "", `If-Match: "`+first.Version()+`"`), 200, `"deleted":true`,
		"bread"))
	s.expect(s.do("DELETE", "/tables/todoitem/a", ""), 404, "The item does not exist")
	s.expect(s.do("GET", "/tables/todoitem/a?__includeDeleted=true", ""), 404)
	s.expect(s.do("PATCH", "/tables/todoitem/a", `{"text":"x"}`), 404)
	s.expect(s.do("POST", "/tables/todoitem", `{"id":"a"}`), 409)

	t.Run("the tombstone is listed for those who ask, whatever they say", func(t *testing.T) {
		s.expect(s.do("GET", "/tables/todoitem", ""), 200, "[]")
		for _, query := range []string{"", "&$filter=text%20eq%20'bread'"} {
			list := s.records(s.do("GET", "/tables/todoitem?__includeDeleted=false"+query, ""))
			if len(list) != 1 || list[0]["deleted"] != true || list[0].Version() != gone.Version() {
				t.Errorf("%q: %v", query, list)
			}
		}
	})

	t.Run("undelete brings it back, and is 412 when stale", func(t *testing.T) {
		s.expect(s.do("POST", "/tables/todoitem/a", "", `If-Match: "stale"`), 412, gone.Version())
		back := s.record(s.expect(s.do("POST", "/tables/todoitem/a", ""), 201, `"deleted":false`, "bread"))
		again := s.record(s.expect(s.do("POST", "/tables/todoitem/a", ""), 201, `"deleted":false`))
		if back.Version() == gone.Version() || again.Version() == back.Version() || back["createdAt"] != first["createdAt"] {
			t.Errorf("deleted %v\nback %v\nagain %v", gone, back, again)
		}
		s.expect(s.do("POST", "/tables/todoitem/none", ""), 404)
	})

	t.Run("without soft delete there is no way back, and the id is free", func(t *testing.T) {
		a := s.expect(s.do("POST", "/tables/hard", `{"id":"a","text":"one"}`), 201)
		if strings.Contains(a.text, "deleted") {
			t.Errorf("%s", a.text)
		}
		s.expect(s.do("DELETE", "/tables/hard/a", ""), 200)
		s.expect(s.do("POST", "/tables/hard/a", ""), 404)
		s.expect(s.do("GET", "/tables/hard?__includeDeleted=true", ""), 200, "[]")
		s.expect(s.do("POST", "/tables/hard", `{"id":"a","text":"two"}`), 201)
	})
}
