package table

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxRecordDepth is how deep a record's values may nest, the record itself included. It is less than [MaxDepth], so
// that the record fits into the outbox and a batch, which wrap it.
const MaxRecordDepth = MaxDepth - 8

// maxID is the longest id, in UTF-16 code units, as JavaScript counts.
const maxID = 255

// CheckID reports whether id can be a record's id, with [CodeInvalid]: 1–255 characters, no control characters, none of
// " + ? \ / and the backtick, and not . or .., all of which URLs or Azure's clients would change.
func CheckID(id string) error {
	if id == "" {
		return Errorf(CodeInvalid, "the id is empty")
	}
	if id == "." || id == ".." {
		return Errorf(CodeInvalid, "the id must not be . or ..")
	}
	plain := 0
	for plain < len(id) && isUnreserved(id[plain]) {
		plain++
	}
	if plain == len(id) && plain <= maxID {
		return nil
	}
	units := 0
	for i, c := range id {
		switch {
		case c < ' ' || c >= 0x7f && c < 0xa0:
			return Errorf(CodeInvalid, "the id ", quote(id), " has a control character")
		case c == '"' || c == '+' || c == '?' || c == '\\' || c == '/' || c == '`':
			return Errorf(CodeInvalid, "the id ", quote(id), " has one of the characters \" + ? \\ / `")
		case c == utf8.RuneError && !strings.HasPrefix(id[i:], "\uFFFD"):
			return Errorf(CodeInvalid, "the id ", quote(id), " is not valid UTF-8")
		case c > 0xffff:
			units++
		}
		units++
	}
	if units > maxID {
		return Errorf(CodeInvalid, "the id ", quote(id), " is longer than 255 characters")
	}
	return nil
}

// Check reports whether r can be stored in the table, with [CodeInvalid]: its id, the types of its columns, and whether
// it has undeclared ones where the table is not dynamic. It passes what [Schema.Normalize] can make canonical. System
// columns are not looked at, but for a version, which must be text.
func (s *Schema) Check(r Record) error {
	_, err := s.normalize(r, false)
	return err
}

// Normalize checks r as [Schema.Check] does and returns a new record in the form that is stored: dates in UTC with
// milliseconds, numbers as float64, no -0, and no system columns but the version. Nulls stay. Arrays and objects are
// shared with r where nothing in them changes.
func (s *Schema) Normalize(r Record) (Record, error) {
	return s.normalize(r, true)
}

// normalize checks r, and builds the record that is stored if that is wanted.
func (s *Schema) normalize(r Record, build bool) (Record, error) {
	id, ok := r[ColumnID].(string)
	if !ok {
		return nil, s.invalid("the record has no id, or one that is not text")
	}
	if err := CheckID(id); err != nil {
		return nil, s.invalid("the record cannot be stored").Because(err)
	}
	var out Record
	if build {
		out = make(Record, len(r))
		out[ColumnID] = id
	}
	seen := 1
	for _, c := range s.Columns {
		v, ok := r[c.Name]
		if !ok {
			continue
		}
		seen++
		v, err := s.convert(c, id, v)
		if err != nil {
			return nil, err
		}
		if build {
			out[c.Name] = v
		}
	}
	for _, c := range fixedColumns[1:] {
		if seen == len(r) {
			return out, nil
		}
		v, ok := r[c.Name]
		if !ok {
			continue
		}
		seen++
		if c.Name != ColumnVersion || v == nil {
			continue
		}
		if _, ok := v.(string); !ok {
			return nil, s.invalid("record ", id, ": its version is not text")
		}
		if build {
			out[c.Name] = v
		}
	}
	if seen < len(r) {
		if err := s.normalizeUndeclared(r, id, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// normalizeUndeclared does with the columns of r that are not declared what normalize does: they go into out, if there is one.
func (s *Schema) normalizeUndeclared(r Record, id string, out Record) error {
	for name, v := range r {
		if _, declared := s.Column(name); declared {
			continue
		}
		if err := s.checkUndeclared(id, name); err != nil {
			return err
		}
		v, err := s.convert(Column{name, TypeJSON}, id, v)
		if err != nil {
			return err
		}
		if out != nil {
			out[name] = v
		}
	}
	return nil
}

// checkUndeclared reports whether a column that is not declared may be there.
func (s *Schema) checkUndeclared(id, name string) error {
	if !s.Dynamic {
		return s.invalid("record ", id, " has column ", quote(name), ", which is not declared; declare it or make the table dynamic")
	}
	if err := CheckName("column", name); err != nil {
		return s.invalid("record ", id, " cannot be stored").Because(err)
	}
	for _, list := range [...][]Column{s.Columns, fixedColumns[:]} {
		for _, c := range list {
			if strings.EqualFold(c.Name, name) {
				return s.invalid("record ", id, ": column ", name, " differs from ", c.Name, " only by the case of letters")
			}
		}
	}
	return nil
}

// convert returns v as column c keeps it.
func (s *Schema) convert(c Column, id string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.Type {
	case TypeString:
		if text, ok := v.(string); ok {
			if storable(text) {
				return v, nil
			}
			return nil, s.refuse(c, id, "text that is not valid UTF-8 or holds U+0000")
		}
	case TypeBoolean:
		if _, ok := v.(bool); ok {
			return v, nil
		}
	case TypeInteger:
		if n, ok := whole(v); ok {
			return canonicalNumber(v, float64(n)), nil
		}
	case TypeNumber:
		if f, ok := number(v); ok {
			return canonicalNumber(v, f), nil
		}
	case TypeDate:
		if d, ok := v.(string); ok {
			iso, err := ParseDate(d)
			if err != nil {
				return nil, s.refuse(c, id, "what is not a date").Because(err)
			}
			if iso == d {
				return v, nil
			}
			return iso, nil
		}
	case TypeJSON:
		w, _, bad := plain(v, MaxRecordDepth-1)
		if bad != "" {
			return nil, s.refuse(c, id, bad)
		}
		return w, nil
	}
	return nil, s.refuse(c, id, describe(v))
}

func (s *Schema) refuse(c Column, id, what string) *Error {
	return s.invalid("record ", id, ": column ", c.Name, " of type ", string(c.Type), " cannot hold ", what)
}

// describe shows a refused value in a message.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "the text " + quote(v)
	case bool, float64, int, int64, uint64:
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return "NaN or an infinity"
		}
		return string(AppendJSON(nil, v))
	case []any, []string, []float64, []Record:
		return "an array"
	case map[string]any, Record:
		return "an object"
	}
	return "a value that is not JSON"
}

