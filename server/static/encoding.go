package static

import (
	"strconv"
	"strings"
)

// choose picks the copy that the client likes best, and of those it likes the same the smallest kind. A client that
// says nothing, or refuses everything, gets the plain one.
func (f *file) choose(accept []string) *encoded {
	weights := parseAccept(accept)
	best, most := &f.copies[0], max(weights.plain, 0)
	for _, coding := range [...]string{codingBrotli, codingGzip} {
		for i := range f.copies[1:] {
			c := &f.copies[1+i]
			if w := weights.of(coding); c.coding == coding && w > 0 && (w > most || w == most && best.coding == codingPlain) {
				best, most = c, w
			}
		}
	}
	return best
}

// acceptance is a parsed Accept-Encoding header: the weights of the codings that there are copies in, and of the star.
// Those that it does not name are unnamed.
type acceptance struct{ brotli, gzip, plain, star float64 }

const unnamed = -1

func parseAccept(lines []string) acceptance {
	a := acceptance{unnamed, unnamed, unnamed, 0}
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case codingBrotli:
				a.brotli = weight(parameters)
			case codingGzip, "x-gzip":
				a.gzip = weight(parameters)
			case codingPlain: // acceptable unasked, but any coding that is asked for comes first
				a.plain = weight(parameters)
			case "*":
				a.star = weight(parameters)
			}
		}
	}
	return a
}

func (a acceptance) of(coding string) float64 {
	w := a.brotli
	if coding == codingGzip {
		w = a.gzip
	}
	if w == unnamed {
		return a.star
	}
	return w
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
