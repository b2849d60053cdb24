package store

import "github.com/larder-sync/larder/table"

// appendPredicate appends a filter as query.js reads it: an array for each node, with its operator or function at the
// front. ["and", ["eq", ["column","complete"], ["value",false]], ["startswith", ["column","text"], ["value","b"]]]
func appendPredicate(dst []byte, e table.Expr) []byte {
	switch e := e.(type) {
	case table.Literal:
		if d, ok := e.Value.(table.Date); ok {
			return leaf(dst, "date", string(d))
		}
		return leaf(dst, "value", e.Value)
	case table.ColumnRef:
		return leaf(dst, "column", e.Name)
	case table.Not:
		return node(dst, "not", e.X)
	case table.Negate:
		return node(dst, "negate", e.X)
	case table.Logic:
		return node(dst, string(e.Op), e.List...)
	case table.Compare:
		return node(dst, string(e.Op), e.Left, e.Right)
	case table.Arithmetic:
		return node(dst, string(e.Op), e.Left, e.Right)
	case table.In:
		return node(dst, "in", append([]table.Expr{e.X}, e.List...)...)
	case table.Call:
		return node(dst, e.Func, e.Args...)
	case table.Any:
		dst = table.AppendJSON(append(dst, `["any",`...), e.Column)
		if e.X != nil {
			dst = appendPredicate(append(dst, ','), e.X)
		}
		return append(dst, ']')
	case table.Element:
		return append(dst, `["element"]`...)
	}
	return leaf(dst, "value", nil)
}

func leaf(dst []byte, name string, v any) []byte {
	dst = append(append(append(dst, `["`...), name...), `",`...)
	return append(table.AppendJSON(dst, v), ']')
}

func node(dst []byte, name string, parts ...table.Expr) []byte {
	dst = append(append(append(dst, `["`...), name...), '"')
	for _, x := range parts {
		dst = appendPredicate(append(dst, ','), x)
	}
	return append(dst, ']')
}
