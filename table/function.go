package table

import (
	"math"
	"strings"
	"unicode/utf8"
)

// signature is what a function takes and gives.
type signature struct {
	args        [3]Kind
	least, most int // how many of args there must and may be
	result      Kind
}

// The signatures that there are.
var (
	testOfTexts  = signature{[3]Kind{KindText, KindText}, 2, 2, KindBoolean}
	textOfTexts  = signature{[3]Kind{KindText, KindText}, 2, 2, KindText}
	indexOfText  = signature{[3]Kind{KindText, KindText}, 2, 2, KindNumber}
	replacement  = signature{[3]Kind{KindText, KindText, KindText}, 3, 3, KindText}
	partOfText   = signature{[3]Kind{KindText, KindNumber, KindNumber}, 2, 3, KindText}
	textOfText   = signature{[3]Kind{KindText}, 1, 1, KindText}
	numberOfText = signature{[3]Kind{KindText}, 1, 1, KindNumber}
	dayOfDate    = signature{[3]Kind{KindDate}, 1, 1, KindDate}
	partOfDate   = signature{[3]Kind{KindDate}, 1, 1, KindNumber}
	rounding     = signature{[3]Kind{KindNumber}, 1, 1, KindNumber}
)

// signatureOf returns the signature of the function called name, or nil if there is none.
func signatureOf(name string) *signature {
	switch name {
	case "substringof", "startswith", "endswith":
		return &testOfTexts
	case "concat":
		return &textOfTexts
	case "indexof":
		return &indexOfText
	case "replace":
		return &replacement
	case "substring":
		return &partOfText
	case "tolower", "toupper", "trim":
		return &textOfText
	case "length":
		return &numberOfText
	case "year", "month", "day", "hour", "minute", "second", "fractionalseconds":
		return &partOfDate
	case "date":
		return &dayOfDate
	case "floor", "ceiling", "round":
		return &rounding
	}
	return nil
}

// takes reports whether a function that is there can have n arguments.
func (s *signature) takes(n int) bool { return s != nil && s.least <= n && n <= s.most }

// call returns the value of a function for arguments that fit its signature. Lengths and positions count code points, as
// SQL databases do; case is that of single characters, so that "ß" has no upper case.
func call(name string, args []any) any {
	s, isText := args[0].(string)
	if !isText {
		f, _ := args[0].(float64)
		switch name {
		case "floor":
			return math.Floor(f) + 0
		case "ceiling":
			return math.Ceil(f) + 0
		case "round":
			return math.Round(f) + 0
		}
		return nil
	}
	switch name {
	case "substringof":
		return strings.Contains(args[1].(string), s)
	case "startswith":
		return strings.HasPrefix(s, args[1].(string))
	case "endswith":
		return strings.HasSuffix(s, args[1].(string))
	case "concat":
		return s + args[1].(string)
	case "indexof":
		return indexOf(s, args[1].(string))
	case "replace":
		if args[1] == "" {
			return s
		}
		return strings.ReplaceAll(s, args[1].(string), args[2].(string))
	case "substring":
		return substring(s, args[1:])
	case "tolower":
		return strings.ToLower(s)
	case "toupper":
		return strings.ToUpper(s)
	case "trim":
		return strings.Trim(s, " ")
	case "length":
		return float64(utf8.RuneCountInString(s))
	}
	return datePart(name, s)
}

func datePart(name, date string) any {
	m, ok := readDate(date)
	if !ok {
		return nil
	}
	part := m.second
	switch name {
	case "date":
		m.hour, m.minute, m.second, m.milli = 0, 0, 0, 0
		return m.String()
	case "fractionalseconds":
		return float64(m.milli) / 1000
	case "year":
		part = m.year
	case "month":
		part = m.month
	case "day":
		part = m.day
	case "hour":
		part = m.hour
	case "minute":
		part = m.minute
	}
	return float64(part)
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
func substring(s string, bounds []any) any {
	from, to := math.Trunc(bounds[0].(float64)), math.Inf(1)
	if len(bounds) == 2 {
		n := math.Trunc(bounds[1].(float64))
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
