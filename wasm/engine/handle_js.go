package main

import (
	"context"
	"iter"
	"slices"
	"syscall/js"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// handle is an open database as JavaScript holds it.
type handle struct {
	name    string
	hooks   js.Value
	store   *store.Store
	outbox  *replica.Outbox
	replica *replica.Replica // nil for a purely local store
}

// waiting are the functions of a handle that answer with a promise.
var waiting = [...]struct {
	name string
	do   func(h *handle, ctx context.Context, args []js.Value) (any, error)
}{
	{"write", (*handle).write},
	{"transaction", (*handle).transaction},
	{"run", (*handle).run},
	{"pending", (*handle).pending},
	{"retry", (*handle).retry},
	{"discard", (*handle).discard},
	{"edit", (*handle).edit},
	{"status", (*handle).status},
	{"pulled", (*handle).pulled},
	{"signIn", (*handle).signIn},
	{"connect", (*handle).connect},
	{"read", (*handle).read},
	{"close", (*handle).close},
}

// computing are those that answer at once, with {value} or {error}.
var computing = [...]struct {
	name string
	do   func(h *handle, args []js.Value) (string, error)
}{
	{"plan", (*handle).plan},
	{"pattern", (*handle).pattern},
	{"prepare", (*handle).prepare},
	{"convert", (*handle).convert},
	{"touched", (*handle).touched},
}

// functions returns the object that larder.js works with.
func (h *handle) functions(raw js.Value) js.Value {
	object := browser.NewObject()
	object.Set("isHandle", true)
	object.Set("evicted", h.store.Evicted())
	object.Set("db", raw)
	for _, f := range waiting {
		object.Set(f.name, js.FuncOf(func(_ js.Value, args []js.Value) any {
			return browser.Promise(func() (any, error) { return f.do(h, context.Background(), args) })
		}))
	}
	for _, f := range computing {
		object.Set(f.name, js.FuncOf(func(_ js.Value, args []js.Value) any {
			return answer(func() (string, error) { return f.do(h, args) })
		}))
	}
	return object
}

// connect(lost) gives the IDBDatabase, undefined for a store in memory. It waits while the database is being opened again;
// an IDBDatabase that turned out to be lost is replaced.
func (h *handle) connect(ctx context.Context, args []js.Value) (any, error) {
	if lost := browser.Arg(args, 0); lost.Truthy() {
		h.store.Lost(func(b store.Backend) bool { return store.Raw(b).Equal(lost) })
	}
	b, err := h.store.Backend(ctx)
	if err != nil {
		return nil, err
	}
	return store.Raw(b), nil
}

// answer returns {value} or {error}, whatever becomes of do.
func answer(do func() (string, error)) js.Value {
	result := browser.NewObject()
	defer func() {
		if p := recover(); p != nil {
			result.Set("error", browser.ErrorValue(browser.Recovered(p)))
		}
	}()
	if value, err := do(); err != nil {
		result.Set("error", browser.ErrorValue(err))
	} else {
		result.Set("value", value)
	}
	return result
}

// close(): running transactions finish first. The functions stay callable and fail with code "closed".
func (h *handle) close(context.Context, []js.Value) (any, error) { return nil, h.store.Close() }

// query reads a query's JSON text and checks it against its table.
func (h *handle) query(name, text string) (*table.Query, error) {
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	q, err := table.ParseQuery(v)
	if err != nil {
		return nil, err
	}
	schema, err := h.store.Schema(name)
	if err != nil {
		return nil, err
	}
	return q, q.Check(schema)
}

// plan(table, query) says how the helper shall answer the query: {step, explain} as JSON text.
func (h *handle) plan(args []js.Value) (string, error) {
	name := text(args, 0)
	q, err := h.query(name, text(args, 1))
	if err != nil {
		return "", err
	}
	plan, err := h.store.Plan(name, q)
	if err != nil {
		return "", err
	}
	return string(plan.AppendJSON(nil)), nil
}

// touched(table, query, rows) says whether changed records that a live query does not hold can change its answer, by true or
// nothing. rows are these records as they are now.
func (h *handle) touched(args []js.Value) (string, error) {
	q, err := h.query(text(args, 0), text(args, 1))
	if err != nil {
		return "", err
	}
	rows, err := records(text(args, 2))
	if err != nil || !store.Touches(q, rows) {
		return "", err
	}
	return "true", nil
}

// write(table, action, records, wanted, signal) inserts, updates, puts or deletes in one transaction. It gives the stored
// records as JSON text if they are wanted.
func (h *handle) write(ctx context.Context, args []js.Value) (any, error) {
	ctx, stop := browser.WithSignal(ctx, browser.Arg(args, 4))
	defer stop()
	return h.writeBy(args, func(name string, action table.Action, given source, stored func([]table.Row) error) error {
		return h.store.WriteRows(ctx, action, name, given, stored)
	})
}

// pattern(table) says how single records are written, as JSON text: see [store.Pattern].
func (h *handle) pattern(args []js.Value) (string, error) {
	p, err := h.store.Pattern(text(args, 0))
	if err != nil {
		return "", err
	}
	return string(p.AppendJSON(nil)), nil
}

// prepare(table, action, records, answers) makes a transaction of a write, as JSON text {stores, steps, changes}, for larder.js
// to run; and an empty text where something has to be read first that is not among the answers.
func (h *handle) prepare(args []js.Value) (string, error) {
	action, err := actionOf(text(args, 1))
	if err != nil {
		return "", err
	}
	name := text(args, 0)
	schema, err := h.store.Schema(name)
	if err != nil {
		return "", err
	}
	rows, err := schema.ParseRows([]byte(text(args, 2)))
	if err != nil {
		return "", err
	}
	ready, err := h.store.Prepare(action, name, []byte(text(args, 3)), rows...)
	if err != nil || ready == nil || ready.Reads != nil {
		return "", err
	}
	return string(ready.AppendJSON(nil, changesText(ready.Changes))), nil
}

// source gives records on their way into a table, some at a time.
type source = iter.Seq2[[]table.Row, error]

// writeBy reads the arguments of a write, in a transaction of its own or in a larger one, and does it.
func (h *handle) writeBy(args []js.Value, do func(string, table.Action, source, func([]table.Row) error) error) (any, error) {
	name := text(args, 0)
	action, err := actionOf(text(args, 1))
	if err != nil {
		return nil, err
	}
	schema, err := h.store.Schema(name)
	if err != nil {
		return nil, err
	}
	given := rowsOf(schema, browser.Arg(args, 2))
	if !browser.Arg(args, 3).Truthy() {
		return nil, do(name, action, given, nil)
	}
	stored := []byte{'['}
	err = do(name, action, given, func(rows []table.Row) error {
		for i := range rows {
			if len(stored) > 1 {
				stored = append(stored, ',')
			}
			stored = rows[i].AppendJSON(stored)
		}
		return nil
	})
	return string(append(stored, ']')), err
}

// rowsOf reads records that are the JSON text of an array, or a function: each call of it gives such a text's bytes, then
// null, or false when there will be no more because something went wrong.
func rowsOf(schema *table.Schema, given js.Value) source {
	return func(yield func([]table.Row, error) bool) {
		if given.Type() == js.TypeString {
			yield(schema.ParseRows([]byte(given.String())))
			return
		}
		var buffer []byte
		for {
			switch bytes := given.Invoke(); bytes.Type() {
			case js.TypeObject:
				buffer = slices.Grow(buffer[:0], bytes.Length())
				if n := js.CopyBytesToGo(buffer[:cap(buffer)], bytes); !yield(schema.ParseRows(buffer[:n])) {
					return
				}
			case js.TypeBoolean:
				yield(nil, table.Errorf(table.CodeInvalid, "the records cannot be read"))
				return
			default:
				return
			}
		}
	}
}

// actionOf reads the name that larder.js has for an action: a put has none in the store.
func actionOf(name string) (table.Action, error) {
	switch name {
	case "put":
		return "", nil
	case string(table.ActionInsert), string(table.ActionUpdate), string(table.ActionDelete):
		return table.Action(name), nil
	}
	return "", table.Errorf(table.CodeInvalid, "there is no action ", name)
}

func records(text string) ([]table.Record, error) {
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, table.Errorf(table.CodeInvalid, "records come as a JSON array")
	}
	out := make([]table.Record, len(list))
	for i, item := range list {
		if out[i] = object(item); out[i] == nil {
			return nil, table.Errorf(table.CodeInvalid, "a record is a JSON object")
		}
	}
	return out, nil
}

