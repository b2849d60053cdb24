package store

import (
	"slices"

	"github.com/larder-sync/larder/table"
)

// Plan says how a query is answered: by one step, and if Residual is set by filtering, sorting and cutting the rows that
// the step gives, as [Select] does. A plan is data: the helper in a browser executes it for Go and for JavaScript alike.
type Plan struct {
	Step     Step
	Residual bool     // the step gives candidates, all of those and perhaps more, in any order
	Select   []string // columns to keep; nil for all
	Explain  string   // which index is used, and what is left over, in words
}

// Plan chooses the index and range that answer the query with the least left over.
func (s *Store) Plan(name string, q *table.Query) (*Plan, error) {
	schema, err := s.Schema(name)
	if err != nil {
		return nil, err
	}
	if err := q.Check(schema); err != nil {
		return nil, err
	}
	conditions := conditionsOf(schema, q.Filter)
	best := scan{columns: []string{table.ColumnID}}
	best.fit(conditions, q.Order)
	for _, index := range schema.Indexes {
		candidate := scan{index: index.Name(), columns: index.Columns}
		candidate.fit(conditions, q.Order)
		if candidate.score() > best.score() {
			best = candidate
		}
	}
	return best.plan(name, conditions, q), nil
}

// AppendJSON appends the plan as the JSON text that larder.js reads.
func (p *Plan) AppendJSON(dst []byte) []byte {
	dst = p.Step.AppendJSON(append(dst, `{"step":`...))
	if p.Residual {
		dst = append(dst, `,"residual":true`...)
	}
	if p.Select != nil {
		dst = table.AppendJSON(append(dst, `,"select":`...), p.Select)
	}
	return append(table.AppendJSON(append(dst, `,"explain":`...), p.Explain), '}')
}

// condition is one part of a filter's conjunction. Where an index can answer it, column is set and key is what the column
// is compared with.
type condition struct {
	expr   table.Expr
	column string
	op     table.Op
	key    Key
}

func conditionsOf(schema *table.Schema, e table.Expr) []condition {
	if e == nil {
		return nil
	}
	list := []table.Expr{e}
	if and, ok := e.(table.Logic); ok && and.Op == table.OpAnd {
		list = and.List
	}
	conditions := make([]condition, len(list))
	for i, e := range list {
		conditions[i] = conditionOf(schema, e)
	}
	return conditions
}

func conditionOf(schema *table.Schema, e table.Expr) condition {
	c := condition{expr: e}
	switch e := e.(type) {
	case table.ColumnRef:
		c.column, c.op, c.key = e.Name, table.OpEq, true
	case table.Not:
		if ref, ok := e.X.(table.ColumnRef); ok {
			c.column, c.op, c.key = ref.Name, table.OpEq, false
		}
	case table.Compare:
		ref, isColumn := e.Left.(table.ColumnRef)
		literal, isLiteral := e.Right.(table.Literal)
		if !isColumn || !isLiteral {
			return c
		}
		c.op = e.Op
		switch v := literal.Value.(type) {
		case table.Date:
			c.key = string(v)
		default:
			c.key = v
		}
		column, _ := schema.Column(ref.Name)
		if answers(column.Type, literal.Value, e.Op) {
			c.column = ref.Name
		}
	}
	return c
}

// answers reports whether an index of a column of the type has the rows for a comparison in one range: keys of another
// type would be found where SQL finds nothing.
func answers(t table.Type, v any, op table.Op) bool {
	switch v.(type) {
	case nil:
		return op == table.OpEq || op == table.OpNe
	case bool:
		return t == table.TypeBoolean && op != table.OpNe
	case float64:
		return (t == table.TypeNumber || t == table.TypeInteger) && op != table.OpNe
	case string:
		return (t == table.TypeString || t == table.TypeDate) && op != table.OpNe
	case table.Date:
		return t == table.TypeDate && op != table.OpNe
	}
	return false
}

// scan is one way through a store: by an index, or by id where index is "".
type scan struct {
	index   string
	columns []string
	equal   []int // conditions that fix the first columns, one for each
	ranged  []int // conditions that bound the next column
	ordered bool  // the rows come in the query's order
}

