// Package db is what a database must do to hold Larder's tables: rows in the order in which they were committed, one
// counter per table, and the verdicts on what clients pushed. It decides nothing; package feed does, over a [Tx].
//
// An implementation needs plain tables and transactions only: no triggers, sequences or notifications.
package db

import (
	"context"
	"time"

	"github.com/larder-sync/larder/table"
)

// DB is a database. All methods are safe for concurrent use; what [DB.Update] runs at the same time never concerns the
// same table.
type DB interface {
	// Update runs fn in a write transaction, and commits when fn returns nil. When Update returns nil, what fn
	// wrote is durable. An error of fn is returned as it is, and nothing has happened then. Where the database asks
	// for it fn is run again from its beginning, as if it had not been run before. Errors of the database's own have
	// code [table.CodeStorage] where nobody knows whether anything has happened, and [table.CodeConstraint] where what
	// fn wrote cannot be kept.
	Update(ctx context.Context, fn func(Tx) error) error

	// Get returns a row, deleted or not; ok is false where there is none.
	Get(ctx context.Context, table, id string) (row Row, ok bool, err error)
	// Find returns the records that a query asks for, from one snapshot.
	Find(ctx context.Context, f Find) (Found, error)
	// Live returns the number of rows that are not deleted.
	Live(ctx context.Context, table string) (int64, error)
	// Changes returns what changed after a cursor, in commit order and from one snapshot. A cursor that the
	// database's past does not contain is an error with code [table.CodeEpoch]; one that the table cannot continue,
	// because what was deleted since is forgotten or because it is of another scope, with [table.CodeExpired].
	Changes(ctx context.Context, table string, since Since) (Changes, error)
	// Past returns what boots wrote to a table, or that part of it which is one boot's; at most the latest [table.MaxPast].
	Past(ctx context.Context, name, boot string) (table.Past, error)
	// Former returns what rows held before writes with numbers above after, as far as it was kept: the latest first, at most
	// limit of them all.
	Former(ctx context.Context, table string, ids []string, after int64, limit int) ([]Row, error)
	// Columns returns the columns that a table was told to have by [Tx.Widen], sorted.
	Columns(ctx context.Context, table string) ([]string, error)
	// Heads returns where the feed of each table stands, all from one snapshot.
	Heads(ctx context.Context) (map[string]Counter, error)
	// Tail returns the entries of a table's feed with numbers above after, in their order, at most limit of them. Entries
	// with one number may be cut apart at the end: [Whole] sees to that.
	Tail(ctx context.Context, table string, after int64, limit int) ([]Entry, error)

	// Close finishes what is running and closes the files. Nothing may be called after it.
	Close() error
}

// Tx is a write transaction. Its methods are called by one goroutine, and only until the function it was given to
// returns. Reads see the transaction's own writes.
type Tx interface {
	// Create makes a table ready; created is false when it was there.
	Create(table string) (created bool, err error)
	// Index makes a table's indexes be those that [DB.Find] uses for the schemas, and no others.
	Index(table string, schemas ...*table.Schema) error
	// Counter returns a table's counter and holds it against every other writer until the transaction ends: that is
	// what makes the order of numbers the order of commits, so it comes before any read of the table's rows.
	// Writers of several tables ask in the order of the tables' names.
	Counter(table string) (Counter, error)
	// Advance sets the counter from was, as the transaction found it, and adds now's boot to the table's lineage.
	Advance(table string, was, now Counter) error
	// Rows returns those of the rows that there are, deleted or not, in no promised order.
	Rows(table string, ids []string) ([]Row, error)
	// Put writes rows, in the order of their numbers, and what their former owners are told.
	Put(table string, moves []Move) error

	// Widen keeps the names of columns, some of which may be known.
	Widen(table string, columns []string) error
	// First returns the row with the lowest number from seq on; ok is false where there is none.
	First(table string, seq int64) (row Row, ok bool, err error)
	// Purge forgets the deleted rows, the news to former owners, and what rows held before, that have numbers above after and
	// up to horizon: the oldest ones, at most limit numbers of them. It returns the last of these, 0 for none, and whether more
	// are left.
	Purge(table string, after, horizon int64, limit int) (last int64, more bool, err error)

	// Clients returns what is known of clients, without those that are unknown.
	Clients(ids []string) (map[string]Client, error)
	// Verdicts returns the verdicts on those of the operations that have one.
	Verdicts(of []Repeat) ([]Verdict, error)
	// Settle keeps verdicts, and raises their clients' High.
	Settle(verdicts []Verdict) error
	// Expire forgets the verdicts that are older, at most limit of them, and raises their clients' Expired. more tells
	// that some are left.
	Expire(before time.Time, limit int) (more bool, err error)
}

