package store_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

func filled(t testing.TB, open store.Opener, schema *table.Schema, records []table.Record) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, store.Options{Name: "plan" + strconv.Itoa(rand.Int()), Open: open,
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Update(ctx, []string{schema.Name}, func(tx *store.Tx) error {
		_, err := tx.Table(schema.Name).Put(ctx, records...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func rowsOf(s *store.Store, name string, q *table.Query) (rows []table.Record, err error) {
	err = s.View(ctx, []string{name}, func(tx *store.Tx) (err error) {
		rows, err = tx.Table(name).Query(ctx, q)
		return err
	})
	return rows, err
}

// things are rows that share few values, so that indexes have many rows under one key.
type things struct {
	*rand.Rand
	schema  *table.Schema
	records []table.Record
}

func newThings(seed uint64, n int) *things {
	g := &things{Rand: rand.New(rand.NewPCG(seed, 7))}
	g.schema = &table.Schema{Name: "thing", Columns: []table.Column{
		{Name: "b", Type: table.TypeBoolean}, {Name: "d", Type: table.TypeDate}, {Name: "j", Type: table.TypeJSON},
		{Name: "n", Type: table.TypeNumber}, {Name: "s", Type: table.TypeString}, {Name: "u", Type: table.TypeString},
	}}
	for _, x := range []table.Index{
		{Columns: []string{"b"}}, {Columns: []string{"d"}}, {Columns: []string{"n"}}, {Columns: []string{"s"}}, {Columns: []string{"b", "d"}},
		{Columns: []string{"n", "s"}}, {Columns: []string{"s", "n", "b"}}, {Columns: []string{"b", "id"}},
		{Columns: []string{"u"}, Unique: true}, {Columns: []string{"b", "u"}, Unique: true}, {Columns: []string{"j"}, MultiEntry: true},
	} {
		if g.IntN(3) > 0 {
			g.schema.Indexes = append(g.schema.Indexes, x)
		}
	}
	for _, i := range g.Perm(n) {
		r := table.Record{"id": "r" + strconv.Itoa(10000+i)}
		for _, c := range g.schema.Columns {
			switch k := g.IntN(9); {
			case k == 0:
			case k == 1:
				r[c.Name] = nil
			case c.Name == "u":
				r["u"] = "u" + strconv.Itoa(i)
			default:
				r[c.Name] = g.value(c.Name)
			}
		}
		g.records = append(g.records, r)
	}
	return g
}

func (g *things) value(column string) any {
	pick := func(values ...any) any { return values[g.IntN(len(values))] }
	switch column {
	case "b":
		return pick(true, false)
	case "d":
		return pick("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2027-01-01T00:00:00.000Z")
	case "n":
		return pick(0.0, 1.0, -1.0, 2.5, 7.0, 1e9)
	case "j":
		return pick([]any{"a", "b"}, []any{"b", "b", nil, 1.0}, []any{true, "c"}, []any{}, "a", map[string]any{"a": 1.0}, []any{0.0, "a"})
	case "u":
		return "u" + strconv.Itoa(g.IntN(len(g.records)+1))
	case "id":
		return "r" + strconv.Itoa(10000+g.IntN(len(g.records)+1))
	}
	return pick("", "a", "ab", "abc", "b", "b\uffff", "\uffff", "é", "\U0001F600", "\U0010ffff", "\ue000", "\ud7ff")
}

// columns that have an order.
var sortable = []string{"b", "d", "n", "s", "u", "id"}

func (g *things) column() string { return sortable[g.IntN(len(sortable))] }

// condition is of the kinds that indexes answer, and now and then of another.
func (g *things) condition(depth int) table.Expr {
	column := g.column()
	ref := table.ColumnRef{Name: column}
	literal := func() table.Expr {
		v := g.value(column)
		if text, isText := v.(string); isText && column == "d" && g.IntN(2) == 0 {
			v = table.Date(text)
		}
		return table.Literal{Value: v}
	}
	if depth > 0 && g.IntN(3) == 0 {
		e := table.Logic{Op: []table.Op{table.OpAnd, table.OpOr}[g.IntN(2)]}
		for range 2 + g.IntN(2) {
			e.List = append(e.List, g.condition(depth-1))
		}
		return e
	}
	switch g.IntN(14) {
	case 0:
		return table.Compare{Op: []table.Op{table.OpEq, table.OpNe}[g.IntN(2)], Left: ref, Right: table.Literal{}}
	case 1, 2:
		list := []table.Expr{}
		for range g.IntN(4) {
			list = append(list, literal())
		}
		if g.IntN(5) == 0 {
			list = append(list, table.Literal{})
		}
		return table.In{X: ref, List: list}
	case 3:
		return table.Call{Func: "startswith", Args: []table.Expr{table.ColumnRef{Name: "s"}, table.Literal{Value: g.value("s")}}}
	case 4:
		return table.Call{Func: "substringof", Args: []table.Expr{table.Literal{Value: "a"}, table.ColumnRef{Name: "s"}}}
	case 5:
		return table.Not{X: g.condition(max(0, depth-1))}
	case 6:
		return table.ColumnRef{Name: "b"}
	case 7, 8:
		element := table.Literal{Value: []any{"a", "b", "c", true, 1.0, 0.0}[g.IntN(6)]}
		if g.IntN(3) == 0 {
			return table.Any{Column: "j", X: table.In{X: table.Element{}, List: []table.Expr{element, table.Literal{Value: "b"}}}}
		}
		return table.Any{Column: "j", X: table.Compare{Op: table.OpEq, Left: table.Element{}, Right: element}}
	case 9:
		return table.Compare{Op: g.op(), Left: literal(), Right: ref}
	}
	return table.Compare{Op: g.op(), Left: ref, Right: literal()}
}

func (g *things) op() table.Op {
	return []table.Op{table.OpEq, table.OpEq, table.OpEq, table.OpNe, table.OpGt, table.OpGe, table.OpLt, table.OpLe}[g.IntN(8)]
}

func (g *things) query() *table.Query {
	q := table.NewQuery()
	if g.IntN(8) > 0 {
		q.Filter = g.condition(2)
	}
	for down := g.IntN(2) == 0; g.IntN(3) > 0 && len(q.Order) < 4; {
		if g.IntN(6) == 0 {
			down = !down
		}
		q.Order = append(q.Order, table.Order{Column: g.column(), Descending: down})
	}
	if len(g.schema.Indexes) > 0 && g.IntN(2) == 0 { // as an index has them, with all equal or in one direction
		q.Order = nil
		down := g.IntN(2) == 0
		for _, name := range g.schema.Indexes[g.IntN(len(g.schema.Indexes))].Columns[g.IntN(2)/2:] {
			if name != "j" {
				q.Order = append(q.Order, table.Order{Column: name, Descending: down})
			}
		}
		if g.IntN(4) == 0 {
			q.Order = append(q.Order, table.Order{Column: "id", Descending: g.IntN(2) == 0})
		}
	}
	if g.IntN(4) == 0 {
		q.Skip = g.IntN(len(g.records) / 4)
	}
	if g.IntN(2) == 0 {
		q.Take = g.IntN(len(g.records) / 2)
	}
	if g.IntN(2) == 0 {
		q.After = g.records[g.IntN(len(g.records))]
	}
	if g.IntN(8) == 0 {
		q.Select = []string{"s", "n"}
	}
	return q
}

// TestPlansGiveWhatQueriesMean compares what plans give with the queries applied to all records: rows, their order, and
// how many there are. SEED=… in the environment runs one table again.
func TestPlansGiveWhatQueriesMean(t *testing.T) {
	first, tables := rand.Uint64N(1e9), 8
	if seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		first, tables = seed, 1
	}
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			for i := range tables {
				seed := first + uint64(i)
				n, queries := 50, 250
				if i == 0 {
					n, queries = 1700, 60 // more than are read at once
				}
				g := newThings(seed, n)
				s := filled(t, open, g.schema, g.records)
				for range queries {
					g.compare(t, s, seed, g.query())
				}
			}
		})
	}
}

