package store

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Op names what a [Step] does. The names are those of the helper that runs programs in a browser.
type Op string

// The steps' operations.
const (
	OpGet        Op = "get"        // rows by primary key, with holes
	OpLookup     Op = "lookup"     // for each key, the rows that an index has under it
	OpGetAll     Op = "getAll"     // rows of a range
	OpGetAllKeys Op = "getAllKeys" // primary keys of a range
	OpCount      Op = "count"      // how many a range holds, or a query finds
	OpQuery      Op = "query"      // rows that a query finds
	OpPut        Op = "put"        // insert or replace rows
	OpAdd        Op = "add"        // insert rows; an existing key fails the transaction
	OpDelete     Op = "delete"     // delete by keys or range
)

// Key is a key of a store or an index, as JSON can say it: a string, a float64, nil, a bool, or a []any of these.
// In an index nil stands for the encoded null, which sorts before every other key, and false before true.
type Key = any

// Range is a range of keys. A nil bound is no bound. The zero value holds every key.
type Range struct {
	Lower, Upper         []Key // nil: unbounded; else exactly one key, which may itself be nil
	LowerOpen, UpperOpen bool

	// After, in the range where a [Scan] begins, is the primary key of a row whose key is the bound at which it begins: of the
	// rows with that key, only those that come after it are wanted.
	After string
}

// Only returns the range of one key.
func Only(k Key) *Range { return Between(k, k) }

// Between returns the range from lower to upper, both included.
func Between(lower, upper Key) *Range { return &Range{Lower: []Key{lower}, Upper: []Key{upper}} }

// After returns the range of all keys that come after k.
func After(k Key) *Range { return &Range{Lower: []Key{k}, LowerOpen: true} }

// Step is one operation of a program. A program is a list of steps that a transaction runs in order, in one crossing
// of the boundary between Go and JavaScript; it is data, so one executor serves Go and JavaScript alike.
type Step struct {
	Op     Op
	Store  string
	Index  string // "" for the store itself
	Keys   []Key
	Range  *Range // nil: everything
	Prev   bool   // descending
	Skip   int
	Take   int // -1: all
	Values []table.Record
	Rows   []table.Row // more of what is put, as text where there is one
	Encode []string    // what a put encodes for the indexes: see [IndexLayout]
	Find   *Find       // of a query, and of a count in place of an index and range
}

// Result is what a [Step] gave. Only the field that belongs to its Op is set.
type Result struct {
	Rows   []table.Record   // get (with nil holes), getAll, query
	Groups [][]table.Record // lookup
	Keys   []string         // getAllKeys
	Count  int              // count
}

// AppendProgram appends the steps as the JSON text that the helper reads.
func AppendProgram(dst []byte, steps []Step) []byte {
	size := 0
	for i := range steps {
		for j := range steps[i].Rows {
			size += len(steps[i].Rows[j].Text) + 1
		}
	}
	dst = append(slices.Grow(dst, size+200*len(steps)), '[') // growing bit by bit would be most of the work
	for i := range steps {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = steps[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

// AppendJSON appends the step as one JSON object.
func (s *Step) AppendJSON(dst []byte) []byte {
	dst = append(append(append(dst, `{"op":"`...), s.Op...), `","store":`...)
	dst = table.AppendJSON(dst, s.Store)
	if s.Index != "" {
		dst = table.AppendJSON(append(dst, `,"index":`...), s.Index)
	}
	if s.Keys != nil {
		dst = table.AppendJSON(append(dst, `,"keys":`...), s.Keys)
	}
	if s.Range != nil {
		dst = s.Range.appendJSON(append(dst, `,"range":`...))
	}
	if s.Prev {
		dst = append(dst, `,"direction":"prev"`...)
	}
	if s.Skip > 0 {
		dst = strconv.AppendInt(append(dst, `,"skip":`...), int64(s.Skip), 10)
	}
	if s.Take >= 0 && (s.Op == OpGetAll || s.Op == OpGetAllKeys) {
		dst = strconv.AppendInt(append(dst, `,"take":`...), int64(s.Take), 10)
	}
	if s.Values != nil || s.Rows != nil {
		dst = s.appendValues(append(dst, `,"values":[`...))
	}
	if len(s.Encode) > 0 {
		dst = table.AppendJSON(append(dst, `,"encode":`...), s.Encode)
	}
	if s.Find != nil {
		dst = s.Find.appendJSON(dst)
	}
	return append(dst, '}')
}

func (s *Step) appendValues(dst []byte) []byte {
	for _, value := range s.Values {
		dst = append(table.AppendJSON(dst, value), ',')
	}
	for i := range s.Rows {
		dst = append(s.Rows[i].AppendJSON(dst), ',')
	}
	return append(bytes.TrimSuffix(dst, []byte(",")), ']')
}

func (r *Range) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	bound := func(name string, key []Key, open bool) {
		if key == nil {
			return
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), name...), `":`...)
		dst = table.AppendJSON(dst, key[0])
		if open {
			dst = append(append(append(dst, `,"`...), name...), `Open":true`...)
		}
	}
	bound("lower", r.Lower, r.LowerOpen)
	bound("upper", r.Upper, r.UpperOpen)
	if r.After != "" {
		dst = table.AppendJSON(append(dst, `,"after":`...), r.After)
	}
	return append(dst, '}')
}

// ParseResults reads the helper's answer to a program.
func ParseResults(steps []Step, data []byte) ([]Result, error) {
	v, err := table.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok || len(list) != len(steps) {
		return nil, table.Errorf(table.CodeStorage, "the storage answered ", strconv.Itoa(len(list)), " results to ",
			strconv.Itoa(len(steps)), " steps: larder's files are of different versions; reload the page")
	}
	results := make([]Result, len(steps))
	for i := range steps {
		r := &results[i]
		switch steps[i].Op {
		case OpGet, OpGetAll, OpQuery:
			r.Rows = rows(list[i])
		case OpLookup:
			groups, _ := list[i].([]any)
			r.Groups = make([][]table.Record, len(groups))
			for j, g := range groups {
				r.Groups[j] = rows(g)
			}
		case OpGetAllKeys:
			keys, _ := list[i].([]any)
			r.Keys = make([]string, len(keys))
			for j, k := range keys {
				r.Keys[j], _ = k.(string)
			}
		case OpCount:
			n, _ := list[i].(float64)
			r.Count = int(n)
		}
	}
	return results, nil
}

func rows(v any) []table.Record {
	list, _ := v.([]any)
	out := make([]table.Record, len(list))
	for i, row := range list {
		switch row := row.(type) {
		case table.Record:
			out[i] = row
		case map[string]any:
			out[i] = row
		}
	}
	return out
}