// Row is one stored record. Seq is the number of its last write: unique and ascending in commit order in its table.
type Row struct {
	Seq     int64
	ID      string
	Owner   string // whose record it is, in a table where each belongs to somebody; else ""
	Deleted bool
	Data    []byte // the record as JSON, system columns included, ready for the wire
}

// Move is the write of a row.
type Move struct {
	Row
	Old  int64  // the number of the row it replaces; 0 for none
	Left string // who owned that row and does not own this one; "" for nobody
	Was  []byte // what that row held, to be kept for [DB.Former]; nil for nothing
}

// Entry is one entry of a table's feed: a row as its last write left it, or the news to a former owner that it is theirs
// no more.
type Entry struct {
	Row
	Left bool // Owner is the former one, and there is no Data
}

// Whole leaves out the last number of what Tail returned for a limit of 2 or more, if it may have been cut apart.
func Whole(list []Entry, limit int) []Entry {
	if len(list) < limit {
		return list
	}
	end := len(list) - 1
	for end > 0 && list[end-1].Seq == list[len(list)-1].Seq {
		end--
	}
	return list[:end]
}

// Counter is the state of a table's feed.
type Counter struct {
	Seq     int64  // the last number given; 0 in a table that was never written
	At      int64  // the last updatedAt given, in milliseconds; never falls
	Boot    string // the boot that gave Seq
	Live    int64  // rows that are not deleted
	Horizon int64  // what was deleted up to this number may be forgotten
}

// Mark returns the point in the table's history at which the counter stands.
func (c Counter) Mark() Mark { return Mark{Boot: c.Boot, Seq: c.Seq} }

// Piece is what one transaction added to a table's feed: the entries with numbers above From's and up to To's, in their order.
type Piece struct {
	Table    string // as it is stored
	From, To Counter
	Entries  []Entry
}

// Since asks for what changed.
type Since struct {
	Cursor Cursor
	First  bool   // a first pull: live rows only; of Cursor, Scope alone is looked at
	Scope  string // what Cursor.Scope must be: a name for all that chooses rows
	Limit  int
	Seen   Mark // what the table's past must contain as well, besides the cursor

	// PerUser asks for the rows of User only. Of others' rows nothing is told, but for those that were User's.
	PerUser bool
	User    string
}

// Changes is one page of changes.
type Changes struct {
	JSON  string // the entries, separated by commas: a record, or its id with @removed
	Count int    // entries in JSON
	Next  Cursor // continues after this page
	More  bool   // there are further changes now
	Live  int64  // rows in the table that are not deleted

	Past table.Past // the table's, where the cursor is of another boot than Next; else ""
}

// Client is what the database knows of a client.
type Client struct {
	High    int64 // the highest sequence number with a verdict
	Expired int64 // verdicts up to this number may have been forgotten
}

// Repeat names an operation that its client may send again.
type Repeat struct {
	Client string
	Seq    int64
}

// Verdict is the answer to one operation of a client, kept so that the operation sent again has the same answer and no
// effect.
type Verdict struct {
	Repeat
	Request string // the operation's id
	At      time.Time
	Status  int
	Body    []byte // JSON
}

// Highest returns the highest number of each client among verdicts.
func Highest(verdicts []Verdict) map[string]int64 {
	high := map[string]int64{}
	for _, v := range verdicts {
		high[v.Client] = max(high[v.Client], v.Seq)
	}
	return high
}

// Hinter is a [DB] that may hear of other processes' commits before it is asked. Hints may come too often, too late or never.
type Hinter interface {
	// Hint calls fn with each hint until the context ends.
	Hint(ctx context.Context, fn func())
}
