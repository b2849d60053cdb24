package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// reclaims reports whether the sweep finds out what its server has lost.
func (s *sweep) reclaims() bool { return s != nil && s.known != "" }

// reclaiming returns the pull under way that finds out what the server has lost of a table, or nil.
func (r *Replica) reclaiming(tableName string) *sweep {
	for p, s := range r.sweeps {
		if p.Table == tableName && s.reclaims() {
			return s
		}
	}
	return nil
}

// lost returns the mark of a version that the server has lost; false for one that it knows, and for none.
func (s *sweep) lost(version string) (table.Mark, bool) {
	m := table.MarkOf(version)
	return m, m.Seq > 0 && !s.past.Has(m)
}

// includes reports whether a version of the server's is one that a lost version has gone into, or a later one of the same past.
func (s *sweep) includes(version string, lost table.Mark) bool {
	m := table.LostOf(version).Mark()
	return m.Seq >= lost.Seq && (m.Boot == lost.Boot || s.known.Has(m))
}

// precedes reports whether a version of the server's is what the record was before the version that is lost: of the past that was
// known, or an earlier version that was lost and that another device has brought back, without changes since.
func (s *sweep) precedes(version string, lost table.Mark) bool {
	back := table.LostOf(version)
	if back == "" {
		return s.known.Has(table.MarkOf(version)) && version != ""
	}
	m := back.Mark()
	return !back.Changed() && m.Seq < lost.Seq && (m.Boot == lost.Boot || s.known.Has(m))
}

// reclaim makes of a record whose version here the server has lost the operation that brings it back: here is the row, group its
// operations, c what the server has, with neither text nor record if it never had it. It reports false where nothing is lost:
// then the change is like any other.
func (r *Replica) reclaim(
	s *sweep, ch *changes, tableName string, here table.Record, group []table.Record, c *table.Change,
) (bool, error) {
	_, waits, err := r.outbox.pair(group)
	if err != nil {
		return false, err
	}
	version, op := here.Version(), waits
	switch {
	case waits != nil:
		version = waits.Base.Version()
	case here == nil && s.gone[c.ID].Seq > 0:
		version = s.gone[c.ID].String()
	}
	lost, is := s.lost(version)
	if !is {
		return false, nil
	}
	if op == nil {
		op = r.outbox.operation(tableName, &store.Write{ID: c.ID})
		op.Record, op.Lost = here, table.Lost(lost.String())
	} else {
		op.Lost = table.Lost(lost.String()).AndChanged()
	}
	if !s.rebase(op, lost, c) {
		return false, nil
	}
	ch.bring(op, waits)
	return true, nil
}

// rebase makes an operation that was made on a lost version one on what the server has. It reports false where there is nothing
// to bring back: the server has it already, or neither side has it.
func (s *sweep) rebase(op *table.Operation, lost table.Mark, c *table.Change) bool {
	server, version := table.Record(nil), c.Version
	if c.Removed == "" {
		server = c.Open()
		version = server.Version()
	}
	deletes, before := op.Record == nil, s.precedes(version, lost)
	deleted := c.Removed == table.ReasonDeleted || c.IsZero() && c.Removed == ""
	if s.includes(version, lost) || deletes && deleted || server != nil && !deletes && len(table.Diff(server, op.Record)) == 0 {
		return false
	}
	stub := func(version string) table.Record {
		return gone(table.Record{table.ColumnID: c.ID, table.ColumnVersion: version})
	}
	op.Server = nil
	switch {
	case deleted && (before || version == ""):
		op.Base = nil
	case deleted:
		op.Base, op.Server = stub(lost.String()), stub(version)
	case before && server != nil:
		op.Base = server
	case before:
		op.Base = stub(version) // it is there, but not among what is pulled
	case deletes:
		op.Base, op.Server = stub(lost.String()), server
	default:
		op.Base, op.Server = nil, server
	}
	switch {
	case deletes:
		op.Action = table.ActionDelete
	case op.Base == nil:
		op.Action, op.Record = table.ActionInsert, withoutSystem(op.Record)
	case server != nil:
		op.Action, op.Record = table.ActionUpdate, stamped(op.Record, server)
	default:
		op.Action, op.Record = table.ActionUpdate, withoutSystem(op.Record)
	}
	return true
}

// bring writes an operation that brings something back, in the place of what waits if something does.
func (c *changes) bring(op, waits *table.Operation) {
	c.row(op.Table, op.RecordID, op.Record)
	if waits != nil {
		c.put(op)
	} else {
		c.add(op)
	}
}

// prepare reads what a page is compared with, and before the last one makes operations for what no page has brought.
func (r *Replica) prepare(ctx context.Context, s *sweep, a Apply) error {
	if a.Page.Past != "" {
		s.past = a.Page.Past
	}
	if s.gone == nil {
		if err := r.recollect(ctx, s, a.Table); err != nil {
			return err
		}
	}
	if a.Page.More {
		return nil
	}
	return r.leftovers(ctx, a)
}

