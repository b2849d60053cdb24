package api

import (
	"net/http"
	"net/url"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// lookup answers one record.
func (a *API) lookup(r *http.Request, t *db.Table, id string, speaks protocol, query url.Values) (reply, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return reply{}, err
	}
	c.ID = id
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	visible, err := c.sees()
	if err != nil {
		return reply{}, err
	}
	row, ok, err := a.db.Get(r.Context(), t.StoredName(), id)
	if err != nil {
		return reply{}, err
	}
	if !ok {
		return reply{}, notThere(false)
	}
	if c.Item, err = parse(t, row.Data); err != nil {
		return reply{}, err
	}
	a.feed.Met(t.StoredName(), c.Item)
	switch {
	case !table.Matches(visible, c.Item):
		return reply{}, notThere(false)
	case row.Deleted && !(speaks == version3 && includesDeleted(query)):
		return reply{}, notThere(speaks == version3 && t.SoftDelete)
	}
	if speaks == version3 {
		switch parseConditions(r.Header.Get).check(true, c.Item) {
		case http.StatusNotModified:
			return reply{status: http.StatusNotModified, version: c.Item.Version()}, nil
		case http.StatusPreconditionFailed:
			return reply{status: http.StatusPreconditionFailed, version: c.Item.Version(), body: a.render(t, c.Item)}, nil
		}
	}
	if err := c.after(); err != nil {
		return reply{}, err
	}
	a.webhooks.tell(c)
	return c.reply(http.StatusOK, speaks), nil
}

// notThere is the answer where there is no record for the caller; its text is Azure Mobile Apps'. Version 3 tells that it was
// deleted.
func notThere(deleted bool) error {
	code := http.StatusNotFound
	if deleted {
		code = http.StatusGone
	}
	return status(code, table.Errorf(table.CodeNotFound, "The item does not exist"))
}

// own is the answer that a hook gave.
func (c *Context) own() reply {
	if c.answer == nil {
		return reply{}
	}
	return *c.answer
}

// reply answers with the context's Item.
func (c *Context) reply(code int, speaks protocol) reply {
	out := reply{status: code, version: c.Item.Version(), body: c.api.render(c.Table, c.Item)}
	if speaks == version3 {
		out.header = http.Header{}
		if at := updatedAt(c.Item); !at.IsZero() {
			out.header.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
		}
		if code == http.StatusCreated {
			out.header.Set("Location", origin(c.Request)+table.PathTables+c.Table.Name()+"/"+table.EscapeID(c.Item.ID()))
		}
	}
	return out
}

// parse reads a stored record.
func parse(t *db.Table, data []byte) (table.Record, error) {
	r, err := table.ParseRecord(data)
	if err != nil {
		return nil, table.Errorf(table.CodeServer, "a stored record of ", t.Name(), " is damaged").Because(err)
	}
	return r, nil
}

func (a *API) render(t *db.Table, r table.Record) []byte {
	return table.AppendJSON(nil, a.present(t, r))
}

// write carries out a request for one record: POST, PATCH, PUT or DELETE.
func (a *API) write(r *http.Request, t *db.Table, id string, speaks protocol, query url.Values) (reply, error) {
	w := write{request: r, speaks: speaks, method: r.Method, table: t, id: id, header: r.Header.Get,
		deleted: speaks == version3 && includesDeleted(query)}
	if r.Method == http.MethodPatch || r.Method == http.MethodPut || r.Method == http.MethodPost && id == "" {
		data, err := a.readBody(r)
		if err != nil {
			return reply{}, err
		}
		if w.body, err = parseBody(data); err != nil {
			return reply{}, err
		}
	}
	op, c, err := a.operation(w)
	if err != nil {
		return reply{}, err
	}
	if c.answer != nil && op.Client == "" {
		return *c.answer, nil
	}
	answers, err := a.feed.Push(r.Context(), []feed.Op{op})
	if err != nil {
		return reply{}, err
	}
	out := answers[0]
	if out.OK() && out.Version != "" {
		if err := a.finish(c, out); err != nil {
			return reply{}, err
		}
		if c.Operation == db.Delete && speaks == version3 {
			return reply{status: http.StatusNoContent}, nil
		}
		if speaks == version3 && c.Operation == db.Undelete {
			out.Status = http.StatusOK
		}
		return c.reply(out.Status, speaks), nil
	}
	return a.refused(&w, op, out)
}

// finish runs what comes after an operation that was carried out.
func (a *API) finish(c *Context, out feed.Answer) (err error) {
	if c.Item, err = parse(c.Table, out.Body); err != nil {
		return err
	}
	c.ID, c.Repeated = c.Item.ID(), out.Repeated
	a.webhooks.tell(c)
	return c.after()
}

// refused is the answer to a request whose operation was not carried out.
func (a *API) refused(w *write, op feed.Op, out feed.Answer) (reply, error) {
	switch {
	case out.Deleted && w.speaks == version3 && w.table.SoftDelete:
		return reply{}, notThere(true)
	case out.Status == http.StatusConflict && op.Action == feed.Insert && op.Client == "" && w.speaks == version2:
		// Azure's clients get back what they sent; only a repeatable insert may be a conflict to settle.
		return reply{status: out.Status, body: table.AppendJSON(nil, w.body)}, nil
	case out.Version == "":
		return reply{status: out.Status, body: out.Body}, nil
	case out.Status == http.StatusPreconditionFailed && w.speaks == version2 && w.header("If-Match") == "":
		out.Status = http.StatusConflict // the version was in the body: no precondition in HTTP's sense
	}
	r, err := parse(w.table, out.Body)
	return reply{status: out.Status, version: out.Version, body: a.render(w.table, r)}, err
}

// present is a stored record as Azure's clients see it: every column is there that was declared, or that any record has had.
func (a *API) present(t *db.Table, r table.Record) table.Record {
	for _, c := range t.Schema.Columns {
		if _, ok := r[c.Name]; !ok {
			r[c.Name] = nil
		}
	}
	for _, name := range a.feed.Columns(t.StoredName()) {
		if _, ok := r[name]; !ok {
			r[name] = nil
		}
	}
	if !t.SoftDelete {
		delete(r, table.ColumnDeleted)
	}
	if t.AutoIncrement {
		r[table.ColumnID] = numbered(r.ID())
	}
	return r
}
