package store

import (
	"slices"

	"github.com/larder-sync/larder/table"
)

// Plan says how a query is answered: by one step, which finds the rows, checks, sorts, cuts and projects them. A plan is
// data: in a browser the helper runs it, for Go and for JavaScript alike, and a page that remembers a query's plan needs no
// engine to run it again. It holds for as long as the schema does.
type Plan struct {
	Step    Step
	Explain string // which way it goes and what that leaves to be done, in words
}

// Plan chooses the indexes and ranges by which a query reads the least, as far as the schema alone lets it tell.
func (s *Store) Plan(name string, q *table.Query) (*Plan, error) {
	schema, err := s.Schema(name)
	if err != nil {
		return nil, err
	}
	if err := q.Check(schema); err != nil {
		return nil, err
	}
	p := newPlanner(schema, q)
	find := &Find{Skip: q.Skip, Take: q.Take, Select: q.Select}
	best := p.best(p.restrictions, true)
	ways := p.branches(best.cost)
	if ways == nil {
		ways = []way{best}
		find.Filter = p.left(&best)
		find.Merge = !best.ordered && best.merges
		find.Sort = !best.ordered
		find.Distinct = best.distinct()
	} else {
		find.Filter, find.Sort, find.Distinct = q.Filter, true, true
	}
	if find.Sort {
		find.Order = p.order
	}
	if q.After != nil && !find.Merge && find.Sort {
		find.After = table.Record{table.ColumnID: q.After.ID()}
		for _, o := range p.order {
			find.After[o.Column] = q.After[o.Column]
		}
	}
	for i := range ways {
		w := &ways[i]
		scan := Scan{Index: w.index, Ranges: w.keyRanges(), Direction: w.direction}
		if q.After != nil && find.After == nil {
			scan.Ranges = w.from(q.After, scan.Ranges)
		}
		find.Scans = append(find.Scans, scan)
	}
	return &Plan{Step: Step{Op: OpQuery, Store: name, Take: table.All, Find: find}, Explain: explain(p, ways, find)}, nil
}

// AppendJSON appends the plan as JSON text, {"step": …, "explain": "…"}, which is what the helper runs and what pages keep:
//
//	{"op": "query", "store": "todoitem",
//	 "scans": [{"index": "complete+due",                   // none: by id
//	            "ranges": [{"lower": [false, "2026"], "lowerOpen": true, "upper": …, "after": "7"}],
//	            "direction": "down"}],                     // or "prev"; see [Direction]
//	 "distinct": true, "filter": ["eq", ["column", "text"], ["value", "bread"]],
//	 "order": [["due", true]], "merge": true, "after": {"due": …, "id": "7"},
//	 "skip": 0, "take": 50, "select": ["id", "text"]}
//
// All but op, store and scans may be missing. With "count" in place of "query" it counts the rows. Members that a later
// version adds are new names; these keep their meaning.
func (p *Plan) AppendJSON(dst []byte) []byte {
	dst = p.Step.AppendJSON(append(dst, `{"step":`...))
	return append(table.AppendJSON(append(dst, `,"explain":`...), p.Explain), '}')
}

// planner is what is known of a query before a way is chosen.
type planner struct {
	schema       *table.Schema
	query        *table.Query
	conditions   []condition
	restrictions map[string]restriction
	order        []table.Order // without what makes no difference: columns that all rows have equal, and an ascending id at the end
	strange      bool          // the record to begin after is not one that the filter finds, so no scan can begin there
}

// condition is one part of a filter's conjunction. If column is set, it is true for keys in spans only; and for all of
// them, if exact is set too.
type condition struct {
	expr    table.Expr
	column  string
	spans   []span
	exact   bool
	element bool // the spans are of an element of the array in the column
}

// restriction is what conditions on a column leave of it.
type restriction struct {
	spans    []span
	element  bool
	exprs    []table.Expr
	answered []int // those conditions that need no checking of rows that an index finds by the spans
}

func newPlanner(schema *table.Schema, q *table.Query) *planner {
	p := &planner{schema: schema, query: q}
	p.conditions = conditionsOf(schema, q.Filter, false, nil)
	p.restrictions = restrict(p.conditions)
	for _, o := range q.Order {
		k, fixed := p.fixed(o.Column)
		p.strange = p.strange || fixed && q.After != nil && table.CompareValues(k, q.After[o.Column]) != 0
		done := slices.ContainsFunc(p.order, func(b table.Order) bool { return b.Column == o.Column || b.Column == table.ColumnID })
		if !fixed && !done {
			p.order = append(p.order, o)
		}
	}
	if k, fixed := p.fixed(table.ColumnID); fixed && q.After != nil && k != q.After.ID() {
		p.strange = true
	}
	if p.strange {
		p.order = q.Order
	} else if last := len(p.order) - 1; last >= 0 && p.order[last] == (table.Order{Column: table.ColumnID}) {
		p.order = p.order[:last]
	}
	return p
}

