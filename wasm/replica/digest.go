package replica

import (
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Verification is what a comparison of a pull's records with the server's came to. Records with local changes count as the
// server had them when they were made.
type Verification struct {
	Pull
	Sampled   bool     // a range of ids was compared, and not all
	Rows      int      // local records that were compared
	Differing []string // ids of the records that were not alike: other content, missing here, or not on the server
	Healed    int      // how many of them are now as the server has them
}

const (
	digestRows  = table.MaxDigest / digestParts // records in a part to begin with
	digestParts = 16                            // into which a range is cut whose digests differ
	digestLeaf  = 64                            // records in a range that are fetched rather than cut again
	sampleRows  = 500                           // records in a sample
	maxFetched  = 1000                          // records in one answer
)

// span is a range of ids that is to be asked for: after the one, up to the other.
type span struct {
	after, to string
	size      int
	top       bool // not within another that was asked for
	records   bool
}

// inspection is a verification that is under way. Digests are taken at the cursor at which the pull has just arrived; where that
// has moved too far meanwhile, the pull goes on first.
type inspection struct {
	Verification
	token  string
	spans  []span // the next one last
	asked  bool   // the answer is one to the last of the spans
	rounds int    // how often the cursor had to be moved
}

// verifies reports whether what was just pulled is to be verified: of a sample, one of the pulls is. A source has no digests.
func (m *Machine) verifies() bool {
	if m.job.Sample {
		return m.job.Verify && !m.offers && len(m.job.Pulls) == m.chosen
	}
	return m.job.Verify
}

// inspect begins a verification at the cursor, or goes on with it at the new cursor.
func (m *Machine) inspect(token string) Effect {
	if m.offers {
		return m.stop(noDigests(m.now.Table))
	}
	if m.check == nil {
		m.check = &inspection{Verification: Verification{Pull: m.now, Sampled: m.job.Sample}}
		if m.job.Sample {
			m.check.token = token
			return Pick{m.now, m.jitter()}
		}
		m.check.spans = []span{{size: digestRows, top: true}}
	}
	m.check.token = token
	return m.nextSpan()
}

// nextSpan asks for the next range, or ends the verification.
func (m *Machine) nextSpan() Effect {
	c := m.check
	if len(c.spans) == 0 {
		m.result.Verified = append(m.result.Verified, c.Verification)
		m.check = nil
		return m.nextTable()
	}
	s := c.spans[len(c.spans)-1]
	c.asked = true
	path := table.PathTables + m.now.Table + table.PathDigest + "?" + table.ParamDeltaToken + "=" + table.EscapeID(c.token) +
		"&" + table.ParamSize + "=" + strconv.Itoa(s.size)
	for _, p := range [...][2]string{{"$filter", m.now.Filter}, {table.ParamAfter, s.after}, {table.ParamTo, s.to}} {
		if p[1] != "" {
			path += "&" + p[0] + "=" + table.EscapeID(p[1])
		}
	}
	if s.records {
		path += "&" + table.ParamRecords + "=true"
	}
	if c.Sampled && s.top {
		path += "&" + table.ParamParts + "=1"
	}
	return m.send(Send{Method: "GET", Path: path})
}

// inspected takes an answer with digests.
func (m *Machine) inspected(a Answer) Effect {
	c := m.check
	c.asked = false
	switch a.Status {
	case 200:
	case 409, 410: // much has changed, or all: the pull knows what to do
		if c.rounds++; c.rounds > maxRounds {
			return m.stop(table.Errorf(table.CodeServer, "the table ", m.now.Table, " changes faster than it can be compared"))
		}
		m.first, m.reset = true, false
		return LoadCursor{m.now}
	case 404:
		return m.stop(noDigests(m.now.Table))
	default:
		return m.stop(table.Errorf(table.CodeServer, "the server refused a digest of ", m.now.Table, " with ", strconv.Itoa(a.Status),
			serverText(a.Body)))
	}
	parts, err := table.ParseParts(a.Body)
	if err != nil {
		c.asked = true
		return m.retry(a, err)
	}
	s := c.spans[len(c.spans)-1]
	return Compare{m.now, s.after, parts, s.records}
}

func noDigests(tableName string) error {
	return table.Errorf(table.CodeServer, "the server has no digests of ", tableName, ": it is not one of Larder's, or an older one")
}

// compared goes on with what two sides have in a range.
func (m *Machine) compared(e Compared) Effect {
	c := m.check
	s := c.spans[len(c.spans)-1]
	c.spans = c.spans[:len(c.spans)-1]
	parts := e.Parts.Parts
	last := parts[len(parts)-1].To
	if last != s.to && !(c.Sampled && s.top) { // the answer ended before the range
		rest := s
		rest.after = last
		c.spans = append(c.spans, rest)
	}
	if s.top {
		for _, n := range e.Rows {
			c.Rows += n
		}
	}
	if s.records {
		for i := range e.Differing {
			c.Differing = append(c.Differing, e.Differing[i].ID)
		}
		if len(e.Differing) == 0 {
			return m.nextSpan()
		}
		return Heal{m.now, e.Differing}
	}
	unequal := 0
	for i := range parts {
		if !e.Equal[i] {
			unequal++
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		if e.Equal[i] {
			continue
		}
		next := span{to: parts[i].To, after: s.after, size: (parts[i].Count + digestParts - 1) / digestParts}
		if i > 0 {
			next.after = parts[i-1].To
		}
		// Where most is different, asking for ever smaller parts would only be more requests; and what could not be cut cannot be.
		most := unequal > 1 && 2*unequal > len(parts) && parts[i].Count <= maxFetched
		if next.records = most || parts[i].Count <= digestLeaf || parts[i].Count > s.size; next.records {
			next.size = maxFetched
		}
		c.spans = append(c.spans, next)
	}
	return m.nextSpan()
}
