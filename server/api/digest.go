package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

const (
	digestPage    = 1000 // records that are read at a time
	digestChanged = 1000 // ids of changed records in one answer, at most
)

// digest answers what the table holds for the caller in a range of ids, in parts of so many records: count and digest of each,
// and the records themselves where they are asked for. It tells of what a delta with the same token and filter tells of, and
// costs no more than a page of that.
//
// What was written after the token is left out, and named instead: the client, which has the records as they were before, leaves
// it out as well. So both sides compare the same moment, however busy the table is. What has changed is read last, from which
// follows that whatever was read of a record that it does not name was as the token saw it.
func (a *API) digest(r *http.Request, t *db.Table, params url.Values) (reply, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return reply{}, err
	}
	d := &digest{delta: delta{Context: c, params: params}}
	if err := d.read(); err != nil {
		return reply{}, err
	}
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	if err := d.narrow(); err != nil {
		return reply{}, err
	}
	if err := d.cut(r.Context(), a); err != nil {
		return reply{}, err
	}
	if err := d.leaveOut(r.Context(), a.db); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: table.AppendParts(nil, d.answer())}, nil
}

// digest is one request for digests.
type digest struct {
	delta
	after, to   string
	size, parts int
	records     bool

	ends    []string // the last id of each part
	found   [][]table.Record
	changed map[string]bool
	names   []string // of changed, in order
}

func (d *digest) read() (err error) {
	if err := d.delta.read(); err != nil {
		return err
	}
	if d.since.First {
		return table.Errorf(table.CodeQuery, "a digest is one at a ", table.ParamDeltaToken, ": pull first")
	}
	d.after, d.to = d.params.Get(table.ParamAfter), d.params.Get(table.ParamTo)
	if !table.IsBound(d.after) || !table.IsBound(d.to) {
		return table.Errorf(table.CodeQuery, table.ParamAfter, " and ", table.ParamTo, " are ids without characters beyond U+D7FF")
	}
	d.records = d.params.Get(table.ParamRecords) == "true"
	if d.size, err = d.number(table.ParamSize); err != nil {
		return err
	}
	d.parts, err = d.number(table.ParamParts)
	return err
}

// number reads a parameter that bounds the answer.
func (d *digest) number(name string) (int, error) {
	text := d.params.Get(name)
	if text == "" {
		return table.MaxDigest, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > table.MaxDigest {
		return 0, table.Errorf(table.CodeQuery, name, " is not a number from 1 to ", strconv.Itoa(table.MaxDigest))
	}
	return n, nil
}

// cut reads the range, as much of it as one answer takes, and cuts it into parts.
func (d *digest) cut(ctx context.Context, a *API) error {
	visible, err := d.sees()
	if err != nil {
		return err
	}
	limit := table.MaxDigest
	if d.records {
		limit = digestPage
	}
	q := &table.Query{Take: digestPage, Order: []table.Order{{Column: table.ColumnID}}, Filter: table.And(d.Query.Filter, visible)}
	if d.after != "" {
		q.After = table.Record{table.ColumnID: d.after}
	}
	if d.to != "" {
		upTo := table.Compare{Op: table.OpLe, Left: table.ColumnRef{Name: table.ColumnID}, Right: table.Literal{Value: d.to}}
		q.Filter = table.And(q.Filter, upTo)
	}
	var part []table.Record
	for read := 0; ; {
		rows, _, err := a.find(ctx, d.Table, q)
		if err != nil {
			return err
		}
		for _, row := range rows {
			part = append(part, row)
			read++
			if id := row.ID(); (len(part) >= d.size || read >= limit) && table.IsBound(id) {
				d.ends, d.found, part = append(d.ends, id), append(d.found, part), nil
				if len(d.ends) == d.parts || read >= limit {
					return d.present()
				}
			}
		}
		if read > 2*table.MaxDigest {
			return table.Errorf(table.CodeLimit, "no id after ", strconv.Quote(d.after),
				" can end a digest: they have characters beyond U+D7FF")
		}
		if len(rows) < digestPage {
			d.ends, d.found = append(d.ends, d.to), append(d.found, part)
			return d.present()
		}
		q.After = table.Record{table.ColumnID: rows[len(rows)-1].ID()}
	}
}

// present runs the hook behind a read over what was found: a client has what that leaves of a record.
func (d *digest) present() error {
	for i := range d.found {
		d.Items = d.found[i]
		if err := d.delta.after(); err != nil {
			return err
		}
		d.found[i] = d.Items
	}
	d.Items = nil
	return nil
}

// leaveOut finds what was written after the token.
func (d *digest) leaveOut(ctx context.Context, from db.DB) error {
	since := d.since
	since.Limit = digestChanged
	page, err := from.Changes(ctx, d.Table.StoredName(), since)
	if err != nil {
		return err
	}
	if page.More {
		return table.Errorf(table.CodeConflict, "more than ", strconv.Itoa(digestChanged), " records of ", d.Table.Name(),
			" have changed since: pull, and ask again")
	}
	told := &told{place: map[string]int{}}
	if err := d.tell(ctx, told, since, page); err != nil {
		return err
	}
	d.changed = map[string]bool{}
	for _, v := range told.entries {
		if v == nil {
			continue // it comes once more
		}
		id := table.Record(v.(map[string]any)).ID()
		d.changed[id] = true
		if id > d.after && (d.to == "" || id <= d.to) {
			d.names = append(d.names, id)
		}
	}
	return nil
}

// answer counts what is left.
func (d *digest) answer() *table.Parts {
	out := &table.Parts{Changed: d.names}
	for i, rows := range d.found {
		p := table.Part{To: d.ends[i]}
		for _, row := range rows {
			if d.changed[row.ID()] {
				continue
			}
			p.Count++
			p.Digest.Add(row)
			if d.records {
				p.Records = append(p.Records, row)
			}
		}
		out.Parts = append(out.Parts, p)
	}
	return out
}
