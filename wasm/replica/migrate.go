package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// slice is how many operations are migrated at a time.
const slice = 250

// Attach implements [store.Journal].
func (o *Outbox) Attach(c *store.Converter) { o.convert, o.schema = c, c.Schema.Version }

// Migrate implements [store.Journal]: it brings waiting and quarantined operations, with their bases, into the form of the
// schema. One that was sent stays as it is until its verdict, because it may have to be sent again as it was. One that
// cannot be converted, or whose record the migration drops or whose table is gone, is quarantined in its old form, with
// the reason: nothing that waits is lost by a new version.
func (o *Outbox) Migrate(ctx context.Context, txn store.Txn) error {
	for after := (&store.Range{}); ; {
		results, err := txn.Run(ctx, []store.Step{{Op: store.OpGetAll, Store: StoreOutbox, Range: after, Take: slice}, getMeta(metaFlight)})
		if err != nil {
			return err
		}
		if len(results[0].Rows) == 0 {
			break
		}
		parseFlight(results[1].Rows[0]).mark(results[0].Rows)
		var old []*table.Operation
		for _, row := range results[0].Rows {
			op, err := table.ParseOperation(row)
			if err != nil {
				return err
			}
			after = store.After(float64(op.Seq))
			if op.State != table.StateSending && op.Schema < o.schema {
				old = append(old, op)
			}
		}
		var ch entries
		for i, err := range o.modernise(old) {
			if err != nil && old[i].State == table.StateWaiting {
				old[i].State, old[i].Reason = table.StateQuarantined, err.Error()
			}
			ch.put(old[i])
		}
		if steps := ch.steps(); len(steps) > 0 {
			if _, err := txn.Run(ctx, steps); err != nil {
				return err
			}
		}
	}
	if err := o.migrateMeta(ctx, txn); err != nil {
		return err
	}
	return o.identify(ctx, txn)
}

// migrateMeta converts the server's records that wait for the next pull, and forgets the cursors of tables that are gone:
// if such a table comes back, it comes back empty.
func (o *Outbox) migrateMeta(ctx context.Context, txn store.Txn) error {
	results, err := txn.Run(ctx, []store.Step{
		{Op: store.OpGetAll, Store: StoreMeta, Take: -1, Range: withPrefix(prefixKept)},
		{Op: store.OpGetAllKeys, Store: StoreMeta, Take: -1, Range: withPrefix(prefixCursor)}})
	if err != nil {
		return err
	}
	var steps []store.Step
	for _, row := range results[0].Rows {
		name, _ := row["table"].(string)
		record, _ := row["record"].(map[string]any)
		version, _ := row["schema"].(float64)
		switch {
		case !o.convert.Has(name):
			steps = append(steps, dropMeta(row["key"]))
		case record != nil && int(version) < o.schema:
			next, err := o.convert.Convert(name, int(version), []table.Record{record})
			if err != nil {
				return err
			}
			row["schema"], row["record"] = float64(o.schema), map[string]any(next[0])
			if next[0] == nil {
				delete(row, "record")
			}
			steps = append(steps, putMeta(row))
		}
	}
	for _, key := range results[1].Keys {
		if !o.convert.Has(pullOf(key).Table) {
			steps = append(steps, dropMeta(key))
		}
	}
	if len(steps) == 0 {
		return nil
	}
	_, err = txn.Run(ctx, steps)
	return err
}

// pair is [pair] with both operations in the form of today's schema, for joining and merging; what is sent again is read
// elsewhere. Of one that cannot be converted, its base is taken to be unknown but for its version.
func (o *Outbox) pair(group []table.Record) (sent, waits *table.Operation, err error) {
	sent, waits, err = pair(group)
	for _, op := range [...]*table.Operation{sent, waits} {
		if op == nil || o.modernise([]*table.Operation{op})[0] == nil {
			continue
		}
		for _, r := range [...]*table.Record{&op.Base, &op.Server} {
			if *r != nil {
				*r = gone(*r)
			}
		}
	}
	return sent, waits, err
}

// base brings the record that an operation was made on into the form of today's schema; nil if it cannot be.
func (o *Outbox) base(op *table.Operation, base table.Record) table.Record {
	if base == nil || op.Schema >= o.schema {
		return base
	}
	converted, err := o.convert.Convert(op.Table, op.Schema, []table.Record{base})
	if err != nil {
		return nil // it is in the outbox still, for whoever wants to see it
	}
	return converted[0]
}

// modernise brings operations of older schema versions into the form of today's, in place. The error of one that cannot be
// brought there says why; it stays as it is.
func (o *Outbox) modernise(ops []*table.Operation) []error {
	errs := make([]error, len(ops))
	type group struct {
		name string
		from int
	}
	groups := map[group][]int{} // of operations that are converted together
	for i, op := range ops {
		if op.Schema < o.schema {
			g := group{op.Table, op.Schema}
			groups[g] = append(groups[g], i)
		}
	}
	for g, members := range groups {
		if o.moderniseGroup(g.name, g.from, ops, members) == nil {
			continue
		}
		for _, i := range members { // one by one, to find those that fail
			errs[i] = o.moderniseGroup(g.name, g.from, ops, []int{i})
		}
	}
	return errs
}

// moderniseGroup converts the records of some operations in one go, or changes none.
func (o *Outbox) moderniseGroup(name string, from int, ops []*table.Operation, members []int) error {
	var given []table.Record
	for _, i := range members {
		for _, r := range [...]table.Record{ops[i].Record, ops[i].Base, ops[i].Server} {
			if r != nil && !r.Deleted() {
				given = append(given, r)
			}
		}
	}
	converted, err := o.convert.Convert(name, from, given)
	if err != nil {
		return err
	}
	next := make([]table.Operation, len(members))
	take := func(at *table.Record) (dropped bool) {
		if *at == nil || at.Deleted() {
			return false
		}
		*at, converted = converted[0], converted[1:]
		return *at == nil
	}
	for j, i := range members {
		op := *ops[i]
		if take(&op.Record) {
			return table.Errorf(table.CodeMigration, "the migration drops the record ", op.RecordID, " of table ", name,
				", which has a change that waits")
		}
		if take(&op.Base) {
			op.Base = gone(ops[i].Base)
		}
		if take(&op.Server) {
			op.Server = gone(ops[i].Server)
		}
		op.Schema = o.schema
		next[j] = op
	}
	for j, i := range members {
		*ops[i] = next[j]
	}
	return nil
}

// gone is what is left of a record that a migration drops here: the server's version of it, on which a change can be made.
func gone(r table.Record) table.Record {
	left := table.Record{table.ColumnID: r.ID(), table.ColumnDeleted: true}
	if version := r.Version(); version != "" {
		left[table.ColumnVersion] = version
	}
	return left
}
