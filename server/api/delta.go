package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
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
	page, err := d.collect(r.Context(), a.db)
	if table.CodeOf(err) == table.CodeEpoch {
		err = a.estranged(r.Context(), err, map[string]*db.Table{t.Name(): t})
	}
	if err != nil {
		return reply{}, err
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
	lasts  table.Expr // that part of it which only a write makes a record meet, or not: all but its age
	whole  int64      // up to this number the caller has been told all: see markWhole

	// former returns what records with these ids held before; nil to ask the database.
	former func(ctx context.Context, ids []string) ([]db.Row, error)
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
		if d.since.Cursor, err = db.ParseCursor(token); err == nil {
			d.whole, err = cutWhole(&d.since.Cursor)
		}
	}
	d.since.Seen = table.MarkOf(d.params.Get(table.ParamSeen))
	return err
}

// narrow finds out which records the caller is told of. A token is good for these alone: its scope names them. The time after
// which records expire is not part of it, because it is another one each day.
func (d *delta) narrow() error {
	rights, err := d.filters()
	if err != nil {
		return err
	}
	d.lasts = table.And(d.Query.Filter, rights)
	scope := ""
	if d.lasts != nil {
		scope = table.FilterText(d.lasts)
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
	d.filter = table.And(d.lasts, d.unexpired())
	return nil
}

// collect reads a page. Where records are left out of it, it reads on until the page is half full, so that who asks for few of
// many records does not ask often; but not for long, because the answer tells how far it came all the same.
func (d *delta) collect(ctx context.Context, from db.DB) (page db.Changes, err error) {
	since, stored := d.since, d.Table.StoredName()
	page, err = from.Changes(ctx, stored, since)
	if err != nil || d.filter == nil && d.hooks.Read.After == nil {
		return page, err
	}
	if d.since.First { // from here on it is told of what happens to what there is now
		d.whole = page.Next.Anchor.Seq
	}
	told := &told{place: map[string]int{}}
	for scanned := page.Count; ; scanned += page.Count {
		if err := d.tell(ctx, told, since, page); err != nil {
			return page, err
		}
		if !page.More || 2*told.count >= d.since.Limit || scanned >= min(8*d.since.Limit, maxDelta) {
			break
		}
		since.First, since.Cursor, since.Limit = false, page.Next, d.since.Limit-told.count
		if page, err = from.Changes(ctx, stored, since); err != nil {
			return page, err
		}
	}
	if page.More && d.hooks.narrow() {
		page.Next.Scope = addWhole(page.Next.Scope, d.whole)
	}
	page.JSON, err = d.finish(told)
	return page, err
}

// told is what a page tells. A record that is written while it is read may come twice: the last counts.
type told struct {
	entries []any
	place   map[string]int // in entries, by id; there it is nil where a later one took its place
	count   int
}

func (t *told) add(id string, entry any) {
	if at, twice := t.place[id]; twice {
		t.entries[at] = nil
		t.count--
	}
	t.place[id] = len(t.entries)
	t.entries, t.count = append(t.entries, entry), t.count+1
}

// tell adds the entries of a page that since asked for, without what the caller is not told of. What may have been told before,
// and does not match now, is reported as removed; of what was written before a first pull began, nothing was.
func (d *delta) tell(ctx context.Context, to *told, since db.Since, page db.Changes) error {
	list, err := table.ParseJSON([]byte("[" + page.JSON + "]"))
	if err != nil {
		return table.Errorf(table.CodeServer, "a stored record of ", d.Table.Name(), " is damaged").Because(err)
	}
	strangers, err := d.strangers(ctx, since, list.([]any))
	if err != nil {
		return err
	}
	for _, v := range list.([]any) {
		entry := table.Record(v.(map[string]any))
		switch {
		case strangers[entry.ID()]:
		case entry[table.FieldRemoved] != nil || table.Matches(d.filter, entry):
			to.add(entry.ID(), v)
		case !since.First && !writtenBy(entry, since.Cursor.Anchor):
			to.add(entry.ID(), map[string]any{table.ColumnID: entry.ID(), table.ColumnVersion: entry.Version(),
				table.FieldRemoved: map[string]any{"reason": table.ReasonChanged}})
		}
	}
	return nil
}

// writtenBy reports whether a record was last written before a mark, or there.
func writtenBy(entry table.Record, mark db.Mark) bool {
	at, err := db.ParseCursor(entry.Version())
	return err == nil && at.Anchor.Seq <= mark.Seq
}

// see returns what the caller, who has been told all up to after, is told of one entry of the feed.
func (d *delta) see(ctx context.Context, e db.Entry, after int64) ([]byte, error) {
	data := string(e.Data)
	if e.Deleted {
		data = string(table.AppendJSON(nil, map[string]any{table.ColumnID: e.ID,
			table.FieldRemoved: map[string]any{"reason": table.ReasonDeleted}}))
	}
	d.whole = after
	d.former = func(ctx context.Context, _ []string) ([]db.Row, error) {
		return d.api.formers.read(ctx, d.Table.StoredName(), e, after)
	}
	told := &told{place: map[string]int{}}
	if err := d.tell(ctx, told, db.Since{}, db.Changes{JSON: data}); err != nil {
		return nil, err
	}
	text, err := d.finish(told)
	d.Items = nil // the connection may be idle for long
	if text == "" {
		return nil, err
	}
	return []byte(text), err
}

// finish runs what comes after a read, and writes the entries as [db.Changes.JSON] has them, without what the hook left out.
func (d *delta) finish(told *told) (string, error) {
	out := make([]any, 0, told.count)
	d.Items = nil
	for _, v := range told.entries {
		if v == nil {
			continue
		}
		if entry := table.Record(v.(map[string]any)); entry[table.FieldRemoved] == nil {
			d.Items = append(d.Items, entry)
		}
		out = append(out, v)
	}
	if d.hooks.Read.After != nil {
		if err := d.after(); err != nil {
			return "", err
		}
		items := map[string]any{}
		for _, r := range d.Items {
			items[r.ID()] = r
		}
		for i, v := range out {
			if entry := table.Record(v.(map[string]any)); entry[table.FieldRemoved] == nil {
				out[i] = items[entry.ID()]
			}
		}
		out = slices.DeleteFunc(out, func(v any) bool { return v == nil })
	}
	text := table.AppendJSON(nil, out)
	return string(text[1 : len(text)-1]), nil
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
	if page.Past != "" {
		body = table.AppendJSON(append(body, `,"`+table.FieldPast+`":`...), string(page.Past))
	}
	field := table.FieldDeltaLink
	if page.More {
		field = table.FieldNextLink
	}
	body = append(body, `,"`+field+`":`...)
	body = table.AppendJSON(body, link)
	return append(body, '}')
}
