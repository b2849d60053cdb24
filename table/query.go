package table

import (
	"strconv"
	"strings"
)

// All is the [Query.Take] of a query that wants every record.
const All = -1

// Query says which records of a table are wanted, in which order, and which of their columns. Most callers start with
// [NewQuery], [ParseQuery] or [ParseParameters]: the zero value takes no records.
//
// After is how to page: give the last record of the page before, of which the columns of Order and the id are looked at.
// It need not be there any more, and a page deep in a table costs what the first one does, which Skip cannot do. A count
// does not look at it, and the parameters of a URL do not have it.
//
// A Query must not be changed while others use it.
type Query struct {
	Filter         Expr     // nil for none
	Order          []Order  // ties, and no order at all, are by id
	After          Record   // only the records that come after this one in the order; nil for all
	Skip           int      // how many records to leave out at the front
	Take           int      // how many there may be at most; All for every one, 0 for none
	Select         []string // columns; nil for all
	Count          bool     // how many match, before skip and take, is wanted too
	IncludeDeleted bool     // tombstones match too
}

// Order is one key of a query's order. Nulls come first when it ascends, last when it descends.
type Order struct {
	Column     string
	Descending bool
}

// NewQuery returns the query for all records.
func NewQuery() *Query { return &Query{Take: All} }

// Match reports whether r is one of the records that q asks for, before skip and take.
func (q *Query) Match(r Record) bool {
	return (q.IncludeDeleted || !r.Deleted()) && Matches(q.Filter, r)
}

