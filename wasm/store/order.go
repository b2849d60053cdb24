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
	switch k := k.(type) {
	case nil:
		return append(dst, 1), true
	case bool:
		if k {
			return appendNumber(dst, 1), true
		}
		return appendNumber(dst, 0), true
	case float64:
		return appendNumber(dst, k), true
	case int:
		return appendNumber(dst, float64(k)), true
	case uint64:
		return appendNumber(dst, float64(k)), true
	case string:
		return appendText(dst, k), true
	case []any:
		dst = append(dst, 4)
		ok := true
		for _, part := range k {
			if dst, ok = appendKey(dst, part); !ok {
				return dst, false
			}
		}
		return append(dst, 0), true
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
