package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// Data is a table as the program itself reads and writes it: past the rules of who may do what, past owners and hooks. What
// it writes goes through the feed, and so reaches every client. It is safe for concurrent use.
type Data struct {
	api   *API
	table *db.Table
}

// Data returns the table called name.
func (a *API) Data(name string) (*Data, error) {
	t := a.tables[strings.ToLower(name)]
	if t == nil {
		return nil, unknownTable(name)
	}
	return &Data{a, t}, nil
}

// Get returns a record. Where there is none, or a deleted one, the error has code [table.CodeNotFound].
func (d *Data) Get(ctx context.Context, id string) (table.Record, error) {
	row, ok, err := d.api.db.Get(ctx, d.table.StoredName(), id)
	if err != nil {
		return nil, err
	}
	if !ok || row.Deleted {
		return nil, notThere(false)
	}
	return parse(d.table, row.Data)
}

// Query returns the records that q asks for.
func (d *Data) Query(ctx context.Context, q *table.Query) ([]table.Record, error) {
	if err := q.Check(d.table.Schema); err != nil {
		return nil, err
	}
	found, _, err := d.api.find(ctx, d.table, q)
	for i := range found {
		found[i] = q.Project(found[i])
	}
	return found, err
}

// Insert writes a new record, and returns it as it is stored. One that has no id is given one; an id that is taken is an
// error with code [table.CodeExists].
func (d *Data) Insert(ctx context.Context, r table.Record) (table.Record, error) {
	return d.push(ctx, feed.Insert, r)
}

// Update changes the given columns of a record, and returns it as it is stored. A version in r is the one that the record
// must have, else the error has code [table.CodeConflict].
func (d *Data) Update(ctx context.Context, r table.Record) (table.Record, error) {
	return d.push(ctx, feed.Update, r)
}

// Delete deletes a record.
func (d *Data) Delete(ctx context.Context, id string) error {
	_, err := d.push(ctx, feed.Delete, table.Record{table.ColumnID: id})
	return err
}

func (d *Data) push(ctx context.Context, action feed.Action, r table.Record) (table.Record, error) {
	op := feed.Op{Table: d.table, Action: action, ID: r.ID()}
	if action != feed.Delete {
		given := table.Record{}
		for name, v := range r {
			given[name] = v
		}
		if op.ID == "" && action == feed.Insert {
			given[table.ColumnID] = d.api.feed.NewID()
		}
		var err error
		if op.Record, err = d.table.Schema.Normalize(given); err != nil {
			return nil, err
		}
		if op.ID != "" || !d.table.AutoIncrement {
			op.ID = op.Record.ID()
		}
	}
	if action == feed.Update {
		op.Match = r.Version()
	}
	answers, err := d.api.feed.Push(ctx, []feed.Op{op})
	if err != nil {
		return nil, err
	}
	switch out := answers[0]; out.Status {
	case http.StatusNotFound:
		return nil, notThere(false)
	case http.StatusConflict:
		return nil, table.Errorf(table.CodeExists, "the table ", d.table.Name(), " has a record ", op.ID, " already")
	case http.StatusPreconditionFailed:
		return nil, table.Errorf(table.CodeConflict, "the record ", op.ID, " was changed meanwhile")
	default:
		return parse(d.table, out.Body)
	}
}