func (g *things) compare(t *testing.T, s *store.Store, seed uint64, q *table.Query) {
	t.Helper()
	plan, err := s.Plan("thing", q)
	if err != nil {
		t.Fatalf("SEED=%d: %v", seed, err)
	}
	got, err := rowsOf(s, "thing", q)
	want := q.Apply(g.records)
	if err != nil || !slices.EqualFunc(got, want, func(a, b table.Record) bool { return table.Equal(a, b) }) {
		t.Fatalf("SEED=%d: %s after %v\n%s\n%s\ngot %d (%v)\n%v\nwant %d\n%v", seed, q, q.After, plan.Explain, plan.AppendJSON(nil),
			len(got), err, short(got), len(want), short(want))
	}
	all := &table.Query{Filter: q.Filter, Take: table.All}
	var n int
	err = s.View(ctx, []string{"thing"}, func(tx *store.Tx) (err error) {
		n, err = tx.Table("thing").Count(ctx, q)
		return err
	})
	if want := len(all.Apply(g.records)); err != nil || n != want {
		t.Fatalf("SEED=%d: %s counts %d (%v), want %d; %s", seed, q, n, err, want, plan.Explain)
	}
}

func short(rows []table.Record) string {
	list := ids(rows)
	return strings.Join(list[:min(len(list), 60)], " ")
}

