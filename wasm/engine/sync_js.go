package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall/js"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// hook calls one of larder.js's functions, if it is there.
func (h *handle) hook(name string, args ...any) js.Value {
	if fn := h.hooks.Get(name); fn.Type() == js.TypeFunction {
		return fn.Invoke(args...)
	}
	return js.Undefined()
}

// committed tells what a commit has changed.
func (h *handle) committed(c store.Commit) { h.hook("commit", changesText(c.Changes)) }

// changesText is [{store, ids}] as JSON text, without ids where they are none or too many.
func changesText(changes []store.Change) string {
	list := make([]any, len(changes))
	for i := range changes {
		change := table.Record{"store": changes[i].Store}
		if ids := changes[i].IDs; len(ids) > 0 && len(ids) <= store.MaxTold {
			change["ids"] = ids
		}
		list[i] = change
	}
	return jsonText(list)
}

func (h *handle) event(name string, detail table.Record) {
	h.hook("event", name, jsonText(detail))
}

// newReplica makes the replica of options.sync: {url, protocol, sources: {table: timeout}}.
func (h *handle) newReplica(sync map[string]any) *replica.Replica {
	protocol, _ := sync["protocol"].(string)
	o := replica.Options{
		Outbox:   h.outbox,
		Protocol: replica.Protocol(protocol),
		Sources:  h.sources(object(sync["sources"])),
		Token: func(ctx context.Context, fresh bool) (string, error) {
			v, err := browser.Await(ctx, h.hook("token", fresh))
			if err != nil || v.Type() != js.TypeString {
				return "", err
			}
			return v.String(), nil
		},
		Conflict: h.conflict,
		Lease:    true,
		Jitter:   rand.Float64,
		Now:      now,
		Clock:    time.Now,
		Epoch:    h.epoch,
		Stranger: func() { h.hook("stranger") },
		Fork: func() {
			h.event("fork", table.Record{"reason": "a copy of this database syncs too: this one goes on under a new client id"})
		},
		Problem: func(c *replica.Conflict, err error) {
			h.event("quarantine", table.Record{"reason": err.Error(), "table": c.Table, "id": c.RecordID})
		},
	}
	if url, ok := sync["url"].(string); ok {
		o.Network = network(strings.TrimSuffix(url, "/"))
	}
	if name := "larder:" + h.name + ":sync"; browser.HasLocks() {
		o.Lock = func(ctx context.Context) (func(), error) { return browser.Lock(ctx, name) }
		o.Steal = func(ctx context.Context) (func(), error) { return browser.Steal(ctx, name) }
	}
	return replica.New(h.store, o)
}

// conflict asks the app.
func (h *handle) conflict(ctx context.Context, c *replica.Conflict) (replica.Decision, error) {
	question := table.Record{"table": c.Table, "local": side(c.Local), "server": side(c.Server), "base": side(c.Base)}
	answer, err := browser.Await(ctx, h.hook("conflict", jsonText(question)))
	if err != nil {
		return replica.Decision{}, err
	}
	d, err := table.ParseRecord([]byte(answer.String()))
	if err != nil {
		return replica.Decision{}, err
	}
	choice, _ := d["choice"].(string)
	decision := replica.Decision{Choice: replica.Choice(choice), Record: object(d["record"])}
	if decision.Record == nil {
		return decision, nil
	}
	schema, err := h.store.Schema(c.Table)
	if err == nil {
		decision.Record, err = schema.Normalize(decision.Record)
	}
	return decision, err
}

// epoch asks the app what to do about a server with another past.
func (h *handle) epoch(ctx context.Context, e *replica.Epoch) (replica.Course, error) {
	names := make([]any, len(e.Tables))
	for i, name := range e.Tables {
		names[i] = name
	}
	answer, err := browser.Await(ctx, h.hook("epoch", jsonText(table.Record{"reason": string(e.Kind), "tables": names})))
	if err != nil || answer.Type() != js.TypeString {
		return "", err
	}
	return replica.Course(answer.String()), nil
}

// side is a record or null: a nil record in an interface is not nil.
func side(r table.Record) any {
	if r == nil {
		return nil
	}
	return r
}

// network sends requests to the server at a base address by fetch.
type network string

// silence is how long a server may say nothing. Its own limits are shorter; but a large batch takes its time on a slow line.
const silence = 3 * time.Minute

func (n network) Send(ctx context.Context, s replica.Send, token string) replica.Answer {
	headers := map[string]string{"zumo-api-version": table.ZUMOVersion, "accept": "application/json"}
	if s.Body != nil {
		headers["content-type"] = "application/json"
	}
	if token != "" {
		headers["authorization"] = "Bearer " + token
	}
	for name, v := range s.Headers {
		headers[name] = v
	}
	r, err := browser.Fetch(ctx, browser.Request{Method: s.Method, URL: string(n) + s.Path, Headers: headers, Body: s.Body, Silence: silence})
	if err != nil {
		return replica.Answer{Err: err}
	}
	a := replica.Answer{Status: r.Status, Body: r.Body}
	if seconds, err := strconv.Atoi(r.Header("retry-after")); err == nil && seconds >= 0 {
		a.RetryAfter = time.Duration(seconds) * time.Second
	}
	return a
}

