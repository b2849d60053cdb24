package api

import (
	"strconv"

	"github.com/larder-sync/larder/table"
)

// numbered is the id of a record in a table with numbers for ids, as such a table's clients know it: a number. Within the
// server every id is a text.
func numbered(id string) any {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n > table.MaxSafeInteger || n < 0 || strconv.FormatInt(n, 10) != id {
		return id // it was given by a client
	}
	return float64(n)
}

// byNumber lets a filter compare ids with numbers.
func byNumber(e table.Expr) table.Expr {
	switch x := e.(type) {
	case table.Not:
		return table.Not{X: byNumber(x.X)}
	case table.Logic:
		list := make([]table.Expr, len(x.List))
		for i := range x.List {
			list[i] = byNumber(x.List[i])
		}
		return table.Logic{Op: x.Op, List: list}
	case table.Compare:
		if isID(x.Left) {
			x.Right = asText(x.Right)
		} else if isID(x.Right) {
			x.Left = asText(x.Left)
		}
		return x
	case table.In:
		if isID(x.X) {
			list := make([]table.Expr, len(x.List))
			for i := range x.List {
				list[i] = asText(x.List[i])
			}
			x.List = list
		}
		return x
	}
	return e
}

func isID(e table.Expr) bool { return e == table.ColumnRef{Name: table.ColumnID} }

func asText(e table.Expr) table.Expr {
	if l, ok := e.(table.Literal); ok {
		if n, ok := l.Value.(float64); ok {
			return table.Literal{Value: string(table.AppendJSON(nil, n))}
		}
	}
	return e
}
