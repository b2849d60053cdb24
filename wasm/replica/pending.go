package replica

import (
	"context"
	"strconv"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Status is where a replica stands.
type Status struct {
	Pending     int    // operations in the outbox, those in quarantine among them
	Quarantined int    // operations that wait for a person or the app
	Principal   string // whose database it is: the sub of their tokens; "" while nobody has signed in
	LastSync    string // ISO time of the last sync that ended well, by the local clock; "" for never
}

// Status counts the outbox and reads the time of the last sync. It is cheap, however much waits.
func (r *Replica) Status(ctx context.Context) (s Status, err error) {
	err = r.store.View(ctx, []string{StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx,
			store.Step{Op: store.OpCount, Store: StoreOutbox, Take: -1},
			store.Step{Op: store.OpCount, Store: StoreOutbox, Index: quarantined, Take: -1},
			getMeta(metaSync), getMeta(metaPrincipal))
		if err != nil {
			return err
		}
		s = Status{Pending: results[0].Count, Quarantined: results[1].Count}
		s.Principal = principalOf(results[3].Rows[0])
		if row := results[2].Rows[0]; row != nil {
			s.LastSync, _ = row["at"].(string)
		}
		return nil
	})
	return s, err
}

// Pending returns the operations of the outbox, in order.
func (r *Replica) Pending(ctx context.Context) (ops []*table.Operation, err error) {
	err = r.store.View(ctx, []string{StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
		results, _, err := read(ctx, tx, store.Step{Op: store.OpGetAll, Store: StoreOutbox, Take: -1})
		if err != nil {
			return err
		}
		ops = make([]*table.Operation, len(results[0].Rows))
		for i, row := range results[0].Rows {
			if ops[i], err = table.ParseOperation(row); err != nil {
				return err
			}
		}
		return nil
	})
	return ops, err
}

// Retry puts an operation from quarantine back into the queue, and all of its atomic transaction. An operation that is not there is an error with code
// "not-found"; one that is not in quarantine is left as it is. One that a migration could not convert cannot go back: code
// "migration".
func (r *Replica) Retry(ctx context.Context, id string) error {
	return r.change(ctx, id, func(ch *changes, op *table.Operation) error {
		if op.State != table.StateQuarantined {
			return nil
		}
		return r.retry(ch, op)
	})
}

// retry puts an operation at the end of the queue, as a new one.
func (r *Replica) retry(ch *changes, op *table.Operation) error {
	next := *op
	if err := r.outbox.modernise([]*table.Operation{&next})[0]; err != nil {
		return err
	}
	next.ID, next.State, next.Reason = r.outbox.newID(), table.StateWaiting, ""
	ch.drop(op)
	ch.add(&next)
	return nil
}

// Discard takes an operation out of the outbox, with all of its atomic transaction, and undoes their changes: records go back to
// the server's, or away if they were inserted here. An operation that was sent and has no verdict yet cannot be discarded: code "conflict".
func (r *Replica) Discard(ctx context.Context, id string) error {
	return r.change(ctx, id, func(ch *changes, op *table.Operation) error {
		if op.State == table.StateSending {
			return table.Errorf(table.CodeConflict, "operation ", op.ID, " was sent and its verdict is not known yet: push first")
		}
		ch.drop(op)
		back := op.Server
		if back == nil {
			back = op.Base
		}
		ch.row(op.Table, op.RecordID, r.outbox.base(op, back))
		return nil
	})
}

// Edit replaces the record of an operation, which then waits to be pushed anew, with all of its atomic transaction. One that was
// sent keeps what it had; the edit comes after it.
func (r *Replica) Edit(ctx context.Context, id string, record table.Record) error {
	op, err := r.find(ctx, id)
	if err != nil {
		return err
	}
	edited := make(table.Record, len(record)+1)
	for name, v := range record {
		edited[name] = v
	}
	edited[table.ColumnID] = op.RecordID
	return r.store.Update(ctx, []string{op.Table, StoreOutbox}, func(tx *store.Tx) error {
		if _, err := tx.Table(op.Table).Put(ctx, edited); err != nil {
			return err
		}
		all, err := members(ctx, tx, op)
		if err != nil {
			return err
		}
		var ch changes
		for _, other := range all {
			if other.State == table.StateQuarantined && recordName(other) != recordName(op) {
				if err := r.retry(&ch, other); err != nil {
					return err
				}
			}
		}
		return ch.write(tx, nil)
	})
}

func (r *Replica) find(ctx context.Context, id string) (*table.Operation, error) {
	ops, err := r.Pending(ctx)
	if err != nil {
		return nil, err
	}
	for _, op := range ops {
		if op.ID == id {
			return op, nil
		}
	}
	return nil, missing(id)
}

// change finds an operation by its id and runs fn on it and on all of its atomic transaction, in one transaction.
func (r *Replica) change(ctx context.Context, id string, fn func(*changes, *table.Operation) error) error {
	op, err := r.find(ctx, id)
	if err != nil {
		return err
	}
	tables := r.tablesOf([]*table.Operation{op})
	if len(op.Groups) > 0 {
		tables = r.store.Tables()
	}
	return r.store.Relieve(ctx, append([]string{StoreOutbox}, tables...), func(tx *store.Tx) error {
		results, _, err := read(ctx, tx, store.Step{Op: store.OpGet, Store: StoreOutbox, Keys: []store.Key{float64(op.Seq)}})
		if err != nil {
			return err
		}
		if results[0].Rows[0] == nil {
			return missing(id)
		}
		now, err := table.ParseOperation(results[0].Rows[0])
		if err != nil {
			return err
		}
		all, err := members(ctx, tx, now)
		if err != nil {
			return err
		}
		var ch changes
		for _, op := range all {
			if err := fn(&ch, op); err != nil {
				return err
			}
		}
		return ch.write(tx, tables)
	})
}

func missing(id string) error {
	return table.Errorf(table.CodeNotFound, "there is no operation ", strconv.Quote(id), " in the outbox: it was settled")
}
