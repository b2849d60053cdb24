package replica

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// sourceBatch is how many operations a source is offered at once: they cannot be changed until it has answered.
const sourceBatch = 50

// The events and effects of a source.
type (
	Offer   struct{ Batch *Batch } // give it operations
	Offered struct {               // the answer to Offer
		Answers map[string]*table.Response // by operation id; with Err some are missing
		Err     error
	}
	Fetch struct { // ask it for a page
		Pull
		Token string // the position, with the backend's mark
		Limit int
		First bool // of this pull in this run
	}
	Fetched struct { // the answer to Fetch: one of the two
		Page *table.Page
		Err  error
	}
)

func (Offer) effect()  {}
func (Offered) event() {}
func (Fetch) effect()  {}
func (Fetched) event() {}

// offered takes the verdicts of a source. What has none stays as it is: sent.
func (m *Machine) offered(e Offered) Effect {
	ops := m.batch.Operations
	m.batch, m.trouble, m.undecided = nil, e.Err, 0
	if len(e.Answers) > 0 {
		m.refreshed, m.attempts = false, 0
	}
	return Settle{Operations: ops, Answers: e.Answers}
}

// fetched takes a page of a source.
func (m *Machine) fetched(e Fetched) Effect {
	if m.trouble = e.Err; e.Err != nil {
		return m.failed()
	}
	m.refreshed, m.first = false, false
	return m.brought(e.Page)
}

// failed takes the trouble that a source has: ask again, or give up.
func (m *Machine) failed() Effect {
	err := m.trouble
	m.trouble = nil
	later, again := errors.AsType[*Later](err)
	switch code := table.CodeOf(err); {
	case again:
		return m.retry(Answer{RetryAfter: later.After}, later.Err)
	case code == table.CodeNetwork:
		return m.retry(Answer{}, err)
	case code == table.CodeAuth && !m.refreshed:
		return Refresh{}
	case code == table.CodeExpired && !m.pushing && !m.reset:
		m.reset = true
		return Forget{m.now, true}
	}
	return m.stop(err)
}

// offer gives operations to the source, and makes of its verdicts what a server would have answered. Operations that have no
// verdict have no answer, and then there is an error.
func (r *Replica) offer(ctx context.Context, b *Batch) Offered {
	name := b.Operations[0].Table
	verdicts, err := r.now.source.ApplyChanges(ctx, b.Operations)
	err = blame(name, err)
	answers := make(map[string]*table.Response, len(verdicts))
	for _, v := range verdicts {
		at := slices.IndexFunc(b.Operations, func(op *table.Operation) bool { return op.ID == v.ID })
		if at < 0 {
			err = lie(name, "a verdict on no operation that it was given")
			continue
		}
		a, wrong := r.answerOf(b.Operations[at], v)
		if wrong != nil {
			err = wrong
			continue
		}
		answers[v.ID] = a
	}
	if err == nil && len(answers) < len(b.Operations) {
		err = lie(name, "no verdict on some operations")
	}
	return Offered{answers, err}
}

func (r *Replica) answerOf(op *table.Operation, v Verdict) (*table.Response, error) {
	record := v.Record
	if schema, err := r.store.Schema(op.Table); err == nil && record != nil { // else the table has gone: nothing of it is stored
		if record, err = received(schema, record); err != nil {
			return nil, lie(op.Table, "a record that cannot be stored").Because(err)
		}
		if record.ID() != op.RecordID {
			return nil, lie(op.Table, "a verdict with another record than the operation's")
		}
	}
	switch {
	case v.Refused != "":
		return &table.Response{Status: 400, Body: table.Record{"error": v.Refused}}, nil
	case v.Conflict && record == nil:
		return &table.Response{Status: 404}, nil
	case v.Conflict:
		return &table.Response{Status: 412, Body: record}, nil
	case record == nil && op.Record != nil:
		record = versioned(withoutNulls(op.Record))
	}
	return &table.Response{Status: 200, Body: record}, nil
}

// fetch asks the source for a page.
func (r *Replica) fetch(ctx context.Context, f Fetch) Fetched {
	page, err := r.page(ctx, f)
	return Fetched{page, blame(f.Table, err)}
}

