package api

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// list answers a query: an array, or {"results", "count"} where the number of all matches is asked for.
func (a *API) list(r *http.Request, t *db.Table, params url.Values) (reply, error) {
	q, err := table.ParseParameters(r.URL.RawQuery)
	if err != nil {
		return reply{}, err
	}
	if err := q.Check(t.Schema); err != nil {
		return reply{}, err
	}
	if q.Take > t.MaxTop {
		return reply{}, table.Errorf(table.CodeQuery, "You cannot request more than ", strconv.Itoa(t.MaxTop), " records")
	}
	if q.Take <= 0 {
		q.Take = t.PageSize
	}
	q.Skip = min(q.Skip, math.MaxInt32) // no table has so many records, and no sum with it overflows
	q.Count = params.Get("$inlinecount") == "allpages"
	q.IncludeDeleted = q.IncludeDeleted && t.SoftDelete

	find := a.scan
	if q.Filter == nil && len(q.Order) == 0 {
		find = a.page
	}
	found, count, err := find(r.Context(), t, q)
	if err != nil {
		return reply{}, err
	}
	body := []byte(nil)
	if q.Count {
		body = append(body, `{"results":`...)
	}
	for i, row := range found {
		found[i] = q.Project(present(t, row))
	}
	body = table.AppendJSON(body, append([]table.Record{}, found...))
	if q.Count {
		body = append(body, `,"count":`...)
		body = strconv.AppendInt(body, count, 10)
		body = append(body, '}')
	}
	out := reply{status: http.StatusOK, body: body}
	if len(found) == q.Take {
		// Without the angle brackets of RFC 8288: Azure's client would take them for part of the URL.
		out.header = http.Header{"Link": {next(r, params, q) + "; rel=next"}}
	}
	return out, nil
}

// next returns the URL of the page after this one.
func next(r *http.Request, params url.Values, q *table.Query) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	params.Set("$top", strconv.Itoa(q.Take))
	params.Set("$skip", strconv.Itoa(q.Skip+q.Take))
	u.RawQuery = params.Encode()
	return u.String()
}

// page answers a query without filter and order: the database has its order ready.
func (a *API) page(ctx context.Context, t *db.Table, q *table.Query) (found []table.Record, count int64, err error) {
	rows, err := a.db.List(ctx, t.Name(), db.Page{Skip: int64(q.Skip), Take: int64(q.Take), Deleted: q.IncludeDeleted})
	if err != nil {
		return nil, 0, err
	}
	for _, data := range rows {
		r, err := table.ParseRecord(data)
		if err != nil {
			return nil, 0, table.Errorf(table.CodeServer, "a stored record of ", t.Name(), " is damaged").Because(err)
		}
		found = append(found, r)
	}
	if q.Count {
		count, err = a.db.Live(ctx, t.Name())
	}
	return found, count, err
}

// scan answers any query by looking at every record. It holds no more of them than a few pages. Deleted records are found
// where they are asked for, and never counted.
func (a *API) scan(ctx context.Context, t *db.Table, q *table.Query) (found []table.Record, count int64, err error) {
	const slack = 1000 // sorting now and then is cheaper than keeping order
	wanted := q.Skip + q.Take
	err = a.db.Scan(ctx, t.Name(), q.IncludeDeleted, func(data []byte) error {
		r, err := table.ParseRecord(data)
		if err != nil {
			return table.Errorf(table.CodeServer, "a stored record of ", t.Name(), " is damaged").Because(err)
		}
		if !q.Match(r) {
			return nil
		}
		if !r.Deleted() {
			count++
		}
		if found = append(found, r); len(found)-slack > 2*wanted {
			slices.SortFunc(found, q.Compare)
			clear(found[wanted:])
			found = found[:wanted]
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(found, q.Compare)
	return found[min(q.Skip, len(found)):min(wanted, len(found))], count, nil
}
