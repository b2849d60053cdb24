package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/larder-sync/larder/table"
)

// BodyTime is how long the body of a request may take to come.
const BodyTime = time.Minute

// MaxHeader is how many bytes the headers of a request may have.
const MaxHeader = 32 << 10

// headerFeatures is a header of Azure's client that grows with every page of a pull, and means nothing here.
const headerFeatures = "X-Zumo-Features"

// checkSize reports a request whose headers are larger than any that is meant.
func checkSize(r *http.Request) error {
	n := 0
	for name, values := range r.Header {
		for _, v := range values {
			if name != headerFeatures {
				n += len(name) + len(v)
			}
		}
	}
	if n > MaxHeader {
		return status(http.StatusRequestHeaderFieldsTooLarge, table.Errorf(table.CodeLimit,
			"the headers have ", strconv.Itoa(n), " bytes, and may have ", strconv.Itoa(MaxHeader)))
	}
	return nil
}

// parseBody reads a record. One that nests too deep for the server could be read by another one, and so is told apart from
// what is no JSON.
func parseBody(data []byte) (table.Record, error) {
	r, err := table.ParseRecord(data)
	if err != nil && nesting(data) > table.MaxDepth {
		return nil, status(http.StatusUnprocessableEntity,
			table.Errorf(table.CodeLimit, "the record nests deeper than ", strconv.Itoa(table.MaxDepth), " arrays and objects"))
	}
	return r, err
}

// nesting is how deep arrays and objects lie within each other.
func nesting(data []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
