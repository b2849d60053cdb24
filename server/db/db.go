// Package db is what a database must do to hold Larder's tables: rows in the order in which they were committed, one
// counter per table, and the verdicts on what clients pushed. It decides nothing; package feed does, over a [Tx].
//
// An implementation needs plain tables and transactions only: no triggers, sequences or notifications.
package db

import (
	"context"
	"time"
)

// DB is a database. All methods are safe for concurrent use, and [DB.Update] runs one function at a time.
type DB interface {
	// Update runs fn in a write transaction, and commits when fn returns nil. When Update returns nil, what fn
	// wrote is durable. An error of fn is returned as it is, and nothing has happened then.
	Update(ctx context.Context, fn func(Tx) error) error

	// Get returns a row, deleted or not; ok is false where there is none.
	Get(ctx context.Context, table, id string) (row Row, ok bool, err error)
	// List returns the records of one page as JSON, ordered by id.
	List(ctx context.Context, table string, page Page) ([][]byte, error)
	// Scan calls fn with each record as JSON, in no promised order and from one snapshot, until fn fails. The bytes
	// are fn's only until it returns.
	Scan(ctx context.Context, table string, deleted bool, fn func(data []byte) error) error
	// Live returns the number of rows that are not deleted.
	Live(ctx context.Context, table string) (int64, error)
	// Changes returns what changed after a cursor, in commit order and from one snapshot. A cursor that the
	// database's past does not contain is an error with code [table.CodeEpoch].
	Changes(ctx context.Context, table string, since Since) (Changes, error)

	// Close finishes what is running and closes the files. Nothing may be called after it.
	Close() error
}

// Tx is a write transaction. Its methods are called by one goroutine, and only until the function it was given to
// returns. Reads see the transaction's own writes.
type Tx interface {
	// Create makes a table ready; created is false when it was there.
	Create(table string) (created bool, err error)

	// Counter returns a table's counter and holds it against every other writer until the transaction ends: that is
	// what makes the order of numbers the order of commits, so it comes before any read of the table's rows.
	// Writers of several tables ask in the order of the tables' names.
	Counter(table string) (Counter, error)
	// Advance sets the counter.
	Advance(table string, c Counter) error
	// Begin records that the numbers from m on are given by m's boot.
	Begin(table string, m Mark) error

	// Row returns a row, deleted or not; ok is false where there is none.
	Row(table, id string) (row Row, ok bool, err error)
	// Put writes a row. old is the number of the row it replaces, 0 for none.
	Put(table string, old int64, row Row) error

	// Client returns what is known of a client; the zero value for an unknown one.
	Client(id string) (Client, error)
	// Verdict returns the verdict on a client's operation, if there is one.
	Verdict(client string, seq int64) (v Verdict, ok bool, err error)
	// Settle keeps a verdict, and raises its client's High.
	Settle(v Verdict) error
	// Expire forgets the verdicts that are older, and raises their clients' Expired.
	Expire(before time.Time) error
}

// Row is one stored record. Seq is the number of its last write: unique and ascending in commit order in its table.
type Row struct {
	Seq     int64
	ID      string
	Deleted bool
	Data    []byte // the record as JSON, system columns included, ready for the wire
}

// Counter is the state of a table's feed.
type Counter struct {
	Seq  int64  // the last number given; 0 in a table that was never written
	At   int64  // the last updatedAt given, in milliseconds; never falls
	Boot string // the boot that gave Seq
	Live int64  // rows that are not deleted
}

// Mark returns the point in the table's history at which the counter stands.
func (c Counter) Mark() Mark { return Mark{c.Boot, c.Seq} }

// Page is a part of a table.
type Page struct {
	Skip, Take int64
	Deleted    bool // deleted rows too
}

// Since asks for what changed.
type Since struct {
	Cursor Cursor
	First  bool // a first pull: live rows only; Cursor is not looked at
	Limit  int
}

// Changes is one page of changes.
type Changes struct {
	JSON  []byte // the entries, separated by commas: a record, or its id with @removed
	Count int    // entries in JSON
	Next  Cursor // continues after this page
	More  bool   // there are further changes now
	Live  int64  // rows in the table that are not deleted
}

// Client is what the database knows of a client.
type Client struct {
	High    int64 // the highest sequence number with a verdict
	Expired int64 // verdicts up to this number may have been forgotten
}

// Verdict is the answer to one operation of a client, kept so that the operation sent again has the same answer and no
// effect.
type Verdict struct {
	Client string
	Seq    int64
	Op     string // the operation's id
	At     time.Time
	Status int
	Body   []byte // JSON
}
