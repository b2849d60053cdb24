package table

// Record is one row: a JSON object with a string "id". Its values are nil, bool, float64, string, []any and
// map[string]any, as [ParseRecord] makes them; an integer is a float64 without a fraction, exact within ±(2^53−1).
// A date is its ISO string in UTC with milliseconds ("2026-11-21T08:00:00.000Z").
//
// Absent and nil differ in a store and are equal after a sync; [Canonical] drops nulls. A Record is not safe for
// concurrent use while it is changed.
type Record map[string]any

// The system columns. The server alone writes them; in what an app writes they are ignored, but for [ColumnVersion],
// which is the precondition of an update or delete.
const (
	ColumnID        = "id"
	ColumnCreatedAt = "createdAt"
	ColumnUpdatedAt = "updatedAt"
	ColumnVersion   = "version"
	ColumnDeleted   = "deleted"
)

// IsSystem reports whether name is a column that only the server writes (the id is not one of them).
func IsSystem(name string) bool {
	switch name {
	case ColumnCreatedAt, ColumnUpdatedAt, ColumnVersion, ColumnDeleted:
		return true
	}
	return false
}

// ID returns the record's id, or "" when it has none or it is not a string.
func (r Record) ID() string { s, _ := r[ColumnID].(string); return s }

// Version returns the version that the server gave the record, or "" when it has none.
func (r Record) Version() string { s, _ := r[ColumnVersion].(string); return s }

// Deleted reports whether the record is a tombstone.
func (r Record) Deleted() bool { b, _ := r[ColumnDeleted].(bool); return b }
