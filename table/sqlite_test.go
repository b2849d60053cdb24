//go:build !js

package table_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/larder-sync/larder/table"
)

// TestFiltersMeanWhatSQLMeans evaluates random filters here and in a real SQLite, which knows three-valued logic better
// than any list of cases. Each filter and its negation must choose the same rows in both.
func TestFiltersMeanWhatSQLMeans(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := db.Exec(`CREATE TABLE r (id TEXT, s TEXT, u TEXT, b INTEGER, c INTEGER, n REAL, i INTEGER, d TEXT)`); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	one := func(values ...any) any { return values[random.IntN(len(values))] }
	var records []table.Record
	for k := range 60 {
		r := table.Record{"id": fmt.Sprint(k),
			"s": one(nil, "", "a", "ab", "Ab", " a ", "bA%", "é😀b"), "u": one(nil, "", "b", "a_", "AB"), "b": one(nil, true, false), "c": one(nil, true, false),
			"n": one(nil, 0.0, 1.5, -2.5, 3.0, 0.1), "i": one(nil, 0.0, 1.0, -7.0, 2.0, 40.0),
			"d": one(nil, "2026-11-21T08:00:00.000Z", "2024-02-29T23:59:58.999Z", "1969-12-31T00:00:00.001Z")}
		records = append(records, r)
		_, err := db.Exec(`INSERT INTO r VALUES (?,?,?,?,?,?,?,?)`, r["id"], r["s"], r["u"], r["b"], r["c"], r["n"], r["i"], r["d"])
		if err != nil {
			t.Fatal(err)
		}
	}
	g := generator{random}
	chosen := 0
	for round := range 1500 {
		e := g.condition(4)
		if again, err := table.ParseFilter(table.FilterText(e)); err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("round %d: %s is read as %v (%v)", round, e, again, err)
		}
		for _, e := range []table.Expr{e, table.Not{X: e}} {
			var here []string
			for _, r := range records {
				if table.Matches(e, r) {
					here = append(here, r.ID())
				}
			}
			query := "SELECT coalesce(group_concat(id, ' '), '') FROM (SELECT id FROM r WHERE " + inSQL(e) + " ORDER BY rowid)"
			var there string
			if err := db.QueryRow(query).Scan(&there); err != nil {
				t.Fatalf("round %d: %s: %v", round, query, err)
			}
			if strings.Join(here, " ") != there {
				t.Fatalf("round %d: %s\nchooses %v\nSQLite  %s\nby %s", round, e, here, there, query)
			}
			chosen += len(here)
		}
	}
	if chosen < 40_000 {
		t.Errorf("the filters choose %d rows in all: too few to prove much", chosen)
	}
}

// generator makes random filters whose types fit.
type generator struct{ r *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g generator) condition(depth int) table.Expr {
	if depth == 0 {
		return table.ColumnRef{Name: g.pick("b", "c")}
	}
	depth--
	switch g.r.IntN(9) {
	case 0:
		return table.Not{X: g.condition(depth)}
	case 1, 2:
		op := table.Op(g.pick("and", "or"))
		list := []table.Expr{g.condition(depth), g.condition(depth), g.condition(depth)}
		for i, x := range list { // the parser keeps chains flat, so a chain within the same chain is not printed as one
			if l, ok := x.(table.Logic); ok && l.Op == op {
				list[i] = table.Not{X: x}
			}
		}
		return table.Logic{Op: op, List: list}
	case 3:
		null := table.Literal{}
		left := []table.Expr{g.text(depth), g.number(depth), g.condition(depth)}[g.r.IntN(3)]
		return table.Compare{Op: table.Op(g.pick("eq", "ne")), Left: left, Right: null}
	case 4:
		return table.In{X: g.number(depth), List: []table.Expr{g.number(depth), g.number(0)}[:g.r.IntN(3)]}
	case 5:
		return table.Call{Func: g.pick("substringof", "startswith", "endswith"), Args: []table.Expr{g.text(depth), g.text(depth)}}
	case 6:
		return table.Compare{Op: g.comparison(), Left: g.number(depth), Right: g.number(depth)}
	case 7:
		return table.Compare{Op: table.Op(g.pick("eq", "ne")), Left: g.condition(depth), Right: g.condition(depth)}
	}
	return table.Compare{Op: g.comparison(), Left: g.text(depth), Right: g.text(depth)}
}

func (g generator) comparison() table.Op { return table.Op(g.pick("eq", "ne", "gt", "ge", "lt", "le")) }

func (g generator) text(depth int) table.Expr {
	if depth == 0 {
		if g.r.IntN(2) == 0 {
			return table.ColumnRef{Name: g.pick("s", "u", "s", "u", "d")}
		}
		return table.Literal{Value: g.pick("", "a", "b", "A", "ab", "%", "_", " a", "it's", "é")}
	}
	depth--
	switch g.r.IntN(6) {
	case 0:
		return table.Call{Func: "concat", Args: []table.Expr{g.text(depth), g.text(depth)}}
	case 1:
		return table.Call{Func: g.pick("tolower", "toupper", "trim"), Args: []table.Expr{g.ascii()}}
	case 2:
		return table.Call{Func: "substring", Args: []table.Expr{g.text(depth), table.Literal{Value: float64(g.r.IntN(4))}}}
	case 3:
		return table.Call{Func: "substring", Args: []table.Expr{g.text(depth), table.Literal{Value: float64(g.r.IntN(4))}, table.Literal{Value: float64(g.r.IntN(3))}}}
	case 4:
		return table.Call{Func: "replace", Args: []table.Expr{g.text(0), g.text(0), table.Literal{Value: g.pick("", "x", "''")}}}
	}
	return g.text(0)
}

