package table

import (
	"math"
)

// Matches reports whether e is true of r, by SQL's logic of three values: true, false, and null for what cannot be
// known. A nil e is true of everything.
func Matches(e Expr, r Record) bool {
	return e == nil || Eval(e, r) == true
}

// Eval returns the value of e for r: nil, bool, float64 or string, or what a json column holds. e is one that
// [Query.Check] lets pass; what does not fit is null.
func Eval(e Expr, r Record) any { return scope{r: r}.eval(e) }

// scope is what names in an expression mean.
type scope struct {
	r       Record
	element any // of the array that is looked at
}

func (s scope) eval(e Expr) any {
	switch e := e.(type) {
	case ColumnRef:
		return s.r[e.Name]
	case Literal:
		if d, ok := e.Value.(Date); ok {
			return string(d)
		}
		return e.Value
	case Compare:
		return s.compare(e)
	case Logic:
		return s.logic(e)
	case Not:
		if b, ok := s.eval(e.X).(bool); ok {
			return !b
		}
	case In:
		return s.in(e)
	case Call:
		return s.call(e)
	case Arithmetic:
		return s.arithmetic(e)
	case Any:
		return s.any(e)
	case Element:
		return s.element
	case Negate:
		if f, ok := s.eval(e.X).(float64); ok {
			return -f + 0
		}
	}
	return nil
}

// logic stops at the first value that decides: false for and, true for or.
func (s scope) logic(e Logic) any {
	decides := e.Op == OpOr
	var result any = !decides
	for _, x := range e.List {
		b, known := s.eval(x).(bool)
		if !known {
			result = nil
		} else if b == decides {
			return decides
		}
	}
	return result
}

func (s scope) compare(e Compare) any {
	left := s.eval(e.Left)
	if l, ok := e.Right.(Literal); ok && l.Value == nil {
		switch e.Op {
		case OpEq:
			return left == nil
		case OpNe:
			return left != nil
		}
		return nil
	}
	c, ok := compareValues(e.Left, left, e.Right, s.eval(e.Right))
	if !ok {
		return nil
	}
	switch e.Op {
	case OpEq:
		return c == 0
	case OpNe:
		return c != 0
	case OpGt:
		return c > 0
	case OpGe:
		return c >= 0
	case OpLt:
		return c < 0
	case OpLe:
		return c <= 0
	}
	return nil
}

// compareValues compares the values a and b of two expressions. What is compared with the literal of a date is a date.
func compareValues(left Expr, a any, right Expr, b any) (int, bool) {
	if isDate(left) {
		b = asDate(b)
	} else if isDate(right) {
		a = asDate(a)
	}
	return compareSame(a, b)
}

func isDate(e Expr) bool {
	l, ok := e.(Literal)
	if ok {
		_, ok = l.Value.(Date)
	}
	return ok
}

// asDate gives a text that is compared with a date the canonical form, which undeclared columns may lack; what is no
// date is null.
func asDate(v any) any {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if isCanonicalDate(s) {
		return v
	}
	iso, err := ParseDate(s)
	if err != nil {
		return nil
	}
	return iso
}

func (s scope) in(e In) any {
	x := s.eval(e.X)
	var result any = false
	for _, item := range e.List {
		switch c, ok := compareValues(e.X, x, item, s.eval(item)); {
		case ok && c == 0:
			return true
		case !ok:
			result = nil
		}
	}
	return result
}

func (s scope) arithmetic(e Arithmetic) any {
	a, ok1 := s.eval(e.Left).(float64)
	b, ok2 := s.eval(e.Right).(float64)
	if !ok1 || !ok2 {
		return nil
	}
	f := math.NaN()
	switch e.Op {
	case OpAdd:
		f = a + b
	case OpSub:
		f = a - b
	case OpMul:
		f = a * b
	case OpDiv:
		f = a / b
		if a == math.Trunc(a) && b == math.Trunc(b) {
			f = math.Trunc(f)
		}
	case OpMod:
		f = mod(a, b)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f + 0
}

// mod is exact for whole numbers, and for others what databases can calculate as well.
func mod(a, b float64) float64 {
	_, ok1 := whole(a)
	_, ok2 := whole(b)
	if ok1 && ok2 {
		return math.Mod(a, b)
	}
	return a - float64(b*math.Trunc(a/b)) // the conversion keeps machines from rounding both steps as one
}

func (s scope) call(e Call) any {
	sig := signatureOf(e.Func)
	if !sig.takes(len(e.Args)) {
		return nil
	}
	var room [3]any
	args := room[:len(e.Args)]
	for i, x := range e.Args {
		v := s.eval(x)
		_, fits := v.(string)
		if sig.args[i] == KindNumber {
			_, fits = v.(float64)
		}
		if !fits {
			return nil
		}
		args[i] = v
	}
	return call(e.Func, args)
}

func (s scope) any(e Any) any {
	list, _ := s.r[e.Column].([]any)
	for _, s.element = range list {
		if e.X == nil || s.eval(e.X) == true {
			return true
		}
	}
	return false
}

// compareSame compares two values of one type. It reports false for nulls, for different types, and for arrays and
// objects, which have no order.
func compareSame(a, b any) (int, bool) {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return CompareText(a, b), true
		}
	case float64:
		if b, ok := b.(float64); ok {
			return compareNumbers(a, b), true
		}
	case bool:
		if b, ok := b.(bool); ok {
			return compareNumbers(asNumber(a), asNumber(b)), true
		}
	}
	return 0, false
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func asNumber(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// CompareText orders texts by their UTF-16 code units, as JavaScript and IndexedDB do: −1, 0 or 1. That is the order of
// their UTF-8 bytes, but that the characters beyond U+FFFF come before those from U+E000 on.
func CompareText(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return compareNumbers(float64(len(a)), float64(len(b)))
}

// CompareValues orders any two values of records, as indexes do: nulls first, then numbers, with false as 0 and true as
// 1, then texts, then arrays and objects, which are all equal.
func CompareValues(a, b any) int {
	ra, fa := rank(a)
	rb, fb := rank(b)
	if ra != rb {
		return compareNumbers(float64(ra), float64(rb))
	}
	switch ra {
	case 1:
		return compareNumbers(fa, fb)
	case 2:
		return CompareText(a.(string), b.(string))
	}
	return 0
}

func rank(v any) (int, float64) {
	switch v := v.(type) {
	case nil:
		return 0, 0
	case bool:
		return 1, asNumber(v)
	case float64:
		return 1, v
	case string:
		return 2, 0
	}
	return 3, 0
}
