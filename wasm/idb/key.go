//go:build js && wasm

package idb

import (
	"context"
	"math"
	"syscall/js"
	"time"
	"unicode/utf8"

	"github.com/hack-pad/safejs"

	"github.com/larder-sync/larder/wasm/browser"
)

// Range is a range of keys. A nil bound is no bound; the zero Range is all keys.
// Specification: https://w3c.github.io/IndexedDB/#idbkeyrange
type Range struct {
	Lower, Upper         any // keys, as [Key] takes them
	LowerOpen, UpperOpen bool
}

// Key returns v as a JavaScript key: a string, number, time, bytes, or a slice of keys; or what is a js.Value already.
// IndexedDB has no keys for null and booleans: they are an [ErrData] error, as are NaN, integers beyond 2^53, and text that
// is not UTF-8.
// Specification: https://w3c.github.io/IndexedDB/#convert-a-value-to-a-key
func Key(v any) (js.Value, error) {
	switch v := v.(type) {
	case js.Value:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return js.Undefined(), &Error{Name: ErrData.Name, Message: "text that is not UTF-8 cannot be a key: it would become another"}
		}
		return js.ValueOf(v), nil
	case int:
		return whole(int64(v))
	case int64:
		return whole(v)
	case uint:
		return whole(int64(min(v, 1<<62)))
	case float64:
		if math.IsNaN(v) {
			return js.Undefined(), &Error{Name: ErrData.Name, Message: "NaN cannot be a key"}
		}
		return js.ValueOf(v), nil
	case time.Time:
		return js.Global().Get("Date").New(v.UnixMilli()), nil
	case []byte:
		bytes := js.Global().Get("Uint8Array").New(len(v))
		js.CopyBytesToJS(bytes, v)
		return bytes, nil
	case []string:
		keys := js.Global().Get("Array").New(len(v))
		for i, k := range v {
			keys.SetIndex(i, k)
		}
		return keys, nil
	case []any:
		keys := js.Global().Get("Array").New(len(v))
		for i, k := range v {
			key, err := Key(k)
			if err != nil {
				return js.Undefined(), err
			}
			keys.SetIndex(i, key)
		}
		return keys, nil
	case nil:
		return js.Undefined(), &Error{Name: ErrData.Name, Message: "null cannot be a key"}
	}
	return js.Undefined(), &Error{Name: ErrData.Name, Message: "a Go value of this type cannot be a key: give a string, number, " +
		"time, bytes, or a slice of them"}
}

// whole refuses numbers that are one and the same to JavaScript.
func whole(v int64) (js.Value, error) {
	if v < -1<<53 || v > 1<<53 {
		return js.Undefined(), &Error{Name: ErrData.Name, Message: "an integer beyond 2^53 cannot be a key: it would be rounded"}
	}
	return js.ValueOf(v), nil
}

// queryOf returns what IndexedDB calls a query: undefined for nil, which means everything, an IDBKeyRange for a Range, and
// else a key.
func queryOf(v any) (js.Value, error) {
	switch v := v.(type) {
	case nil:
		return js.Undefined(), nil
	case Range:
		return v.value()
	case *Range:
		if v == nil {
			return js.Undefined(), nil
		}
		return v.value()
	}
	return Key(v)
}

// value makes the IDBKeyRange here, because the driver does not give out its own.
func (r Range) value() (js.Value, error) {
	if r.Lower == nil && r.Upper == nil {
		return js.Undefined(), nil
	}
	var bounds [2]js.Value
	for i, bound := range [...]any{r.Lower, r.Upper} {
		if bound == nil {
			continue
		}
		var err error
		if bounds[i], err = Key(bound); err != nil {
			return js.Undefined(), err
		}
	}
	ranges := safejs.Safe(js.Global().Get("IDBKeyRange"))
	var made safejs.Value
	var err error
	switch {
	case r.Upper == nil:
		made, err = ranges.Call("lowerBound", bounds[0], r.LowerOpen)
	case r.Lower == nil:
		made, err = ranges.Call("upperBound", bounds[1], r.UpperOpen)
	default:
		made, err = ranges.Call("bound", bounds[0], bounds[1], r.LowerOpen, r.UpperOpen)
	}
	if err != nil {
		return js.Undefined(), thrown(err)
	}
	return safejs.Unsafe(made), nil
}

// Includes reports whether key is in the range.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbkeyrange-includes
func (r Range) Includes(key any) (bool, error) {
	query, err := r.value()
	if err != nil {
		return false, err
	}
	k, err := Key(key)
	if err != nil {
		return false, err
	}
	if query.IsUndefined() { // all keys, but only keys
		_, err := Compare(k, k)
		return err == nil, err
	}
	included, err := safejs.Safe(query).Call("includes", k)
	if err != nil {
		return false, thrown(err)
	}
	return included.Bool()
}

// Compare returns -1, 0 or 1 as key a is less than, equal to or greater than b, in the order of IndexedDB: numbers, dates,
// strings by code unit, bytes, arrays.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbfactory-cmp
func Compare(a, b any) (int, error) {
	r, err := enter()
	if err != nil {
		return 0, err
	}
	x, err := Key(a)
	if err != nil {
		return 0, err
	}
	y, err := Key(b)
	if err != nil {
		return 0, err
	}
	order, err := r.factory.CompareKeys(x, y)
	if err != nil {
		return 0, thrown(err)
	}
	return order, nil
}

// Info is a database that exists.
// Specification: https://w3c.github.io/IndexedDB/#dictdef-idbdatabaseinfo
type Info struct {
	Name    string
	Version uint
}

// Databases lists the databases of this origin. An old browser that cannot tell gives an error.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbfactory-databases
func Databases(ctx context.Context) ([]Info, error) {
	const op = "list databases"
	if _, err := enter(); err != nil {
		return nil, err
	}
	promise, err := safejs.Safe(js.Global().Get("indexedDB")).Call("databases")
	if err != nil {
		return nil, &Error{Name: ErrUnknown.Name, Op: op, Message: "this browser cannot list databases"}
	}
	list, err := browser.Await(ctx, safejs.Unsafe(promise))
	if err != nil {
		if ctx.Err() != nil {
			return nil, &Error{Name: ErrAbort.Name, Op: op, Err: endedBy(ctx)}
		}
		return nil, &Error{Name: ErrUnknown.Name, Op: op, Err: err}
	}
	var found []Info
	for i := range list.Length() {
		info := list.Index(i)
		if version := uint(info.Get("version").Float()); version > 0 { // 0 is what WebKit has of an upgrade that failed
			found = append(found, Info{info.Get("name").String(), version})
		}
	}
	return found, nil
}

func limit(count uint) any {
	if count == 0 || count > math.MaxUint32 {
		return js.Undefined()
	}
	return count
}
