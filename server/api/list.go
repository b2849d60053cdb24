package api

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// list answers a query: in version 2 an array, or {"results", "count"} where the number of all matches is asked for; in
// version 3 always {"items"}.
func (a *API) list(r *http.Request, t *db.Table, speaks protocol, params url.Values) (reply, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return reply{}, err
	}
	if c.Query, err = a.query(r, t, speaks, params); err != nil {
		return reply{}, err
	}
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	count, err := a.fetch(r.Context(), c)
	if err != nil {
		return reply{}, err
	}
	for i, row := range c.Items {
		c.Items[i] = a.present(t, row)
	}
	full := len(c.Items) == c.Query.Take
	if err := c.after(); err != nil {
		return reply{}, err
	}
	a.webhooks.tell(c)
	for i, row := range c.Items {
		c.Items[i] = c.Query.Project(row)
	}
	if speaks == version3 {
		return c.page(params, full, count), nil
	}
	items := table.AppendJSON(nil, append([]table.Record{}, c.Items...))
	out := reply{status: http.StatusOK, body: items}
	if c.Query.Count {
		out.body = append([]byte(`{"results":`), items...)
		out.body = append(out.body, `,"count":`...)
		out.body = append(strconv.AppendInt(out.body, count, 10), '}')
	}
	if full {
		// Without the angle brackets of RFC 8288: Azure's client would take them for part of the URL.
		params.Set("$top", strconv.Itoa(c.Query.Take))
		out.header = http.Header{"Link": {origin(r) + c.next(params) + "; rel=next"}}
	}
	return out, nil
}

// query reads the query of a request for a list.
func (a *API) query(r *http.Request, t *db.Table, speaks protocol, params url.Values) (*table.Query, error) {
	text := r.URL.RawQuery
	if speaks == version3 {
		text = translate(params)
	}
	q, err := table.ParseParameters(text)
	if err != nil {
		return nil, err
	}
	if t.AutoIncrement {
		q.Filter = byNumber(q.Filter)
	}
	if err := q.Check(t.Schema); err != nil {
		return nil, err
	}
	if q.Take > t.MaxTop {
		return nil, table.Errorf(table.CodeQuery, "You cannot request more than ", strconv.Itoa(t.MaxTop), " records")
	}
	q.Skip = min(q.Skip, math.MaxInt32) // no table has so many records, and no sum with it overflows
	if q.Count = params.Get("$inlinecount") == "allpages"; speaks == version3 {
		q.Count = params.Get("$count") == "true"
		q.IncludeDeleted = includesDeleted(params)
	}
	switch {
	case q.Take <= 0 && !(speaks == version3 && q.Take == 0):
		q.Take = t.PageSize
	case speaks == version3: // there $top counts over all pages
		q.Take = min(q.Take, t.PageSize)
	}
	q.IncludeDeleted = q.IncludeDeleted && t.SoftDelete
	return q, nil
}

// fetch finds the Items of a list that the caller may know of, and counts all of them if the query asks for it.
func (a *API) fetch(ctx context.Context, c *Context) (count int64, err error) {
	visible, err := c.sees()
	if err != nil {
		return 0, err
	}
	q := *c.Query
	q.Filter = table.And(q.Filter, visible)
	c.Items, count, err = a.find(ctx, c.Table, &q)
	return count, err
}

// page answers a list in version 3.
func (c *Context) page(params url.Values, full bool, count int64) reply {
	body := table.AppendJSON([]byte(`{"items":`), append([]table.Record{}, c.Items...))
	if c.Query.Count {
		body = strconv.AppendInt(append(body, `,"count":`...), count, 10)
	}
	if top, err := strconv.Atoi(params.Get("$top")); err == nil && top >= 0 {
		params.Set("$top", strconv.Itoa(top-c.Query.Take))
		full = full && top > c.Query.Take
	}
	if full && c.Query.Take > 0 {
		link := c.next(params)
		if !strings.Contains(c.Request.Header.Get("X-ZUMO-Options"), "nextLink=path") {
			link = origin(c.Request) + link
		}
		body = table.AppendJSON(append(body, `,"nextLink":`...), link)
	}
	return reply{status: http.StatusOK, body: append(body, '}')}
}

// next returns the path of the page after this one.
func (c *Context) next(params url.Values) string {
	params.Set("$skip", strconv.Itoa(c.Query.Skip+c.Query.Take))
	u := url.URL{Path: c.Request.URL.Path, RawQuery: params.Encode()}
	return u.String()
}

// origin is the server as the client reached it.
func origin(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// find answers a query, and counts all that match if it asks for that. Deleted records are found where they are asked for,
// and never counted.
func (a *API) find(ctx context.Context, t *db.Table, q *table.Query) ([]table.Record, int64, error) {
	found, err := a.db.Find(ctx, db.Find{Table: t.StoredName(), Schema: t.Schema, Query: q})
	if err != nil {
		return nil, 0, err
	}
	records := make([]table.Record, len(found.Records))
	for i, data := range found.Records {
		if records[i], err = table.ParseRecord(data); err != nil {
			return nil, 0, table.Errorf(table.CodeServer, "a stored record of ", t.Name(), " is damaged").Because(err)
		}
		a.feed.Met(t.StoredName(), records[i])
	}
	return records, found.Count, nil
}
