package api

import (
	"context"
	"net/http"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// lookup answers one record.
func (a *API) lookup(ctx context.Context, t *db.Table, id string) (reply, error) {
	row, ok, err := a.db.Get(ctx, t.Name(), id)
	if err != nil {
		return reply{}, err
	}
	if !ok || row.Deleted {
		return reply{}, table.Errorf(table.CodeNotFound, "The item does not exist")
	}
	return record(t, http.StatusOK, row.Data)
}

// record is a reply with a stored record.
func record(t *db.Table, status int, data []byte) (reply, error) {
	r, err := table.ParseRecord(data)
	if err != nil {
		return reply{}, table.Errorf(table.CodeServer, "a stored record of ", t.Name(), " is damaged").Because(err)
	}
	return reply{status: status, version: r.Version(), body: table.AppendJSON(nil, present(t, r))}, nil
}

// write carries out a request for one record: POST, PATCH or DELETE.
func (a *API) write(r *http.Request, t *db.Table, id string) (reply, error) {
	w := write{method: r.Method, table: t, id: id, header: r.Header.Get, strict: true}
	if r.Method == http.MethodPatch || r.Method == http.MethodPost && id == "" {
		data, err := a.readBody(r)
		if err != nil {
			return reply{}, err
		}
		if w.body, err = table.ParseRecord(data); err != nil {
			return reply{}, err
		}
	}
	op, err := a.operation(w)
	if err != nil {
		return reply{}, err
	}
	answers, err := a.feed.Push(r.Context(), []feed.Op{op})
	if err != nil {
		return reply{}, err
	}
	out := answers[0]
	switch {
	case out.Version == "":
		return reply{status: out.Status, body: out.Body}, nil
	case out.Status == http.StatusConflict && op.Client == "":
		// Azure's clients get back what they sent; only a repeatable insert may be a conflict to settle.
		return reply{status: out.Status, body: table.AppendJSON(nil, w.body)}, nil
	case out.Status == http.StatusPreconditionFailed && r.Header.Get("If-Match") == "":
		out.Status = http.StatusConflict // the version was in the body: no precondition in HTTP's sense
	}
	return record(t, out.Status, out.Body)
}

// present is a stored record as a client of ZUMO 2.0.0 sees it: every declared column is there.
func present(t *db.Table, r table.Record) table.Record {
	for _, c := range t.Schema.Columns {
		if _, ok := r[c.Name]; !ok {
			r[c.Name] = nil
		}
	}
	if !t.SoftDelete {
		delete(r, table.ColumnDeleted)
	}
	return r
}
