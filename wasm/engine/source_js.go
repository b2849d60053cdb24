package main

import (
	"context"
	"strconv"
	"syscall/js"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/replica"
)

// appSource is a table's source that the app has given: an object with functions, which larder.js calls.
type appSource struct {
	h       *handle
	table   string
	timeout float64 // milliseconds
}

// sources returns the sources that the options name, by table. Where nobody is there to call them, as in the worker, their tables
// are left alone.
func (h *handle) sources(sync map[string]any) map[string]replica.Source {
	given := object(sync["sources"])
	all := make(map[string]replica.Source, len(given))
	for name, timeout := range given {
		all[name] = nil
		if h.hooks.Get("source").Type() == js.TypeFunction {
			ms, _ := timeout.(float64)
			all[name] = appSource{h, name, ms}
		}
	}
	return all
}

// call calls one of the source's functions. One that does not answer in time fails; its signal tells it so.
func (s appSource) call(ctx context.Context, method string, request any) (any, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(time.Duration(s.timeout*float64(time.Millisecond)), func() {
		cancel(table.Errorf(table.CodeServer, "the source of ", s.table, " did not answer ", method, " within ",
			strconv.FormatFloat(s.timeout, 'f', -1, 64), " ms"))
	})
	defer timer.Stop()
	controller, stop := browser.Controller(ctx)
	defer stop()
	answer, err := browser.Await(ctx, s.h.hook("source", s.table, method, jsonText(request), controller.Get("signal")))
	if err != nil {
		return nil, err
	}
	v, err := table.ParseJSON([]byte(answer.String()))
	if later, ok := object(v)["later"].(float64); ok {
		return nil, &replica.Later{After: time.Duration(later * float64(time.Second)), Err: s.failed("asked for time")}
	}
	return v, err
}

func (s appSource) failed(how string) error {
	return table.Errorf(table.CodeServer, "the source of ", s.table, " ", how)
}

func (s appSource) GetLastSync(ctx context.Context, p replica.Pull, stored string) (string, error) {
	v, err := s.call(ctx, "getLastSync", table.Record{"stored": stored, "filter": p.Filter})
	since, ok := v.(string)
	if err == nil && !ok {
		err = s.failed("gave a position that is not text")
	}
	return since, err
}

func (s appSource) GetChanges(ctx context.Context, w replica.Want) (*replica.Changes, error) {
	v, err := s.call(ctx, "getChanges", table.Record{"since": w.Since, "limit": w.Limit, "filter": w.Filter})
	if err != nil {
		return nil, err
	}
	page := object(v)
	if page == nil {
		return nil, s.failed("gave a page that is not an object")
	}
	c := &replica.Changes{}
	rows, ok := list(page["changed"])
	for _, v := range rows {
		c.Changed = append(c.Changed, object(v))
		ok = ok && object(v) != nil
	}
	c.Removed, ok = ids(page["removed"], ok)
	c.IDs, ok = ids(page["ids"], ok)
	next, isText := page["next"].(string)
	more, isBool := page["more"].(bool)
	if c.Next, c.More = next, more; !ok || !isText && page["next"] != nil || !isBool && page["more"] != nil {
		return nil, s.failed("gave a page that is not { changed: [record], removed: [id], ids: [id], next: text, more: true or false }")
	}
	return c, nil
}

// list returns an array's items. What is left out is an array of none.
func list(v any) ([]any, bool) {
	items, ok := v.([]any)
	return items, ok || v == nil
}

// ids returns an array of ids, nil for what is left out; ok is whether all was well before, and is.
func ids(v any, ok bool) ([]string, bool) {
	items, is := list(v)
	var all []string
	if v != nil {
		all = make([]string, len(items))
	}
	for i, item := range items {
		id, text := item.(string)
		all[i], is = id, is && text
	}
	return all, ok && is
}

func (s appSource) ApplyChanges(ctx context.Context, ops []*table.Operation) ([]replica.Verdict, error) {
	request := make([]any, len(ops))
	for i, op := range ops {
		request[i] = table.Record{"id": op.ID, "table": op.Table, "action": string(op.Action), "recordId": op.RecordID,
			"record": side(op.Record), "base": side(op.Base), "changes": table.Diff(op.Base, op.Record)}
	}
	v, err := s.call(ctx, "applyChanges", request)
	if err != nil {
		return nil, err
	}
	answers, ok := v.([]any)
	verdicts := make([]replica.Verdict, len(answers))
	for i, v := range answers {
		answer := object(v)
		conflict, conflicts := answer["conflict"]
		what := answer["record"]
		if conflicts {
			what = conflict
		}
		verdict := &verdicts[i]
		verdict.Conflict, verdict.Record = conflicts, object(what)
		verdict.ID, _ = answer["id"].(string)
		verdict.Refused, _ = answer["refused"].(string)
		ok = ok && verdict.ID != "" && (what == nil || verdict.Record != nil) && (answer["refused"] == nil || verdict.Refused != "")
	}
	if !ok {
		return nil, s.failed("gave verdicts that are not [{ id }, with a record, or conflict: record or null, or refused: text]")
	}
	return verdicts, nil
}