// fixed returns the key that all rows of the answer have in a column, if the filter says so.
func (p *planner) fixed(column string) (Key, bool) {
	if r, ok := p.restrictions[column]; ok && !r.element && len(r.spans) == 1 && r.spans[0].isPoint() {
		return r.spans[0].low, true
	}
	return nil, false
}

// conditionsOf takes a filter apart into conditions that must all be true, or all be false if it is negated.
func conditionsOf(schema *table.Schema, e table.Expr, negated bool, list []condition) []condition {
	switch e := e.(type) {
	case nil:
		return list
	case table.Not:
		return conditionsOf(schema, e.X, !negated, list)
	case table.Logic:
		if (e.Op == table.OpAnd) != negated {
			for _, x := range e.List {
				list = conditionsOf(schema, x, negated, list)
			}
			return list
		}
	}
	c := condition{expr: e}
	if column, spans, ok := spansOf(schema, e, negated); ok {
		c.column, c.spans, c.exact = column, spans, true
	} else if anyOf, isAny := e.(table.Any); isAny && !negated {
		if points, exact, ok := elementsOf(anyOf.X); ok {
			c.column, c.spans, c.exact, c.element = anyOf.Column, points, exact, true
		}
	}
	if negated {
		c.expr = table.Not{X: e}
	}
	return append(list, c)
}

func restrict(conditions []condition) map[string]restriction {
	restrictions := map[string]restriction{}
	for i, c := range conditions {
		r, again := restrictions[c.column]
		if c.column == "" || again && c.element {
			continue // two conditions on elements may be true of two of them
		}
		r.element = c.element
		if r.exprs = append(r.exprs, c.expr); again {
			r.spans = intersection(r.spans, c.spans)
		} else {
			r.spans = c.spans
		}
		if c.exact {
			r.answered = append(r.answered, i)
		}
		restrictions[c.column] = r
	}
	return restrictions
}

// best returns the cheapest way to the rows that the restrictions leave, with regard to the query's order and take or not.
func (p *planner) best(restrictions map[string]restriction, whole bool) way {
	best := p.way(table.Index{Columns: []string{table.ColumnID}}, "", restrictions, whole)
	for _, index := range p.schema.Indexes {
		if !p.covers(index, restrictions) {
			continue
		}
		if w := p.way(index, index.Name(), restrictions, whole); w.cost < best.cost {
			best = w
		}
	}
	return best
}

// covers reports whether an index has all the rows that the restrictions leave. Undeclared columns may hold what no index
// has, and a unique index leaves out rows with a null, which may be there any number of times.
func (p *planner) covers(index table.Index, restrictions map[string]restriction) bool {
	if index.MultiEntry {
		return restrictions[index.Columns[0]].element
	}
	for _, name := range index.Columns {
		if c, _ := p.schema.Column(name); c.Type == "" || c.Type == table.TypeJSON {
			return false
		}
		if !index.Unique {
			continue
		}
		r, ok := restrictions[name]
		if !ok || len(r.spans) > 0 && r.spans[0].low == nil && !r.spans[0].lowOpen {
			return false
		}
	}
	return true
}

// branches returns a way for each part of an "or" whose parts no single index has, if they all together cost less.
func (p *planner) branches(cost float64) []way {
	for i, c := range p.conditions {
		or, ok := c.expr.(table.Logic)
		if !ok || or.Op != table.OpOr || c.column != "" {
			continue
		}
		var ways []way
		sum := 0.0
		for _, x := range or.List {
			all := slices.Concat(p.conditions[:i], p.conditions[i+1:], conditionsOf(p.schema, x, false, nil))
			w := p.best(restrict(all), false)
			ways = append(ways, w)
			sum += w.cost
		}
		if sum*costOfSort < cost {
			return ways
		}
	}
	return nil
}

// left returns the conditions that the way leaves to be checked, row by row.
func (p *planner) left(w *way) table.Expr {
	var rest table.Expr
	for i, c := range p.conditions {
		if !slices.Contains(w.answered, i) {
			rest = table.And(rest, c.expr)
		}
	}
	return rest
}

func explain(p *planner, ways []way, find *Find) string {
	text := ""
	for i := range ways {
		if i > 0 {
			text += ", and "
		}
		text += ways[i].explain(len(find.Scans[i].Ranges))
	}
	if p.query.After != nil && find.After == nil {
		text += ", after a record"
	}
	if find.Filter != nil {
		text += "; each row is checked: " + table.FilterText(find.Filter)
		if !find.Sort && find.Take >= 0 {
			text += ", until there are enough"
		}
	}
	switch {
	case find.Merge:
		text += "; the ranges are merged in order"
	case find.Sort:
		text += "; the rows are sorted"
	}
	return text
}
