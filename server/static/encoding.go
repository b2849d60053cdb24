package static

import (
	"strconv"
	"strings"
)

// choose picks the copy that the client likes best, and of those it likes the same the smallest kind. A client that
// says nothing, or refuses everything, gets the plain one.
func (f *file) choose(accept []string) encoded {
	weights := parseAccept(accept)
	best, most := f.copies[0], weights.plain()
	for _, coding := range []string{codingBrotli, codingGzip} {
		for _, c := range f.copies[1:] {
			if w := weights.of(coding); c.coding == coding && w > 0 && (w > most || w == most && best.coding == codingPlain) {
				best, most = c, w
			}
		}
	}
	return best
}

// acceptance is a parsed Accept-Encoding header: a weight for each coding that it names.
type acceptance map[string]float64

func parseAccept(lines []string) acceptance {
	a := acceptance{}
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			coding = strings.ToLower(strings.TrimSpace(coding))
			if coding == "x-gzip" {
				coding = codingGzip
			}
			a[coding] = weight(parameters)
		}
	}
	return a
}

// weight reads "q=0.5". Without it the weight is 1; one that makes no sense refuses the coding.
func weight(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, ok := strings.Cut(p, "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

func (a acceptance) of(coding string) float64 {
	if q, ok := a[coding]; ok {
		return q
	}
	return a["*"]
}

// plain is the weight of the plain copy: it is acceptable unasked, but any coding that is asked for comes first.
func (a acceptance) plain() float64 { return a[codingPlain] }
