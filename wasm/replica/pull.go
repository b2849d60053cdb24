package replica

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Keys of the meta store.
const (
	metaClient = "client" // {id, later}: who this database is to servers; see identity
	metaSync   = "sync"   // {at}: when the last sync ended
)

const prefixKept = "kept/"

func metaKept(tableName, id string) string { return prefixKept + tableName + "/" + id } // {table, id, record, schema, version}: see ChooseCancel

func getMeta(key string) store.Step {
	return store.Step{Op: store.OpGet, Store: StoreMeta, Keys: []store.Key{key}}
}

func putMeta(row table.Record) store.Step {
	return store.Step{Op: store.OpPut, Store: StoreMeta, Values: []table.Record{row}}
}

func dropMeta(key store.Key) store.Step {
	return store.Step{Op: store.OpDelete, Store: StoreMeta, Keys: []store.Key{key}}
}

// withPrefix is the range of the meta keys that begin with the prefix.
func withPrefix(prefix string) *store.Range { return store.Between(prefix, prefix+"\uffff") }

// changeMeta changes the meta store alone.
func (r *Replica) changeMeta(ctx context.Context, step store.Step) error {
	return r.update(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		_, err := tx.Run(ctx, step)
		return err
	})
}

// fewPending is how many waiting operations of a table are read along with a page, whatever records they are of. Where there
// are more, those of the page's records are looked up.
const fewPending = 100

// apply stores a page of changes and its cursor in one transaction. Records with a waiting change keep it, on the new
// base where no field was changed on both sides; where one was, the next push will meet the conflict. A page that touches
// a record whose operation was sent and has no verdict is not stored.
func (r *Replica) apply(ctx context.Context, a Apply) (unsettled bool, err error) {
	s := r.sweeps[a.Pull]
	if s.reclaims() {
		if err := r.prepare(ctx, s, a); err != nil {
			return false, err
		}
	}
	err = r.update(ctx, []string{StoreOutbox, StoreMeta, a.Table}, func(tx *store.Tx) error {
		results, _, err := read(ctx, tx,
			store.Step{Op: store.OpGetAll, Store: StoreOutbox, Index: byRecord, Take: fewPending, Range: ofTable(a.Table)},
			store.Step{Op: store.OpGetAll, Store: StoreMeta, Take: -1, Range: withPrefix(metaKept(a.Table, ""))})
		if err != nil {
			return err
		}
		brought, err := r.unseen(ctx, tx, a)
		if err != nil {
			return err
		}
		if brought, err = r.elsewhere(ctx, tx, a.Pull, brought); err != nil {
			return err
		}
		list, kept, err := withKept(ctx, tx, a.Table, brought, results[1].Rows)
		if err != nil {
			return err
		}
		waiting := results[0].Rows
		if len(waiting) == fewPending {
			if waiting, err = r.waiting(ctx, tx, a.Table, list); err != nil {
				return err
			}
		}
		pending := map[string][]table.Record{}
		for _, row := range waiting {
			id, _ := row["recordId"].(string)
			pending[id] = append(pending[id], row)
		}
		here, err := s.held(ctx, tx, a.Table, list)
		if err != nil {
			return err
		}
		var ch changes
		for i := range list {
			c := &list[i]
			group := pending[c.ID]
			if here != nil && !isSent(group) {
				if back, err := r.reclaim(s, &ch, a.Table, here[i], group, c); back || err != nil {
					if err != nil {
						return err
					}
					continue
				}
			}
			switch {
			case group == nil && c.Text != "":
				ch.set(a.Table, c.Row)
			case group == nil:
				ch.row(a.Table, c.ID, c.Record)
			case isSent(group) && i >= len(brought):
				delete(kept, c.ID) // it is kept until the verdict
			case isSent(group):
				unsettled = true
				return nil
			default:
				if err := ch.meet(group, c, r.outbox.schema); err != nil {
					return err
				}
			}
		}
		for _, id := range table.AppendKeys(nil, kept) {
			tx.Last(dropMeta(kept[id]))
		}
		cursor := table.Record{"key": metaCursor(a.Pull), "token": a.Page.Token}
		if s != nil && !s.list && a.Page.More {
			if cursor["sweep"] = true; s.reclaims() {
				cursor["lost"] = string(s.known)
			}
		}
		if a.From == "" && a.Page.Token == table.TokenBeginning {
			// Nothing was there. What is pushed from here and deleted there before the next pull may be forgotten by then.
			cursor["token"], cursor["sweep"] = "", true
		}
		ch.meta = append(ch.meta, cursor)
		if a.Page.Past != "" {
			ch.meta = append(ch.meta, table.Record{"key": prefixPast + a.Table, "past": string(a.Page.Past)})
		}
		if s.reclaims() && !a.Page.More {
			tx.Last(dropMeta(prefixGone + a.Table))
		}
		if a.Last && r.options.Now != nil {
			ch.meta = append(ch.meta, table.Record{"key": metaSync, "at": r.options.Now()})
		}
		return ch.write(tx, []string{a.Table})
	})
	if err == nil && !unsettled {
		r.swept(a)
	}
	return unsettled, err
}