// ascii is text whose case SQLite knows.
func (g generator) ascii() table.Expr { return table.ColumnRef{Name: "u"} }

func (g generator) number(depth int) table.Expr {
	if depth == 0 {
		if g.r.IntN(2) == 0 {
			return table.ColumnRef{Name: g.pick("n", "i")}
		}
		return table.Literal{Value: []float64{0, 1, -1, 2, 0.5, -2.5, 7}[g.r.IntN(7)]}
	}
	depth--
	switch g.r.IntN(7) {
	case 0, 1:
		return table.Arithmetic{Op: table.Op(g.pick("add", "sub", "mul", "div", "mod")), Left: g.number(depth), Right: g.number(depth)}
	case 2:
		return table.Negate{X: table.ColumnRef{Name: g.pick("n", "i")}}
	case 3:
		return table.Call{Func: "length", Args: []table.Expr{g.text(depth)}}
	case 4:
		return table.Call{Func: "indexof", Args: []table.Expr{g.text(depth), g.text(0)}}
	case 5:
		return table.Call{Func: g.pick("year", "month", "day", "hour", "minute", "second"), Args: []table.Expr{table.ColumnRef{Name: "d"}}}
	}
	return table.Call{Func: g.pick("floor", "ceiling", "round"), Args: []table.Expr{g.number(depth)}}
}

// inSQL writes a filter in SQLite's SQL.
func inSQL(e table.Expr) string {
	all := func(list []table.Expr, between string) string {
		texts := make([]string, len(list))
		for i, x := range list {
			texts[i] = inSQL(x)
		}
		return strings.Join(texts, between)
	}
	switch e := e.(type) {
	case table.ColumnRef:
		return e.Name
	case table.Literal:
		switch v := e.Value.(type) {
		case string:
			return "'" + strings.ReplaceAll(v, "'", "''") + "'"
		case float64:
			return fmt.Sprintf("(%g)", v)
		}
		return "NULL"
	case table.Not:
		return "(NOT " + inSQL(e.X) + ")"
	case table.Negate:
		return "(-" + inSQL(e.X) + ")"
	case table.Logic:
		return "(" + all(e.List, " "+string(e.Op)+" ") + ")"
	case table.Compare:
		op := map[table.Op]string{"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}[e.Op]
		if l, ok := e.Right.(table.Literal); ok && l.Value == nil {
			op = map[table.Op]string{"eq": "IS", "ne": "IS NOT"}[e.Op]
		}
		return "(" + inSQL(e.Left) + " " + op + " " + inSQL(e.Right) + ")"
	case table.In:
		return "(" + inSQL(e.X) + " IN (" + all(e.List, ",") + "))"
	case table.Arithmetic:
		a, b := inSQL(e.Left), inSQL(e.Right)
		switch e.Op {
		case table.OpDiv:
			return fmt.Sprintf("(CASE WHEN %[1]s=trunc(%[1]s) AND %[2]s=trunc(%[2]s) THEN trunc(%[1]s*1.0/%[2]s) ELSE %[1]s*1.0/%[2]s END)", a, b)
		case table.OpMod:
			return "mod(" + a + "," + b + ")"
		}
		return "(" + a + map[table.Op]string{"add": "+", "sub": "-", "mul": "*"}[e.Op] + b + ")"
	}
	call := e.(table.Call)
	formats := map[string]string{
		"substringof": "(instr(%[2]s,%[1]s)>0)", "startswith": "(substr(%[1]s,1,length(%[2]s))=%[2]s)",
		"endswith": "(length(%[1]s)>=length(%[2]s) AND substr(%[1]s,length(%[1]s)-length(%[2]s)+1)=%[2]s)",
		"concat":   "(%[1]s||%[2]s)", "indexof": "(instr(%[1]s,%[2]s)-1)", "replace": "replace(%[1]s,%[2]s,%[3]s)",
		"tolower": "lower(%[1]s)", "toupper": "upper(%[1]s)", "trim": "trim(%[1]s)", "length": "length(%[1]s)",
		"floor": "floor(%[1]s)", "ceiling": "ceil(%[1]s)", "round": "(sign(%[1]s)*floor(abs(%[1]s)+0.5))",
		"year": "CAST(strftime('%%Y',%[1]s) AS INTEGER)", "month": "CAST(strftime('%%m',%[1]s) AS INTEGER)",
		"day": "CAST(strftime('%%d',%[1]s) AS INTEGER)", "hour": "CAST(strftime('%%H',%[1]s) AS INTEGER)",
		"minute": "CAST(strftime('%%M',%[1]s) AS INTEGER)", "second": "CAST(strftime('%%S',%[1]s) AS INTEGER)",
	}
	format := formats[call.Func]
	if call.Func == "substring" {
		format = "substr(%[1]s,%[2]s+1)"
		if len(call.Args) == 3 {
			format = "substr(%[1]s,%[2]s+1,%[3]s)"
		}
	}
	args := make([]any, len(call.Args))
	for i, x := range call.Args {
		args[i] = inSQL(x)
	}
	return fmt.Sprintf(format, args...)
}
