package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Tx is a transaction. It is for the goroutine that runs its function, and dead after that function.
type Tx struct {
	store   *Store
	txn     Txn
	scope   []string
	changes []Change
	single  bool   // there is one write, and nothing after it
	last    []Step // with single: the write's last program, which goes with the commit
}

// Table returns a table for use in this transaction. A name that is not there gives an error at the first use.
func (tx *Tx) Table(name string) *TxTable { return &TxTable{tx: tx, name: name} }

// Run runs steps as they are: no schema, no journal. It is for the journal's owner; most callers use [Tx.Table].
func (tx *Tx) Run(ctx context.Context, steps ...Step) ([]Result, error) {
	for i := range steps {
		switch steps[i].Op {
		case OpPut, OpAdd, OpDelete:
			tx.changed(steps[i].Store, nil)
		}
	}
	return tx.txn.Run(ctx, steps)
}

// Apply returns the steps that replace and delete rows of a table as they are, without telling the journal: what came
// from the server needs no sending back.
func (tx *Tx) Apply(name string, puts []table.Record, deletes []string) ([]Step, error) {
	schema, err := tx.store.Schema(name)
	if err != nil {
		return nil, err
	}
	var steps []Step
	if len(puts) > 0 {
		steps = append(steps, Step{Op: OpPut, Store: name, Values: puts, Encode: schema.IndexedColumns()})
	}
	if len(deletes) > 0 {
		steps = append(steps, Step{Op: OpDelete, Store: name, Keys: keysOf(deletes)})
	}
	for _, row := range puts {
		tx.changed(name, []string{row.ID()})
	}
	tx.changed(name, deletes)
	return steps, nil
}

func (tx *Tx) changed(store string, ids []string) {
	at := slices.IndexFunc(tx.changes, func(c Change) bool { return c.Store == store })
	if at < 0 {
		tx.changes = append(tx.changes, Change{Store: store})
		at = len(tx.changes) - 1
	}
	tx.changes[at].IDs = append(tx.changes[at].IDs, ids...)
}

// TxTable is a table within a transaction: [Tx.Table] gives it.
type TxTable struct {
	tx   *Tx
	name string
}

// slice is how many records one program carries: enough to make the crossing cheap, small enough that neither side
// holds the page's thread for long.
const slice = 500

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
	return t.write(ctx, table.ActionInsert, records)
}

// Update merges the given columns into the records with the same ids, and returns them as stored. An id that is not
// there is an error with code "not-found". A version that differs from the stored one is an error with code "conflict".
func (t *TxTable) Update(ctx context.Context, changes ...table.Record) ([]table.Record, error) {
	return t.write(ctx, table.ActionUpdate, changes)
}

// Put inserts or replaces whole records and returns them as stored. Of several with one id the last wins.
func (t *TxTable) Put(ctx context.Context, records ...table.Record) ([]table.Record, error) {
	return t.write(ctx, "", records)
}

// Delete deletes the records with the ids. An id that is not there is no error.
func (t *TxTable) Delete(ctx context.Context, ids ...string) error {
	records := make([]table.Record, len(ids))
	for i, id := range ids {
		records[i] = table.Record{table.ColumnID: id}
	}
	_, err := t.write(ctx, table.ActionDelete, records)
	return err
}

// Write does what the method of the action's name does: an empty action is a put. A delete needs the records' ids only,
// and returns a nil record for each.
func (t *TxTable) Write(ctx context.Context, action table.Action, records ...table.Record) ([]table.Record, error) {
	return t.write(ctx, action, records)
}

// write does the records in programs of at most [slice], each with an id at most once.
func (t *TxTable) write(ctx context.Context, action table.Action, records []table.Record) ([]table.Record, error) {
	schema, err := t.tx.store.Schema(t.name)
	if err != nil {
		return nil, err
	}
	stored := make([]table.Record, 0, len(records))
	for start := 0; start < len(records); {
		seen := make(map[string]bool, min(slice, len(records)-start))
		writes := make([]Write, 0, min(slice, len(records)-start))
		end := start
		for ; end < len(records) && len(writes) < slice; end++ {
			w, err := t.prepare(schema, action, records[end])
			if err != nil {
				return nil, err
			}
			if seen[w.ID] {
				break
			}
			seen[w.ID] = true
			writes = append(writes, w)
		}
		start = end
		if err := t.run(ctx, writes, start == len(records)); err != nil {
			return nil, err
		}
		for i := range writes {
			stored = append(stored, writes[i].After)
		}
	}
	return stored, nil
}

