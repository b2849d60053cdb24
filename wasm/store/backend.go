package store

import "context"

// Layout is what a database holds: its version and its object stores.
type Layout struct {
	Name    string
	Version uint // 1 and up
	Stores  []StoreLayout
	// Upgrade converts the rows of a database that had version old, 0 for a new one, within the upgrade. It is called when
	// all stores are there, those that go as well, and before indexes are made. An error undoes the upgrade. It may be nil.
	Upgrade func(ctx context.Context, old uint, txn Txn) error
}

// StoreLayout is one object store. Keys are at the path Key of each row; with AutoIncrement the backend fills in a
// number that rises and is never used twice.
type StoreLayout struct {
	Name          string
	Key           string
	AutoIncrement bool
	Indexes       []IndexLayout
}

// IndexLayout is one index of an object store. Encoded paths name a column whose key the helper encodes into the
// reserved property of a row, so that nulls and booleans have a place in the order; plain paths name it as it is. A unique
// index has no rows with a null in one of its columns, as in SQL. A multi-entry index has each row under the values in the
// array that its one column holds.
type IndexLayout struct {
	Name       string
	Columns    []string
	Plain      bool
	Unique     bool
	MultiEntry bool
}

// Backend keeps object stores. A Backend is safe for concurrent use.
type Backend interface {
	// Begin starts a transaction over the named stores. Transactions that write and share a store run one after
	// another, in the order in which they began.
	Begin(ctx context.Context, write bool, stores []string) (Txn, error)
	// Close ends the connection; running transactions finish first.
	Close() error
	// Durable reports whether the data outlives the program.
	Durable() bool
}

// Txn is a transaction of a [Backend]. It is for one goroutine.
type Txn interface {
	// Run runs a program. An error means that the transaction has failed and will be aborted.
	Run(ctx context.Context, steps []Step) ([]Result, error)
	// Start begins a program and returns at once; wait returns what Run would have. Programs run in the order of their starts.
	Start(ctx context.Context, steps []Step) (wait func() ([]Result, error))
	// Finish is Run and Commit in one: a transaction whose last program is known needs one crossing less.
	Finish(ctx context.Context, steps []Step) error
	// Commit makes the changes durable and visible, or returns why none of them are.
	Commit(ctx context.Context) error
	// Abort undoes the transaction. It may be called after a failure, and after Commit, when it does nothing.
	Abort(reason error)
}

// Events are what a store tells its user about the connection. Nil functions are not called. A backend calls the first
// three only. All but Blocked may wait.
type Events struct {
	Blocked       func()             // an upgrade waits for another tab to close its connection
	VersionChange func(deleted bool) // another tab waits for this connection to close, to upgrade or delete the database
	Closed        func(err error)    // the browser closed the connection by itself
	Reopened      func()             // there is a new connection, after VersionChange or Closed
	Failed        func(err error)    // there is none: code "version" for good, and others until the next call tries again
	Evicted       func()             // the browser has emptied the database, and this one is a new one
}

// Opener opens a database, creating or upgrading it to the layout. Object stores that the layout does not name are deleted,
// unless their names begin with "$": those are Larder's own, and may hold what another layout needs.
type Opener func(ctx context.Context, layout Layout, events Events) (Backend, error)
