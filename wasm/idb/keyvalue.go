//go:build js && wasm

package idb

import (
	"math"
	"syscall/js"
	"time"
)

// GoKey is the reverse of [Key]: a float64, string, time.Time, []byte or []any for a key of IndexedDB. What is no key is an
// [ErrData] error.
// Specification: https://w3c.github.io/IndexedDB/#convert-a-key-to-a-value
func GoKey(v js.Value) (any, error) {
	switch v.Type() {
	case js.TypeNumber:
		if n := v.Float(); !math.IsNaN(n) {
			return n, nil
		}
	case js.TypeString:
		return v.String(), nil
	case js.TypeObject:
		global := js.Global()
		switch {
		case global.Get("Array").Call("isArray", v).Bool():
			keys := make([]any, v.Length())
			for i := range keys {
				var err error
				if keys[i], err = GoKey(v.Index(i)); err != nil {
					return nil, err
				}
			}
			return keys, nil
		case v.InstanceOf(global.Get("Date")):
			if n := v.Call("getTime").Float(); !math.IsNaN(n) {
				return time.UnixMilli(int64(n)), nil
			}
		case v.InstanceOf(global.Get("ArrayBuffer")):
			bytes := make([]byte, v.Get("byteLength").Int())
			js.CopyBytesToGo(bytes, global.Get("Uint8Array").New(v))
			return bytes, nil
		case global.Get("ArrayBuffer").Call("isView", v).Bool():
			return GoKey(v.Get("buffer").Call("slice", v.Get("byteOffset"), v.Get("byteOffset").Int()+v.Get("byteLength").Int()))
		}
	}
	return nil, &Error{Name: ErrData.Name, Message: "not a key"}
}
