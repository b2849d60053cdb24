package api

import (
	"net/http"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// deleteBatch is how many records of a bulk delete share one transaction.
const deleteBatch = 1000

// deleteAll deletes the records that a filter finds, at most maxTop of them, and answers them. A record that was changed
// meanwhile so that the filter does not find it any more stays.
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
		return reply{}, table.Errorf(table.CodeInvalid, "which records? give the id, as in DELETE ", table.PathTables, t.Name(), "/ID, or a $filter")
	}
	c.Query = &table.Query{Filter: q.Filter, Take: t.MaxTop}
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	if _, err := a.fetch(r.Context(), c); err != nil {
		return reply{}, err
	}
	visible, err := c.sees()
	if err != nil {
		return reply{}, err
	}
	found, wanted := c.Items, table.And(c.Query.Filter, visible)
	c.Items = nil
	for len(found) > 0 {
		n := min(deleteBatch, len(found))
		ops := make([]feed.Op, n)
		for i, row := range found[:n] {
			ops[i] = feed.Op{Table: t, Action: feed.Delete, ID: row.ID(),
				Sees: func(r table.Record) bool { return table.Matches(wanted, r) }}
		}
		found = found[n:]
		answers, err := a.feed.Push(r.Context(), ops)
		if err != nil {
			return reply{}, err
		}
		for _, out := range answers {
			if !out.OK() {
				continue // it is gone, or not what was meant any more
			}
			row, err := parse(t, out.Body)
			if err != nil {
				return reply{}, err
			}
			c.Items = append(c.Items, present(t, row))
		}
	}
	if err := c.after(); err != nil {
		return reply{}, err
	}
	a.webhooks.tell(c)
	if speaks == version3 {
		return reply{status: http.StatusNoContent}, nil
	}
	return reply{status: http.StatusOK, body: table.AppendJSON(nil, append([]table.Record{}, c.Items...))}, nil
}
