package table

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest in JSON that [ParseJSON] reads. What nests deeper is refused, so
// that no input can exhaust the stack.
const MaxDepth = 64

// MaxSafeInteger is 2^53−1: whole numbers up to it, and down to its negative, are exact in JavaScript, Go and SQL.
const MaxSafeInteger = 1<<53 - 1

// exponentFrom is where JavaScript starts to print a whole number with an exponent.
const exponentFrom = 1e21

// ParseJSON reads one JSON value: nil, bool, float64, string, []any or map[string]any.
//
// It is stricter than JavaScript where a value could not be kept exactly on both sides of the wire. These are errors
// with [CodeInvalid], which tell the byte offset:
//   - a whole number beyond ±[MaxSafeInteger] that is written without exponent, or that JavaScript would print so, and
//     a number too large for a float64;
//   - a string that is not valid UTF-8, or holds U+0000 or half a surrogate pair;
//   - nesting beyond [MaxDepth].
//
// Of equal keys the last wins; "__proto__" is a key like any other. The result's strings share one copy of data: data
// may be reused at once, and a single string kept for long keeps that copy alive.
func ParseJSON(data []byte) (any, error) {
	p := parser{s: string(data)}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return v, nil
}

// ParseRecord reads one JSON object as [ParseJSON] does. It does not ask for an id: [Schema.Check] does.
func ParseRecord(data []byte) (Record, error) {
	p := parser{s: string(data), width: min(len(data)/24, 16)} // 24 bytes: a usual column; a map that need not grow is cheaper
	r, err := p.record()
	if err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return r, nil
}

// parser reads JSON from s. Methods start at the next token and leave i behind what they read.
type parser struct {
	s     string
	i     int
	depth int
	width int // entries of the last object read: rows of a page have equal columns, so the next map is made to fit
}

// fail makes the error for the byte at offset at.
func (p *parser) fail(at int, what string) error {
	if at >= len(p.s) {
		return Errorf(CodeInvalid, "JSON ends too early, at byte ", strconv.Itoa(len(p.s)), ": ", what)
	}
	return Errorf(CodeInvalid, "JSON at byte ", strconv.Itoa(at), ": ", what)
}

// next skips white space and returns the byte there, or 0 at the end.
func (p *parser) next() byte {
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		p.i++
	}
	return 0
}

// end refuses anything but white space after the value.
func (p *parser) end() error {
	if p.next(); p.i < len(p.s) {
		return p.fail(p.i, "expected nothing more after the value")
	}
	return nil
}

func (p *parser) value() (any, error) {
	switch c := p.next(); c {
	case '"':
		s, err := p.str()
		if err != nil {
			return nil, err
		}
		return s, nil
	case '{':
		m, err := p.object()
		if err != nil {
			return nil, err
		}
		return m, nil
	case '[':
		return p.array()
	case 't':
		return true, p.word("true")
	case 'f':
		return false, p.word("false")
	case 'n':
		return nil, p.word("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			f, err := p.number()
			if err != nil {
				return nil, err
			}
			if i := int(f); i >= 0 && i < len(smallNumbers) && float64(i) == f {
				return smallNumbers[i], nil
			}
			return f, nil
		}
		return nil, p.fail(p.i, "expected a value")
	}
}

// smallNumbers holds the numbers that rows are full of as interfaces, so that reading them allocates nothing.
var smallNumbers = [...]any{
	0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0,
	20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0, 38.0, 39.0,
	40.0, 41.0, 42.0, 43.0, 44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0, 57.0, 58.0, 59.0,
	60.0, 61.0, 62.0, 63.0, 64.0, 65.0, 66.0, 67.0, 68.0, 69.0, 70.0, 71.0, 72.0, 73.0, 74.0, 75.0, 76.0, 77.0, 78.0, 79.0,
	80.0, 81.0, 82.0, 83.0, 84.0, 85.0, 86.0, 87.0, 88.0, 89.0, 90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 98.0, 99.0,
}

func (p *parser) word(w string) error {
	if len(p.s)-p.i < len(w) || p.s[p.i:p.i+len(w)] != w {
		return p.fail(p.i, "expected "+w)
	}
	p.i += len(w)
	return nil
}

// record reads an object, and nothing else.
func (p *parser) record() (Record, error) {
	if p.next() != '{' {
		return nil, p.fail(p.i, "expected an object")
	}
	return p.object()
}

