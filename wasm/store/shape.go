package store

import (
	"math"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
	"unsafe"

	"github.com/larder-sync/larder/table"
)

// SchemaOf returns the schema of a table whose records are structs of type T, with further indexes, of several columns
// for one. It is an error if T is no struct, has no ID string, or has a field that no column can hold.
//
// An exported field is a column of its name with the first letters in lower case, ID is id, DueAt dueAt; a tag says
// otherwise, `larder:"due"` or else `json:"due"`, and "-" leaves the field out. Strings, booleans, integers, floats and
// [time.Time] have columns of these types; maps, slices, structs and interfaces are json. A pointer may be nil, which is
// null. After the name may follow, separated by commas:
//
//	omitempty   a zero value is absent
//	index       there is an index of the column
//	unique      there is an index of the column in which no two records are equal
//
// CreatedAt, UpdatedAt, Version and Deleted are the server's: a struct may have them to read them, with the version as
// precondition of a write. The fields of embedded structs are the struct's own.
func SchemaOf[T any](name string, indexes ...table.Index) (*table.Schema, error) {
	shape, err := shapeOf[T]()
	if err != nil {
		return nil, err
	}
	s := &table.Schema{Name: name}
	for _, f := range shape.fields {
		if f.name == table.ColumnID || table.IsSystem(f.name) {
			continue
		}
		s.Columns = append(s.Columns, table.Column{Name: f.name, Type: f.column})
		if f.index {
			s.Indexes = append(s.Indexes, table.Index{Columns: []string{f.name}, Unique: f.unique})
		}
	}
	s.Indexes = append(s.Indexes, indexes...)
	return s, s.Validate()
}

// shape says how the structs of a type become records and back. It is made once for each type and never changes.
type shape struct {
	typ    string
	fields []field
	byName map[string]int
}

// field is a struct's field that is a column. Get and set are given where it lies.
type field struct {
	name          string
	offset        uintptr
	column        table.Type
	index, unique bool
	omitempty     bool
	get           func(at unsafe.Pointer, depth int) (any, error) // nil for null; depth levels may still open
	set           func(at unsafe.Pointer, v any) error
}

var shapes sync.Map // of *shape or error by reflect.Type

func shapeOf[T any]() (*shape, error) {
	t := reflect.TypeFor[T]()
	known, ok := shapes.Load(t)
	if !ok {
		s, err := newShape(t)
		if known = s; err != nil {
			known = err
		}
		shapes.Store(t, known)
	}
	switch known := known.(type) {
	case *shape:
		return known, nil
	default:
		return nil, known.(error)
	}
}

func newShape(t reflect.Type) (*shape, error) {
	s := &shape{typ: t.String(), byName: map[string]int{}}
	if t.Kind() != reflect.Struct {
		return nil, table.Errorf(table.CodeInvalid, "type ", s.typ, " is no struct")
	}
	if err := s.add(t, 0); err != nil {
		return nil, err
	}
	id, ok := s.byName[table.ColumnID]
	if !ok || s.fields[id].column != table.TypeString {
		return nil, table.Errorf(table.CodeInvalid, "type ", s.typ, " has no field ID of type string")
	}
	s.fields[id].omitempty = true // the store gives it one
	for _, f := range s.fields {
		if table.IsSystem(f.name) {
			s.fields[s.byName[f.name]].omitempty = true
		}
	}
	return s, nil
}

// add adds the fields of a struct that lies at an offset.
func (s *shape) add(t reflect.Type, offset uintptr) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("larder")
		if !tagged {
			tag = sf.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		if sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct {
			if err := s.add(sf.Type, offset+sf.Offset); err != nil {
				return err
			}
			continue
		}
		if !sf.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = lowerFirst(sf.Name)
		}
		if _, twice := s.byName[name]; twice {
			return table.Errorf(table.CodeInvalid, "type ", s.typ, " has two fields for column ", name)
		}
		f := field{name: name, offset: offset + sf.Offset}
		if err := f.of(sf.Type); err != nil {
			return table.Errorf(table.CodeInvalid, "type ", s.typ, ", field ", sf.Name).Because(err)
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty", "omitzero":
				f.omitempty = true
			case "index":
				f.index = true
			case "unique":
				f.index, f.unique = true, true
			case "", "string":
			default:
				return table.Errorf(table.CodeInvalid, "type ", s.typ, ", field ", sf.Name, ": there is no option ", option)
			}
		}
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, f)
	}
	return nil
}

// lowerFirst lowers the letters that begin a name: ID is id, URLPath urlPath.
func lowerFirst(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsUpper(r) || i > 0 && i+1 < len(runes) && !unicode.IsUpper(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}

// fits reports a field for which a table has no column of its type.
func (s *shape) fits(schema *table.Schema) error {
	for _, f := range s.fields {
		c, ok := schema.Column(f.name)
		switch {
		case !ok && schema.Dynamic, ok && c.Type == f.column, c.Type == table.TypeNumber && f.column == table.TypeInteger,
			c.Type == table.TypeDate && f.column == table.TypeString, ok && c.Type == table.TypeJSON:
		case !ok:
			return table.Errorf(table.CodeInvalid, "type ", s.typ, ": table ", schema.Name, " has no column ", f.name)
		default:
			return table.Errorf(table.CodeInvalid, "type ", s.typ, ": column ", f.name, " of table ", schema.Name, " is of type ",
				string(c.Type), ", not ", string(f.column))
		}
	}
	return nil
}

// encode makes a record of the struct at p, in which arrays and objects may open depth levels.
func (s *shape) encode(p unsafe.Pointer, depth int) (table.Record, error) {
	r := make(table.Record, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		v, err := f.get(unsafe.Add(p, f.offset), depth)
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "type ", s.typ, ", column ", f.name).Because(err)
		}
		if !f.omitempty || !isZero(v) {
			r[f.name] = v
		}
	}
	return r, nil
}

