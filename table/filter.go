package table

import "strings"

// Expr is a filter as a tree: [Literal], [ColumnRef], [Not], [Negate], [Logic], [Compare], [Arithmetic], [In], [Call],
// [Any] and [Element], all by value. The set is closed, so that whoever walks a filter (a planner, a compiler to SQL) can
// name every case. A tree is immutable once made and so safe for concurrent use.
//
// Values are nil, bool, float64 and string; a date is its canonical string, and only as a literal a [Date].
type Expr interface{ isExpr() }

func (Literal) isExpr()    {}
func (ColumnRef) isExpr()  {}
func (Not) isExpr()        {}
func (Negate) isExpr()     {}
func (Logic) isExpr()      {}
func (Compare) isExpr()    {}
func (Arithmetic) isExpr() {}
func (In) isExpr()         {}
func (Call) isExpr()       {}
func (Any) isExpr()        {}
func (Element) isExpr()    {}

// Op is an operator, by its OData name.
type Op string

// The operators.
const (
	OpEq  Op = "eq" // with the literal null on the right: IS NULL
	OpNe  Op = "ne" // with the literal null on the right: IS NOT NULL
	OpGt  Op = "gt"
	OpGe  Op = "ge"
	OpLt  Op = "lt"
	OpLe  Op = "le"
	OpAnd Op = "and"
	OpOr  Op = "or"
	OpAdd Op = "add"
	OpSub Op = "sub"
	OpMul Op = "mul"
	OpDiv Op = "div" // of two whole numbers: cut towards zero; by zero: null
	OpMod Op = "mod" // has the sign of the left side and is exact for whole numbers; by zero: null
)

// Date is a moment in canonical form (see [ParseDate]), as the value of a [Literal].
type Date string

// Literal is a constant: nil, bool, float64, string or [Date].
type Literal struct{ Value any }

// ColumnRef is the value of a column, null where the record has none. As a condition it means that the column is true.
type ColumnRef struct{ Name string }

// Not is logical negation; of null it is null.
type Not struct{ X Expr }

// Negate is a number with the other sign.
type Negate struct{ X Expr }

// Logic joins two conditions or more by [OpAnd] or [OpOr]. None of List is a Logic of the same Op.
type Logic struct {
	Op   Op
	List []Expr
}

// Compare compares two values by one of [OpEq], [OpNe], [OpGt], [OpGe], [OpLt] and [OpLe]. Values of different types
// compare to null, as null with anything does, but for the literal null on the right of eq and ne.
type Compare struct {
	Op          Op
	Left, Right Expr
}

// Arithmetic calculates with two numbers by [OpAdd], [OpSub], [OpMul], [OpDiv] or [OpMod].
type Arithmetic struct {
	Op          Op
	Left, Right Expr
}

// In reports whether X equals one of List, with SQL's rules for nulls. No value is in an empty list.
type In struct {
	X    Expr
	List []Expr
}

// Call is a function's value. Func is one of substringof, startswith, endswith, concat, indexof, replace, substring,
// tolower, toupper, trim, length, year, month, day, hour, minute, second, fractionalseconds, date (its day at midnight in
// UTC), floor, ceiling and round; OData's newer contains is read as substringof with its arguments reversed.
type Call struct {
	Func string
	Args []Expr
}

// Any reports whether the array in a column has an element for which X is true; X is nil for any element at all. It is
// false, never null, where there is no array. A multi-entry index answers it.
type Any struct {
	Column string
	X      Expr // holds [Element] where it means the element, and no other Any
}

// Element is the element of an array that the [Any] around it looks at.
type Element struct{}

// And joins two filters, either of which may be nil for none. It is nil when both are.
func And(a, b Expr) Expr {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return join(OpAnd, a, b)
}

// join keeps chains of one operator flat.
func join(op Op, a, b Expr) Expr {
	var list []Expr
	for _, x := range [...]Expr{a, b} {
		if l, ok := x.(Logic); ok && l.Op == op {
			list = append(list, l.List...)
		} else {
			list = append(list, x)
		}
	}
	return Logic{op, list}
}

// Walk calls visit for e and the parts of it, outermost first; it does not go into a node for which visit is false.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, part := range parts(e) {
		Walk(part, visit)
	}
}

func parts(e Expr) []Expr {
	switch e := e.(type) {
	case Not:
		return []Expr{e.X}
	case Negate:
		return []Expr{e.X}
	case Logic:
		return e.List
	case Compare:
		return []Expr{e.Left, e.Right}
	case Arithmetic:
		return []Expr{e.Left, e.Right}
	case In:
		return append([]Expr{e.X}, e.List...)
	case Call:
		return e.Args
	case Any:
		if e.X != nil {
			return []Expr{e.X}
		}
	}
	return nil
}