// syncing returns the replica, or an error for a purely local store.
func (h *handle) syncing() (*replica.Replica, error) {
	if h.replica == nil {
		return nil, table.Errorf(table.CodeInvalid, "this database has no server: open it with options.sync")
	}
	return h.replica, nil
}

// run(job, timeout, progress, signal) pushes and pulls. job is JSON text {push, tables, query, all, verify, sample}: the tables are
// pulled whole, or the part of each that meets the query; all pulls what a sync pulls, of the tables if some are named, and "again"
// what was pulled before. The result is JSON text {pushed, pulled, requests, quarantined, verified}.
func (h *handle) run(ctx context.Context, args []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	ctx, stop := browser.WithSignal(ctx, browser.Arg(args, 3))
	defer stop()
	parsed, err := table.ParseRecord([]byte(text(args, 0)))
	if err != nil {
		return nil, err
	}
	job := replica.Job{}
	job.Push, _ = parsed["push"].(bool)
	job.Verify, _ = parsed["verify"].(bool)
	job.Sample, _ = parsed["sample"].(bool)
	if job.Pulls, err = h.pulls(ctx, r, parsed); err != nil {
		return nil, err
	}
	if timeout := browser.Arg(args, 1); timeout.Type() == js.TypeNumber {
		job.Patience = time.Duration(timeout.Float() * float64(time.Millisecond))
	}
	if progress := browser.Arg(args, 2); progress.Type() == js.TypeFunction {
		job.Progress = func(name string, done, known int) { progress.Invoke(name, done, known) }
	}
	result, err := r.Run(ctx, job)
	if err != nil {
		return nil, err
	}
	verified := make([]any, len(result.Verified))
	for i, v := range result.Verified {
		verified[i] = table.Record{"table": v.Table, "sampled": v.Sampled, "rows": v.Rows,
			"differing": append([]string{}, v.Differing...), "healed": v.Healed}
	}
	return jsonText(table.Record{"pushed": result.Pushed, "pulled": result.Pulled, "requests": result.Requests,
		"quarantined": rows(result.Quarantined), "verified": verified}), nil
}

// pulls reads what a job pulls.
func (h *handle) pulls(ctx context.Context, r *replica.Replica, job table.Record) ([]replica.Pull, error) {
	switch job["all"] {
	case true:
		pulls, err := r.All(ctx)
		if only, named := job["tables"].([]any); named {
			pulls = slices.DeleteFunc(pulls, func(p replica.Pull) bool { return !slices.Contains(only, any(p.Table)) })
		}
		return pulls, err
	case "again":
		return r.Pulled(ctx)
	}
	tables, _ := job["tables"].([]any)
	var pulls []replica.Pull
	for _, name := range tables {
		p := replica.Pull{}
		p.Table, _ = name.(string)
		if query := object(job["query"]); query != nil {
			q, err := h.query(p.Table, jsonText(query))
			if err != nil {
				return nil, err
			}
			if p.Filter, err = replica.FilterOf(q); err != nil {
				return nil, err
			}
		}
		pulls = append(pulls, p)
	}
	return pulls, nil
}

func rows(ops []*table.Operation) []any {
	list := make([]any, len(ops))
	for i, op := range ops {
		list[i] = op.Row()
	}
	return list
}

// pending() gives the operations of the outbox as JSON text.
func (h *handle) pending(ctx context.Context, _ []js.Value) (any, error) {
	if h.replica == nil {
		return "[]", nil
	}
	ops, err := h.replica.Pending(ctx)
	if err != nil {
		return nil, err
	}
	return jsonText(rows(ops)), nil
}

func (h *handle) retry(ctx context.Context, args []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	return nil, r.Retry(ctx, text(args, 0))
}

func (h *handle) discard(ctx context.Context, args []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	return nil, r.Discard(ctx, text(args, 0))
}

// edit(id, record) replaces the record of an operation.
func (h *handle) edit(ctx context.Context, args []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	record, err := table.ParseRecord([]byte(text(args, 1)))
	if err != nil {
		return nil, err
	}
	return nil, r.Edit(ctx, text(args, 0), record)
}

// status() gives {pending, quarantined, lastSync, principal} as JSON text.
func (h *handle) status(ctx context.Context, _ []js.Value) (any, error) {
	var s replica.Status
	if h.replica != nil {
		var err error
		if s, err = h.replica.Status(ctx); err != nil {
			return nil, err
		}
	}
	return jsonText(table.Record{"pending": s.Pending, "quarantined": s.Quarantined, "lastSync": s.LastSync, "principal": s.Principal}), nil
}

// signIn(token) says whose token this is: the database is theirs from now on if it is nobody's.
func (h *handle) signIn(ctx context.Context, args []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	return nil, r.SignIn(ctx, text(args, 0))
}

// pulled() gives the names of the tables that were pulled before, as JSON text.
func (h *handle) pulled(ctx context.Context, _ []js.Value) (any, error) {
	r, err := h.syncing()
	if err != nil {
		return nil, err
	}
	pulls, err := r.Pulled(ctx)
	names := []any{}
	for i, p := range pulls {
		if i == 0 || p.Table != pulls[i-1].Table {
			names = append(names, p.Table)
		}
	}
	return jsonText(names), err
}
