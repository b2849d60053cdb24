package table

import (
	"strconv"
	"strings"
)

// Mark is a point in a table's history: the number of a write and the boot (one start of a server) that gave it. A boot's id
// is never used twice, so two databases that contain the same mark have the same past up to it; a restored or swapped
// database is recognised by the marks it lacks. The zero Mark is the beginning, which all tables share.
type Mark struct {
	Boot string
	Seq  int64
}

// String returns "<boot>-<seq>", with which the version of the record begins that was written there.
func (m Mark) String() string { return m.Boot + "-" + strconv.FormatInt(m.Seq, 10) }

// MarkOf returns the mark with which a version or a delta token begins; the zero Mark for a text that begins with none.
func MarkOf(text string) Mark {
	boot, rest, _ := strings.Cut(text, "-")
	end := 0
	for end < len(rest) && isDigit(rest[end]) {
		end++
	}
	seq, err := strconv.ParseInt(rest[:end], 10, 64)
	if err != nil || boot == "" || seq == 0 {
		return Mark{}
	}
	return Mark{boot, seq}
}

// Lost is what a record that was brought back, after its server had lost it, tells of the version that was lost: its mark, and
// "+" if the record holds changes that were made since. The record's own version, and those that follow, end in "~" and it.
// By it clients that held different versions find out whose is newer. "" is a record that was never lost.
type Lost string

// LostOf returns what the version of a record ends in.
func LostOf(version string) Lost {
	_, lost, _ := strings.Cut(version, "~")
	return Lost(lost)
}

// Mark returns the mark of the version that was lost.
func (l Lost) Mark() Mark { return MarkOf(string(l)) }

// Changed reports whether there are changes that were made since.
func (l Lost) Changed() bool { return strings.HasSuffix(string(l), "+") }

// AndChanged returns l for a record that was changed since.
func (l Lost) AndChanged() Lost {
	if l == "" || l.Changed() {
		return l
	}
	return l + "+"
}

// Valid reports whether l is "" or as it should be.
func (l Lost) Valid() bool {
	text := strings.TrimSuffix(string(l), "+")
	m := MarkOf(text)
	return l == "" || m.Seq > 0 && m.String() == text && len(text) <= 80 && !strings.ContainsFunc(m.Boot, notLetter)
}

func notLetter(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
}

// Past is a table's lineage as a server tells it: the last mark of each boot that wrote, in their order, separated by commas.
// "" is the past of a table that was never written.
type Past string

// MaxPast is how many boots a server tells of at most: the latest ones.
const MaxPast = 1000

// Has reports whether a mark is part of the past. The zero Mark is part of every past.
func (p Past) Has(m Mark) bool {
	return m.Seq == 0 || p.any(func(last Mark) bool { return last.Boot == m.Boot && last.Seq >= m.Seq })
}

// Meets reports whether two pasts have a beginning in common: they share a boot.
func (p Past) Meets(other Past) bool {
	return p.any(func(a Mark) bool { return other.any(func(b Mark) bool { return a.Boot == b.Boot }) })
}

// With returns the past and a mark that is part of it, too.
func (p Past) With(m Mark) Past {
	switch {
	case m.Seq == 0:
		return p
	case p == "":
		return Past(m.String())
	}
	return p + "," + Past(m.String())
}

func (p Past) any(is func(Mark) bool) bool {
	for rest := string(p); rest != ""; {
		var text string
		text, rest, _ = strings.Cut(rest, ",")
		if m := MarkOf(text); m.Seq > 0 && is(m) {
			return true
		}
	}
	return false
}
