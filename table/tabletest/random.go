package tabletest

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/table"
)

// Scale is how much [Random] does. The zero value is for everyday tests.
type Scale struct {
	Tables  int  // 4 when 0
	Records int  // in each table, 40 when 0
	Queries int  // of each table, 250 when 0
	Server  bool // tombstones too
}

// Random asks random queries over random tables, and compares what is found with what [table.Query.Apply] finds. A failure
// tells the seed of its table: SEED=… in the environment runs that one alone, and TABLES=… as many as that.
func Random(t *testing.T, scale Scale, open Open) {
	first, tables := rand.Uint64N(1e9), cmp.Or(scale.Tables, 4)
	if n, err := strconv.Atoi(os.Getenv("TABLES")); err == nil {
		tables = n
	}
	if seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		first, tables = seed, 1
	}
	for i := range tables {
		seed := first + uint64(i)
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := NewGenerator(seed)
			s := r.Schema()
			records := r.Records(cmp.Or(scale.Records, 40), scale.Server)
			find := open(t, s, records)
			for range cmp.Or(scale.Queries, 250) {
				q := r.Query(records)
				if err := q.Check(s); err != nil {
					t.Fatalf("SEED=%d: %v", seed, err)
				}
				got, err := find(q)
				if want := IDs(q.Apply(records)); err != nil || !slices.Equal(got, want) {
					t.Fatalf("SEED=%d: filter %s, order %s, after %v, skip %d, take %d: got %v (%v), want %v",
						seed, table.FilterText(q.Filter), q.OrderText(), q.After, q.Skip, q.Take, got, err, want)
				}
			}
		})
	}
}

// Generator makes schemas, records and queries that fit each other.
type Generator struct{ *rand.Rand }

// NewGenerator returns a generator that makes the same of the same seed.
func NewGenerator(seed uint64) Generator { return Generator{rand.New(rand.NewPCG(seed, 1))} }

// Schema returns the table: of every type two columns, and any of some indexes.
func (g Generator) Schema() *table.Schema {
	s := &table.Schema{Name: "thing", Dynamic: true, Columns: []table.Column{
		{Name: "b", Type: table.TypeBoolean}, {Name: "c", Type: table.TypeBoolean}, {Name: "d", Type: table.TypeDate},
		{Name: "e", Type: table.TypeDate}, {Name: "i", Type: table.TypeInteger}, {Name: "j", Type: table.TypeJSON},
		{Name: "n", Type: table.TypeNumber}, {Name: "s", Type: table.TypeString}, {Name: "t", Type: table.TypeString},
	}}
	for _, x := range []table.Index{
		{Columns: []string{"s"}}, {Columns: []string{"b"}}, {Columns: []string{"d"}}, {Columns: []string{"n"}},
		{Columns: []string{"b", "d"}}, {Columns: []string{"s", "n", "b"}}, {Columns: []string{"i", "s"}}, {Columns: []string{"x"}},
		{Columns: []string{"j"}, MultiEntry: true},
	} {
		if g.IntN(2) == 0 {
			s.Indexes = append(s.Indexes, x)
		}
	}
	return s
}

// Columns by what they hold. The columns x and y are not declared.
var (
	texts    = []string{"s", "t"}
	booleans = []string{"b", "c"}
	numbers  = []string{"n", "i"}
	dates    = []string{"d", "e"}
	untyped  = []string{"x", "y", "j"}
)

// Values that are few, so that records equal each other, and of which each has been a bug somewhere.
var (
	textValues = []any{"", "a", "A", "b", "ab", "aB", " a ", "ba%", "a_", "it's", "é", "É", "ß", "İ", "Σ", "a\n", "\\",
		"😀", "é😀b", "\ue000", "\uffff", "\U0010ffff", "true", "1", "[]",
		"2026-11-21T08:00:00Z", "2024-02-29T23:59:58.9999+05:30", "2026-02-30", "2026-11-21"}
	numberValues = []any{0.0, 1.0, -1.0, 2.0, 3.0, -7.0, 0.5, -0.5, 1.5, -2.5, 0.1, 0.3, 40.0, 9007199254740991.0,
		-9007199254740991.0, 1e21}
	integerValues = []any{0.0, 1.0, -1.0, 2.0, 3.0, -7.0, 40.0, 9007199254740991.0}
	dateValues    = []any{"2026-11-21T08:00:00.000Z", "2026-11-21T08:00:00.001Z",
		"2024-02-29T23:59:58.999Z", "1969-12-31T00:00:00.001Z", "9999-12-31T23:59:59.999Z"}
	booleanValues = []any{true, false}
)

// Records returns n records, each column of which may be null or absent.
func (g Generator) Records(n int, tombstones bool) []table.Record {
	records := make([]table.Record, n)
	for k, i := range g.Perm(n) {
		r := table.Record{table.ColumnID: "r" + strconv.Itoa(100+i)}
		put := func(columns []string, values ...any) {
			for _, name := range columns {
				switch g.IntN(6) {
				case 0:
				case 1:
					r[name] = nil
				default:
					r[name] = g.value(values)
				}
			}
		}
		put(texts, textValues...)
		put(booleans, booleanValues...)
		put([]string{"n"}, numberValues...)
		put([]string{"i"}, integerValues...)
		put(dates, dateValues...)
		put(untyped, textValues...)
		for _, name := range untyped {
			if r[name] != nil && g.IntN(3) > 0 {
				r[name] = g.any()
			}
		}
		if tombstones {
			r[table.ColumnDeleted] = g.IntN(8) == 0
		}
		records[k] = r
	}
	return records
}

func (g Generator) value(values []any) any { return values[g.IntN(len(values))] }

func (g Generator) name(names []string) string { return names[g.IntN(len(names))] }

// any is a value of any type.
func (g Generator) any() any {
	switch g.IntN(7) {
	case 0:
		return g.value(booleanValues)
	case 1:
		return g.value(numberValues)
	case 2:
		return g.value(dateValues)
	case 3:
		return g.value(textValues)
	case 4:
		return map[string]any{"a": g.value(textValues)}
	}
	list := []any{}
	for range g.IntN(4) {
		list = append(list, g.value([]any{
			nil, true, false, 1.0, 2.0, "a", "b", "é", "2026-11-21T08:00:00.000Z", []any{"a"}, map[string]any{},
		}))
	}
	return list
}

// Query returns a query over such records.
func (g Generator) Query(records []table.Record) *table.Query {
	q := &table.Query{Take: table.All, IncludeDeleted: g.IntN(4) == 0}
	if g.IntN(12) > 0 {
		q.Filter = g.Filter()
	}
	for range g.IntN(4) {
		columns := slices.Concat(texts, booleans, numbers, dates, []string{"x", "y", table.ColumnID})
		q.Order = append(q.Order, table.Order{Column: g.name(columns), Descending: g.IntN(2) == 0})
	}
	if g.IntN(3) == 0 {
		q.Skip = g.IntN(6)
	}
	if g.IntN(3) == 0 {
		q.Take = g.IntN(12)
	}
	if after := records[g.IntN(len(records))]; g.IntN(4) == 0 && !slices.ContainsFunc(q.Order, func(o table.Order) bool {
		_, isArray := after[o.Column].([]any)
		_, isObject := after[o.Column].(map[string]any)
		return isArray || isObject
	}) {
		q.After = after
	}
	return q
}
