package store

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
)

// Tx is a transaction. It is for the goroutine that runs its function, and dead after that function.
type Tx struct {
	store   *Store
	txn     Txn
	scope   []string
	changes []Change
	grew    bool   // something was written, not only deleted
	group   string // see Write.Group
	single  bool   // there is one write, and nothing after it
	last    []Step // go with the commit
}

// Table returns a table for use in this transaction. A name that is not there gives an error at the first use.
func (tx *Tx) Table(name string) *TxTable { return &TxTable{tx: tx, name: name} }

// Run runs steps as they are: no schema, no journal. It is for the journal's owner; most callers use [Tx.Table].
func (tx *Tx) Run(ctx context.Context, steps ...Step) ([]Result, error) {
	tx.note(steps)
	return tx.txn.Run(ctx, steps)
}

// Last is Run for the steps that a transaction ends with, whose results do not matter: they are run when its function has
// returned, together with the commit, which saves a crossing.
func (tx *Tx) Last(steps ...Step) {
	tx.note(steps)
	tx.last = append(tx.last, steps...)
}

// note remembers what steps change.
func (tx *Tx) note(steps []Step) {
	for i := range steps {
		switch steps[i].Op {
		case OpPut, OpAdd:
			tx.grew = true
			tx.changed(steps[i].Store, nil)
		case OpDelete:
			tx.changed(steps[i].Store, nil)
		}
	}
}

// Apply returns the steps that replace and delete rows of a table as they are, without telling the journal: what came
// from the server needs no sending back.
func (tx *Tx) Apply(name string, puts []table.Row, deletes []string) ([]Step, error) {
	schema, err := tx.store.Schema(name)
	if err != nil {
		return nil, err
	}
	var steps []Step
	encode := encodings(indexLayouts(schema))
	for part := range slices.Chunk(puts, slice) { // the helper makes the requests of a short step at once
		steps = append(steps, Step{Op: OpPut, Store: name, Rows: part, Encode: encode})
	}
	if len(deletes) > 0 {
		steps = append(steps, Step{Op: OpDelete, Store: name, Keys: keysOf(deletes)})
	}
	tx.grew = tx.grew || len(puts) > 0
	ids := make([]string, len(puts), len(puts)+len(deletes))
	for i := range puts {
		ids[i] = puts[i].ID
	}
	tx.changed(name, append(ids, deletes...))
	return steps, nil
}

func (tx *Tx) changed(store string, ids []string) {
	at := slices.IndexFunc(tx.changes, func(c Change) bool { return c.Store == store })
	if at < 0 {
		tx.changes = append(tx.changes, Change{Store: store})
		at = len(tx.changes) - 1
	}
	c := &tx.changes[at]
	if c.many = c.many || len(c.IDs)+len(ids) > MaxTold; c.many {
		c.IDs = nil
		return
	}
	c.IDs = append(c.IDs, ids...)
}

// TxTable is a table within a transaction: [Tx.Table] gives it.
type TxTable struct {
	tx   *Tx
	name string
}

// Get returns the record with the id, or nil if there is none.
func (t *TxTable) Get(ctx context.Context, id string) (table.Record, error) {
	rows, err := t.GetMany(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// GetMany returns the records with the ids, in their order, with nil for those that are not there.
func (t *TxTable) GetMany(ctx context.Context, ids []string) ([]table.Record, error) {
	if _, err := t.tx.store.Schema(t.name); err != nil {
		return nil, err
	}
	results, err := t.tx.txn.Run(ctx, []Step{{Op: OpGet, Store: t.name, Keys: keysOf(ids)}})
	if err != nil {
		return nil, err
	}
	return results[0].Rows, nil
}

// Insert adds records and returns them as stored. A record without an id is given one; an id that is there already is
// an error with code "exists", and nothing is inserted.
func (t *TxTable) Insert(ctx context.Context, records ...table.Record) ([]table.Record, error) {
	return t.Write(ctx, table.ActionInsert, records...)
}

// Update merges the given columns into the records with the same ids, and returns them as stored. An id that is not
// there is an error with code "not-found". A version that differs from the stored one is an error with code "conflict".
func (t *TxTable) Update(ctx context.Context, changes ...table.Record) ([]table.Record, error) {
	return t.Write(ctx, table.ActionUpdate, changes...)
}

// Put inserts or replaces whole records and returns them as stored. Of several with one id the last wins.
func (t *TxTable) Put(ctx context.Context, records ...table.Record) ([]table.Record, error) {
	return t.Write(ctx, "", records...)
}

// Delete deletes the records with the ids. An id that is not there is no error.
func (t *TxTable) Delete(ctx context.Context, ids ...string) error {
	records := make([]table.Record, len(ids))
	for i, id := range ids {
		records[i] = table.Record{table.ColumnID: id}
	}
	_, err := t.Write(ctx, table.ActionDelete, records...)
	return err
}

// Write does what the method of the action's name does: an empty action is a put. A delete needs the records' ids only,
// and returns a nil record for each.
func (t *TxTable) Write(ctx context.Context, action table.Action, records ...table.Record) ([]table.Record, error) {
	rows := make([]table.Row, len(records))
	for i, r := range records {
		rows[i] = table.Row{ID: r.ID(), Record: r}
	}
	stored := make([]table.Record, 0, len(records))
	err := t.WriteRows(ctx, action, func(yield func([]table.Row, error) bool) { yield(rows, nil) }, func(rows []table.Row) error {
		for i := range rows {
			stored = append(stored, rows[i].Open())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func keysOf(ids []string) []Key {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = id
	}
	return keys
}