// transaction(tables, write, fn, signal, atomic) runs fn in one transaction, which is one unit to the server too if it is atomic. fn gets {tx, write}: the IDBTransaction for reads, and
// the function that writes. The transaction commits when fn's promise resolves, and is undone when it rejects.
func (h *handle) transaction(ctx context.Context, args []js.Value) (any, error) {
	ctx, stop := browser.WithSignal(ctx, browser.Arg(args, 3))
	defer stop()
	v, err := table.ParseJSON([]byte(text(args, 0)))
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	names := make([]string, len(list))
	for i, item := range list {
		names[i], _ = item.(string)
	}
	fn := browser.Arg(args, 2)
	body := func(tx *store.Tx) error {
		writer := js.FuncOf(func(_ js.Value, args []js.Value) any {
			return browser.Promise(func() (any, error) {
				return h.writeBy(args, func(name string, action table.Action, given source, stored func([]table.Row) error) error {
					return tx.Table(name).WriteRows(ctx, action, given, stored)
				})
			})
		})
		given := browser.NewObject()
		given.Set("tx", store.RawTx(tx))
		given.Set("write", writer)
		var reader js.Func
		if store.RawTx(tx).IsUndefined() {
			reader = js.FuncOf(func(_ js.Value, args []js.Value) any {
				return browser.Promise(func() (any, error) {
					step, err := table.ParseRecord([]byte(text(args, 0)))
					if err != nil {
						return nil, err
					}
					return h.readIn(ctx, tx, step)
				})
			})
			given.Set("read", reader)
		}
		promise := fn.Invoke(given)
		go func() {
			// Where the signal ends the transaction, fn may go on: its writes fail then, as long as it lasts.
			_, _ = browser.Await(context.Background(), promise)
			writer.Release()
			if reader.Truthy() {
				reader.Release()
			}
		}()
		_, err := browser.Await(ctx, promise)
		return err
	}
	switch {
	case browser.Arg(args, 4).Truthy():
		return nil, h.store.Atomic(ctx, names, body)
	case browser.Arg(args, 1).Truthy():
		return nil, h.store.Update(ctx, names, body)
	}
	return nil, h.store.View(ctx, names, body)
}
