package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server"
	"github.com/larder-sync/larder/server/servertest"
	"github.com/larder-sync/larder/table"
)

// Streams tell nobody of records, nor of their end, that it never could know of.
func TestLiveStrangers(t *testing.T) {
	s := servertest.New(t, server.Options{Tables: []server.Table{{Name: "news", Hooks: server.Hooks{
		Filters: []func(*server.Context) (table.Expr, error){func(c *server.Context) (table.Expr, error) {
			return table.Logic{Op: table.OpOr, List: []table.Expr{server.Equal("team", "all"), server.Equal("team", c.User.ID)}}, nil
		}},
	}}}})
	news, err := s.Data("news")
	if err != nil {
		t.Fatal(err)
	}
	address := func(team string) string {
		return s.URL + "/tables/news/live?access_token=" + url.QueryEscape(s.Token(team, nil))
	}
	teams := map[string]*events{"red": listen(t, address("red"), 200), "blue": listen(t, address("blue"), 200)}
	put := func(id, team string) {
		t.Helper()
		record := table.Record{"id": id, "team": team}
		write := news.Update
		if _, err := news.Get(t.Context(), id); err != nil {
			write = news.Insert
		}
		if _, err := write(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(id string) {
		t.Helper()
		if err := news.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	// hears checks what a team is told, up to the end of a story, which all are told.
	hears := func(e *events, team string, story int, want ...string) {
		t.Helper()
		for _, part := range append(want, fmt.Sprintf(`"id":"end%d"`, story)) {
			got := e.next()
			for _, p := range strings.Fields(part) {
				if !strings.Contains(got, p) {
					t.Errorf("story %d: %s is told %s, not of %s", story, team, got, part)
				}
			}
		}
	}

	put("x", "red")
	put("x", "blue")
	put("x", "green")
	remove("x")
	put("end1", "all")
	hears(teams["red"], "red", 1, `"id":"x" "team":"red"`, `"id":"x" "changed"`)
	hears(teams["blue"], "blue", 1, `"id":"x" "team":"blue"`, `"id":"x" "changed"`)

	put("y", "green")
	put("y", "gray")
	remove("y")
	put("end2", "all")
	hears(teams["red"], "red", 2)
	hears(teams["blue"], "blue", 2)

	put("z", "blue")
	remove("z")
	put("end3", "all")
	hears(teams["red"], "red", 3)
	hears(teams["blue"], "blue", 3, `"id":"z" "team":"blue"`, `"id":"z" "deleted"`)

	// Who was away, while a record came and went, and comes back.
	last := teams["red"].last
	put("w", "green")
	remove("w")
	put("end1", "green")
	remove("end1")
	put("end4", "all")
	back := listen(t, address("red")+"&lastEventId="+url.QueryEscape(last), 200)
	hears(back, "red", 4, `"id":"end1" "@removed"`)
}