// Compare orders records as q asks: negative, 0 or positive. It is 0 only for records with equal ids.
func (q *Query) Compare(a, b Record) int {
	for _, o := range q.Order {
		c := CompareValues(a[o.Column], b[o.Column])
		if o.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return CompareText(a.ID(), b.ID())
}

// Apply answers q from all of a table's records: it filters, sorts, begins after, skips, takes and selects. The records are
// not changed; without a select they are returned as they are.
func (q *Query) Apply(records []Record) []Record {
	var found []Record
	for _, r := range records {
		if q.Match(r) && (q.After == nil || q.Compare(r, q.After) > 0) {
			found = append(found, r)
		}
	}
	Sort(found, q.Compare)
	found = found[min(max(q.Skip, 0), len(found)):]
	if q.Take >= 0 {
		found = found[:min(q.Take, len(found))]
	}
	if q.Select == nil {
		return found
	}
	for i, r := range found {
		found[i] = q.Project(r)
	}
	return found
}

// Project returns a new record with the columns that q selects, or r itself when it selects all.
func (q *Query) Project(r Record) Record {
	if q.Select == nil {
		return r
	}
	out := make(Record, len(q.Select))
	for _, name := range q.Select {
		if v, ok := r[name]; ok {
			out[name] = v
		}
	}
	return out
}

// ParseQuery reads a query as JavaScript builds it, all parts of which are optional:
//
//	{where: [{complete: false}], filter: ["due ge datetime'2026-11-21T00:00:00Z'"], orderBy: ['due desc', 'text'],
//	 after: {due: …, text: …, id: '7'}, skip: 0, take: 50, select: ['id', 'text'], count: true, includeDeleted: false}
//
// Where asks for equal values, null for null, and an array for any of its values; or an object says what a value must be
// by OData's names: {priority: {ge: 1, lt: 5}, text: {startswith: 'b'}, tags: {any: ['shop', 'garden']}}, of eq, ne, gt,
// ge, lt, le, in, startswith, endswith, contains, and any, which says what one of an array's elements must be. All of where
// and filter must hold. One object or text may stand for an array of one. v is as [ParseJSON] makes it; nil is the query for
// all records. Errors have [CodeQuery].
func ParseQuery(v any) (*Query, error) {
	q := NewQuery()
	if v == nil {
		return q, nil
	}
	m, ok := object(v)
	if !ok {
		return nil, Errorf(CodeQuery, "the query is not an object")
	}
	for _, key := range AppendKeys(nil, m) {
		var err error
		if v := m[key]; v != nil {
			err = q.set(key, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *Query) set(key string, v any) (err error) {
	ok := true
	switch key {
	case "where":
		return q.addWhere(v)
	case "filter", "orderBy", "select":
		list, isText := strs(v)
		if !isText {
			return Errorf(CodeQuery, "the query's ", key, " is not text, nor an array of texts")
		}
		for _, text := range list {
			if err := q.add(key, text); err != nil {
				return err
			}
		}
	case "after":
		q.After, ok = object(v)
	case "skip":
		q.Skip, ok = natural(v)
	case "take":
		q.Take, ok = natural(v)
	case "count":
		q.Count, ok = v.(bool)
	case "includeDeleted":
		q.IncludeDeleted, ok = v.(bool)
	default:
		return Errorf(CodeQuery, "a query has no ", quote(key),
			"; it has where, filter, orderBy, after, skip, take, select, count and includeDeleted")
	}
	if !ok {
		return Errorf(CodeQuery, "the query's ", key, " cannot be ", string(AppendJSON(nil, v)))
	}
	return nil
}

// add reads one text of a filter, order or select.
func (q *Query) add(key, text string) error {
	switch key {
	case "filter":
		e, err := ParseFilter(text)
		if err != nil {
			return err
		}
		q.Filter = And(q.Filter, e)
	case "orderBy":
		order, err := ParseOrder(text)
		if err != nil {
			return err
		}
		q.Order = append(q.Order, order...)
	case "select":
		for _, name := range strings.Split(text, ",") {
			name = strings.TrimSpace(name)
			if err := CheckName("column", name); err != nil {
				return Errorf(CodeQuery, "select ", quote(text)).Because(err)
			}
			q.Select = append(q.Select, name)
		}
	}
	return nil
}

func natural(v any) (int, bool) {
	n, ok := whole(v)
	return int(n), ok && n >= 0
}

// ParseParameters reads a query from the query part of a URL, without its question mark: $filter, $orderby, $select,
// $skip, $top, $inlinecount=allpages or $count=true, and __includeDeleted with any value. Other parameters are left to
// others. A $top or $skip that is not a number counts as absent, as it does on Azure. Errors have [CodeQuery].
func ParseParameters(text string) (*Query, error) {
	q := NewQuery()
	for _, pair := range strings.Split(text, "&") {
		name, value, _ := strings.Cut(strings.ReplaceAll(pair, "+", " "), "=")
		name, err := UnescapeID(name)
		if err == nil {
			value, err = UnescapeID(value)
		}
		if err != nil {
			return nil, Errorf(CodeQuery, "the query's parameters cannot be read").Because(err)
		}
		if value == "" {
			continue
		}
		switch name {
		case "$filter":
			err = q.add("filter", value)
		case "$orderby":
			err = q.add("orderBy", value)
		case "$select":
			if value != "*" {
				err = q.add("select", value)
			}
		case "$skip", "$top":
			if n, bad := strconv.Atoi(value); bad == nil && n < 0 {
				err = Errorf(CodeQuery, name, " is negative")
			} else if bad == nil && name == "$top" {
				q.Take = n
			} else if bad == nil {
				q.Skip = n
			}
		case "$inlinecount":
			q.Count = q.Count || value == "allpages"
		case "$count":
			q.Count = q.Count || value == "true"
		case "__includeDeleted":
			q.IncludeDeleted = true
		}
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// String returns q as parameters of a URL, which [ParseParameters] reads back to the same query; "" when q asks for all.
func (q *Query) String() string {
	var b []byte
	put := func(name, value string) {
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, name...), '='), EscapeID(value)...)
	}
	if q.Filter != nil {
		put("$filter", FilterText(q.Filter))
	}
	if len(q.Order) > 0 {
		put("$orderby", q.OrderText())
	}
	if q.Skip > 0 {
		put("$skip", strconv.Itoa(q.Skip))
	}
	if q.Take >= 0 {
		put("$top", strconv.Itoa(q.Take))
	}
	if len(q.Select) > 0 {
		put("$select", strings.Join(q.Select, ","))
	}
	if q.Count {
		put("$inlinecount", "allpages")
	}
	if q.IncludeDeleted {
		put("__includeDeleted", "true")
	}
	return string(b)
}

// OrderText returns q's order as [ParseOrder] reads it.
func (q *Query) OrderText() string {
	text := ""
	for i, o := range q.Order {
		if i > 0 {
			text += ","
		}
		text += o.Column
		if o.Descending {
			text += " desc"
		}
	}
	return text
}