func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case float64:
		return v == 0
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// decode fills in the struct at p, which is zero, from a record. What is null or absent stays zero.
func (s *shape) decode(p unsafe.Pointer, r table.Record) error {
	for i := range s.fields {
		f := &s.fields[i]
		v := r[f.name]
		if v == nil {
			continue
		}
		if err := f.set(unsafe.Add(p, f.offset), v); err != nil {
			return table.Errorf(table.CodeInvalid, "type ", s.typ, ", column ", f.name, " of record ", r.ID()).Because(err)
		}
	}
	return nil
}

var errType = table.Errorf(table.CodeInvalid, "the value is of another type")

// of makes the field one of a type. A type's kind says how it lies in memory, so the basic ones need no reflection later.
func (f *field) of(t reflect.Type) error {
	if t == reflect.TypeFor[time.Time]() {
		f.column, f.get, f.set = table.TypeDate, getTime, setTime
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return f.pointerTo(t.Elem())
	case reflect.String:
		f.column, f.get, f.set = table.TypeString, get[string], set[string]
	case reflect.Bool:
		f.column, f.get, f.set = table.TypeBoolean, get[bool], set[bool]
	case reflect.Float64:
		f.column, f.get, f.set = table.TypeNumber, get[float64], set[float64]
	case reflect.Float32:
		f.column, f.get, f.set = table.TypeNumber, getNumber[float32], setNumber[float32]
	case reflect.Int:
		f.column, f.get, f.set = table.TypeInteger, getNumber[int], setNumber[int]
	case reflect.Int64:
		f.column, f.get, f.set = table.TypeInteger, getNumber[int64], setNumber[int64]
	case reflect.Int32:
		f.column, f.get, f.set = table.TypeInteger, getNumber[int32], setNumber[int32]
	case reflect.Int16:
		f.column, f.get, f.set = table.TypeInteger, getNumber[int16], setNumber[int16]
	case reflect.Int8:
		f.column, f.get, f.set = table.TypeInteger, getNumber[int8], setNumber[int8]
	case reflect.Uint32:
		f.column, f.get, f.set = table.TypeInteger, getNumber[uint32], setNumber[uint32]
	case reflect.Uint16:
		f.column, f.get, f.set = table.TypeInteger, getNumber[uint16], setNumber[uint16]
	case reflect.Uint8:
		f.column, f.get, f.set = table.TypeInteger, getNumber[uint8], setNumber[uint8]
	case reflect.Uint, reflect.Uint64:
		f.column, f.get, f.set = table.TypeInteger, getNumber[uint64], setNumber[uint64]
		if t.Size() != 8 {
			f.get, f.set = getNumber[uint], setNumber[uint]
		}
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct, reflect.Interface:
		if err := plainType(t, nil); err != nil {
			return err
		}
		f.column = table.TypeJSON
		f.get = func(at unsafe.Pointer, depth int) (any, error) { return treeOf(reflect.NewAt(t, at).Elem(), depth) }
		f.set = func(at unsafe.Pointer, v any) error { return fill(reflect.NewAt(t, at).Elem(), v) }
	default:
		return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String())
	}
	return nil
}

// pointerTo makes the field a pointer: nil is null.
func (f *field) pointerTo(t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String())
	}
	if err := f.of(t); err != nil {
		return err
	}
	get, set := f.get, f.set
	f.get = func(at unsafe.Pointer, depth int) (any, error) {
		if p := *(*unsafe.Pointer)(at); p != nil {
			return get(p, depth)
		}
		return nil, nil
	}
	f.set = func(at unsafe.Pointer, v any) error {
		p := reflect.New(t).UnsafePointer()
		*(*unsafe.Pointer)(at) = p
		return set(p, v)
	}
	return nil
}

func get[V any](at unsafe.Pointer, _ int) (any, error) { return *(*V)(at), nil }

func set[V any](at unsafe.Pointer, v any) error {
	typed, ok := v.(V)
	if !ok {
		return errType
	}
	*(*V)(at) = typed
	return nil
}

type number interface {
	int | int64 | int32 | int16 | int8 | uint | uint64 | uint32 | uint16 | uint8 | float32
}

func getNumber[V number](at unsafe.Pointer, _ int) (any, error) {
	v := *(*V)(at)
	f := float64(v)
	if V(f) != v || math.Abs(f) > table.MaxSafeInteger && f == math.Trunc(f) && V(1)/2 == 0 {
		return nil, table.Errorf(table.CodeInvalid, "an integer beyond 2^53 cannot be stored exactly")
	}
	return f, nil
}

func setNumber[V number](at unsafe.Pointer, v any) error {
	f, ok := v.(float64)
	if !ok {
		return errType
	}
	whole := V(1)/2 == 0
	n := V(f)
	if whole && float64(n) != f {
		return table.Errorf(table.CodeInvalid, "the number does not fit the field")
	}
	*(*V)(at) = n
	return nil
}

// isoTime is the form of a date that records keep.
const isoTime = "2006-01-02T15:04:05.000Z"

// getTime gives a date, cut to milliseconds; the zero time is null.
func getTime(at unsafe.Pointer, _ int) (any, error) {
	t := *(*time.Time)(at)
	if t.IsZero() {
		return nil, nil
	}
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return nil, table.Errorf(table.CodeInvalid, "a date has a year from 0 to 9999")
	}
	return t.Format(isoTime), nil
}

func setTime(at unsafe.Pointer, v any) error {
	text, _ := v.(string)
	t, err := time.Parse(isoTime, text)
	if err != nil {
		return errType
	}
	*(*time.Time)(at) = t
	return nil
}