func (r *Replica) page(ctx context.Context, f Fetch) (*table.Page, error) {
	schema, err := r.store.Schema(f.Table)
	b, s := r.now, r.sweeps[f.Pull]
	since := strings.TrimPrefix(f.Token, b.mark)
	if f.First && err == nil {
		if s != nil && s.list {
			s = nil // a list of ids begins anew with each pull
			delete(r.sweeps, f.Pull)
		}
		since, err = b.source.GetLastSync(ctx, f.Pull, since)
	}
	if err != nil {
		return nil, err
	}
	got, err := b.source.GetChanges(ctx, Want{Pull: f.Pull, Since: since, Limit: f.Limit,
		Known: func(ctx context.Context) (int, error) { return r.told(ctx, f.Pull) }})
	if err != nil {
		return nil, err
	}
	if got == nil {
		got = &Changes{}
	}
	next := got.Next
	if next == "" {
		next = since
	}
	if got.More && next == since {
		return nil, lie(f.Table, "a page after which there is more, without a position that it ends at")
	}
	changes, ids := make([]table.Change, len(got.Changed)+len(got.Removed)), got.IDs
	for i := range changes {
		c := &changes[i]
		if at := i - len(got.Changed); at >= 0 {
			c.ID, c.Removed = got.Removed[at], table.ReasonDeleted
			continue
		}
		record, err := received(schema, got.Changed[i])
		if err != nil {
			return nil, lie(f.Table, "a record that cannot be stored").Because(err)
		}
		if c.ID = record.ID(); record.Deleted() {
			c.Removed = table.ReasonDeleted
		} else if c.Record = record; ids != nil || s != nil {
			ids = append(ids, c.ID) // the page need not bring it
		}
	}
	for _, id := range slices.Concat(ids, got.Removed) {
		if err := table.CheckID(id); err != nil {
			return nil, lie(f.Table, "an id that no record can have").Because(err)
		}
	}
	if ids != nil {
		r.listed(f.Pull, ids)
	}
	changes, err = r.news(ctx, f.Table, changes)
	return &table.Page{Changes: changes, Token: b.mark + next, More: got.More, Count: -1}, err
}

func lie(tableName, what string) *table.Error {
	return table.Errorf(table.CodeServer, "the source of ", tableName, " gave ", what)
}

// blame names the table in the error of a source that has no code.
func blame(tableName string, err error) error {
	if err == nil || table.CodeOf(err) != "" {
		return err
	}
	named := error(table.Errorf(table.CodeServer, "the source of ", tableName, " failed").Because(err))
	if later, ok := errors.AsType[*Later](err); ok {
		named = &Later{later.After, named}
	}
	return named
}

// received brings a record of a source into the form that is stored. It has a version then.
func received(schema *table.Schema, given table.Record) (table.Record, error) {
	known := make(table.Record, len(given))
	for name, v := range given {
		if _, declared := schema.Column(name); v != nil && !table.IsSystem(name) && (declared || schema.Dynamic) {
			known[name] = v
		}
	}
	r, err := schema.Normalize(known)
	if err != nil {
		return nil, err
	}
	r[table.ColumnVersion] = given.Version()
	r = versioned(r)
	for _, name := range [...]string{table.ColumnCreatedAt, table.ColumnUpdatedAt} {
		text, _ := given[name].(string)
		if date, err := table.ParseDate(text); err == nil { // what is no date says nothing that anybody needs
			r[name] = date
		}
	}
	if given.Deleted() {
		r[table.ColumnDeleted] = true
	}
	return r, nil
}

// versioned gives a record a version that has none: by it the engine knows that the backend has the record, and which one.
func versioned(r table.Record) table.Record {
	if r.Version() == "" {
		delete(r, table.ColumnVersion)
		r[table.ColumnVersion] = table.DigestOf(r).String()
	}
	return r
}

// news leaves out of a page what is here already: sources tell again what they told before.
func (r *Replica) news(ctx context.Context, tableName string, list []table.Change) (fresh []table.Change, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	err = r.store.View(ctx, []string{StoreOutbox, tableName}, func(tx *store.Tx) error {
		fresh = nil
		results, err := tx.Run(ctx, lookup(tableName, ids...))
		if err != nil {
			return err
		}
		here, err := tx.Table(tableName).GetMany(ctx, ids)
		for i, row := range here {
			c, pending := &list[i], len(results[0].Groups[i]) > 0
			if pending || row.Version() != c.Record.Version() || (row == nil) != (c.Removed != "") {
				fresh = append(fresh, *c)
			}
		}
		return err
	})
	return fresh, err
}

// told counts the records of a pull that came from its backend; -1 where local changes wait.
func (r *Replica) told(ctx context.Context, p Pull) (n int, err error) {
	text := table.ColumnVersion + " ne null"
	if p.Filter != "" {
		text += " and (" + p.Filter + ")"
	}
	q := table.NewQuery()
	if q.Filter, err = table.ParseFilter(text); err != nil {
		return 0, err
	}
	err = r.store.View(ctx, []string{StoreOutbox, p.Table}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAllKeys, Store: StoreOutbox, Index: byRecord, Take: 1,
			Range: ofTable(p.Table)})
		if n = -1; err != nil || len(results[0].Keys) > 0 {
			return err
		}
		n, err = tx.Table(p.Table).Count(ctx, q)
		return err
	})
	return n, err
}
