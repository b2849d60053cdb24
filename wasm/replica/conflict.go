package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

func newConflict(sent, waits *table.Operation, server table.Record) *Conflict {
	c := &Conflict{Table: sent.Table, RecordID: sent.RecordID, Server: server, Base: sent.Base, sent: sent, waits: waits}
	if c.op = join(sent, waits); c.op != nil {
		c.Local = c.op.Record
	}
	return c
}

// quarantined returns the operation that stands in the outbox when nobody decides the conflict.
func (c *Conflict) quarantined() *table.Operation {
	op := c.op
	op.Seq, op.ID, op.Attempts, op.State = c.sent.Seq, c.sent.ID, c.sent.Attempts, table.StateQuarantined
	op.Reason, op.Server = string(table.CodeConflict), c.Server
	if op.Server == nil {
		op.Server = table.Record{table.ColumnID: c.RecordID, table.ColumnDeleted: true}
	}
	return op
}

// mergeAlone ends a conflict that needs nobody: changes of different fields, equal changes, and local changes that
// cancel out. It reports false when somebody must choose.
func (r *Replica) mergeAlone(ch *changes, c *Conflict) bool {
	if c.op == nil {
		r.end(ch, c, Decision{Choice: ChooseServer})
		return true
	}
	if c.Server == nil || c.Local == nil {
		return false
	}
	merged, conflicts := table.Merge(c.Base, c.Local, c.Server)
	if len(conflicts) > 0 {
		return false
	}
	r.end(ch, c, Decision{Choice: ChooseRecord, Record: merged})
	return true
}

// resolve ends a conflict by a decision, in one transaction. If the app has changed the record again meanwhile, it
// returns the conflict as it stands now, to be decided anew.
func (r *Replica) resolve(ctx context.Context, c *Conflict, d Decision) (again *Conflict, err error) {
	err = r.relieve(ctx, []string{StoreOutbox, StoreMeta, c.Table}, func(tx *store.Tx) error {
		again = nil
		results, _, err := read(ctx, tx, lookup(c.Table, c.RecordID))
		if err != nil {
			return err
		}
		sent, waits, err := r.outbox.pair(results[0].Groups[0])
		if err != nil {
			return err
		}
		if sent == nil || sent.ID != c.sent.ID {
			return nil // settled in another way, by another tab
		}
		now := newConflict(sent, waits, c.Server)
		if d.Choice != ChooseLater && !sameEdit(waits, c.waits) {
			again = now
			return nil
		}
		var ch changes
		if err := r.checkDecision(now, d); err != nil {
			return err
		}
		r.end(&ch, now, d)
		if d.Choice == ChooseLater && now.op != nil {
			if err := ch.quarantineWith(ctx, tx, now.op); err != nil {
				return err
			}
		}
		return ch.write(tx, []string{c.Table})
	})
	return again, err
}

func sameEdit(a, b *table.Operation) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Seq == b.Seq && table.Equal(a.Record, b.Record)
}

// checkDecision refuses a decision that cannot be stored.
func (r *Replica) checkDecision(c *Conflict, d Decision) error {
	if d.Choice != ChooseRecord {
		return nil
	}
	if d.Record.ID() != c.RecordID {
		return table.Errorf(table.CodeInvalid, "the conflict's handler returned a record with another id than ", c.RecordID)
	}
	schema, err := r.store.Schema(c.Table)
	if err != nil {
		return err
	}
	return schema.Check(d.Record)
}

// stamped is a local record with the server's columns: the next edit of it is made on that version, and overwrites no other.
func stamped(local, server table.Record) table.Record {
	next := withoutSystem(local)
	for name, v := range server {
		if table.IsSystem(name) {
			next[name] = v
		}
	}
	return next
}

// end writes what a decision means.
func (r *Replica) end(ch *changes, c *Conflict, d Decision) {
	if d.Choice == ChooseLater && c.op != nil {
		if c.waits != nil {
			ch.drop(c.waits)
		}
		ch.put(c.quarantined())
		return
	}
	ch.drop(c.sent)
	if c.waits != nil {
		ch.drop(c.waits)
	}
	want := c.Local
	switch d.Choice {
	case ChooseRecord:
		want = table.Rebase(c.Server, d.Record, c.Server)
	case ChooseLocal:
		want = table.Rebase(c.Server, c.Local, c.Server)
	case ChooseCancel:
		kept := table.Record{"key": metaKept(c.Table, c.RecordID), "table": c.Table, "id": c.RecordID,
			"schema": float64(r.outbox.schema), "version": c.Local.Version()}
		if c.Server != nil {
			kept["record"] = map[string]any(c.Server)
			if c.Local != nil {
				kept["version"] = c.Server.Version()
				ch.row(c.Table, c.RecordID, stamped(c.Local, c.Server))
			}
		}
		ch.meta = append(ch.meta, kept)
		return
	default:
		ch.row(c.Table, c.RecordID, c.Server)
		return
	}
	op := &table.Operation{ID: r.outbox.newID(), Table: c.Table, RecordID: c.RecordID, Action: table.ActionUpdate,
		Record: want, Base: c.Server, State: table.StateWaiting, Principal: c.sent.Principal, Schema: r.outbox.schema,
		CreatedAt: c.sent.CreatedAt, Groups: c.sent.Groups, Lost: c.sent.Lost.AndChanged()}
	if c.op != nil {
		op.Groups = c.op.Groups
	}
	switch {
	case want == nil && c.Server == nil:
		ch.row(c.Table, c.RecordID, nil)
		return
	case want == nil:
		op.Action = table.ActionDelete
	case c.Server == nil:
		op.Action, op.Record = table.ActionInsert, withoutSystem(want)
	case len(table.Diff(c.Server, want)) == 0:
		ch.row(c.Table, c.RecordID, c.Server)
		return
	}
	ch.row(c.Table, c.RecordID, op.Record)
	ch.add(op)
}
