package tabletest

import "github.com/larder-sync/larder/table"

// depth is how deep filters go.
const depth = 4

// Filter returns a random filter. What the parser would make flat is flat.
func (g Generator) Filter() table.Expr { return g.condition(depth, false) }

// condition is a condition; inside says that there is an array's element to speak of.
func (g Generator) condition(depth int, inside bool) table.Expr {
	if depth == 0 {
		if g.IntN(8) == 0 {
			return g.untyped(inside)
		}
		return table.ColumnRef{Name: g.name(booleans)}
	}
	depth--
	of := func(make func(int, bool) table.Expr) table.Expr { return make(depth, inside) }
	switch g.IntN(16) {
	case 0:
		return table.Not{X: of(g.condition)}
	case 1, 2, 3:
		return g.logic(depth, inside)
	case 4:
		left := []func(int, bool) table.Expr{g.text, g.number, g.condition, g.date}[g.IntN(4)]
		return table.Compare{Op: g.equality(), Left: of(left), Right: table.Literal{}}
	case 5:
		return table.Compare{Op: g.equality(), Left: g.untyped(inside), Right: table.Literal{}}
	case 6:
		return g.in(depth, inside)
	case 7:
		return table.Call{Func: g.name([]string{"substringof", "startswith", "endswith"}), Args: []table.Expr{of(g.text), of(g.text)}}
	case 8, 9:
		return table.Compare{Op: g.comparison(), Left: of(g.number), Right: of(g.number)}
	case 10:
		return table.Compare{Op: g.comparison(), Left: of(g.condition), Right: of(g.condition)}
	case 11:
		return table.Compare{Op: g.comparison(), Left: of(g.date), Right: of(g.date)}
	case 12:
		right := []func(int, bool) table.Expr{g.text, g.number, g.condition, g.date}[g.IntN(4)]
		e := table.Compare{Op: g.comparison(), Left: g.untyped(inside), Right: of(right)}
		if g.IntN(4) == 0 {
			e.Right = g.untyped(inside)
		}
		if g.IntN(3) == 0 {
			e.Left, e.Right = e.Right, e.Left
		}
		return e
	case 13:
		if inside {
			return table.Compare{Op: g.comparison(), Left: table.Element{}, Right: of(g.text)}
		}
		e := table.Any{Column: g.name(untyped)}
		if g.IntN(6) > 0 {
			e.X = g.condition(min(depth, 2), true)
		}
		return e
	}
	return table.Compare{Op: g.comparison(), Left: of(g.text), Right: of(g.text)}
}

func (g Generator) logic(depth int, inside bool) table.Expr {
	e := table.Logic{Op: table.OpAnd}
	if g.IntN(2) == 0 {
		e.Op = table.OpOr
	}
	for range 2 + g.IntN(3) {
		x := g.condition(depth, inside)
		if l, ok := x.(table.Logic); ok && l.Op == e.Op {
			x = table.Not{X: x}
		}
		e.List = append(e.List, x)
	}
	return e
}

func (g Generator) in(depth int, inside bool) table.Expr {
	e := table.In{X: g.untyped(inside), List: []table.Expr{}}
	item := []func(int, bool) table.Expr{g.text, g.number, g.date}[g.IntN(3)]
	mixed := g.IntN(3) == 0
	if !mixed {
		e.X = item(depth, inside)
	}
	for range g.IntN(4) {
		switch {
		case g.IntN(8) == 0:
			e.List = append(e.List, table.Literal{})
		case mixed && g.IntN(2) == 0:
			e.List = append(e.List, table.Literal{Value: g.value(numberValues)})
		default:
			e.List = append(e.List, item(min(depth, g.IntN(2)), inside))
		}
	}
	return e
}

func (g Generator) equality() table.Op { return table.Op(g.name([]string{"eq", "ne"})) }

func (g Generator) comparison() table.Op {
	return table.Op(g.name([]string{"eq", "ne", "gt", "ge", "lt", "le"}))
}

// untyped is a value of a kind that no schema tells.
func (g Generator) untyped(inside bool) table.Expr {
	if inside && g.IntN(2) == 0 {
		return table.Element{}
	}
	return table.ColumnRef{Name: g.name(untyped)}
}

func (g Generator) text(depth int, inside bool) table.Expr {
	if depth == 0 {
		switch g.IntN(10) {
		case 0:
			return g.untyped(inside)
		case 1, 2, 3, 4:
			return table.Literal{Value: g.value(textValues)}
		}
		return table.ColumnRef{Name: g.name(texts)}
	}
	depth--
	text := func() table.Expr { return g.text(depth, inside) }
	number := func() table.Expr {
		if g.IntN(3) == 0 {
			return g.number(depth, inside)
		}
		return table.Literal{Value: float64(g.IntN(5) - 1)}
	}
	switch g.IntN(10) {
	case 0:
		return table.Call{Func: "concat", Args: []table.Expr{text(), text()}}
	case 1:
		return table.Call{Func: g.name([]string{"tolower", "toupper", "trim"}), Args: []table.Expr{text()}}
	case 2:
		return table.Call{Func: "substring", Args: []table.Expr{text(), number()}}
	case 3:
		return table.Call{Func: "substring", Args: []table.Expr{text(), number(), number()}}
	case 4:
		with := table.Literal{Value: g.name([]string{"", "x", "''", "\\1"})}
		return table.Call{Func: "replace", Args: []table.Expr{g.text(0, inside), g.text(0, inside), with}}
	}
	return g.text(0, inside)
}

func (g Generator) number(depth int, inside bool) table.Expr {
	if depth == 0 {
		switch g.IntN(10) {
		case 0:
			return g.untyped(inside)
		case 1, 2, 3, 4:
			return table.Literal{Value: g.value(numberValues)}
		}
		return table.ColumnRef{Name: g.name(numbers)}
	}
	depth--
	number := func() table.Expr { return g.number(depth, inside) }
	switch g.IntN(9) {
	case 0, 1, 2:
		op := table.Op(g.name([]string{"add", "sub", "mul", "div", "mod"}))
		return table.Arithmetic{Op: op, Left: number(), Right: number()}
	case 3:
		return table.Negate{X: table.ColumnRef{Name: g.name(numbers)}}
	case 4:
		return table.Call{Func: "length", Args: []table.Expr{g.text(depth, inside)}}
	case 5:
		return table.Call{Func: "indexof", Args: []table.Expr{g.text(depth, inside), g.text(0, inside)}}
	case 6:
		of := g.date(0, inside)
		if g.IntN(3) == 0 {
			of = g.text(0, inside)
		}
		parts := []string{"year", "month", "day", "hour", "minute", "second", "fractionalseconds"}
		return table.Call{Func: g.name(parts), Args: []table.Expr{of}}
	case 7:
		return table.Call{Func: g.name([]string{"floor", "ceiling", "round"}), Args: []table.Expr{number()}}
	}
	return g.number(0, inside)
}

// date is a moment: a date column, the literal of a date, or at times a column that may hold one.
func (g Generator) date(_ int, inside bool) table.Expr {
	switch g.IntN(8) {
	case 0:
		return g.untyped(inside)
	case 1, 2, 3:
		return table.Literal{Value: table.Date(g.value(dateValues).(string))}
	case 4:
		return table.Call{Func: "date", Args: []table.Expr{table.ColumnRef{Name: g.name(dates)}}}
	}
	return table.ColumnRef{Name: g.name(dates)}
}
