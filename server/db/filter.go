package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
)

// compiler makes SQL of one query. Every expression that it returns stands in parentheses or needs none, and has the SQL
// type of the kind that was asked for.
type compiler struct {
	*Dialect
	schema *table.Schema
	row    string // what the row's columns are written after: "r.", or nothing in the definition of an index
	args   []any
}

// fill puts SQL into a format of a dialect's.
func fill(format string, parts ...any) string { return fmt.Sprintf(format, parts...) }

func truth(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

// param makes a value a parameter of the kind's SQL type.
func (c *compiler) param(v any, kind table.Kind) string {
	c.args = append(c.args, v)
	return fill(c.parameter, len(c.args)) + c.types[sqlKind(kind)]
}

func (c *compiler) integer(n int) string {
	c.args = append(c.args, int64(n))
	return fill(c.parameter, len(c.args))
}

func (c *compiler) null(kind table.Kind) string { return "NULL" + c.types[sqlKind(kind)] }

// sqlKind is the kind by which SQL knows a value: dates are texts.
func sqlKind(k table.Kind) table.Kind {
	if k == table.KindDate {
		return table.KindText
	}
	return k
}

// expr compiles e to a value of a kind. What is of another kind, as values of a column without a type may be, is null.
func (c *compiler) expr(e table.Expr, want table.Kind) string {
	switch e := e.(type) {
	case table.Literal:
		return c.literal(e, want)
	case table.ColumnRef:
		return c.column(e.Name, want)
	case table.Element:
		return c.typed(c.element, want)
	case table.Not:
		return "(NOT " + c.expr(e.X, table.KindBoolean) + ")"
	case table.Logic:
		list := make([]string, len(e.List))
		for i, x := range e.List {
			list[i] = c.expr(x, table.KindBoolean)
		}
		return join(list, " "+strings.ToUpper(string(e.Op))+" ")
	case table.Compare:
		return c.compare(e)
	case table.In:
		return c.in(e)
	case table.Negate:
		return "(-" + c.expr(e.X, table.KindNumber) + ")"
	case table.Arithmetic:
		return fill(c.arithmetic[e.Op], c.expr(e.Left, table.KindNumber), c.expr(e.Right, table.KindNumber))
	case table.Call:
		return c.call(e)
	case table.Any:
		return c.any(e)
	}
	return c.null(want)
}

// join makes a tree of balanced depth, because SQLite bounds it.
func join(list []string, between string) string {
	switch len(list) {
	case 0:
		return "FALSE"
	case 1:
		return list[0]
	}
	half := len(list) / 2
	return "(" + join(list[:half], between) + between + join(list[half:], between) + ")"
}

func (c *compiler) literal(l table.Literal, want table.Kind) string {
	switch v := l.Value.(type) {
	case nil:
		return c.null(want)
	case bool:
		return truth(v)
	case table.Date:
		return c.param(string(v), want)
	default:
		return c.param(v, want)
	}
}

// column is the value of a column. The id and whether a row is deleted are columns in SQL as well.
func (c *compiler) column(name string, want table.Kind) string {
	switch name {
	case table.ColumnID, table.ColumnDeleted:
		return c.row + name
	}
	if k := c.schema.KindOf(table.ColumnRef{Name: name}); k != table.KindAny {
		want = k
	}
	return c.typed(c.member(name), want)
}

// member is where the record's JSON has a column.
func (c *compiler) member(name string) jsonValue {
	return jsonValue{kind: fill(c.members.kind, c.row, name), value: fill(c.members.value, c.row, name)}
}

// typed is a JSON value, or null where it is of another kind.
func (c *compiler) typed(v jsonValue, want table.Kind) string {
	return fill(c.casts[sqlKind(want)], v.kind, v.value)
}

func (c *compiler) isNull(e table.Expr) string {
	kind := c.schema.KindOf(e)
	if kind != table.KindAny {
		return "(" + c.expr(e, kind) + " IS NULL)"
	}
	switch e := e.(type) {
	case table.ColumnRef:
		v := c.member(e.Name)
		return fill(c.nullTest, v.kind, v.value)
	case table.Element:
		return fill(c.nullTest, c.element.kind, c.element.value)
	}
	return "TRUE" // the literal null
}

func isNullLiteral(e table.Expr) bool {
	l, ok := e.(table.Literal)
	return ok && l.Value == nil
}

func (c *compiler) compare(e table.Compare) string {
	switch {
	case isNullLiteral(e.Right) && e.Op == table.OpEq:
		return c.isNull(e.Left)
	case isNullLiteral(e.Right) && e.Op == table.OpNe:
		return "(NOT " + c.isNull(e.Left) + ")"
	case isNullLiteral(e.Left), isNullLiteral(e.Right):
		return c.null(table.KindBoolean)
	}
	return c.comparison(e.Op, e.Left, e.Right)
}

// operators are the comparisons in SQL.
var operators = map[table.Op]string{
	table.OpEq: " = ", table.OpNe: " <> ", table.OpGt: " > ", table.OpGe: " >= ", table.OpLt: " < ", table.OpLe: " <= ",
}

// comparison compares two values, neither of which is the literal null.
func (c *compiler) comparison(op table.Op, left, right table.Expr) string {
	kind := c.schema.KindOf(left)
	if kind == table.KindAny {
		kind = c.schema.KindOf(right)
	}
	switch kind {
	case table.KindAny:
		each := func(kind table.Kind, format string) string {
			return fill(format, c.expr(left, kind)) + operators[op] + fill(format, c.expr(right, kind))
		}
		return "coalesce(" + each(table.KindText, c.units) + ", " + each(table.KindNumber, "%s") + ", " +
			each(table.KindBoolean, "%s") + ")"
	case table.KindText, table.KindDate:
		format := c.textComparison(op, left, right)
		return "(" + fill(format, c.text(left, right)) + operators[op] + fill(format, c.text(right, left)) + ")"
	}
	return "(" + c.expr(left, kind) + operators[op] + c.expr(right, kind) + ")"
}

// text is a text that is compared with another. Next to the literal of a date it is brought to a date's form.
func (c *compiler) text(e, other table.Expr) string {
	sql := c.expr(e, table.KindText)
	if l, ok := other.(table.Literal); ok && c.schema.KindOf(e) != table.KindDate {
		if _, ok := l.Value.(table.Date); ok {
			return fill(c.date, sql)
		}
	}
	return sql
}

// textOrder is how texts of a kind are written where their order matters.
func (c *compiler) textOrder(kind table.Kind) string {
	if kind == table.KindDate {
		return c.bytes // ASCII
	}
	return c.units
}

// textComparison is how two texts that are compared are written. The order by bytes is cheaper, and it is right where one
// side is a constant of characters below the surrogates: any other character comes after those in both orders. An
// index, though, can only be used in its own order.
func (c *compiler) textComparison(op table.Op, left, right table.Expr) string {
	kind := table.KindDate
	plain := op == table.OpEq || op == table.OpNe
	for _, e := range [...]table.Expr{left, right} {
		if c.schema.KindOf(e) != table.KindDate {
			kind = table.KindText
		}
		switch e := e.(type) {
		case table.Literal:
			s, _ := e.Value.(string)
			_, isDate := e.Value.(table.Date)
			plain = plain || isDate || isPlain(s)
		case table.ColumnRef:
			if c.indexed(e.Name) {
				return c.textOrder(c.schema.KindOf(e))
			}
		}
	}
	if plain {
		return c.bytes
	}
	return c.textOrder(kind)
}

// isPlain reports whether all characters of s come before the surrogates.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0xd800 })
}

