package replica

import (
	"context"
	"time"

	"github.com/larder-sync/larder/table"
)

// Source is a backend with a protocol of its own for a table: [Options.Sources] has an app's. Whatever can answer "what changed
// since" can be pulled from, and whatever can store a record can be pushed to. [Azure] is one, for plain Azure Mobile Apps
// servers.
//
// The engine asks one thing at a time. What was done before an error stays done, and what has no verdict is offered again,
// under the same id. An error ends the sync of this source's table, and of no other; but with code "network" the engine asks
// again while its patience lasts, with "auth" once it has a fresh token, and after a [Later] when that says. With "expired",
// from GetChanges, it begins from the start, and removes at the end what did not come. Methods must return when their context
// ends.
type Source interface {
	// GetLastSync returns the position from which a pull begins. Most sources return stored, which is the [Changes.Next] of the
	// last page that was stored, "" before the first.
	GetLastSync(ctx context.Context, p Pull, stored string) (since string, err error)
	// GetChanges returns a page of what has changed after a position; "" is the beginning. Nil is a page of nothing.
	GetChanges(ctx context.Context, w Want) (*Changes, error)
	// ApplyChanges carries out operations in their order and returns their verdicts: all of them, or with an error those until
	// then. An operation whose answer was lost comes again: its id tells, where the backend keeps ids; else a conflict with
	// a record that is as the operation wants it counts as applied.
	ApplyChanges(ctx context.Context, ops []*table.Operation) ([]Verdict, error)
}

// Want is what a [Source] is asked for.
type Want struct {
	Pull
	Since string // the position
	Limit int    // rows in a page, about

	// Known returns how many of the pull's records are here that came from the source, or -1 where local changes make that
	// hard to tell.
	Known func(ctx context.Context) (int, error)
}

// Changes is a page of what has changed in a table. The page and its position are stored in one transaction.
type Changes struct {
	// Changed are records as they are now; one whose "deleted" is true is gone. Columns that the schema does not have are left
	// out. A record may come again: nothing happens where its version, or without one its content, is that of the last time.
	Changed []table.Record
	Removed []string // ids of records that are gone
	// IDs are ids of records that exist, from a source that cannot tell which are gone. When a pull ends in which there were
	// some, or an empty list, records go that were neither among them nor changed.
	IDs  []string
	Next string // the position after this page; "": where it was
	More bool   // there is more now
}

// Verdict is what became of an operation: it was applied, unless it says otherwise.
type Verdict struct {
	ID       string       // the operation's
	Record   table.Record // as the source has it now; where it was applied, nil is as it was sent
	Conflict bool         // not applied: it was made on another record than the source has, which is Record; nil: it is gone
	Refused  string       // not applied, and never will be, and why: it goes to quarantine
}

// Later is the error of a [Source] that wants to be asked again.
type Later struct {
	After time.Duration // 0: after as long as the engine likes
	Err   error         // why
}

// Error implements error.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns the cause.
func (l *Later) Unwrap() error { return l.Err }
