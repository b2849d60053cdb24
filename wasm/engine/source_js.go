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

// appSource is a table's source that the app has given: an object with functions. larder.js calls them, and sees to it that what
// they give has the form that is read here.
type appSource struct {
	h       *handle
	table   string
	timeout int // milliseconds
}

// sources returns the sources that the options name, by table. Where nobody is there to call them, as in the worker, their tables
// are left alone.
func (h *handle) sources(given map[string]any) map[string]replica.Source {
	all := make(map[string]replica.Source, len(given))
	for name, timeout := range given {
		all[name] = nil
		if h.hooks.Get("source").Type() == js.TypeFunction {
			ms, _ := timeout.(float64)
			all[name] = &appSource{h, name, int(ms)}
		}
	}
	return all
}

// call calls one of the source's functions. One that does not answer in time fails; its signal tells it so.
func (s *appSource) call(ctx context.Context, method string, request any) (any, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(time.Duration(s.timeout)*time.Millisecond, func() {
		cancel(s.failed(" did not answer "+method+" within ", strconv.Itoa(s.timeout), " ms"))
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
		err = &replica.Later{After: time.Duration(later * float64(time.Second)), Err: s.failed(" is busy")}
	}
	return v, err
}

func (s *appSource) failed(how ...string) error {
	return table.Errorf(table.CodeServer, append([]string{"the source of ", s.table}, how...)...)
}

// ask calls a function with a position.
func (s *appSource) ask(ctx context.Context, method, at, filter string, limit int) (map[string]any, error) {
	v, err := s.call(ctx, method, table.Record{"at": at, "filter": filter, "limit": limit})
	return object(v), err
}

func (s *appSource) GetLastSync(ctx context.Context, p replica.Pull, stored string) (string, error) {
	answer, err := s.ask(ctx, "getLastSync", stored, p.Filter, 0)
	since, _ := answer["since"].(string)
	return since, err
}

func (s *appSource) GetChanges(ctx context.Context, w replica.Want) (*replica.Changes, error) {
	page, err := s.ask(ctx, "getChanges", w.Since, w.Filter, w.Limit)
	c := &replica.Changes{Removed: texts(page["removed"]), IDs: texts(page["ids"])}
	rows, _ := page["changed"].([]any)
	for _, row := range rows {
		c.Changed = append(c.Changed, object(row))
	}
	c.Next, _ = page["next"].(string)
	c.More, _ = page["more"].(bool)
	return c, err
}

// texts returns an array of texts, nil for none.
func texts(v any) (all []string) {
	items, ok := v.([]any)
	if ok {
		all = []string{}
	}
	for _, item := range items {
		text, _ := item.(string)
		all = append(all, text)
	}
	return all
}

func (s *appSource) ApplyChanges(ctx context.Context, ops []*table.Operation) (verdicts []replica.Verdict, err error) {
	request := make([]any, len(ops))
	for i, op := range ops {
		row := op.Row()
		row["changes"] = table.Diff(op.Base, op.Record)
		request[i] = row
	}
	answer, err := s.call(ctx, "applyChanges", request)
	list, _ := answer.([]any)
	for _, v := range list {
		answer := object(v)
		verdict := replica.Verdict{Record: object(answer["record"])}
		verdict.ID, _ = answer["id"].(string)
		verdict.Conflict, _ = answer["conflict"].(bool)
		verdict.Refused, _ = answer["refused"].(string)
		verdicts = append(verdicts, verdict)
	}
	return verdicts, err
}