// withKept adds to a page the records that were kept until it comes and that it does not bring itself; but none that has been
// pushed since, and so has another version now. It returns the keys of all that were kept, by id.
func withKept(
	ctx context.Context, tx *store.Tx, tableName string, page []table.Change, rows []table.Record,
) (list []table.Change, kept map[string]store.Key, err error) {
	list, kept = page, make(map[string]store.Key, len(rows))
	if len(rows) == 0 {
		return list, kept, nil
	}
	ids := make([]store.Key, len(rows))
	for i, row := range rows {
		ids[i] = row["id"]
	}
	here, err := tx.Run(ctx, store.Step{Op: store.OpGet, Store: tableName, Keys: ids})
	if err != nil {
		return nil, nil, err
	}
	for i, row := range rows {
		id, _ := row["id"].(string)
		kept[id] = row["key"]
		if here[0].Rows[i].Version() == row["version"] && !slices.ContainsFunc(page, func(c table.Change) bool { return c.ID == id }) {
			record, _ := row["record"].(map[string]any)
			list = append(slices.Clip(list), table.Change{Row: table.Row{ID: id, Record: record}})
		}
	}
	return list, kept, nil
}

// waiting reads the operations of the records that change.
func (r *Replica) waiting(ctx context.Context, tx *store.Tx, tableName string, list []table.Change) ([]table.Record, error) {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	results, _, err := read(ctx, tx, lookup(tableName, ids...))
	if err != nil {
		return nil, err
	}
	return slices.Concat(results[0].Groups...), nil
}

// isSent reports whether one of a record's operations was sent and has no verdict.
func isSent(group []table.Record) bool {
	for _, row := range group {
		if row["state"] == string(table.StateSending) {
			return true
		}
	}
	return false
}

// meet brings a change of the server's to a record with a local change. One in the form of an older schema is not merged.
func (c *changes) meet(group []table.Record, change *table.Change, schema int) error {
	_, waits, err := pair(group)
	if err != nil {
		return err
	}
	record := change.Open()
	server := record
	if server == nil {
		server = table.Record{table.ColumnID: change.ID, table.ColumnVersion: change.Version, table.ColumnDeleted: true}
	}
	switch {
	case record == nil && waits.Record == nil && change.Removed != table.ReasonChanged:
		c.drop(waits) // deleted on both sides
		return nil
	case record != nil && waits.Record == nil && record.Version() == waits.Base.Version() && waits.Schema == schema:
		waits.Base, waits.Server = record, nil // what was deleted here, and nothing newer
		c.put(waits)
		return nil
	case record != nil && waits.Record != nil && waits.Base != nil && waits.Schema == schema:
		merged, conflicts := table.Merge(waits.Base, waits.Record, record)
		if len(conflicts) == 0 {
			waits.Base, waits.Record, waits.Server = record, merged, nil
			c.row(waits.Table, waits.RecordID, merged)
			if len(table.Diff(record, merged)) == 0 {
				c.drop(waits)
			} else {
				c.put(waits)
			}
			return nil
		}
	}
	waits.Server = server
	c.put(waits)
	return nil
}