// How tightly operators bind, from loose to tight.
const (
	bindOr = iota + 1
	bindAnd
	bindCompare
	bindAdd
	bindMul
	bindUnary
	bindPrimary
)

// bindingOf tells how tightly each infix operator binds.
func bindingOf(op Op) int {
	switch op {
	case OpOr:
		return bindOr
	case OpAnd:
		return bindAnd
	case OpEq, OpNe, OpGt, OpGe, OpLt, OpLe, "in":
		return bindCompare
	case OpAdd, OpSub:
		return bindAdd
	case OpMul, OpDiv, OpMod:
		return bindMul
	}
	return 0
}

// binding is how tightly e holds its parts; one that is looser than its place needs parentheses.
func binding(e Expr) int {
	switch e := e.(type) {
	case Literal:
		if f, ok := e.Value.(float64); ok && f < 0 {
			return bindUnary
		}
	case Not, Negate:
		return bindUnary
	case In, Compare:
		return bindCompare
	case Arithmetic:
		return bindingOf(e.Op)
	case Logic:
		return bindingOf(e.Op)
	}
	return bindPrimary
}

// FilterText returns e as OData text, which [ParseFilter] reads back to the same tree.
func FilterText(e Expr) string { return string(printer{}.expr(nil, e)) }

// printer writes filters. Element is the name of the element inside an [Any].
type printer struct{ element string }

func (p printer) expr(dst []byte, e Expr) []byte {
	switch e := e.(type) {
	case Literal:
		return appendLiteral(dst, e.Value)
	case ColumnRef:
		return p.column(dst, e.Name)
	case Not:
		return p.part(append(dst, "not "...), e.X, bindUnary)
	case Negate:
		return p.part(append(dst, '-'), e.X, bindUnary)
	case Logic:
		return p.parts(dst, e.List, " "+string(e.Op)+" ", bindingOf(e.Op)+1)
	case Compare:
		return p.binary(dst, e.Op, e.Left, e.Right)
	case Arithmetic:
		return p.binary(dst, e.Op, e.Left, e.Right)
	case In:
		return p.list(append(p.part(dst, e.X, bindCompare), " in "...), e.List)
	case Call:
		return p.list(append(dst, e.Func...), e.Args)
	case Any:
		return p.any(dst, e)
	case Element:
		return append(dst, p.element...)
	}
	return dst
}

func (p printer) column(dst []byte, name string) []byte {
	switch name {
	case "not", "true", "false", "null":
		dst = append(dst, "_/"...) // a member of anything is a column, whatever its name
	}
	return append(dst, name...)
}

func (p printer) any(dst []byte, e Any) []byte {
	dst = append(p.column(dst, e.Column), "/any("...)
	if e.X != nil {
		p.element = elementName(e.X)
		dst = p.expr(append(append(dst, p.element...), ": "...), e.X)
	}
	return append(dst, ')')
}

// elementName is a name for the element of an array: one that no column of e has.
func elementName(e Expr) string {
	name := "x"
	for free := false; !free; {
		free = true
		Walk(e, func(e Expr) bool {
			if c, ok := e.(ColumnRef); ok && c.Name == name {
				free = false
			}
			return free
		})
		if !free {
			name += "x"
		}
	}
	return name
}

func appendLiteral(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(append(append(dst, '\''), strings.ReplaceAll(v, "'", "''")...), '\'')
	case Date:
		return append(append(append(dst, "datetime'"...), v...), '\'')
	}
	return AppendJSON(dst, v)
}

// part writes e in a place that takes nodes which bind at least as tightly as least.
func (p printer) part(dst []byte, e Expr, least int) []byte {
	if binding(e) >= least {
		return p.expr(dst, e)
	}
	return append(p.expr(append(dst, '('), e), ')')
}

func (p printer) parts(dst []byte, list []Expr, between string, least int) []byte {
	for i, e := range list {
		if i > 0 {
			dst = append(dst, between...)
		}
		dst = p.part(dst, e, least)
	}
	return dst
}

func (p printer) list(dst []byte, list []Expr) []byte {
	return append(p.parts(append(dst, '('), list, ",", bindOr), ')')
}

// binary writes an operator that takes its like on the left without parentheses.
func (p printer) binary(dst []byte, op Op, left, right Expr) []byte {
	dst = p.part(dst, left, bindingOf(op))
	dst = append(append(append(dst, ' '), op...), ' ')
	return p.part(dst, right, bindingOf(op)+1)
}