// storable reports whether every part of the wire can keep s: valid UTF-8 without U+0000.
func storable(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// number returns v as a float64 when it is a number that a record may hold.
func number(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, exact(f)
	}
	n, ok := whole(v)
	return float64(n), ok
}

// canonicalNumber returns f as a value, and v itself where that is the same, because a new interface costs memory.
func canonicalNumber(v any, f float64) any {
	if g, ok := v.(float64); ok && (g != 0 || !math.Signbit(g)) {
		return v
	}
	return f + 0
}

// plain returns v made of the types that [ParseJSON] makes and whether that differs from v, or says what in it cannot be
// kept. Depth is how many levels of arrays and objects may still open. Only what changes is copied.
func plain(v any, depth int) (w any, changed bool, bad string) {
	switch v := v.(type) {
	case nil, bool:
		return v, false, ""
	case string:
		if !storable(v) {
			return nil, false, "text that is not valid UTF-8 or holds U+0000"
		}
		return v, false, ""
	case []any:
		return plainArray(v, depth)
	case map[string]any:
		return plainObject(v, depth)
	case Record:
		w, _, bad := plainObject(v, depth)
		return w, true, bad
	case []string:
		return plainList(v, depth)
	case []float64:
		return plainList(v, depth)
	case []Record:
		return plainList(v, depth)
	}
	f, ok := number(v)
	if !ok {
		return nil, false, describe(v)
	}
	g, was := v.(float64)
	return canonicalNumber(v, f), !was || g == 0 && math.Signbit(g), ""
}

const tooDeep = "values that nest so deep"

func plainList[T any](v []T, depth int) (any, bool, string) {
	list := make([]any, len(v))
	for i, item := range v {
		list[i] = item
	}
	w, _, bad := plainArray(list, depth)
	return w, true, bad
}

func plainArray(v []any, depth int) (any, bool, string) {
	if depth == 0 {
		return nil, false, tooDeep
	}
	list, copied := v, false
	for i, item := range v {
		w, changed, bad := plain(item, depth-1)
		if bad != "" {
			return nil, false, bad
		}
		if changed && !copied {
			list, copied = slices.Clone(v), true
		}
		if changed {
			list[i] = w
		}
	}
	return list, copied, ""
}

func plainObject(v map[string]any, depth int) (any, bool, string) {
	if v == nil {
		return nil, true, ""
	}
	if depth == 0 {
		return nil, false, tooDeep
	}
	object, copied := v, false
	for key, item := range v {
		if !storable(key) {
			return nil, false, "a key that is not valid UTF-8 or holds U+0000"
		}
		w, changed, bad := plain(item, depth-1)
		if bad != "" {
			return nil, false, bad
		}
		if changed && !copied {
			object, copied = clone(v), true
		}
		if changed {
			object[key] = w
		}
	}
	return object, copied, ""
}
