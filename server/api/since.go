package api

import (
	"net/http"
	"net/url"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// The contract of the classic article on syncing a browser's database: GET ?modifiedSince=T answers the rows that were
// written after T, deleted ones marked so, and a client's next T is the greatest lastModified that it has.
const (
	paramSince   = "modifiedSince"
	columnSince  = "lastModified"
	sinceRows    = 10_000 // after which an answer ends, where a new time begins
	sinceNothing = "null" // what a client without rows sends
)

// since answers the classic contract. A time is never cut in two: rows that share one come in one answer, so that comparing by
// "later than" loses none.
func (a *API) since(r *http.Request, t *db.Table, params url.Values) (reply, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return reply{}, err
	}
	q := &table.Query{Take: sinceRows + 1, IncludeDeleted: true, Order: []table.Order{{Column: table.ColumnUpdatedAt}}}
	if text := params.Get(paramSince); text != "" && text != sinceNothing {
		iso, err := table.ParseDate(text)
		if err != nil {
			return reply{}, table.Errorf(table.CodeQuery, paramSince).Because(err)
		}
		q.Filter = compare(table.ColumnUpdatedAt, table.OpGt, table.Date(iso))
	}
	c.Query = q
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	if _, err := a.fetch(r.Context(), c); err != nil {
		return reply{}, err
	}
	var header http.Header
	if len(c.Items) > sinceRows {
		if c.Items = whole(c.Items); len(c.Items) > 0 {
			params.Set(paramSince, c.Items[len(c.Items)-1][table.ColumnUpdatedAt].(string))
			header = http.Header{"Link": {origin(r) + r.URL.Path + "?" + params.Encode() + "; rel=next"}}
		}
	}
	for i, row := range c.Items {
		c.Items[i] = a.present(t, row)
	}
	if err := c.after(); err != nil {
		return reply{}, err
	}
	for _, row := range c.Items {
		row[columnSince], row[table.ColumnDeleted] = row[table.ColumnUpdatedAt], row.Deleted()
	}
	return reply{status: http.StatusOK, header: header, body: table.AppendJSON(nil, append([]table.Record{}, c.Items...))}, nil
}

// whole leaves out the last time's rows, of which there may be more.
func whole(rows []table.Record) []table.Record {
	last := rows[len(rows)-1][table.ColumnUpdatedAt]
	n := len(rows)
	for n > 0 && rows[n-1][table.ColumnUpdatedAt] == last {
		n--
	}
	return rows[:n]
}