// recollect reads the acknowledged deletes, and puts back what a cancelled change stands in the place of: it is what the server had.
func (r *Replica) recollect(ctx context.Context, s *sweep, tableName string) error {
	deletes := map[string]table.Mark{}
	err := r.update(ctx, []string{tableName, StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(prefixGone+tableName),
			store.Step{Op: store.OpGetAll, Store: StoreMeta, Take: -1, Range: withPrefix(metaKept(tableName, ""))})
		if err != nil {
			return err
		}
		list, _ := results[0].Rows[0]["list"].([]any)
		for _, v := range list {
			entry, _ := v.(map[string]any)
			id, _ := entry["id"].(string)
			version, _ := entry["version"].(string)
			deletes[id] = table.MarkOf(version)
		}
		back, kept, err := withKept(ctx, tx, tableName, nil, results[1].Rows)
		if err != nil {
			return err
		}
		waiting, err := r.waiting(ctx, tx, tableName, back)
		if err != nil {
			return err
		}
		for _, row := range waiting {
			id, _ := row["recordId"].(string)
			delete(kept, id) // it goes on from what was cancelled
		}
		var ch changes
		for _, c := range back {
			if kept[c.ID] != nil {
				ch.set(tableName, c.Row)
				tx.Last(dropMeta(kept[c.ID]))
			}
		}
		return ch.write(tx, []string{tableName})
	})
	if err == nil {
		s.gone = deletes
	}
	return err
}

// held reads the local records of a page's changes, if they are to be compared; nil if not.
func (s *sweep) held(ctx context.Context, tx *store.Tx, tableName string, list []table.Change) ([]table.Record, error) {
	if !s.reclaims() || len(list) == 0 {
		return nil, nil
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return tx.Table(tableName).GetMany(ctx, ids)
}

// leftovers makes operations for the records that the server has lost whole: no page has brought them. Some at a time, before the
// last page is stored; what is done by then is found done if it begins again.
func (r *Replica) leftovers(ctx context.Context, a Apply) error {
	s := r.sweeps[a.Pull]
	told := map[string]bool{}
	for i := range a.Page.Changes {
		told[a.Page.Changes[i].ID] = true
	}
	for after := (&store.Range{}); after != nil; {
		var next *store.Range
		err := r.update(ctx, []string{a.Table, StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
			next = nil
			results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: a.Table, Range: after, Take: slice})
			if err != nil {
				return err
			}
			var rows []table.Record
			var keys []store.Key
			for _, row := range results[0].Rows {
				if _, lost := s.lost(row.Version()); lost && !told[row.ID()] && !s.seen[row.ID()] {
					rows, keys = append(rows, row), append(keys, recordKey(a.Table, row.ID()))
				}
				next = store.After(row.ID())
			}
			if len(results[0].Rows) < slice {
				next = nil
			}
			return r.insertLost(ctx, tx, s, a.Table, rows, keys)
		})
		if err != nil {
			return err
		}
		after = next
	}
	return nil
}

// insertLost makes inserts of rows that the server does not have, and of what waits for them.
func (r *Replica) insertLost(
	ctx context.Context, tx *store.Tx, s *sweep, tableName string, rows []table.Record, keys []store.Key,
) error {
	if len(rows) == 0 {
		return nil
	}
	results, _, err := read(ctx, tx, lookupKeys(keys))
	if err != nil {
		return err
	}
	var ch changes
	for i, row := range rows {
		sent, waits, err := r.outbox.pair(results[0].Groups[i])
		if err != nil {
			return err
		}
		if sent != nil || waits != nil && waits.Base.Version() != row.Version() {
			continue // its verdict is to come, or it is in conflict with what the server has
		}
		if _, err := r.reclaim(s, &ch, tableName, row, results[0].Groups[i], &table.Change{Row: table.Row{ID: row.ID()}}); err != nil {
			return err
		}
	}
	return ch.write(tx, []string{tableName})
}

// broughtBack ends what only seems to be a conflict: an operation that brings back a version of which another device has brought
// back the same, a later or an earlier one; and one that was made on a version that the server has lost, and was under way.
func (r *Replica) broughtBack(out *Settlement, ch *changes, sent, waits *table.Operation, server table.Record) bool {
	op := join(sent, waits)
	if server == nil || op == nil {
		return false
	}
	s, mine, theirs := r.reclaiming(sent.Table), sent.Lost, table.LostOf(server.Version())
	if s == nil {
		s = &sweep{}
	}
	base, lost := s.lost(sent.Base.Version())
	switch {
	case s.reclaims() && lost:
		op.Lost = table.Lost(base.String()).AndChanged()
	case mine == "" || mine.Changed() || theirs == "":
		return false
	case s.includes(server.Version(), mine.Mark()) && waits != nil:
		sent.Base = sent.Record // from which both sides went on
		return false
	case s.includes(server.Version(), mine.Mark()):
		out.Accepted++
		ch.accept(sent, nil, server)
		return true
	default:
		base = mine.Mark()
	}
	if !s.precedes(server.Version(), base) || !s.rebase(op, base, &table.Change{Row: table.Row{ID: op.RecordID, Record: server}}) {
		return false
	}
	ch.drop(sent)
	if waits != nil {
		ch.drop(waits)
	}
	op.ID, op.State = r.outbox.newID(), table.StateWaiting
	ch.bring(op, nil)
	return true
}
