package store

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// appendKey appends k so that comparing the bytes compares the keys as IndexedDB does once the helper has encoded
// them: null, then numbers (false is 0, true is 1), then strings by UTF-16 code unit, then arrays. It reports false
// for what has no place in an index (objects, absent values).
func appendKey(dst []byte, k Key) ([]byte, bool) {
	parts, isArray := k.([]any)
	if !isArray {
		return appendScalar(dst, k)
	}
	dst = append(dst, keyOfArray)
	for _, part := range parts {
		var ok bool
		if dst, ok = appendKey(dst, part); !ok {
			return dst, false
		}
	}
	return append(dst, endOfArray), true
}

// An array is its parts between these two. Its end comes before every key, so that a shorter one comes first.
const (
	keyOfArray = 4
	endOfArray = 0
)

// appendScalar is appendKey for what the columns of a row can be in an index, which arrays cannot.
func appendScalar(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case nil:
		return append(dst, 1), true
	case bool:
		if v {
			return appendNumber(dst, 1), true
		}
		return appendNumber(dst, 0), true
	case float64:
		return appendNumber(dst, v), true
	case int:
		return appendNumber(dst, float64(v)), true
	case uint64:
		return appendNumber(dst, float64(v)), true
	case string:
		return appendText(dst, v), true
	}
	return dst, false
}

func appendNumber(dst []byte, f float64) []byte {
	bits := math.Float64bits(f + 0) // −0 becomes 0
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(dst, 2), bits)
}

// appendText ends the text with a zero unit, which no stored string contains.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, 3)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r >= 0x10000 {
			r -= 0x10000
			dst = binary.BigEndian.AppendUint16(dst, uint16(0xD800+(r>>10)))
			r = 0xDC00 + (r & 0x3FF)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(r))
	}
	return append(dst, 0, 0)
}
