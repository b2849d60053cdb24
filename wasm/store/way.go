package store

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// way is a scan as the planner weighs it: by an index, or by id.
type way struct {
	index     string // "" by id
	columns   []string
	multi     bool
	prefixes  [][]Key      // values of the leading columns that have some few values each; one empty prefix if there is none
	spans     []span       // of the next column; nil for no restriction
	exprs     []table.Expr // the conditions that it is chosen for
	answered  []int        // those that it leaves nothing to check of
	fixed     []fixedKey   // for each column: whether all rows of the answer have one key there
	ordered   bool         // the rows come in the query's order
	merges    bool         // the rows of each range do
	direction Direction
	cost      float64
}

type fixedKey struct {
	is  bool
	key Key
}

// maxRanges is how many ranges a scan may have: beyond it the rest of the filter is checked row by row.
const maxRanges = 1000

// How much of a table a condition is guessed to leave, and what reading by an index and sorting cost by comparison with
// reading by id. A plan depends on the schema and the query alone, so that it can be kept; the data are not asked.
const (
	shareOfValue   = 0.02
	shareOfBoolean = 0.3
	shareOfNull    = 0.3
	shareOfPrefix  = 0.05 // and of all ranges with two ends
	shareOfHalf    = 0.4  // a range with one end
	shareOfRest    = 0.9  // all but some values
	shareOfPage    = 0.1  // what is read of ordered rows until there are enough
	costOfIndex    = 2
	costOfSort     = 1.15
)

// way fits the restrictions to an index. Whole says that nothing but this way will answer the query, so that its order counts.
func (p *planner) way(index table.Index, name string, restrictions map[string]restriction, whole bool) way {
	w := way{index: name, columns: index.Columns, multi: index.MultiEntry, prefixes: [][]Key{{}}, cost: 1}
	unique := index.Unique || name == ""
	for _, column := range w.columns {
		r, ok := restrictions[column]
		if !ok || r.element != w.multi || len(w.prefixes)*len(r.spans) > maxRanges {
			break
		}
		c, _ := p.schema.Column(column)
		w.answered = append(w.answered, r.answered...)
		w.exprs = append(w.exprs, r.exprs...)
		w.cost *= share(c.Type, r.spans, unique)
		if slices.ContainsFunc(r.spans, func(s span) bool { return !s.isPoint() }) || len(r.spans) == 0 {
			w.spans = append([]span{}, r.spans...) // not nil
			break
		}
		w.prefixes = products(w.prefixes, r.spans)
	}
	if name != "" {
		w.cost *= costOfIndex
	}
	for _, column := range w.columns {
		k, is := p.fixed(column)
		w.fixed = append(w.fixed, fixedKey{is, k})
	}
	if w.multi && len(w.prefixes) == 1 && w.spans == nil {
		w.fixed[0] = fixedKey{true, w.prefixes[0][0]}
	}
	if !whole {
		return w
	}
	if p.strange {
		w.cost *= costOfSort
		return w
	}
	if w.direction, w.ordered = p.follows(&w, 0); !w.ordered {
		w.direction, w.merges = p.follows(&w, len(w.prefixes[0]))
	}
	switch {
	case (w.ordered || w.merges) && p.query.Take >= 0:
		w.cost *= shareOfPage
	case !w.ordered:
		w.cost *= costOfSort
	}
	return w
}

func products(prefixes [][]Key, points []span) [][]Key {
	all := make([][]Key, 0, len(prefixes)*len(points))
	for _, prefix := range prefixes {
		for _, s := range points {
			all = append(all, append(slices.Clone(prefix), s.low))
		}
	}
	return all
}

// share guesses how much of a table has a key of the spans in a column.
func share(t table.Type, spans []span, unique bool) float64 {
	sum := 0.0
	for _, s := range spans {
		switch {
		case s.isPoint() && s.low == nil:
			sum += shareOfNull
		case s.isPoint() && t == table.TypeBoolean:
			sum += shareOfBoolean
		case s.isPoint() && unique:
			sum += shareOfValue / 10
		case s.isPoint():
			sum += shareOfValue
		case s.endless && s.low == nil:
			sum += shareOfRest
		case s.endless || s.low == nil:
			sum += shareOfHalf
		default:
			sum += shareOfPrefix
		}
	}
	return min(sum, shareOfRest)
}

// follows reports whether the index's columns from the first on give the rows in the query's order, and in which direction.
// Columns that all rows have equal make no difference.
func (p *planner) follows(w *way, first int) (Direction, bool) {
	want := p.order
	descending, decided, byID := false, false, w.index == ""
	next := func(column string) bool {
		o := table.Order{Column: column}
		switch {
		case len(want) > 0 && want[0].Column == column:
			o, want = want[0], want[1:]
		case len(want) > 0 || column != table.ColumnID:
			return false
		}
		if decided && o.Descending != descending {
			return false
		}
		descending, decided = o.Descending, true
		return true
	}
	for i := first; i < len(w.columns); i++ {
		if w.columns[i] == table.ColumnID {
			byID = true
		}
		if !w.fixed[i].is && !next(w.columns[i]) {
			return Forward, false
		}
	}
	if byID {
		return directed(descending, Backward), len(want) == 0
	}
	// Rows with one key come by their id.
	switch {
	case len(want) == 0 && !descending:
		return Forward, true
	case len(want) == 0:
		return Descending, true
	case want[0].Column != table.ColumnID || decided && want[0].Descending != descending:
		return Forward, false
	}
	return directed(want[0].Descending, Backward), true
}

