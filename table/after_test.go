package table_test

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
)

// TestPagesAfterOneAnother puts pages together, each after the last record of the one before.
func TestPagesAfterOneAnother(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := []any{nil, 1.0, 2.0, "a", "b", true}
	var all []table.Record
	for i := range 60 {
		all = append(all, table.Record{"id": strconv.Itoa(i), "a": values[rng.IntN(6)], "b": values[rng.IntN(6)]})
	}
	for _, order := range []string{"", "a", "a desc", "a desc,b", "b,id desc", "id desc"} {
		whole := query(t, `{"orderBy":"`+order+`"}`)
		var pages []table.Record
		for page := *whole; ; page.After = pages[len(pages)-1] {
			page.Take = 7
			rows := page.Apply(all)
			pages = append(pages, rows...)
			if len(rows) < 7 {
				break
			}
		}
		if want := whole.Apply(all); !reflect.DeepEqual(pages, want) {
			t.Errorf("ordered by %q: the pages have\n%v, and all at once\n%v", order, pages, want)
		}
	}
}

func TestAfterIsARecordWithAnID(t *testing.T) {
	schema := &table.Schema{Name: "t", Columns: []table.Column{{Name: "a", Type: table.TypeString}}}
	for text, good := range map[string]bool{
		`{"orderBy":"a","after":{"a":"x","id":"7","more":[]}}`: true,
		`{"orderBy":"a","after":{"id":"7"}}`:                   true,
		`{"orderBy":"a","after":{"a":"x"}}`:                    false,
		`{"orderBy":"a","after":{"a":["x"],"id":"7"}}`:         false,
	} {
		if err := query(t, text).Check(schema); (err == nil) != good || err != nil && table.CodeOf(err) != table.CodeQuery {
			t.Errorf("%s: %v", text, err)
		}
	}
	v, _ := table.ParseJSON([]byte(`{"after":"7"}`))
	if _, err := table.ParseQuery(v); table.CodeOf(err) != table.CodeQuery {
		t.Errorf("an after that is text: %v", err)
	}
}

func query(t *testing.T, text string) *table.Query {
	t.Helper()
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	q, err := table.ParseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
