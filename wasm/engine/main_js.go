// Command engine is Larder in the browser: it joins store, replica and the browser behind functions that larder.js
// turns into the JavaScript API. Records cross as JSON text; functions that wait return Promises, rejected with an Error
// that has a code; functions that only compute return {value} or {error} at once.
//
// It hands its functions over by calling the global larderReady, and then runs until the page goes.
package main

import (
	"context"
	"syscall/js"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

func main() {
	ready := js.Global().Get("larderReady")
	if ready.Type() != js.TypeFunction {
		panic("larder.wasm is started by larder.js")
	}
	engine := browser.NewObject()
	engine.Set("open", js.FuncOf(open))
	engine.Set("destroy", js.FuncOf(destroy))
	ready.Invoke(engine)
	select {}
}

// open(name, options, hooks, signal) opens a database; the promise's value is its handle. options is JSON text
// {version, tables, sync}; hooks are the functions that the engine calls, and with them what concerns this opening
// only: migrations, JSON text {version: [table]}, and timeout, how many milliseconds to wait for other tabs.
func open(_ js.Value, args []js.Value) any {
	name, options := text(args, 0), text(args, 1)
	hooks, signal := browser.Arg(args, 2), browser.Arg(args, 3)
	return browser.Promise(func() (any, error) {
		ctx, stop := browser.WithSignal(context.Background(), signal)
		defer stop()
		parsed, err := table.ParseJSON([]byte(options))
		if err != nil {
			return nil, err
		}
		schema, err := table.ParseDatabase(parsed)
		if err != nil {
			return nil, err
		}
		h := &handle{name: name, hooks: hooks}
		o := store.Options{Name: name, Schema: schema, Open: store.IndexedDB(), NewID: browser.UUID4,
			OnCommit: h.committed, Sentinel: browser.Sentinel{}, Events: h.events()}
		if o.Migrate, err = h.migrations(); err != nil {
			return nil, err
		}
		if hooks.Get("memory").Truthy() {
			o.Open, o.Sentinel = store.Fleeting(), nil // whoever asks for memory knows that it is empty each time
		}
		if timeout := hooks.Get("timeout"); timeout.Type() == js.TypeNumber {
			o.Patience = time.Duration(timeout.Float() * float64(time.Millisecond))
		}
		sync, synced := object(parsed)["sync"]
		if synced {
			h.outbox = replica.NewOutbox(replica.OutboxOptions{NewID: browser.UUID7, Now: now})
			o.Journal = h.outbox
		}
		if h.store, err = store.Open(ctx, o); err != nil {
			return nil, err
		}
		if synced {
			h.replica = h.newReplica(object(sync))
		}
		raw, err := h.connect(ctx, nil)
		if err != nil {
			return nil, err
		}
		return h.functions(raw.(js.Value)), nil
	})
}

// destroy(name) deletes a database.
func destroy(_ js.Value, args []js.Value) any {
	name := text(args, 0)
	return browser.Promise(func() (any, error) {
		ctx, cancel := context.WithCancelCause(context.Background())
		timer := time.AfterFunc(10*time.Second, func() { cancel(context.DeadlineExceeded) }) // context.WithTimeout weighs more
		defer timer.Stop()
		if err := idb.Delete(ctx, name); err != nil {
			return nil, table.Errorf(idb.Code(err), "the database ", name, " was not deleted").Because(err)
		}
		browser.Sentinel{}.Save(ctx, name, "")
		return nil, nil
	})
}

// now is the local time, as records have times.
func now() string { return table.FormatDate(time.Now()) }

func text(args []js.Value, i int) string {
	if v := browser.Arg(args, i); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// jsonText writes what goes to JavaScript.
func jsonText(v any) string { return string(table.AppendJSON(nil, v)) }

func object(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case table.Record:
		return v
	}
	return nil
}