func (p *parser) object() (map[string]any, error) {
	m := make(map[string]any, p.width)
	for more, err := p.open('{', '}'); ; more, err = p.more('}') {
		if err != nil {
			return nil, err
		}
		if !more {
			p.width = len(m)
			return m, nil
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m[key] = v
	}
}

func (p *parser) array() ([]any, error) {
	list := []any{}
	for more, err := p.open('[', ']'); ; more, err = p.more(']') {
		if err != nil {
			return nil, err
		}
		if !more {
			return list, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// open enters an array or object whose first byte is known to be bracket or else refused, and reports whether it has
// an entry.
func (p *parser) open(bracket, closing byte) (bool, error) {
	if p.next() != bracket {
		return false, p.fail(p.i, "expected "+string(rune(bracket)))
	}
	if p.depth++; p.depth > MaxDepth {
		return false, p.fail(p.i, "arrays and objects nest deeper than "+strconv.Itoa(MaxDepth))
	}
	p.i++
	if p.next() != closing {
		return true, nil
	}
	p.i++
	p.depth--
	return false, nil
}

// more goes on to the next entry, or leaves the array or object.
func (p *parser) more(closing byte) (bool, error) {
	switch p.next() {
	case ',':
		p.i++
		return true, nil
	case closing:
		p.i++
		p.depth--
		return false, nil
	}
	return false, p.fail(p.i, "expected , or "+string(rune(closing)))
}

// key reads an object's key and the colon.
func (p *parser) key() (string, error) {
	if p.next() != '"' {
		return "", p.fail(p.i, "expected a key in double quotes")
	}
	key, err := p.str()
	if err != nil {
		return "", err
	}
	if p.next() != ':' {
		return "", p.fail(p.i, "expected :")
	}
	p.i++
	return key, nil
}

// str reads a string whose opening quote is at i. Without escapes it is a part of the input.
func (p *parser) str() (string, error) {
	start := p.i + 1
	var high byte
	for i := start; i < len(p.s); i++ {
		c := p.s[i]
		if c == '"' {
			s := p.s[start:i]
			if high >= utf8.RuneSelf && !utf8.ValidString(s) {
				return "", p.fail(start+invalidAt(s), "not valid UTF-8")
			}
			p.i = i + 1
			return s, nil
		}
		if c == '\\' {
			return p.escaped(start, i)
		}
		if c < ' ' {
			return "", p.fail(i, "control character in a string")
		}
		high |= c
	}
	return "", p.fail(len(p.s), "the string has no closing quote")
}

// escaped goes on with a string that began at start, from its first backslash.
func (p *parser) escaped(start, i int) (string, error) {
	b := append(make([]byte, 0, i-start+32), p.s[start:i]...)
	for i < len(p.s) {
		c := p.s[i]
		switch {
		case c == '"':
			if !utf8.Valid(b) {
				return "", p.fail(start+invalidAt(p.s[start:i]), "not valid UTF-8")
			}
			p.i = i + 1
			return string(b), nil
		case c < ' ':
			return "", p.fail(i, "control character in a string")
		case c != '\\':
			b = append(b, c)
			i++
			continue
		}
		if i+1 >= len(p.s) {
			break
		}
		switch e := p.s[i+1]; e {
		case '"', '\\', '/':
			b = append(b, e)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, size, err := p.codePoint(i)
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			i += size - 2
		default:
			return "", p.fail(i, "no such escape")
		}
		i += 2
	}
	return "", p.fail(len(p.s), "the string has no closing quote")
}

// codePoint reads the escape \uXXXX at i, or two that are a surrogate pair, and returns how long it is.
func (p *parser) codePoint(i int) (r rune, size int, err error) {
	const one = len(`\u0000`)
	r, ok := hex4(p.s, i+2)
	switch {
	case !ok:
		return 0, 0, p.fail(i, `\u wants four hexadecimal digits`)
	case r == 0:
		return 0, 0, p.fail(i, "U+0000 cannot be stored")
	case !utf16.IsSurrogate(r):
		return r, one, nil
	}
	low := rune(utf8.RuneError)
	if i+7 < len(p.s) && p.s[i+6] == '\\' && p.s[i+7] == 'u' {
		low, _ = hex4(p.s, i+8)
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0, p.fail(i, "half a surrogate pair cannot be stored")
	}
	return r, 2 * one, nil
}

// hex4 reads four hexadecimal digits at i.
func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		d, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// invalidAt returns the offset of the first byte of s that is not valid UTF-8.
func invalidAt(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(s)
}

func (p *parser) number() (float64, error) {
	start, s := p.i, p.s
	i := start
	negative := s[i] == '-'
	if negative {
		i++
	}
	whole := i
	var n uint64
	for i < len(s) && s[i]-'0' <= 9 {
		n = n*10 + uint64(s[i]-'0') // overflows only beyond the 16 digits that are trusted below
		i++
	}
	if i == whole {
		return 0, p.fail(i, "expected a digit")
	}
	if s[whole] == '0' && i > whole+1 {
		return 0, p.fail(whole, "a number must not start with 0")
	}
	integerEnd := i
	if i-whole <= 16 && n <= MaxSafeInteger && (i == len(s) || s[i] != '.' && s[i]|0x20 != 'e') {
		p.i = i
		if negative {
			return -float64(n) + 0, nil // −0 becomes 0
		}
		return float64(n), nil
	}
	if i < len(s) && s[i] == '.' {
		i++
		fraction := i
		if i = afterDigits(s, i); i == fraction {
			return 0, p.fail(i, "expected a digit after the point")
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := i
		if i = afterDigits(s, i); i == exponent {
			return 0, p.fail(i, "expected a digit in the exponent")
		}
	}
	f, err := strconv.ParseFloat(s[start:i], 64)
	if err != nil {
		return 0, p.fail(start, "the number is too large")
	}
	if i == integerEnd || !exact(f) {
		return 0, p.fail(start, "a whole number beyond ±9007199254740991 is not exact; send it as a string")
	}
	p.i = i
	return f + 0, nil
}

// afterDigits returns where the digits at i end.
func afterDigits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// exact reports whether f is a number that a record may hold. JavaScript writes whole numbers below 1e21 as plain
// digits, and beyond [MaxSafeInteger] such digits may be those of another number, rounded: they are refused.
func exact(f float64) bool {
	if a := math.Abs(f); a <= MaxSafeInteger {
		return true
	} else if a < exponentFrom {
		return a != math.Trunc(a)
	}
	return !math.IsInf(f, 0) && f == f
}
