package feed

import (
	"net/http"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Action is what an [Op] does to its record.
type Action uint8

// The actions.
const (
	Insert   Action = iota + 1 // a new record
	Update                     // the given columns; null clears one
	Put                        // the whole record, new or not; one that is equal already is left as it is
	Delete                     // the record stays as a tombstone
	Undelete                   // brings a deleted record back; with a Record, as that
	Replace                    // the whole record, which must be there
)

// Op is one write of one record.
type Op struct {
	Table  *db.Table
	Action Action
	ID     string       // "" for an Insert into a table whose records the server numbers
	Record table.Record // as [table.Schema.Normalize] made it; system columns in it are ignored. nil for Delete
	New    bool         // the ID was made for this Insert: no record has it, and none is looked for
	Match  string       // the version that the record must have; "" for any
	Lost   table.Lost   // the version that this brings back, which the database lost when it was restored; "" for none

	// Sees reports whether the caller may know of a record; nil lets it know of all. A record that it may not know of is to
	// it as if it were not there, except that the id is taken.
	Sees func(table.Record) bool
	// Holds is a condition on the record as it is, besides Match; nil for none.
	Holds func(table.Record) bool

	// Client, if it is not empty, makes the operation repeatable: the same Client, Seq and Request sent again have the
	// same answer and no effect. Another Request under the same Client and Seq is a fork: two copies of one client.
	Client  string
	Seq     int64
	Request string

	Group   string  // neighbours with the same name take effect together or not at all; "" for none
	Refused *Answer // the answer, where it is known before the record is looked at; it is kept like any other
}

// repeat names the operation; without a Client it has no name.
func (op *Op) repeat() db.Repeat { return db.Repeat{Client: op.Client, Seq: op.Seq} }

// Answer is what became of an [Op], in the words of HTTP. The answer to a Put that changes nothing is 304 without a body.
type Answer struct {
	Status  int
	Body    []byte // JSON: the server's record, or {"code", "error"}
	Version string // of the record in Body, if it is one
	Deleted bool   // there is no record because it was deleted

	Repeated bool // the operation had been sent, and answered so, before
}

// OK reports whether the operation took effect, now or when it was first sent.
func (a Answer) OK() bool { return a.Status < http.StatusBadRequest }

// Refusal makes the answer to an operation that cannot be carried out.
func Refusal(status int, code table.Code, text string) Answer {
	return Answer{Status: status, Body: table.AppendJSON(nil, map[string]any{"code": string(code), "error": text})}
}

// gone is the answer where there is no record, or a deleted one. Its text is Azure Mobile Apps'.
func gone(deleted bool) Answer {
	a := Refusal(http.StatusNotFound, table.CodeNotFound, "The item does not exist")
	a.Deleted = deleted
	return a
}
