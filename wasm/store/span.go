package store

import (
	"slices"

	"github.com/larder-sync/larder/table"
)

// span is a run of keys of one column. Null is the least key, so every span has a low end.
type span struct {
	low, high         Key
	lowOpen, highOpen bool
	endless           bool // high is not looked at
}

func point(k Key) span { return span{low: k, high: k} }

// values are all keys but null.
var values = span{lowOpen: true, endless: true}

func (s span) isPoint() bool { return !s.endless && table.CompareValues(s.low, s.high) == 0 }

func (s span) isEmpty() bool {
	if s.endless {
		return false
	}
	c := table.CompareValues(s.low, s.high)
	return c > 0 || c == 0 && (s.lowOpen || s.highOpen)
}

// spansOf returns the keys of a column for which e is true, or false if negated, as SQL has it: neither where it is null.
// The spans are sorted and lie apart. It reports false where e is about more than one column, or no set of keys tells.
func spansOf(schema *table.Schema, e table.Expr, negated bool) (column string, spans []span, ok bool) {
	switch e := e.(type) {
	case table.Not:
		return spansOf(schema, e.X, !negated)
	case table.ColumnRef:
		c, _ := schema.Column(e.Name)
		return e.Name, []span{point(!negated)}, c.Type == table.TypeBoolean
	case table.Logic:
		return spansOfLogic(schema, e, negated)
	case table.Compare:
		return spansOfCompare(schema, e, negated)
	case table.In:
		return spansOfIn(schema, e, negated)
	case table.Call:
		if e.Func != "startswith" || len(e.Args) != 2 {
			return "", nil, false
		}
		ref, isColumn := e.Args[0].(table.ColumnRef)
		prefix, isLiteral := e.Args[1].(table.Literal)
		text, isText := prefix.Value.(string)
		c, _ := schema.Column(ref.Name)
		if !isColumn || !isLiteral || !isText || c.Type != table.TypeString && c.Type != table.TypeDate {
			return "", nil, false
		}
		s := span{low: text, endless: true}
		if end, bounded := afterPrefix(text); bounded {
			s.high, s.highOpen, s.endless = end, true, false
		}
		if negated {
			return ref.Name, complement([]span{s}), true
		}
		return ref.Name, []span{s}, true
	}
	return "", nil, false
}

// elementsOf returns the values of which an array must have one for the condition within an any to be true of an element.
// They are exact where an index finds nothing else by them, which texts are: true is under the same key as 1.
func elementsOf(e table.Expr) (points []span, exact, ok bool) {
	switch e := e.(type) {
	case table.Logic:
		exact = true
		for _, x := range e.List {
			part, same, ok := elementsOf(x)
			if !ok || e.Op != table.OpOr {
				return nil, false, false
			}
			points, exact = append(points, part...), exact && same
		}
		return union(points), exact, true
	case table.Compare:
		if e.Op != table.OpEq {
			return nil, false, false
		}
		if _, isElement := e.Left.(table.Element); isElement {
			return elementsIn(e.Right)
		}
		if _, isElement := e.Right.(table.Element); isElement {
			return elementsIn(e.Left)
		}
	case table.In:
		if _, isElement := e.X.(table.Element); isElement {
			return elementsIn(e.List...)
		}
	}
	return nil, false, false
}

func elementsIn(list ...table.Expr) (points []span, exact, ok bool) {
	exact = true
	for _, x := range list {
		literal, _ := x.(table.Literal)
		switch v := literal.Value.(type) {
		case string:
			points = append(points, point(v))
		case bool, float64:
			points, exact = append(points, point(v)), false
		default:
			return nil, false, false
		}
	}
	return union(points), exact, true
}

// spansOfLogic joins what the parts say of the one column: "and" of negated parts is "or", and the reverse.
func spansOfLogic(schema *table.Schema, e table.Logic, negated bool) (column string, spans []span, ok bool) {
	for i, x := range e.List {
		name, part, ok := spansOf(schema, x, negated)
		switch {
		case !ok || i > 0 && name != column:
			return "", nil, false
		case i == 0:
			column, spans = name, part
		case (e.Op == table.OpOr) != negated:
			spans = union(append(slices.Clone(spans), part...))
		default:
			spans = intersection(spans, part)
		}
	}
	return column, spans, len(e.List) > 0
}

func spansOfCompare(schema *table.Schema, e table.Compare, negated bool) (string, []span, bool) {
	ref, isColumn := e.Left.(table.ColumnRef)
	literal, isLiteral := e.Right.(table.Literal)
	op := e.Op
	if !isColumn || !isLiteral {
		// A null on the left compares to nothing, unlike one on the right.
		ref, isColumn = e.Right.(table.ColumnRef)
		literal, isLiteral = e.Left.(table.Literal)
		if !isColumn || !isLiteral || literal.Value == nil {
			return "", nil, false
		}
		op = mirrored(op)
	}
	if negated {
		op = opposite(op)
	}
	c, _ := schema.Column(ref.Name)
	k, ok := keyFor(c.Type, literal.Value)
	if !ok || k == nil && op != table.OpEq && op != table.OpNe {
		return "", nil, false
	}
	return ref.Name, spansFor(op, k), true
}

