package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// maxDelta is the greatest $top of a delta page.
const maxDelta = 10_000

// delta answers what changed after a token; an empty token asks for the live records. Where nothing narrows it, records go
// out as they are stored: the page is one value of the database.
func (a *API) delta(r *http.Request, t *db.Table, params url.Values) (reply, error) {
	c, err := a.context(r, t, db.Read)
	if err != nil {
		return reply{}, err
	}
	d := &delta{Context: c, params: params}
	if err := d.read(); err != nil {
		return reply{}, err
	}
	if answered, err := c.before(); answered || err != nil {
		return c.own(), err
	}
	if err := d.narrow(); err != nil {
		return reply{}, err
	}
	page, err := a.db.Changes(r.Context(), t.StoredName(), d.since)
	if err != nil {
		return reply{}, err
	}
	if d.filter != nil || c.hooks.Read.After != nil {
		if err := d.rewrite(&page); err != nil {
			return reply{}, err
		}
	}
	return reply{status: http.StatusOK, body: d.body(page)}, nil
}

// delta is one request for changes.
type delta struct {
	*Context
	params url.Values
	since  db.Since
	count  bool
	filter table.Expr // what records must meet, besides being the caller's own where they belong to somebody
}

// read reads the parameters.
func (d *delta) read() (err error) {
	d.since.Limit = table.DefaultDeltaPage
	for name := range d.params {
		switch name {
		case "$orderby", "$skip", "$select", "$inlinecount":
			// Leaving it out would bring rows that were not asked for.
			return table.Errorf(table.CodeQuery, name, " cannot be combined with ", table.ParamDeltaToken)
		}
	}
	if text := d.params.Get("$top"); text != "" {
		if d.since.Limit, err = strconv.Atoi(text); err != nil || d.since.Limit < 1 || d.since.Limit > maxDelta {
			return table.Errorf(table.CodeQuery, "$top is not a number from 1 to ", strconv.Itoa(maxDelta))
		}
	}
	switch count := d.params.Get("$count"); count {
	case "true":
		d.count = true
	case "", "false":
	default:
		return table.Errorf(table.CodeQuery, "$count is neither true nor false")
	}
	d.Query = table.NewQuery()
	if text := d.params.Get("$filter"); text != "" {
		if d.Query.Filter, err = table.ParseFilter(text); err == nil {
			err = d.Query.Check(d.Table.Schema)
		}
		if err != nil {
			return err
		}
	}
	token := d.params.Get(table.ParamDeltaToken)
	if d.since.First = token == ""; !d.since.First {
		d.since.Cursor, err = db.ParseCursor(token)
	}
	return err
}

// narrow finds out which records the caller is told of. A token is good for these alone: its scope names them. The time after
// which records expire is not part of it, because it is another one each day.
func (d *delta) narrow() error {
	rights, err := d.filters()
	if err != nil {
		return err
	}
	d.filter = table.And(d.Query.Filter, rights)
	scope := ""
	if d.filter != nil {
		scope = table.FilterText(d.filter)
	}
	if d.Table.Owner != "" {
		d.since.PerUser = true
		if d.User != nil {
			d.since.User = d.User.ID
		}
		scope += "\x00" + d.since.User
	}
	if scope != "" {
		sum := sha256.Sum256([]byte(scope))
		d.since.Scope = hex.EncodeToString(sum[:10])
	}
	d.filter = table.And(d.filter, d.unexpired())
	return nil
}

// rewrite leaves out what the caller is not told of. What may have been told before, and does not match now, is reported as
// removed; while a first pull goes on nothing was.
func (d *delta) rewrite(page *db.Changes) error {
	list, err := table.ParseJSON(append(append([]byte{'['}, page.JSON...), ']'))
	if err != nil {
		return table.Errorf(table.CodeServer, "a stored record of ", d.Table.Name(), " is damaged").Because(err)
	}
	anchor := d.since.Cursor.Anchor.Seq
	first := d.since.First || d.since.Cursor.After < anchor && page.Next.After < page.Next.Anchor.Seq
	out := []any{}
	for _, v := range list.([]any) {
		entry := table.Record(v.(map[string]any))
		switch {
		case entry[table.FieldRemoved] != nil:
			out = append(out, v)
		case table.Matches(d.filter, entry):
			d.Items = append(d.Items, entry)
			out = append(out, v) // the same map: After may change it
		case !first:
			out = append(out, map[string]any{table.ColumnID: entry.ID(), table.ColumnVersion: entry.Version(),
				table.FieldRemoved: map[string]any{"reason": table.ReasonChanged}})
		}
	}
	if err := d.after(); err != nil {
		return err
	}
	page.JSON = table.AppendJSON(nil, out)
	page.JSON = page.JSON[1 : len(page.JSON)-1]
	return nil
}

// body writes the page.
func (d *delta) body(page db.Changes) []byte {
	link := table.PathTables + d.Table.Name() + "?"
	for _, name := range [...]string{"$filter", "$top"} {
		if d.params.Has(name) {
			link += name + "=" + table.EscapeID(d.params.Get(name)) + "&"
		}
	}
	if d.count {
		link += "$count=true&"
	}
	link += table.ParamDeltaToken + "=" + table.EscapeID(page.Next.String())
	body := make([]byte, 0, len(page.JSON)+len(link)+128)
	body = append(body, `{"value":[`...)
	body = append(body, page.JSON...)
	body = append(body, ']')
	if d.count && d.since.Scope == "" { // others' records are not even counted
		body = append(body, `,"`+table.FieldCount+`":`...)
		body = strconv.AppendInt(body, page.Live, 10)
	}
	field := table.FieldDeltaLink
	if page.More {
		field = table.FieldNextLink
	}
	body = append(body, `,"`+field+`":`...)
	body = table.AppendJSON(body, link)
	return append(body, '}')
}
