package api

import (
	"net/url"
	"strings"

	"github.com/larder-sync/larder/table"
)

// includesDeleted reports whether a request of version 3 means deleted records too: only "true" does, under a name whose case
// does not matter.
func includesDeleted(params url.Values) bool {
	for name, values := range params {
		if strings.EqualFold(name, "__includeDeleted") && strings.EqualFold(values[0], "true") {
			return true
		}
	}
	return false
}

// translate makes parameters of version 3, which are those of OData 4, into the ones that [table.ParseParameters] reads.
func translate(params url.Values) string {
	var b []byte
	for name, values := range params {
		value := values[0]
		switch strings.ToLower(name) {
		case "$filter":
			value = translateFilter(value)
		case "$inlinecount", "__includedeleted":
			continue
		}
		b = append(b, table.EscapeID(name)...)
		b = append(b, '=')
		b = append(b, table.EscapeID(value)...)
		b = append(b, '&')
	}
	return string(b)
}

// edm are the types that a cast can name, and what the literal becomes.
var edm = map[string]func(literal string) string{
	"Edm.DateTimeOffset": func(s string) string { return "datetimeoffset'" + s + "'" },
	"Edm.Date":           func(s string) string { return "datetimeoffset'" + s + "T00:00:00.000Z'" },
	"Edm.Guid":           func(s string) string { return "'" + s + "'" },
	"Edm.String":         func(s string) string { return "'" + s + "'" },
	"Edm.TimeOfDay":      func(s string) string { return "'" + s + "'" },
	"Edm.Int32":          func(s string) string { return s },
	"Edm.Int64":          func(s string) string { return s },
	"Edm.Double":         func(s string) string { return s },
	"Edm.Decimal":        func(s string) string { return s },
	"Edm.Single":         func(s string) string { return s },
	"Edm.Boolean":        func(s string) string { return s },
}

// translateFilter makes cast(2026-01-01T00:00:00.000Z,Edm.DateTimeOffset) into datetimeoffset'2026-01-01T00:00:00.000Z', and
// so on. What it does not know it leaves to the parser, which tells where it is.
func translateFilter(text string) string {
	var b strings.Builder
	for text != "" {
		if text[0] == '\'' { // a text, in which nothing means anything
			end := strings.IndexByte(text[1:], '\'')
			if end < 0 {
				break
			}
			b.WriteString(text[:end+2])
			text = text[end+2:]
			continue
		}
		if out, rest, ok := translateCast(text); ok {
			b.WriteString(out)
			text = rest
			continue
		}
		n := 1 // a whole word, so that "broadcast(" is not taken for a cast
		for isWord(text[0]) && n < len(text) && isWord(text[n]) {
			n++
		}
		b.WriteString(text[:n])
		text = text[n:]
	}
	return b.String() + text
}

func translateCast(text string) (out, rest string, ok bool) {
	inner, ok := strings.CutPrefix(text, "cast(")
	if !ok {
		return "", "", false
	}
	inner, rest, ok = strings.Cut(inner, ")")
	literal, kind, comma := strings.Cut(inner, ",")
	to := edm[strings.TrimSpace(kind)]
	literal = strings.TrimSpace(literal)
	if !ok || !comma || to == nil || strings.ContainsAny(literal, "(") {
		return "", "", false
	}
	if quoted, cut := strings.CutPrefix(literal, "'"); cut {
		literal = strings.TrimSuffix(quoted, "'")
	}
	if strings.Contains(literal, "'") {
		return "", "", false
	}
	return to(literal), rest, true
}

func isWord(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}