// TestEachGivesAllInPages goes through more records than a page has, and leaves in the middle of another walk.
func TestEachGivesAllInPages(t *testing.T) {
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			g := newThings(11, 1300)
			s := filled(t, open, g.schema, g.records)
			for _, q := range []*table.Query{
				{Take: table.All}, {Take: 700, Skip: 5, Order: []table.Order{{Column: "b", Descending: true}}}, {Take: 0},
				{Take: 1200, Order: []table.Order{{Column: "n"}, {Column: "d", Descending: true}}, Select: []string{"s"}}, {Take: 250},
			} {
				var got, some []table.Record
				if err := s.View(ctx, []string{"thing"}, func(tx *store.Tx) error {
					for row, err := range tx.Table("thing").Each(ctx, q) {
						if err != nil {
							return err
						}
						got = append(got, row)
					}
					for row, err := range tx.Table("thing").Each(ctx, q) {
						if some = append(some, row); err != nil || len(some) == 300 {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				want := q.Apply(g.records)
				if equal := slices.EqualFunc(got, want, func(a, b table.Record) bool { return table.Equal(a, b) }); !equal || len(some) != min(300, len(want)) {
					t.Errorf("%s: got %d and %d, want %d", q, len(got), len(some), len(want))
				}
			}
			if err := s.View(ctx, []string{"thing"}, func(tx *store.Tx) error {
				for row, err := range tx.Table("thing").Each(ctx, &table.Query{Order: []table.Order{{Column: "none"}}, Take: table.All}) {
					if row != nil {
						t.Errorf("got %v of a wrong query", row)
					}
					return err
				}
				return nil
			}); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("a wrong query: %v", err)
			}
		})
	}
}

