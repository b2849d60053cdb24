package db

import (
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
)

// Mark is a point in a table's history: see [table.Mark].
type Mark = table.Mark

// PastOf returns the past of a table whose boots ended at the marks, of which the latest comes first.
func PastOf(marks []Mark) (past table.Past) {
	for i := len(marks) - 1; i >= 0; i-- {
		past = past.With(marks[i])
	}
	return past
}

// Cursor says how far a client has read a table. Its text is the delta token.
//
// While a first pull goes on, Anchor is where it began and After, less than Anchor.Seq, how far it came: deleted rows up
// to the anchor were never seen by this client and need no mention. Later After is Anchor.Seq. The zero Cursor is the
// beginning.
type Cursor struct {
	Anchor Mark
	After  int64
	Scope  string // letters and digits: a name for what chooses the rows that the client is told of; "" when all are
}

// At returns the cursor of a client that has read everything up to m.
func At(m Mark) Cursor { return Cursor{Anchor: m, After: m.Seq} }

// String returns the cursor's text: the anchor, while a first pull goes on "." and how far it came, and "~" and the scope if
// there is one.
func (c Cursor) String() string {
	text := c.Anchor.String()
	if c.After != c.Anchor.Seq {
		text += "." + strconv.FormatInt(c.After, 10)
	}
	if c.Scope != "" {
		text += "~" + c.Scope
	}
	return text
}

// ParseCursor reads what [Cursor.String] wrote. A text that is none has code [table.CodeInvalid].
func ParseCursor(text string) (Cursor, error) {
	rest, scope, scoped := strings.Cut(text, "~")
	boot, rest, ok := strings.Cut(rest, "-")
	anchor, after, first := strings.Cut(rest, ".")
	seq, ok1 := number(anchor)
	c := At(Mark{Boot: boot, Seq: seq})
	c.Scope = scope
	if first {
		var ok2 bool
		c.After, ok2 = number(after)
		ok1 = ok1 && ok2 && c.After < seq
	}
	if !ok || !ok1 || len(boot) > 64 || (seq > 0) != (boot != "") || scoped && (scope == "" || len(scope) > 64) {
		return Cursor{}, table.Errorf(table.CodeInvalid, "the delta token ", strconv.Quote(text),
			" is not one of this server's: pull again with an empty $deltatoken")
	}
	return c, nil
}

// number reads a count as strconv.FormatInt writes it: one text for each number.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}
