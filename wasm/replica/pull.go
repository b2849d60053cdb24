package replica

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Keys of the meta store.
const (
	metaClient = "client" // {id}: who this database is to servers
	metaSync   = "sync"   // {at}: when the last sync ended
)

func metaCursor(tableName string) string   { return "cursor/" + tableName }             // {token}
func metaKept(tableName, id string) string { return prefixKept + tableName + "/" + id } // {table, id, record, schema}: see ChooseCancel

const prefixKept = "kept/"

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
	return r.store.Update(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		_, err := tx.Run(ctx, step)
		return err
	})
}

// cursor returns the token that continues a table's pulls. Before the first it is empty, which brings live records only;
// but where rows are here already, because they were pushed or because the server's past has changed, it asks for deleted
// records as well, which might be among them.
func (r *Replica) cursor(ctx context.Context, tableName string) (token string, err error) {
	err = r.store.View(ctx, []string{StoreMeta, tableName}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(metaCursor(tableName)), store.Step{Op: store.OpCount, Store: tableName})
		switch {
		case err != nil:
			return err
		case results[0].Rows[0] != nil:
			token, _ = results[0].Rows[0]["token"].(string)
		case results[1].Count > 0:
			token = table.TokenBeginning
		}
		return nil
	})
	return token, err
}

// apply stores a page of changes and its cursor in one transaction. Records with a waiting change keep it, on the new
// base where no field was changed on both sides; where one was, the next push will meet the conflict. A page that touches
// a record whose operation was sent and has no verdict is not stored.
func (r *Replica) apply(ctx context.Context, tableName string, page *table.Page) (unsettled bool, err error) {
	err = r.store.Update(ctx, []string{StoreOutbox, StoreMeta, tableName}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx,
			store.Step{Op: store.OpGetAll, Store: StoreOutbox, Index: byRecord, Take: -1,
				Range: store.Between([]any{tableName}, []any{tableName, []any{}})},
			store.Step{Op: store.OpGetAll, Store: StoreMeta, Take: -1, Range: withPrefix(metaKept(tableName, ""))})
		if err != nil {
			return err
		}
		pending := map[string][]table.Record{}
		for _, row := range results[0].Rows {
			id, _ := row["recordId"].(string)
			pending[id] = append(pending[id], row)
		}
		list := page.Changes
		var steps []store.Step
		for _, row := range results[1].Rows {
			id, _ := row["id"].(string)
			newer := slices.ContainsFunc(page.Changes, func(c table.Change) bool { return c.ID == id })
			if !newer && !isSent(pending[id]) {
				record, _ := row["record"].(map[string]any)
				list = append(slices.Clip(list), table.Change{ID: id, Record: record})
			}
			if newer || !isSent(pending[id]) {
				steps = append(steps, dropMeta(row["key"]))
			}
		}
		var ch changes
		for i := range list {
			c := &list[i]
			group := pending[c.ID]
			if unsettled = isSent(group); unsettled {
				return nil
			}
			if group == nil {
				ch.row(tableName, c.ID, c.Record)
			} else if err := ch.meet(group, c, r.outbox.schema); err != nil {
				return err
			}
		}
		ch.meta = append(ch.meta, table.Record{"key": metaCursor(tableName), "token": page.Token})
		if len(steps) > 0 {
			if _, err := tx.Run(ctx, steps...); err != nil {
				return err
			}
		}
		return ch.write(ctx, tx, []string{tableName})
	})
	return unsettled, err
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
	server := change.Record
	if server == nil {
		server = table.Record{table.ColumnID: change.ID, table.ColumnDeleted: true}
	}
	switch {
	case change.Record == nil && waits.Record == nil:
		c.drop(waits) // deleted on both sides
		return nil
	case change.Record != nil && waits.Record != nil && waits.Base != nil && waits.Schema == schema:
		merged, conflicts := table.Merge(waits.Base, waits.Record, change.Record)
		if len(conflicts) == 0 {
			waits.Base, waits.Record, waits.Server = change.Record, merged, nil
			c.row(waits.Table, waits.RecordID, merged)
			if len(table.Diff(change.Record, merged)) == 0 {
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

// forget drops a table's cursor, so that the next pull reads the table from the start. Rows stay.
func (r *Replica) forget(ctx context.Context, tableName string) error {
	return r.changeMeta(ctx, dropMeta(metaCursor(tableName)))
}

// Pulled returns the names of the tables that have been pulled before, in order.
func (r *Replica) Pulled(ctx context.Context) (names []string, err error) {
	err = r.store.View(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		names = []string{}
		prefix := metaCursor("")
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAllKeys, Store: StoreMeta, Take: -1,
			Range: withPrefix(prefix)})
		if err != nil {
			return err
		}
		for _, key := range results[0].Keys {
			if _, err := r.store.Schema(key[len(prefix):]); err == nil {
				names = append(names, key[len(prefix):])
			}
		}
		return nil
	})
	return names, err
}
