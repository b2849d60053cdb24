package main

import (
	"context"
	"strconv"
	"syscall/js"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/store"
)

// events tell the page what becomes of the connection. An app's own work before it gives way is waited for.
func (h *handle) events() store.Events {
	return store.Events{
		Blocked: func() {
			h.event("blocked", table.Record{"reason": "another tab keeps an older version of the database open"})
		},
		VersionChange: func(deleted bool) {
			// The app's failure is the app's to see; the other tab need not wait for it.
			_, _ = browser.Await(context.Background(), h.hook("versionchange", deleted))
		},
		Closed:   func(error) { h.hook("closed") },
		Reopened: func() { h.hook("reopened") },
		Failed:   func(err error) { h.hook("failed", browser.ErrorValue(err)) },
		Evicted:  func() { h.hook("evicted") },
	}
}

// migrations returns the app's migrations. Each takes and gives the JSON text of some records, so that a batch crosses once.
func (h *handle) migrations() (store.Migrations, error) {
	given := h.hooks.Get("migrations")
	if given.Type() != js.TypeString {
		return nil, nil
	}
	parsed, err := table.ParseJSON([]byte(given.String()))
	if err != nil {
		return nil, err
	}
	all := store.Migrations{}
	for version, names := range object(parsed) {
		v, err := strconv.Atoi(version)
		if err != nil {
			return nil, table.Errorf(table.CodeInvalid, "there is a migration to version ", version, ", which is not a number")
		}
		all[v] = map[string]store.Migration{}
		list, _ := names.([]any)
		for _, name := range list {
			name, _ := name.(string)
			all[v][name] = func(rows []table.Record) ([]table.Record, error) { return h.migrate(v, name, rows) }
		}
	}
	return all, nil
}

// migrate has the page migrate some records. It must not wait: it runs inside the upgrade's transaction.
func (h *handle) migrate(version int, name string, rows []table.Record) (next []table.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			if thrown, ok := p.(js.Error); ok {
				err = browser.ErrorOf(thrown.Value)
			} else {
				err = browser.Recovered(p)
			}
		}
	}()
	v, err := table.ParseJSON([]byte(h.hook("migrate", version, name, jsonText(rows)).String()))
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	next = make([]table.Record, len(list))
	for i, item := range list {
		next[i] = object(item)
	}
	return next, nil
}

// convert(table, version, rows) brings rows of an older version into the form of the schema, as JSON text of an array; those
// that a migration drops are left out.
func (h *handle) convert(args []js.Value) (string, error) {
	given, err := records(text(args, 2))
	if err != nil {
		return "", err
	}
	converted, err := h.store.Convert(text(args, 0), browser.Arg(args, 1).Int(), given)
	if err != nil {
		return "", err
	}
	kept := converted[:0]
	for _, r := range converted {
		if r != nil {
			kept = append(kept, r)
		}
	}
	return jsonText(kept), nil
}

// read(step) answers a read of a database that is not in IndexedDB, as JSON text. A step is JSON text {op, store} with the
// keys of a get, or the parts of a query or count.
func (h *handle) read(ctx context.Context, args []js.Value) (result any, err error) {
	step, err := table.ParseRecord([]byte(text(args, 0)))
	if err != nil {
		return nil, err
	}
	name, _ := step["store"].(string)
	err = h.store.View(ctx, []string{name}, func(tx *store.Tx) (err error) {
		result, err = h.readIn(ctx, tx, step)
		return err
	})
	return result, err
}

func (h *handle) readIn(ctx context.Context, tx *store.Tx, step table.Record) (string, error) {
	name, _ := step["store"].(string)
	if keys, ok := step["keys"].([]any); ok {
		ids := make([]string, len(keys))
		for i, key := range keys {
			ids[i], _ = key.(string)
		}
		rows, err := tx.Table(name).GetMany(ctx, ids)
		return recordsText(rows), err
	}
	q, err := h.query(name, jsonText(step["parts"]))
	if err != nil {
		return "", err
	}
	if step["op"] == "count" {
		n, err := tx.Table(name).Count(ctx, q)
		return jsonText(n), err
	}
	rows, err := tx.Table(name).Query(ctx, q)
	return recordsText(rows), err
}

// recordsText is the JSON text of records, with null for those that are nil.
func recordsText(rows []table.Record) string {
	list := make([]any, len(rows))
	for i, r := range rows {
		list[i] = side(r)
	}
	return jsonText(list)
}
