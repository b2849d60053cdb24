package api

import (
	"net/http"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// deleteBatch is how many records of a bulk delete share one transaction.
const deleteBatch = 1000

// deleteAll deletes all records that a filter finds, and answers them. One that was changed meanwhile so that the filter does
// not find it any more stays.
func (a *API) deleteAll(r *http.Request, t *db.Table, speaks protocol) (reply, error) {
	c, err := a.context(r, t, db.Delete)
	if err != nil {
		return reply{}, err
	}
	params, err := parseQuery(r.URL)
	if err != nil {
		return reply{}, err
	}
	q, err := a.query(r, t, speaks, params)
	if err != nil {
		return reply{}, err
	}
	if q.Filter == nil {
		return reply{}, table.Errorf(table.CodeInvalid, "which records? give the id, as in DELETE ", table.PathTables, t.Name(),
			"/ID, or a $filter")
	}
	c.Query = &table.Query{Filter: q.Filter, Take: deleteBatch}
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	deleted := []table.Record{}
	for {
		gone, err := a.deleteSome(c)
		if err != nil {
			return reply{}, err
		}
		if deleted = append(deleted, gone...); len(gone) == 0 {
			break
		}
	}
	if c.Items = deleted; len(deleted) > 0 {
		a.webhooks.tell(c)
	}
	if err := c.after(); err != nil {
		return reply{}, err
	}
	if speaks == version3 {
		return reply{status: http.StatusNoContent}, nil
	}
	return reply{status: http.StatusOK, body: table.AppendJSON(nil, c.Items)}, nil
}

// deleteSome deletes the next records that the query finds, in one transaction, and returns them.
func (a *API) deleteSome(c *Context) (deleted []table.Record, err error) {
	if _, err := a.fetch(c.Context(), c); err != nil {
		return nil, err
	}
	visible, err := c.sees()
	if err != nil || len(c.Items) == 0 {
		return nil, err
	}
	wanted := table.And(c.Query.Filter, visible)
	ops := make([]feed.Op, len(c.Items))
	for i, row := range c.Items {
		ops[i] = feed.Op{Table: c.Table, Action: feed.Delete, ID: row.ID(),
			Sees: func(r table.Record) bool { return table.Matches(wanted, r) }}
	}
	answers, err := a.feed.Push(c.Context(), ops)
	if err != nil {
		return nil, err
	}
	for _, out := range answers {
		if !out.OK() {
			continue // it is gone, or not what was meant any more
		}
		row, err := parse(c.Table, out.Body)
		if err != nil {
			return nil, err
		}
		deleted = append(deleted, a.present(c.Table, row))
	}
	return deleted, nil
}
