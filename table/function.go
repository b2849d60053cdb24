package table

import (
	"math"
	"strings"
	"unicode/utf8"
)

// kind is what a filter's expression can be, before there is a record.
type kind byte

const (
	kindAny kind = iota // a json column, an undeclared one, or the literal null
	kindBoolean
	kindNumber
	kindText
	kindDate
)

func (k kind) String() string {
	return [...]string{"any value", "a boolean", "a number", "text", "a date"}[k]
}

// function is what can be called in a filter.
type function struct {
	args   []kind // all that there may be
	least  int    // how many there must be
	result kind
	call   func(args []any) any // none of args is nil, and all are of their kinds
}

// functions are all there are. Lengths and positions count code points, as SQL databases do. None changes its arguments.
var functions = map[string]function{
	"substringof": text2(kindBoolean, func(needle, hay string) any { return strings.Contains(hay, needle) }),
	"startswith":  text2(kindBoolean, func(s, with string) any { return strings.HasPrefix(s, with) }),
	"endswith":    text2(kindBoolean, func(s, with string) any { return strings.HasSuffix(s, with) }),
	"concat":      text2(kindText, func(a, b string) any { return a + b }),
	"indexof":     text2(kindNumber, indexOf),
	"replace": {[]kind{kindText, kindText, kindText}, 3, kindText, func(args []any) any {
		if args[1] == "" {
			return args[0]
		}
		return strings.ReplaceAll(args[0].(string), args[1].(string), args[2].(string))
	}},
	"substring": {[]kind{kindText, kindNumber, kindNumber}, 2, kindText, substring},
	"tolower":   text1(kindText, func(s string) any { return strings.ToLower(s) }),
	"toupper":   text1(kindText, func(s string) any { return strings.ToUpper(s) }),
	"trim":      text1(kindText, func(s string) any { return strings.Trim(s, " ") }),
	"length":    text1(kindNumber, func(s string) any { return float64(utf8.RuneCountInString(s)) }),
	"year":      datePart(func(m moment) int { return m.year }),
	"month":     datePart(func(m moment) int { return m.month }),
	"day":       datePart(func(m moment) int { return m.day }),
	"hour":      datePart(func(m moment) int { return m.hour }),
	"minute":    datePart(func(m moment) int { return m.minute }),
	"second":    datePart(func(m moment) int { return m.second }),
	"floor":     number1(math.Floor),
	"ceiling":   number1(math.Ceil),
	"round":     number1(math.Round),
}

func text1(result kind, f func(string) any) function {
	return function{[]kind{kindText}, 1, result, func(args []any) any { return f(args[0].(string)) }}
}

func text2(result kind, f func(a, b string) any) function {
	return function{[]kind{kindText, kindText}, 2, result, func(args []any) any { return f(args[0].(string), args[1].(string)) }}
}

func number1(f func(float64) float64) function {
	return function{[]kind{kindNumber}, 1, kindNumber, func(args []any) any { return f(args[0].(float64)) + 0 }}
}

func datePart(part func(moment) int) function {
	return function{[]kind{kindDate}, 1, kindNumber, func(args []any) any {
		m, ok := readDate(args[0].(string))
		if !ok {
			return nil
		}
		return float64(part(m))
	}}
}

// indexOf counts from 0, and is −1 where there is none.
func indexOf(hay, needle string) any {
	i := strings.Index(hay, needle)
	if i < 0 {
		return -1.0
	}
	return float64(utf8.RuneCountInString(hay[:i]))
}

// substring takes the part of s that lies in [start, start+length), as SQL does: a start before the text shortens it.
func substring(args []any) any {
	s, from, to := args[0].(string), math.Trunc(args[1].(float64)), math.Inf(1)
	if len(args) == 3 {
		n := math.Trunc(args[2].(float64))
		if n < 0 {
			return nil
		}
		to = from + n
	}
	first, last, at := len(s), len(s), 0.0
	for i := range s {
		if at >= from && i < first {
			first = i
		}
		if at >= to {
			last = i
			break
		}
		at++
	}
	if first >= last {
		return ""
	}
	return s[first:last]
}