// in is an IN for the constants of each kind, which are one kind most often, and a comparison for everything else.
func (c *compiler) in(e table.In) string {
	var alternatives []string
	constants := map[table.Kind][]table.Expr{}
	of := c.schema.KindOf(e.X)
	for _, x := range e.List {
		l, constant := x.(table.Literal)
		kind := c.schema.KindOf(x)
		switch {
		case isNullLiteral(x), isNullLiteral(e.X):
			alternatives = append(alternatives, c.null(table.KindBoolean))
		case constant && l.Value != nil && (of == kind || of == table.KindAny):
			constants[kind] = append(constants[kind], x)
		default:
			alternatives = append(alternatives, c.comparison(table.OpEq, e.X, x))
		}
	}
	for kind := table.KindBoolean; kind <= table.KindDate; kind++ {
		if list := constants[kind]; len(list) > 0 {
			alternatives = append(alternatives, c.among(e.X, list, kind))
		}
	}
	return join(alternatives, " OR ")
}

// among compares a value with constants of a kind.
func (c *compiler) among(e table.Expr, constants []table.Expr, kind table.Kind) string {
	value, format := "", "%s"
	if sqlKind(kind) == table.KindText {
		value, format = c.text(e, constants[0]), c.textComparison(table.OpEq, e, constants[0])
	} else {
		value = c.expr(e, kind)
	}
	list := make([]string, len(constants))
	for i, x := range constants {
		list[i] = fill(format, c.expr(x, kind))
	}
	return "(" + fill(format, value) + " IN (" + strings.Join(list, ", ") + "))"
}