func spansOfIn(schema *table.Schema, e table.In, negated bool) (string, []span, bool) {
	ref, isColumn := e.X.(table.ColumnRef)
	if !isColumn {
		return "", nil, false
	}
	c, _ := schema.Column(ref.Name)
	spans := []span{}
	for _, x := range e.List {
		literal, isLiteral := x.(table.Literal)
		k, ok := keyFor(c.Type, literal.Value)
		switch {
		case !isLiteral || !ok:
			return "", nil, false
		case k != nil:
			spans = append(spans, point(k))
		case negated:
			return ref.Name, []span{}, true // that a value is not among some, one of which is unknown, cannot be known
		}
	}
	spans = union(spans)
	if negated {
		if len(e.List) == 0 {
			return "", nil, false // true of null too
		}
		spans = complement(spans)
	}
	return ref.Name, spans, true
}

// keyFor returns the key under which an index of a column of the type has a value, or false where another rule than that
// of keys decides whether they are equal.
func keyFor(t table.Type, v any) (Key, bool) {
	switch v := v.(type) {
	case nil:
		return nil, t != "" && t != table.TypeJSON
	case bool:
		return v, t == table.TypeBoolean
	case float64:
		return v, t == table.TypeNumber || t == table.TypeInteger
	case string:
		return v, t == table.TypeString || t == table.TypeDate
	case table.Date:
		return string(v), t == table.TypeDate
	}
	return nil, false
}

func spansFor(op table.Op, k Key) []span {
	switch op {
	case table.OpEq:
		return []span{point(k)}
	case table.OpNe:
		if k == nil {
			return []span{values}
		}
		return complement([]span{point(k)})
	case table.OpGt:
		return []span{{low: k, lowOpen: true, endless: true}}
	case table.OpGe:
		return []span{{low: k, endless: true}}
	case table.OpLt:
		return []span{{lowOpen: true, high: k, highOpen: true}}
	}
	return []span{{lowOpen: true, high: k}}
}

// mirrored is the operator for the sides exchanged.
func mirrored(op table.Op) table.Op {
	switch op {
	case table.OpGt:
		return table.OpLt
	case table.OpGe:
		return table.OpLe
	case table.OpLt:
		return table.OpGt
	case table.OpLe:
		return table.OpGe
	}
	return op
}

// opposite is the operator that is true where op is false, and null where it is null.
func opposite(op table.Op) table.Op {
	switch op {
	case table.OpEq:
		return table.OpNe
	case table.OpNe:
		return table.OpEq
	case table.OpGt:
		return table.OpLe
	case table.OpGe:
		return table.OpLt
	case table.OpLt:
		return table.OpGe
	}
	return table.OpGt
}

// union sorts spans and joins those that touch.
func union(spans []span) []span {
	table.Sort(spans, func(a, b span) int {
		if c := table.CompareValues(a.low, b.low); c != 0 {
			return c
		}
		return compareBools(a.lowOpen, b.lowOpen)
	})
	joined := spans[:0]
	for _, s := range spans {
		if s.isEmpty() {
			continue
		}
		if len(joined) == 0 {
			joined = append(joined, s)
			continue
		}
		last := &joined[len(joined)-1]
		if !last.endless {
			c := table.CompareValues(last.high, s.low)
			if c < 0 || c == 0 && last.highOpen && s.lowOpen {
				joined = append(joined, s)
				continue
			}
		}
		if compareEnds(s, *last) > 0 {
			last.high, last.highOpen, last.endless = s.high, s.highOpen, s.endless
		}
	}
	return joined
}

// compareEnds orders spans by where they end.
func compareEnds(a, b span) int {
	if a.endless || b.endless {
		return compareBools(a.endless, b.endless)
	}
	if c := table.CompareValues(a.high, b.high); c != 0 {
		return c
	}
	return compareBools(b.highOpen, a.highOpen)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// intersection returns what two sorted lists have in common.
func intersection(a, b []span) []span {
	common := []span{}
	for _, x := range a {
		for _, y := range b {
			s := x
			if c := table.CompareValues(y.low, x.low); c > 0 || c == 0 && y.lowOpen {
				s.low, s.lowOpen = y.low, y.lowOpen
			}
			if compareEnds(y, x) < 0 {
				s.high, s.highOpen, s.endless = y.high, y.highOpen, y.endless
			}
			if !s.isEmpty() {
				common = append(common, s)
			}
		}
	}
	return common
}

// complement returns all values that are not in the sorted spans; null is not among them.
func complement(spans []span) []span {
	rest := []span{}
	gap := values
	for _, s := range spans {
		gap.high, gap.highOpen, gap.endless = s.low, !s.lowOpen, false
		if !gap.isEmpty() {
			rest = append(rest, gap)
		}
		if s.endless {
			return rest
		}
		gap = span{low: s.high, lowOpen: !s.highOpen, endless: true}
	}
	return append(rest, gap)
}

// afterPrefix returns the least text that comes after all texts that begin with prefix, by code units. There is none for
// the empty one, and for those made of the last character alone.
func afterPrefix(prefix string) (string, bool) {
	runes := []rune(prefix)
	for len(runes) > 0 {
		last := &runes[len(runes)-1]
		switch *last {
		case 0xFFFF: // the last: characters beyond it lie between U+D7FF and U+E000
			runes = runes[:len(runes)-1]
			continue
		case 0xD7FF:
			*last = 0x10000
		case 0x10FFFF:
			*last = 0xE000
		default:
			*last++
		}
		return string(runes), true
	}
	return "", false
}
