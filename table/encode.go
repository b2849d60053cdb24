package table

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends v as JSON to dst and returns the longer slice. It writes what JavaScript's JSON.stringify writes:
// the same digits for every number, −0 as 0, NaN and infinities as null; but keys come sorted by their bytes, so that
// equal values have equal JSON.
//
// v is made of nil, bool, float64, int, int64, uint64, string, []any, []string, []float64, map[string]any, [Record],
// [Row] and []Record; anything else is written as null ([Schema.Check] refuses it before it is stored). Bytes of a string
// that are not UTF-8 become U+FFFD.
func AppendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendString(dst, v)
	case float64:
		return appendNumber(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case map[string]any:
		return appendObject(dst, v)
	case Record:
		return appendObject(dst, v)
	case []any:
		return appendArray(dst, v, AppendJSON)
	case Row:
		return v.AppendJSON(dst)
	case []Record:
		return appendArray(dst, v, func(dst []byte, r Record) []byte { return appendObject(dst, r) })
	case []string:
		return appendArray(dst, v, appendString)
	case []float64:
		return appendArray(dst, v, appendNumber)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	}
	return append(dst, "null"...)
}

func appendArray[T any](dst []byte, list []T, item func([]byte, T) []byte) []byte {
	if list == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, v)
	}
	return append(dst, ']')
}

func appendObject(dst []byte, m map[string]any) []byte {
	if m == nil {
		return append(dst, "null"...)
	}
	var room [24]string // rows have few columns: their keys are sorted on the stack
	keys := AppendKeys(room[:0], m)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, key)
		dst = append(dst, ':')
		dst = AppendJSON(dst, m[key])
	}
	return append(dst, '}')
}

// appendNumber writes f with the shortest digits that give f again, in JavaScript's notation.
func appendNumber(dst []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i >= -MaxSafeInteger && i <= MaxSafeInteger {
		return strconv.AppendInt(dst, i, 10)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if a := math.Abs(f); a >= 1e-6 && a < exponentFrom {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') { // Go writes 1e-07, JavaScript 1e-7
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendKeys appends m's keys to room, which is empty, and returns them in the order of their bytes.
func AppendKeys[V any](room []string, m map[string]V) []string {
	for key := range m {
		room = append(room, key)
	}
	slices.Sort(room)
	return room
}
