package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// TestPlansOfAShape compares plans of queries that differ in values only. Pages keep one for all of them, with stand-ins for the
// values: what larder.js takes for one shape must have one plan.
func TestPlansOfAShape(t *testing.T) {
	index := func(columns ...string) table.Index { return table.Index{Columns: columns} }
	s, err := store.Open(t.Context(), store.Options{Name: t.Name(), Open: store.Memory(), Schema: &table.Database{
		Version: 1,
		Tables: []*table.Schema{{Name: "item",
			Columns: []table.Column{{Name: "day", Type: table.TypeDate}, {Name: "done", Type: table.TypeBoolean},
				{Name: "list", Type: table.TypeString}, {Name: "n", Type: table.TypeInteger}, {Name: "x", Type: table.TypeNumber}},
			Indexes: []table.Index{index("day"), index("done", "n"), index("list", "n", "day"), index("list"),
				{Columns: []string{"x"}, Unique: true}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan := func(parts table.Record) string {
		q, err := table.ParseQuery(map[string]any(parts))
		if err != nil {
			t.Fatalf("%s: %v", text(parts), err)
		}
		p, err := s.Plan("item", q)
		if err != nil {
			t.Fatalf("%s: %v", text(parts), err)
		}
		return string(p.Step.AppendJSON(nil))
	}
	for seed := range uint64(4000) {
		shape := newShape(rand.New(rand.NewPCG(seed, 4)))
		byItself := plan(shape.values)
		if got := strings.NewReplacer(shape.filled...).Replace(plan(shape.standIns)); got != byItself {
			t.Fatalf("seed %d: %s\nby stand-ins %s\nby itself    %s", seed, text(shape.values), got, byItself)
		}
	}
}

// shape is a query with stand-ins and with values: see shape.js.
type shape struct {
	r                *rand.Rand
	standIns, values table.Record
	filled           []string // the JSON of a stand-in, then that of its value, and so on
}

func newShape(r *rand.Rand) *shape {
	s := &shape{r: r, standIns: table.Record{}, values: table.Record{}}
	columns := []string{"day", "done", "list", "n", "x", "id"}
	r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	conditions := r.IntN(4)
	given, rest := columns[:conditions], columns[conditions:]

	var where, standIns []any
	for _, column := range given {
		operators := []string{pick(r, "eq", "gt", "ge", "lt", "le")}
		if column != "done" && r.IntN(3) == 0 {
			operators = []string{pick(r, "gt", "ge"), pick(r, "lt", "le")}
		}
		standIn, value := table.Record{}, table.Record{}
		for _, op := range operators {
			standIn[op], value[op] = s.sample(column)
		}
		standIns, where = append(standIns, table.Record{column: standIn}), append(where, table.Record{column: value})
	}
	s.standIns["where"], s.values["where"] = standIns, where

	order := rest[:r.IntN(len(rest)+1)]
	var orderBy []any
	for _, column := range order {
		orderBy = append(orderBy, column+pick(r, "", " desc"))
	}
	if len(order) > 0 && !slices.Contains(given, "id") && r.IntN(2) == 0 {
		standIn, value := table.Record{}, table.Record{}
		for _, column := range append([]string{"id"}, order...) {
			standIn[column], value[column] = s.sample(column)
		}
		s.standIns["after"], s.values["after"] = standIn, value
	} else if len(given) > 0 && r.IntN(3) == 0 {
		orderBy = append([]any{given[0]}, orderBy...) // a column that all rows may have equal
	}
	if len(orderBy) > 0 {
		s.standIns["orderBy"], s.values["orderBy"] = orderBy, orderBy
	}
	if r.IntN(2) == 0 {
		s.standIns["take"], s.values["take"] = 1.0, 1.0
	}
	return s
}

// sample returns a stand-in and a value for a column, which are both greater than those before.
func (s *shape) sample(column string) (standIn, value any) {
	n := len(s.filled) / 2
	switch column {
	case "done":
		v := s.r.IntN(2) == 0
		return v, v // a constant
	case "n", "x":
		standIn, value = float64(n)-table.MaxSafeInteger, float64(1000*n+s.r.IntN(1000))-2000
	case "day":
		standIn, value = fmt.Sprintf("9999-01-01T00:00:00.%03dZ", n), fmt.Sprintf("2026-01-%02dT00:00:00.%03dZ", 1+n, s.r.IntN(1000))
	default:
		standIn, value = fmt.Sprintf("?%06d", n), fmt.Sprintf("%c%d", 'a'+n, s.r.IntN(1000))
	}
	s.filled = append(s.filled, text(standIn), text(value))
	return standIn, value
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func text(v any) string { return string(table.AppendJSON(nil, v)) }