// TestPlansTellTheirWay holds what the planner chooses, in words.
func TestPlansTellTheirWay(t *testing.T) {
	schema := &table.Schema{Name: "todoitem", Dynamic: true, Columns: []table.Column{
		{Name: "complete", Type: table.TypeBoolean}, {Name: "due", Type: table.TypeDate}, {Name: "email", Type: table.TypeString},
		{Name: "rank", Type: table.TypeNumber}, {Name: "tags", Type: table.TypeJSON}, {Name: "text", Type: table.TypeString},
	}, Indexes: []table.Index{
		{Columns: []string{"complete", "due"}}, {Columns: []string{"email"}, Unique: true}, {Columns: []string{"rank"}},
		{Columns: []string{"tags"}, MultiEntry: true}, {Columns: []string{"text"}}, {Columns: []string{"loose"}},
	}}
	s := filled(t, store.Memory(), schema, nil)
	for _, c := range []struct{ parameters, want string }{
		{"", "by id"},
		{"$filter=id eq '7'", "by id: id eq '7'"},
		{"$filter=id in ('7','8') and id ne '7'", "by id: id in ('7','8') and id ne '7'"},
		{"$filter=complete eq false&$orderby=due", "by index complete+due: complete eq false"},
		{"$filter=not complete&$orderby=due desc", "by index complete+due backwards: not complete"},
		{"$filter=complete eq null and due lt '2026-01-01T00:00:00.000Z'",
			"by index complete+due: complete eq null and due lt '2026-01-01T00:00:00.000Z'; the rows are sorted"},
		{"$filter=complete ne null&$orderby=due", "by id; each row is checked: complete ne null; the rows are sorted"},
		{"$filter=complete in (true,false)&$orderby=due&$top=5",
			"by index complete+due: complete in (true,false), in 2 ranges; the ranges are merged in order"},
		{"$filter=rank gt 2 and rank le 7&$orderby=rank", "by index rank: rank gt 2 and rank le 7"},
		{"$filter=rank lt 2 or rank gt 7&$orderby=rank desc&$top=9", "by index rank backwards: rank lt 2 or rank gt 7, in 2 ranges"},
		{"$filter=startswith(text,'b') and contains(text,'c')&$orderby=text",
			"by index text: startswith(text,'b'); each row is checked: substringof('c',text)"},
		{"$filter=contains(text,'c')&$orderby=rank&$top=9", "by index rank; each row is checked: substringof('c',text), until there are enough"},
		{"$filter=contains(text,'c')", "by id; each row is checked: substringof('c',text)"},
		{"$orderby=text&$top=9", "by index text"},
		{"$orderby=text", "by id; the rows are sorted"}, // a walk through the whole of an index costs more than sorting
		{"$orderby=rank,text&$top=9", "by id; the rows are sorted"},
		{"$filter=rank eq 1 or text eq 'b'",
			"by index rank: rank eq 1, and by index text: text eq 'b'; each row is checked: rank eq 1 or text eq 'b'; the rows are sorted"},
		{"$filter=rank eq 1 or contains(text,'b')", "by id; each row is checked: rank eq 1 or substringof('b',text)"},
		{"$filter=email eq 'a'", "by index email: email eq 'a'"},
		{"$filter=email eq null", "by id; each row is checked: email eq null"}, // a unique index has no nulls
		{"$orderby=email&$top=9", "by id; the rows are sorted"},
		{"$filter=tags/any(t: t eq 'x')", "by index tags: tags/any(x: x eq 'x')"},
		{"$filter=tags/any(t: t in ('x','y'))", "by index tags: tags/any(x: x in ('x','y')), in 2 ranges; the ranges are merged in order"},
		{"$filter=tags/any(t: t eq 1)", "by index tags: tags/any(x: x eq 1); each row is checked: tags/any(x: x eq 1)"}, // true is there too
		{"$filter=loose eq 'x'", "by id; each row is checked: loose eq 'x'"},                                            // an index may lack what is in undeclared columns
	} {
		q, err := table.ParseParameters(strings.ReplaceAll(c.parameters, "+", "%2B"))
		if err != nil {
			t.Fatalf("%s: %v", c.parameters, err)
		}
		plan, err := s.Plan("todoitem", q)
		if err != nil {
			t.Fatalf("%s: %v", c.parameters, err)
		}
		if plan.Explain != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.parameters, plan.Explain, c.want)
		}
	}
}

// TestPlanAsJSON holds the form that pages keep plans in.
func TestPlanAsJSON(t *testing.T) {
	schema := &table.Schema{Name: "todoitem", Columns: []table.Column{
		{Name: "complete", Type: table.TypeBoolean}, {Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString},
	}, Indexes: []table.Index{{Columns: []string{"complete", "due"}}}}
	s := filled(t, store.Memory(), schema, nil)
	for _, c := range []struct {
		query *table.Query
		want  string
	}{
		{table.NewQuery(), `{"step":{"op":"query","store":"todoitem","scans":[{}]},"explain":"by id"}`},
		{&table.Query{
			Filter: table.And(table.Not{X: table.ColumnRef{Name: "complete"}},
				table.Call{Func: "endswith", Args: []table.Expr{table.ColumnRef{Name: "text"}, table.Literal{Value: "d"}}}),
			Order: []table.Order{{Column: "due", Descending: true}}, Take: 50, Select: []string{"id", "text"},
			After: table.Record{"id": "7", "due": "2026-11-21T08:00:00.000Z", "complete": false},
		}, `{"step":{"op":"query","store":"todoitem","scans":[{"index":"complete+due","ranges":[` +
			`{"lower":[false],"upper":[false,"2026-11-21T08:00:00.000Z"],"after":"7"}],"direction":"down"}],` +
			`"filter":["endswith",["column","text"],["value","d"]],"take":50,"select":["id","text"]},` +
			`"explain":"by index complete+due backwards: not complete, after a record; ` +
			`each row is checked: endswith(text,'d'), until there are enough"}`},
		{&table.Query{Order: []table.Order{{Column: "text"}}, Skip: 2, Take: table.All, After: table.Record{"id": "7"}},
			`{"step":{"op":"query","store":"todoitem","scans":[{}],"order":[["text",false]],"after":{"id":"7","text":null},"skip":2},` +
				`"explain":"by id; the rows are sorted"}`},
	} {
		plan, err := s.Plan("todoitem", c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(plan.AppendJSON(nil)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