// fit finds the conditions that the scan can answer.
func (s *scan) fit(conditions []condition, order []table.Order) {
	used := func(column string, want func(table.Op) bool) int {
		return slices.IndexFunc(conditions, func(c condition) bool { return c.column == column && want(c.op) })
	}
	for _, column := range s.columns {
		at := used(column, func(op table.Op) bool { return op == table.OpEq })
		if at < 0 {
			break
		}
		s.equal = append(s.equal, at)
	}
	rest := s.columns[len(s.equal):]
	if len(rest) > 0 {
		for i, c := range conditions {
			if c.column == rest[0] && c.op != table.OpEq && !s.bounds(conditions, c.op) {
				s.ranged = append(s.ranged, i)
			}
		}
	}
	// Rows with equal keys come by id, and a query's last key is the id, ascending: so a scan backwards would have to be
	// sorted again.
	fixed := s.columns[:len(s.equal)]
	for _, o := range order {
		if slices.Contains(fixed, o.Column) {
			continue
		}
		if len(rest) == 0 {
			// All of the index is fixed: its rows come by id.
			s.ordered = o.Column == table.ColumnID && !o.Descending
			return
		}
		if rest[0] != o.Column || o.Descending {
			return
		}
		rest = rest[1:]
	}
	s.ordered = len(rest) == 0 || s.index == ""
}

// bounds reports whether a condition on the ranged column already uses the side that op bounds.
func (s *scan) bounds(conditions []condition, op table.Op) bool {
	lower := func(op table.Op) bool { return op == table.OpGt || op == table.OpGe || op == table.OpNe }
	return slices.ContainsFunc(s.ranged, func(i int) bool { return lower(conditions[i].op) == lower(op) })
}

// score ranks scans: each fixed column narrows most, then a range; rows that come in order save reading all of them.
func (s *scan) score() int {
	score := 4*len(s.equal) + 2*min(len(s.ranged), 1)
	if s.ordered {
		score++
	}
	return score
}

func (s *scan) plan(name string, conditions []condition, q *table.Query) *Plan {
	p := &Plan{Step: Step{Op: OpGetAll, Store: name, Index: s.index, Take: -1}, Select: q.Select}
	p.Step.Range = s.keyRange(conditions)
	left := len(conditions) - len(s.equal) - len(s.ranged)
	p.Residual = left > 0 || !s.ordered
	if !p.Residual {
		p.Step.Skip, p.Step.Take = q.Skip, q.Take
	}
	p.Explain = s.explain(conditions, left)
	return p
}

// keyRange returns the range that holds what the scan's conditions allow. A key of a compound index is an array; an empty
// array comes after every other key, and so closes the range of a prefix.
func (s *scan) keyRange(conditions []condition) *Range {
	var lower, upper Key
	hasLower, hasUpper, lowerOpen, upperOpen := false, false, false, false
	for _, i := range s.ranged {
		switch c := conditions[i]; c.op {
		case table.OpGt, table.OpNe:
			lower, hasLower, lowerOpen = c.key, true, true
		case table.OpGe:
			lower, hasLower = c.key, true
		case table.OpLt:
			upper, hasUpper, upperOpen = c.key, true, true
		case table.OpLe:
			upper, hasUpper = c.key, true
		}
	}
	if hasUpper && !hasLower && s.index != "" {
		lower, hasLower, lowerOpen = nil, true, true // below the values are the nulls, which compare to nothing
	}
	if len(s.columns) == 1 {
		r := &Range{LowerOpen: lowerOpen, UpperOpen: upperOpen}
		switch {
		case len(s.equal) == 1:
			return Only(conditions[s.equal[0]].key)
		case !hasLower && !hasUpper:
			return nil
		}
		if hasLower {
			r.Lower = []Key{lower}
		}
		if hasUpper {
			r.Upper = []Key{upper}
		}
		return r
	}
	if len(s.equal) == 0 && !hasLower && !hasUpper {
		return nil
	}
	prefix := make([]any, len(s.equal))
	for i, at := range s.equal {
		prefix[i] = conditions[at].key
	}
	after := []any{} // sorts after every key at its place
	low, high := slices.Clone(prefix), append(slices.Clone(prefix), after)
	if hasLower {
		if low = append(low, lower); lowerOpen {
			low = append(low, after)
		}
	}
	if hasUpper {
		if high = append(slices.Clone(prefix), upper); !upperOpen {
			high = append(high, after)
		}
	}
	return Between(low, high)
}

func (s *scan) explain(conditions []condition, left int) string {
	text := "by id"
	if s.index != "" {
		text = "by index " + s.index
	}
	separator := ": "
	for _, i := range append(slices.Clone(s.equal), s.ranged...) {
		text += separator + table.FilterText(conditions[i].expr)
		separator = " and "
	}
	if left > 0 {
		text += "; each row is checked against the rest of the filter"
	}
	if !s.ordered {
		text += "; the rows are sorted"
	}
	return text
}
