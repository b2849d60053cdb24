package feed_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

func TestColumns(t *testing.T) {
	onEach(t, func(t *testing.T, d db.DB) {
		var tables []*db.Table
		for name, file := range map[string]string{
			"note":  `{"seed":[{"id":"s","seeded":true}]}`,
			"fixed": `{"columns":{"text":"string"},"dynamicSchema":false}`,
		} {
			parsed, err := db.ParseTable(name, []byte(file))
			if err != nil {
				t.Fatal(err)
			}
			tables = append(tables, parsed)
		}
		open := func() *feed.Feed { return mustOpenFeed(t, d, feed.Options{}, tables...) }
		f := open()
		write := func(name string, columns table.Record) {
			t.Helper()
			for _, n := range tables {
				if n.Name() == name {
					columns["id"] = fmt.Sprint(len(columns))
					mustPush(t, f, feed.Op{Table: n, Action: feed.Put, ID: columns.ID(), Record: columns})
				}
			}
		}
		expect := func(f *feed.Feed, name, want string) {
			t.Helper()
			if got := strings.Join(f.Columns(name), " "); got != want {
				t.Errorf("%s has the columns %q, not %q", name, got, want)
			}
		}
		expect(f, "note", "seeded")
		write("note", table.Record{"b": "x", "nothing": nil})
		write("note", table.Record{"a": 1.0, "b": 2.0})
		write("fixed", table.Record{"text": "x"})
		expect(f, "note", "a b seeded")
		expect(f, "fixed", "")

		other := open() // a second start, or a second server
		expect(other, "note", "a b seeded")
		write("note", table.Record{"c": true})
		other.Met("note", table.Record{"id": "x", "version": "b-1", "c": true})
		expect(other, "note", "a b c seeded")

		many := table.Record{}
		for i := range 2000 {
			many[fmt.Sprint("m", i)] = true
		}
		write("note", many)
		if n := len(f.Columns("note")); n != 1000 {
			t.Errorf("%d columns are known", n)
		}
	})
}
