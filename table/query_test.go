package table_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/table/tabletest"
)

// vectors reads a file of testdata, which other languages read too.
func vectors(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// record reads a record with the parser under test.
func record(t testing.TB, text string) table.Record {
	t.Helper()
	r, err := table.ParseRecord([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// refusedVectors are filters and queries that are errors.
type refusedVectors struct {
	Table any
	Bad   []struct {
		Filter string
		At     any
	}
	Unfit, Unreadable []struct {
		Name  string
		Query any
	}
}

func TestQueryVectors(t *testing.T) {
	tabletest.Vectors(t, "testdata/query", true, func(t *testing.T, s *table.Schema, records []table.Record) tabletest.Find {
		return func(q *table.Query) ([]string, error) { return tabletest.IDs(q.Apply(records)), nil }
	})
	for _, s := range tabletest.Read(t, "testdata/query") {
		for _, c := range s.Cases {
			t.Run("is printed and read again: "+c.Name, func(t *testing.T) {
				q, err := table.ParseQuery(c.Query)
				if err != nil {
					t.Fatal(err)
				}
				if c.Also != nil {
					if also, err := table.ParseQuery(c.Also); err != nil || !reflect.DeepEqual(also, q) {
						t.Errorf("%v is read as %v, and %v as %v (%v)", c.Query, q, c.Also, also, err)
					}
				}
				if q.After != nil {
					return // which no URL has
				}
				again, err := table.ParseParameters(q.String())
				if err != nil || !reflect.DeepEqual(again, q) {
					t.Errorf("%s is read as %s (%v)", q, again, err)
				}
			})
		}
	}
}

func TestRefused(t *testing.T) {
	var v refusedVectors
	vectors(t, "refused.json", &v)
	schema, err := table.ParseSchema("todoitem", v.Table)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Bad {
		t.Run("refuses "+c.Filter, func(t *testing.T) {
			_, err := table.ParseFilter(c.Filter)
			where := "at its end"
			if at, ok := c.At.(float64); ok {
				where = "at position " + strconv.Itoa(int(at)) + ":"
			}
			if table.CodeOf(err) != table.CodeQuery || !strings.Contains(err.Error(), where) {
				t.Errorf("got %v, want an error %s", err, where)
			}
		})
	}
	for _, c := range v.Unfit {
		t.Run("does not fit the table: "+c.Name, func(t *testing.T) {
			q, err := table.ParseQuery(c.Query)
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Check(schema); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("got %v, want an error with code query", err)
			}
		})
	}
	for _, c := range v.Unreadable {
		t.Run("cannot be read: "+c.Name, func(t *testing.T) {
			if q, err := table.ParseQuery(c.Query); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("got %v and %v, want an error with code query", q, err)
			}
		})
	}
}

func TestQuery(t *testing.T) {
	t.Run("a dynamic table has every column", func(t *testing.T) {
		q := &table.Query{Filter: table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: "x"}, Right: table.Literal{Value: 1.0}},
			Order: []table.Order{{Column: "y"}}, Select: []string{"z"}, Take: table.All}
		if err := q.Check(&table.Schema{Name: "t", Dynamic: true}); err != nil {
			t.Error(err)
		}
	})
	t.Run("the zero value takes nothing", func(t *testing.T) {
		if got := new(table.Query).Apply([]table.Record{{"id": "a"}}); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a select keeps the records it reads from", func(t *testing.T) {
		r := table.Record{"id": "a", "text": "x", "cost": 1.0}
		q := table.NewQuery()
		q.Select = []string{"text", "note"}
		got := q.Apply([]table.Record{r})
		if want := []table.Record{{"text": "x"}}; !reflect.DeepEqual(got, want) || len(r) != 3 {
			t.Errorf("got %v from %v", got, r)
		}
	})
	t.Run("an undeclared date with an offset compares as a moment", func(t *testing.T) {
		e, err := table.ParseFilter("at gt datetimeoffset'2026-11-21T08:00:00Z' and at in (datetimeoffset'2026-11-21T08:30:00Z')")
		if err != nil {
			t.Fatal(err)
		}
		if !table.Matches(e, table.Record{"at": "2026-11-21T07:30:00-01:00"}) {
			t.Error("7:30 at -1:00 is not found as 8:30")
		}
		if table.Matches(e, table.Record{"at": "soon"}) {
			t.Error("what is no date is found")
		}
	})
	t.Run("columns with the names of keywords can be asked for", func(t *testing.T) {
		q, err := table.ParseQuery(map[string]any{"where": map[string]any{"not": 1.0, "null": 2.0, "eq": 3.0, "in": nil, "length": 4.0}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := table.ParseFilter(table.FilterText(q.Filter))
		if err != nil || !reflect.DeepEqual(again, q.Filter) {
			t.Errorf("%s is read as %v (%v)", q.Filter, again, err)
		}
	})
	t.Run("what no parser makes is refused", func(t *testing.T) {
		s := &table.Schema{Name: "t", Dynamic: true}
		deep := table.Expr(table.ColumnRef{Name: "b"})
		for range 100 {
			deep = table.Not{X: deep}
		}
		equals := func(v any) table.Expr {
			return table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: "x"}, Right: table.Literal{Value: v}}
		}
		for name, e := range map[string]table.Expr{
			"too deep": deep, "NaN": equals(math.NaN()), "an infinity": equals(math.Inf(1)), "beyond 2^53": equals(9007199254740992.0),
			"half a surrogate pair": equals("\xed\xa0\x80"), "U+0000": equals("a\x00"), "an int": equals(1), "a function": equals(func() {}),
			"a date in another form": equals(table.Date("2026-11-21")), "an element of nothing": table.Element{},
			"many columns in a list": table.In{X: table.ColumnRef{Name: "x"}, List: slices.Repeat([]table.Expr{table.ColumnRef{Name: "y"}}, 101)},
		} {
			q := &table.Query{Filter: e}
			if err := q.Check(s); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("%s: got %v, want an error with code query", name, err)
			}
		}
	})
	t.Run("limits end what is too long or too deep", func(t *testing.T) {
		for name, text := range map[string]string{
			"long":        "text eq '" + strings.Repeat("x", table.MaxFilter) + "'",
			"parentheses": strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000),
			"signs":       strings.Repeat("-", 1000) + "1",
			"chain":       "1" + strings.Repeat(" add 1", 1000) + " eq 1",
			"nested":      strings.Repeat("floor(", table.MaxFilterDepth) + "1" + strings.Repeat(")", table.MaxFilterDepth),
			"concat":      "'a' in (" + strings.Repeat("concat(x,x),", 33) + "'b')",
			"surrogates":  "text eq '\xed\xa0\x80'",
		} {
			if _, err := table.ParseFilter(text); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("%s: got %v, want an error with code query", name, err)
			}
		}
		wide := "id eq '1'" + strings.Repeat(" or id eq '1'", 500)
		if _, err := table.ParseFilter(wide); err != nil {
			t.Errorf("many alternatives are not deep: %v", err)
		}
	})
	t.Run("parameters are those of Azure", func(t *testing.T) {
		q, err := table.ParseParameters("%24filter=complete+eq%20false&$orderby=due%20DESC,text asc&$top=5&$skip=2&$select=id,%20text" +
			"&$inlinecount=allpages&__includeDeleted=false&x=%31&y")
		if err != nil {
			t.Fatal(err)
		}
		want := &table.Query{Filter: table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: "complete"}, Right: table.Literal{Value: false}},
			Order: []table.Order{{Column: "due", Descending: true}, {Column: "text"}}, Skip: 2, Take: 5, Select: []string{"id", "text"},
			Count: true, IncludeDeleted: true}
		if !reflect.DeepEqual(q, want) {
			t.Errorf("got %+v", q)
		}
		for _, text := range []string{"", "$top=many&$skip=x&$select=*"} {
			if q, err := table.ParseParameters(text); err != nil || !reflect.DeepEqual(q, table.NewQuery()) {
				t.Errorf("%q: got %+v, %v", text, q, err)
			}
		}
		for _, text := range []string{"$filter=%zz", "$filter=%", "$skip=-1", "$filter=)", "$orderby=,"} {
			if _, err := table.ParseParameters(text); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("%q: got %v, want an error with code query", text, err)
			}
		}
	})
	t.Run("text orders by UTF-16 code unit", func(t *testing.T) {
		order := []string{"", "\x01", "A", "Z", "a", "é", "\ud7ff", "𐀀", "😀", "\U0010ffff", "\ue000", "\uffff", "\uffffx"}
		for i, a := range order {
			for j, b := range order {
				if got := table.CompareText("p"+a, "p"+b); got < 0 != (i < j) || got > 0 != (i > j) {
					t.Errorf("%q and %q: got %d", a, b, got)
				}
			}
		}
	})
	t.Run("walking visits outermost first, and skips below a false", func(t *testing.T) {
		e, err := table.ParseFilter("not (a eq -b and c in (d,1)) or length(e) add f gt 2")
		if err != nil {
			t.Fatal(err)
		}
		var all, few string
		table.Walk(e, func(e table.Expr) bool {
			if c, ok := e.(table.ColumnRef); ok {
				all += c.Name
			}
			return true
		})
		table.Walk(e, func(e table.Expr) bool {
			if c, ok := e.(table.ColumnRef); ok {
				few += c.Name
			}
			_, call := e.(table.Call)
			_, not := e.(table.Not)
			return !call && !not
		})
		if all != "abcdef" || few != "f" {
			t.Errorf("got %q and %q", all, few)
		}
		table.Walk(nil, func(table.Expr) bool { t.Error("nothing to visit"); return true })
	})
	t.Run("errors can be taken apart", func(t *testing.T) {
		_, err := table.ParseOrder("a,b c d")
		var e *table.Error
		if !errors.As(err, &e) || e.Code != table.CodeQuery {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzParseFilter(f *testing.F) {
	suites := tabletest.Read(f, "testdata/query")
	for _, s := range suites {
		for _, c := range s.Cases {
			if q, err := table.ParseQuery(c.Query); err == nil && q.Filter != nil {
				f.Add(table.FilterText(q.Filter))
			}
		}
	}
	var v refusedVectors
	vectors(f, "refused.json", &v)
	for _, c := range v.Bad {
		f.Add(c.Filter)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := table.ParseFilter(text)
		if err != nil {
			if table.CodeOf(err) != table.CodeQuery {
				t.Fatalf("%q: %v has another code than query", text, err)
			}
			return
		}
		if e == nil {
			return
		}
		printed := table.FilterText(e)
		if len(printed) > table.MaxFilter {
			return
		}
		again, err := table.ParseFilter(printed)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("%q is printed as %q, which is read as %v (%v)", text, printed, again, err)
		}
		for _, s := range suites {
			for _, r := range s.Records {
				if table.Matches(e, r) != table.Matches(again, r) {
					t.Fatalf("%q and %q differ on %v", text, printed, r)
				}
			}
		}
	})
}

func BenchmarkApply(b *testing.B) {
	records := make([]table.Record, 10000)
	for i := range records {
		records[i] = table.Record{"id": strconv.Itoa(i * 7919 % 10000), "complete": i%2 == 0, "text": "item " + strconv.Itoa(i), "due": nil, "priority": float64(i % 7)}
	}
	q, err := table.ParseParameters("$filter=complete eq false and startswith(text,'item 1')&$orderby=priority desc&$top=50")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		sink = q.Apply(records)
	}
}
