package store

import (
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Find is what a step with [OpQuery] or [OpCount] looks for: the rows of its scans for which the filter is true, in order.
// It is what a query is made into once it is known which way to go; it has nothing of a schema, and nothing is left to be
// done with the rows that it gives.
type Find struct {
	Scans    []Scan
	Distinct bool          // scans or ranges may give a row more than once; the first counts
	Filter   table.Expr    // nil: every row; rows with true in it stay
	Sort     bool          // the rows must be sorted by Order and then by id; else they stay as the scan gives them
	Merge    bool          // with Sort: each range is in the order already, and so needs no more than Skip+Take rows of it
	Order    []table.Order // with Sort
	After    table.Record  // with Sort: only rows that come after it in the order; nil: all
	Skip     int
	Take     int      // -1: all
	Select   []string // columns to keep; nil: all
}

// Scan is one way through an object store.
type Scan struct {
	Index     string   // "" for the store itself
	Ranges    []*Range // apart from each other, in ascending order; nil: everything
	Direction Direction
}

// Direction is how a [Scan] goes through an index.
type Direction string

// The directions. Rows that have one key of an index come by their own key.
const (
	Forward    Direction = ""
	Backward   Direction = "prev" // the mirror image of Forward
	Descending Direction = "down" // the keys of the index descend, and rows that have one key ascend, as a query's order has it
)

// appendJSON appends the members of a step: see [Plan.AppendJSON].
func (f *Find) appendJSON(dst []byte) []byte {
	dst = append(dst, `,"scans":[`...)
	for i := range f.Scans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = f.Scans[i].appendJSON(dst)
	}
	dst = append(dst, ']')
	if f.Distinct {
		dst = append(dst, `,"distinct":true`...)
	}
	if f.Filter != nil {
		dst = appendPredicate(append(dst, `,"filter":`...), f.Filter)
	}
	if f.Sort {
		dst = append(dst, `,"order":[`...)
		for i, o := range f.Order {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = table.AppendJSON(append(dst, '['), o.Column)
			dst = append(strconv.AppendBool(append(dst, ','), o.Descending), ']')
		}
		dst = append(dst, ']')
	}
	if f.Merge {
		dst = append(dst, `,"merge":true`...)
	}
	if f.After != nil {
		dst = table.AppendJSON(append(dst, `,"after":`...), f.After)
	}
	if f.Skip > 0 {
		dst = strconv.AppendInt(append(dst, `,"skip":`...), int64(f.Skip), 10)
	}
	if f.Take >= 0 {
		dst = strconv.AppendInt(append(dst, `,"take":`...), int64(f.Take), 10)
	}
	if f.Select != nil {
		dst = table.AppendJSON(append(dst, `,"select":`...), f.Select)
	}
	return dst
}

func (s *Scan) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	if s.Index != "" {
		dst = append(table.AppendJSON(append(dst, `"index":`...), s.Index), ',')
	}
	if s.Ranges != nil {
		dst = append(dst, `"ranges":[`...)
		for i, r := range s.Ranges {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.appendJSON(dst)
		}
		dst = append(dst, `],`...)
	}
	if s.Direction != Forward {
		dst = append(append(append(dst, `"direction":"`...), s.Direction...), `",`...)
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}