// any looks at each element of an array, of which there are none where the column holds something else.
func (c *compiler) any(e table.Any) string {
	v := c.member(e.Column)
	sql := "EXISTS (SELECT 1 FROM " + fill(c.elements, v.kind, v.value)
	if e.X != nil {
		sql += " WHERE " + c.expr(e.X, table.KindBoolean)
	}
	return sql + ")"
}

// call compiles a function. A prefix of an indexed column is a range of it.
func (c *compiler) call(e table.Call) string {
	if prefix, column, ok := c.prefix(e); ok {
		from, to := fill(c.units, c.param(prefix, table.KindText)), fill(c.units, c.param(successor(prefix), table.KindText))
		return "(" + column + " >= " + from + " AND " + column + " < " + to + ")"
	}
	args := make([]any, len(e.Args))
	for i, x := range e.Args {
		args[i] = c.expr(x, argumentKind(e.Func, i))
		if argumentKind(e.Func, i) == table.KindDate && c.schema.KindOf(x) != table.KindDate {
			args[i] = fill(c.date, args[i])
		}
	}
	name := e.Func
	if len(args) == 3 && name == "substring" {
		name = "substring3"
	}
	if of, ok := c.constants[name]; ok {
		args = append(args, c.constant(of[0]), c.constant(of[1]))
	}
	return fill(c.functions[name], args...)
}

// constant makes a text of ours a parameter: one, however often it is needed.
func (c *compiler) constant(text string) string {
	if i := slices.Index(c.args, any(text)); i >= 0 {
		return fill(c.parameter, i+1) + c.types[table.KindText]
	}
	return c.param(text, table.KindText)
}

func argumentKind(function string, i int) table.Kind {
	switch function {
	case "year", "month", "day", "hour", "minute", "second", "fractionalseconds", "date":
		return table.KindDate
	case "floor", "ceiling", "round":
		return table.KindNumber
	case "substring":
		if i > 0 {
			return table.KindNumber
		}
	}
	return table.KindText
}

// prefix tells startswith of an indexed column with a constant that has a successor.
func (c *compiler) prefix(e table.Call) (prefix, column string, ok bool) {
	if e.Func != "startswith" {
		return "", "", false
	}
	ref, isColumn := e.Args[0].(table.ColumnRef)
	l, isLiteral := e.Args[1].(table.Literal)
	if !isColumn || !isLiteral || !c.indexed(ref.Name) || c.schema.KindOf(ref) != table.KindText {
		return "", "", false
	}
	prefix, _ = l.Value.(string)
	if prefix == "" || prefix[len(prefix)-1] >= 0x7f {
		return "", "", false
	}
	return prefix, fill(c.units, c.column(ref.Name, table.KindText)), true
}

// successor is the first text after all that begin with prefix, whose last byte is ASCII.
func successor(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(rune(prefix[last]+1))
}

// indexed reports whether a column is part of an index in the database.
func (c *compiler) indexed(name string) bool {
	for _, x := range c.schema.Indexes {
		for _, column := range x.Columns {
			if column == name && !x.MultiEntry && name != table.ColumnID {
				return true
			}
		}
	}
	return false
}