// prepare checks what can be checked without the rows.
func (t *TxTable) prepare(schema *table.Schema, action table.Action, record table.Record) (Write, error) {
	w := Write{Action: action, ID: record.ID()}
	if action == table.ActionDelete {
		return w, nil
	}
	if record[table.ColumnID] == nil && action != table.ActionUpdate && t.tx.store.options.NewID != nil {
		withID := make(table.Record, len(record)+1)
		for k, v := range record {
			withID[k] = v
		}
		withID[table.ColumnID] = t.tx.store.options.NewID()
		record = withID
	}
	after, err := schema.Normalize(record)
	if err != nil {
		return w, err
	}
	w.ID, w.After = after.ID(), after
	return w, nil
}

// run reads what the writes need, completes them, and writes rows and journal together: two crossings at most.
func (t *TxTable) run(ctx context.Context, writes []Write, last bool) error {
	if len(writes) == 0 {
		return nil
	}
	tx, journal := t.tx, t.tx.store.options.Journal
	ids := make([]string, len(writes))
	for i := range writes {
		ids[i] = writes[i].ID
	}
	if a := writes[0].Action; journal == nil && a != table.ActionInsert && a != table.ActionUpdate {
		for i := range writes {
			delete(writes[i].After, table.ColumnVersion)
		}
		return t.commit(ctx, writes, nil, last)
	}
	reads := []Step{{Op: OpGet, Store: t.name, Keys: keysOf(ids)}}
	if journal != nil {
		reads = append(reads, journal.Reads(t.name, ids)...)
	}
	results, err := tx.txn.Run(ctx, reads)
	if err != nil {
		return err
	}
	for i := range writes {
		writes[i].Before = results[0].Rows[i]
		if err := writes[i].complete(t.name); err != nil {
			return err
		}
	}
	if journal == nil {
		return t.commit(ctx, writes, nil, last)
	}
	more, err := journal.Writes(t.name, writes, results[1:])
	if err != nil {
		return err
	}
	return t.commit(ctx, writes, more, last)
}

// complete makes After out of Before, or says why it cannot be.
func (w *Write) complete(name string) error {
	where := func() string { return strconv.Quote(w.ID) + " in table " + name }
	switch w.Action {
	case table.ActionInsert:
		if w.Before != nil {
			return table.Errorf(table.CodeExists, "there is already a record ", where(), ": use put to replace it")
		}
	case table.ActionUpdate:
		if w.Before == nil {
			return table.Errorf(table.CodeNotFound, "there is no record ", where(), ": use insert or put to add it")
		}
	case table.ActionDelete:
		return nil
	}
	version := w.After.Version()
	delete(w.After, table.ColumnVersion)
	if w.Before == nil {
		return nil
	}
	if version != "" && w.Before.Version() != "" && version != w.Before.Version() {
		return table.Errorf(table.CodeConflict, "the record ", where(), " has changed since it was read: read it again")
	}
	for k, v := range w.Before {
		if table.IsSystem(k) {
			w.After[k] = v
		} else if _, given := w.After[k]; !given && w.Action == table.ActionUpdate {
			w.After[k] = v
		}
	}
	return nil
}

// commit writes the rows, and the journal's steps with them.
func (t *TxTable) commit(ctx context.Context, writes []Write, journal []Step, last bool) error {
	var puts []table.Record
	var deletes []string
	for i := range writes {
		if writes[i].After != nil {
			puts = append(puts, writes[i].After)
		} else {
			deletes = append(deletes, writes[i].ID)
		}
	}
	steps, err := t.tx.Apply(t.name, puts, deletes)
	if err != nil {
		return err
	}
	for _, s := range journal {
		t.tx.changed(s.Store, nil)
	}
	if steps = append(steps, journal...); last && t.tx.single {
		t.tx.last = steps
		return nil
	}
	_, err = t.tx.txn.Run(ctx, steps)
	return err
}

func keysOf(ids []string) []Key {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = id
	}
	return keys
}