func directed(back bool, direction Direction) Direction {
	if back {
		return direction
	}
	return Forward
}

// distinct reports whether the ranges may have a row in common, which are apart but where a row has several keys.
func (w *way) distinct() bool { return w.multi && len(w.prefixes) != 1 }

// keyRanges returns the ranges that hold what the way leaves of the index. A key of a compound index is an array; an empty
// array comes after every other key, and so closes the range of a prefix.
func (w *way) keyRanges() []*Range {
	if w.spans == nil && len(w.prefixes[0]) == 0 {
		return nil
	}
	ranges := make([]*Range, 0, len(w.prefixes))
	for _, prefix := range w.prefixes {
		if w.spans == nil {
			ranges = append(ranges, w.prefixRange(prefix))
		}
		for _, s := range w.spans {
			if len(w.columns) == 1 {
				ranges = append(ranges, w.spanRange(s))
			} else {
				ranges = append(ranges, compoundRange(prefix, s))
			}
		}
	}
	return ranges
}

func (w *way) prefixRange(prefix []Key) *Range {
	switch len(w.columns) {
	case 1:
		return Only(prefix[0])
	case len(prefix):
		return Only([]any(prefix))
	}
	return Between([]any(prefix), append(slices.Clone([]any(prefix)), []any{}))
}

func (w *way) spanRange(s span) *Range {
	r := &Range{LowerOpen: s.lowOpen, UpperOpen: s.highOpen}
	if r.Lower = []Key{s.low}; s.low == nil && w.index == "" {
		r.Lower, r.LowerOpen = nil, false // there is no id below all texts
	}
	if !s.endless {
		r.Upper = []Key{s.high}
	}
	return r
}

func compoundRange(prefix []Key, s span) *Range {
	low, high := append(slices.Clone([]any(prefix)), s.low), slices.Clone([]any(prefix))
	if s.lowOpen {
		low = append(low, []any{})
	}
	if s.endless {
		return Between(low, append(high, []any{}))
	}
	if high = append(high, s.high); s.highOpen {
		return &Range{Lower: []Key{low}, Upper: []Key{high}, UpperOpen: true}
	}
	return Between(low, append(high, []any{}))
}

// from leaves of the ranges what comes after a record.
func (w *way) from(after table.Record, ranges []*Range) []*Range {
	if ranges == nil {
		ranges = []*Range{{}}
	}
	left := []*Range{}
	for i, r := range ranges {
		var prefix []Key
		if w.merges {
			prefix = w.prefixes[i/max(1, len(w.spans))]
		}
		if r := w.fromKey(w.keyOf(prefix, after), after.ID(), *r); r != nil {
			left = append(left, r)
		}
	}
	return left
}

// keyOf returns the key that a row has in the index which is equal to the record in the columns of the query's order, and
// to the prefix before that.
func (w *way) keyOf(prefix []Key, r table.Record) Key {
	key := make([]any, len(w.columns))
	for i, column := range w.columns {
		switch {
		case i < len(prefix):
			key[i] = prefix[i]
		case w.fixed[i].is:
			key[i] = w.fixed[i].key
		default:
			key[i] = r[column]
		}
	}
	if len(key) == 1 {
		return key[0]
	}
	return key
}

// fromKey begins a range at a row, and returns nil if none of it is left.
func (w *way) fromKey(key Key, id string, r Range) *Range {
	if w.direction == Forward {
		if r.Upper != nil {
			if c := compareKeys(key, r.Upper[0]); c > 0 || c == 0 && r.UpperOpen {
				return nil
			}
		}
		if r.Lower == nil || compareKeys(key, r.Lower[0]) >= 0 && !(r.LowerOpen && compareKeys(key, r.Lower[0]) == 0) {
			r.Lower, r.LowerOpen, r.After = []Key{key}, w.index == "", id
		}
	} else {
		if r.Lower != nil {
			if c := compareKeys(key, r.Lower[0]); c < 0 || c == 0 && r.LowerOpen {
				return nil
			}
		}
		if r.Upper == nil || compareKeys(key, r.Upper[0]) <= 0 && !(r.UpperOpen && compareKeys(key, r.Upper[0]) == 0) {
			r.Upper, r.UpperOpen, r.After = []Key{key}, w.index == "", id
		}
	}
	if w.index == "" {
		r.After = "" // a key of the table itself has one row, which is not wanted
		if r.Lower != nil && r.Upper != nil && compareKeys(r.Lower[0], r.Upper[0]) == 0 && (r.LowerOpen || r.UpperOpen) {
			return nil
		}
	}
	return &r
}

func compareKeys(a, b Key) int {
	x, _ := appendKey(nil, a)
	y, _ := appendKey(nil, b)
	return bytes.Compare(x, y)
}

func (w *way) explain(ranges int) string {
	text := "by id"
	if w.index != "" {
		text = "by index " + w.index
	}
	switch w.direction {
	case Backward, Descending:
		text += " backwards"
	}
	separator := ": "
	for _, e := range w.exprs {
		text += separator + table.FilterText(e)
		separator = " and "
	}
	if ranges > 1 {
		text += ", in " + strconv.Itoa(ranges) + " ranges"
	}
	return text
}
