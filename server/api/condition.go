package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larder-sync/larder/table"
)

// conditions are what a request of version 3 asks of a record before anything happens (RFC 9110, section 13).
type conditions struct {
	match, none          []string // versions, or "*"; nil for no condition
	modified, unmodified time.Time
}

func parseConditions(header func(string) string) conditions {
	c := conditions{match: tags(header("If-Match")), none: tags(header("If-None-Match"))}
	// A date that cannot be read is no condition, as the RFC has it.
	c.modified, _ = http.ParseTime(header("If-Modified-Since"))
	c.unmodified, _ = http.ParseTime(header("If-Unmodified-Since"))
	return c
}

// tags reads a list of entity tags. A weak one matches no version, and stays as it is.
func tags(header string) []string {
	var list []string
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, unquote(part))
		}
	}
	return list
}

// check returns the status with which a request for a record ends, 0 if it may go on.
func (c conditions) check(read bool, r table.Record) int {
	version, updated := r.Version(), updatedAt(r)
	has := func(list []string) bool { return slices.Contains(list, "*") || slices.Contains(list, version) }
	switch {
	case c.match != nil && !has(c.match),
		c.match == nil && !c.unmodified.IsZero() && updated.After(c.unmodified):
		return http.StatusPreconditionFailed
	case c.none != nil && has(c.none):
		if read {
			return http.StatusNotModified
		}
		return http.StatusPreconditionFailed
	case c.none == nil && read && !c.modified.IsZero() && !updated.After(c.modified):
		return http.StatusNotModified
	}
	return 0
}

// updatedAt is when a record was written last, in the whole seconds that HTTP knows.
func updatedAt(r table.Record) time.Time {
	text, _ := r[table.ColumnUpdatedAt].(string)
	at, _ := time.Parse(time.RFC3339, text) // our own text; the zero time in a record that has none
	return at.Truncate(time.Second)
}
