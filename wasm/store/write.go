package store

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// slice is how many records one program carries: enough to make the crossing cheap, small enough that neither side
// holds the page's thread for long.
const slice = 250

// WriteRows is [Store.Write] for records that come slice by slice, as text or as records: see [TxTable.WriteRows]. A delete
// that finds no room begins again, and so does what it tells to stored.
func (s *Store) WriteRows(
	ctx context.Context, action table.Action, tableName string, rows iter.Seq2[[]table.Row, error], stored func([]table.Row) error,
) error {
	if action == table.ActionDelete {
		var all []table.Row // rows can be asked for once only
		for some, err := range rows {
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		rows = func(yield func([]table.Row, error) bool) { yield(all, nil) }
	}
	return s.Update(ctx, []string{tableName}, func(tx *Tx) error {
		tx.single = true
		return tx.Table(tableName).WriteRows(ctx, action, rows, stored)
	})
}

// WriteRows is [TxTable.Write] for records that come slice by slice: rows is asked for more while the storage works on those
// before, and ends the transaction with its error. A row that has text must have it from [table.Schema.ParseRows]. Stored, if
// it is not nil, hears of the rows as they will be when the transaction commits, some at a time and in order; a row that is
// deleted has an id only.
func (t *TxTable) WriteRows(
	ctx context.Context, action table.Action, rows iter.Seq2[[]table.Row, error], stored func([]table.Row) error,
) error {
	schema, err := t.tx.store.Schema(t.name)
	if err != nil {
		return err
	}
	w := writer{TxTable: t, schema: schema, action: action, stored: stored}
	var given []table.Row // one step behind, because the last are known by what follows
	for next, err := range rows {
		if err != nil {
			return err
		}
		if err := w.write(ctx, given, false); err != nil {
			return err
		}
		given = next
	}
	if err := w.write(ctx, given, true); err != nil {
		return err
	}
	return w.settle()
}

// writer is one write of a table.
type writer struct {
	*TxTable
	schema *table.Schema
	action table.Action
	stored func([]table.Row) error
	ahead  func() ([]Result, error) // waits for the program that was started last; nil if there is none
}

// start begins a program and waits for the one before it: so the storage has work while the next program is made.
func (t *writer) start(ctx context.Context, steps []Step) error {
	before := t.ahead
	t.ahead = t.tx.txn.Start(ctx, steps)
	if before == nil {
		return nil
	}
	_, err := before()
	return err
}

// settle waits for what was started.
func (t *writer) settle() error {
	if t.ahead == nil {
		return nil
	}
	_, err := t.ahead()
	return err
}

// write does the rows in programs of at most [slice], each with an id at most once. Last says that none come after them.
func (t *writer) write(ctx context.Context, rows []table.Row, last bool) error {
	for start := 0; start < len(rows); {
		seen := make(map[string]bool, min(slice, len(rows)-start))
		writes := make([]Write, 0, min(slice, len(rows)-start))
		end := start
		for ; end < len(rows) && len(writes) < slice; end++ {
			w, err := t.prepare(rows[end])
			if err != nil {
				return err
			}
			if seen[w.ID] {
				break
			}
			seen[w.ID] = true
			writes = append(writes, w)
		}
		start = end
		if err := t.run(ctx, writes, last && start == len(rows)); err != nil {
			return err
		}
	}
	return nil
}

// prepare checks what can be checked without the rows that are there.
func (t *writer) prepare(row table.Row) (Write, error) {
	w := Write{Action: t.action, ID: row.ID, Group: t.tx.group}
	if t.action == table.ActionDelete {
		return w, nil
	}
	if row.Text != "" {
		w.After = row
		return w, nil
	}
	record := row.Record
	if record[table.ColumnID] == nil && t.action != table.ActionUpdate && t.tx.store.options.NewID != nil {
		withID := make(table.Record, len(record)+1)
		for k, v := range record {
			withID[k] = v
		}
		withID[table.ColumnID] = t.tx.store.options.NewID()
		record, w.fresh = withID, t.action == table.ActionInsert
	}
	after, err := t.schema.Normalize(record)
	if err != nil {
		return w, err
	}
	w.ID = after.ID()
	w.After = table.Row{ID: w.ID, Record: after}
	return w, nil
}

// run reads what the writes need, completes them, and writes rows and journal together: two crossings at most, and one where
// nothing has to be read.
func (t *writer) run(ctx context.Context, writes []Write, last bool) error {
	journal := t.tx.store.options.Journal
	known := !slices.ContainsFunc(writes, func(w Write) bool { return !w.fresh })
	var reads []Result
	if !known && (journal != nil || t.action == table.ActionInsert || t.action == table.ActionUpdate) {
		var err error
		if reads, err = t.read(ctx, writes); err != nil {
			return err
		}
	}
	for i := range writes {
		if err := writes[i].complete(t.name); err != nil {
			return err
		}
	}
	if journal == nil {
		return t.commit(ctx, writes, nil, last)
	}
	steps, err := journal.Writes(t.name, writes, reads)
	if err != nil {
		return err
	}
	return t.commit(ctx, writes, steps, last)
}

// read fills in the rows before the writes, and returns what the journal wants to know.
func (t *writer) read(ctx context.Context, writes []Write) ([]Result, error) {
	ids := make([]string, len(writes))
	for i := range writes {
		ids[i] = writes[i].ID
	}
	steps := []Step{{Op: OpGet, Store: t.name, Keys: keysOf(ids)}}
	if journal := t.tx.store.options.Journal; journal != nil {
		steps = append(steps, journal.Reads(t.name, ids)...)
	}
	results, err := t.tx.Run(ctx, steps...)
	if err != nil {
		return nil, err
	}
	for i := range writes {
		writes[i].Before = results[0].Rows[i]
	}
	return results[1:], nil
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
	if w.Before == nil && w.After.Text != "" {
		return nil
	}
	after := w.After.Open()
	version := after.Version()
	delete(after, table.ColumnVersion)
	if w.Before == nil {
		return nil
	}
	if version != "" && w.Before.Version() != "" && version != w.Before.Version() {
		return table.Errorf(table.CodeConflict, "the record ", where(), " has changed since it was read: read it again")
	}
	for k, v := range w.Before {
		if table.IsSystem(k) {
			after[k] = v
		} else if _, given := after[k]; !given && w.Action == table.ActionUpdate {
			after[k] = v
		}
	}
	w.After.Text = ""
	return nil
}

// commit writes the rows, and the journal's steps with them.
func (t *writer) commit(ctx context.Context, writes []Write, journal []Step, last bool) error {
	var puts []table.Row
	var deletes []string
	for i := range writes {
		if writes[i].Deletes() {
			deletes = append(deletes, writes[i].ID)
		} else {
			puts = append(puts, writes[i].After)
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
		t.tx.last = append(t.tx.last, steps...)
	} else if err := t.start(ctx, steps); err != nil {
		return err
	}
	if t.stored == nil {
		return nil
	}
	after := make([]table.Row, len(writes))
	for i := range writes {
		after[i] = writes[i].After
	}
	return t.stored(after)
}
