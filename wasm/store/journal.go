package store

import (
	"context"

	"github.com/larder-sync/larder/table"
)

// Write is one change of one record, as a [Journal] sees it.
type Write struct {
	Action table.Action // what was asked for: insert, update or delete; "" for a put
	ID     string
	Before table.Record // the row before, nil if there was none
	After  table.Row    // the row after; neither text nor record if it is deleted
	Group  string       // names the transaction, where its writes are one unit to the server too; else ""

	fresh bool // the id was made for this write, so nothing can be there under it
}

// Deletes reports whether the row is gone after the write.
func (w *Write) Deletes() bool { return w.After.IsZero() }

// Journal hears of every write inside the write's transaction, and adds its own steps to it. The sync engine's outbox
// is one. Reads and Writes are called under the transaction and must only compute.
type Journal interface {
	// Attach gives the journal, before anything else, the converter of records that it has kept from older schema versions.
	Attach(c *Converter)
	// Migrate brings what the journal keeps of records into the form of the schema, within the upgrade of a database. What
	// cannot be brought there must not get lost for it.
	Migrate(ctx context.Context, txn Txn) error
	// Stores are the journal's own object stores.
	Stores() []StoreLayout
	// Reads returns the steps whose results Writes needs; they run together with the store's own reads.
	Reads(tableName string, ids []string) []Step
	// Writes returns the steps that record the writes. reads are the results of Reads, in order; nil for inserts whose ids
	// were made for them, of which nothing can be there.
	Writes(tableName string, writes []Write, reads []Result) ([]Step, error)
}
