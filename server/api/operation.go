package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/feed"
	"github.com/larder-sync/larder/table"
)

// write is what a request of a batch, or a request of its own, wants to do to a record.
type write struct {
	request *http.Request // it, or the batch's
	speaks  protocol
	method  string
	table   *db.Table
	id      string // from the path; "" for none
	header  func(name string) string
	body    table.Record // nil for none
	deleted bool         // deleted records are meant too, as version 3 brings them back
}

// operation reads a write, and runs the hooks before it; the context is nil where it did not come to that. An operation that
// is repeatable carries its refusal with it, to be kept like any other answer; else the refusal is the error. Who may not do
// it now may do it later: that is never kept.
func (a *API) operation(w write) (feed.Op, *Context, error) {
	op := feed.Op{Table: w.table, ID: w.id}
	if err := readRepeat(&op, w.header); err != nil {
		return feed.Op{}, nil, err
	}
	kind, err := w.operation()
	if err != nil {
		return feed.Op{}, nil, err
	}
	c, err := a.context(w.request, w.table, kind)
	if err != nil {
		return feed.Op{}, nil, err
	}
	if err := a.readWrite(&op, c, w); err != nil {
		code := statusOf(err)
		if op.Client == "" || code >= http.StatusInternalServerError || slices.Contains(passing, code) {
			return feed.Op{}, nil, err
		}
		refusal := feed.Refusal(code, table.CodeOf(err), err.Error())
		op.Refused = &refusal
	}
	if c.answer != nil {
		op.Refused = &feed.Answer{Status: c.answer.status, Body: c.answer.body}
	}
	return op, c, nil
}

// passing are the refusals of now, which are no verdicts on the operation.
var passing = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}

// operation names what the write does.
func (w *write) operation() (db.Operation, error) {
	switch {
	case w.method == http.MethodPost && w.id == "":
		return db.Insert, nil
	case w.method == http.MethodPost && w.speaks != version3:
		return db.Undelete, nil
	case w.method == http.MethodPatch, w.method == http.MethodPut && w.speaks == version3:
		if w.deleted && w.body[table.ColumnDeleted] == false {
			return db.Undelete, nil
		}
		return db.Update, nil
	case w.method == http.MethodDelete:
		return db.Delete, nil
	}
	return "", table.Errorf(table.CodeInvalid, "the method ", strconv.QuoteToGraphic(w.method), " is not POST, PATCH or DELETE")
}

// readRepeat reads the Repeatability headers: both or none.
func readRepeat(op *feed.Op, header func(string) string) error {
	request, client := header(table.HeaderRequestID), header(table.HeaderClientID)
	if request == "" && client == "" {
		return nil
	}
	const most = 128
	dot := strings.LastIndexByte(client, '.')
	if request == "" || len(request) > most || dot < 1 || len(client) > most {
		return table.Errorf(table.CodeInvalid, table.HeaderRequestID, " and ", table.HeaderClientID,
			` go together: an operation's id, and "<client id>.<number>"`)
	}
	seq, err := strconv.ParseInt(client[dot+1:], 10, 64)
	if err != nil || seq < 1 || seq > table.MaxSafeInteger {
		return table.Errorf(table.CodeInvalid, table.HeaderClientID, " ends in ", strconv.QuoteToGraphic(client[dot+1:]),
			", which is not a number from 1 up")
	}
	op.Client, op.Seq, op.Request = client[:dot], seq, request
	if op.Lost = table.Lost(header(table.HeaderLost)); !op.Lost.Valid() {
		return table.Errorf(table.CodeInvalid, table.HeaderLost, " is not the mark of a version")
	}
	return nil
}

// readWrite fills in the operation: what it does, on which condition, and to what the hooks let the caller do it.
func (a *API) readWrite(op *feed.Op, c *Context, w write) error {
	switch c.Operation {
	case db.Insert:
		op.Action = feed.Insert
	case db.Update:
		op.Action = feed.Update
		if w.method == http.MethodPut {
			op.Action = feed.Replace
		}
	case db.Delete:
		op.Action = feed.Delete
	case db.Undelete:
		op.Action = feed.Undelete
	}
	if w.speaks == version3 {
		op.Holds = holds(parseConditions(w.header))
	} else if op.Match = unquote(w.header("If-Match")); op.Match == "*" { // any version, as long as there is a record
		op.Match = ""
	}
	if w.takesRecord(c.Operation) {
		if err := w.checkBody(op.Action); err != nil {
			return err
		}
		c.Item = maps.Clone(w.body)
	}
	c.ID = w.id
	if answered, err := c.before(); answered || err != nil {
		return err
	}
	if c.Item != nil {
		if err := a.readRecord(op, c, w); err != nil {
			return err
		}
	}
	if op.ID == "" && !(op.Action == feed.Insert && w.table.AutoIncrement) {
		return table.Errorf(table.CodeInvalid, "the record's id is missing: ", w.method, " ", table.PathTables, w.table.Name(), "/ID")
	}
	c.ID = op.ID
	visible, err := c.sees()
	if visible != nil {
		op.Sees = func(r table.Record) bool { return table.Matches(visible, r) }
	}
	return err
}

// holds makes the condition of an operation, nil for none.
func holds(c conditions) func(table.Record) bool {
	if c.match == nil && c.none == nil && c.unmodified.IsZero() {
		return nil
	}
	return func(r table.Record) bool { return c.check(false, r) == 0 }
}

// takesRecord reports whether the write comes with a record. In version 2 a deleted record comes back as it was.
func (w *write) takesRecord(op db.Operation) bool {
	return op == db.Insert || op == db.Update || op == db.Undelete && w.method == http.MethodPut
}

func (w *write) checkBody(action feed.Action) error {
	if w.body == nil {
		return table.Errorf(table.CodeInvalid, "the request has no record: send it as a JSON object")
	}
	for name := range w.body {
		if w.speaks == version2 && isReserved(name) {
			return table.Errorf(table.CodeInvalid, "Cannot update item with property '", name, "' as it is reserved")
		}
	}
	return nil
}

// readRecord reads the columns of an insert or update, as the hooks have left them.
func (a *API) readRecord(op *feed.Op, c *Context, w write) error {
	given := maps.Clone(c.Item)
	if n, ok := given[table.ColumnID].(float64); ok && w.table.AutoIncrement {
		given[table.ColumnID] = string(table.AppendJSON(nil, n))
	}
	if given[table.ColumnID] == nil || given[table.ColumnID] == "" && op.Action == feed.Insert {
		given[table.ColumnID] = w.id
	} else if w.id != "" && given.ID() != w.id {
		return table.Errorf(table.CodeInvalid, "The item ID and querystring ID did not match")
	}
	numbered := given[table.ColumnID] == "" && op.Action == feed.Insert
	if numbered {
		given[table.ColumnID] = a.feed.NewID() // in a table whose records are numbered, until it has its number
	}
	if given[table.ColumnID] == "" {
		return nil // told by the caller
	}
	if owner := w.table.Owner; owner != "" {
		own(given, owner, c, op.Action)
	}
	var err error
	if op.Record, err = w.table.Schema.Normalize(given); err != nil {
		return err
	}
	if op.ID, op.New = op.Record.ID(), numbered; numbered && w.table.AutoIncrement {
		op.ID, op.New = "", false
	}
	if op.Action == feed.Update && op.Match == "" && w.speaks != version3 {
		op.Match = op.Record.Version()
	}
	return nil
}

// own makes the caller the owner of what it writes, whatever it sent.
func own(given table.Record, column string, c *Context, action feed.Action) {
	if _, ok := given[column]; !ok && action == feed.Update {
		return // it is the caller's already, or else not seen
	}
	given[column] = nil
	if c.User != nil {
		given[column] = c.User.ID
	}
}

// unquote reads an entity tag. A weak one stays what it is, and so matches no version.
func unquote(tag string) string {
	if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return strings.ReplaceAll(tag[1:len(tag)-1], `\"`, `"`)
	}
	return tag
}

// isReserved reports whether name, in any case of letters, is a column that a client of ZUMO 2.0.0 must not send. The
// version is not one of them: it says what an update was made on.
func isReserved(name string) bool {
	for _, c := range [...]string{table.ColumnCreatedAt, table.ColumnUpdatedAt, table.ColumnDeleted} {
		if strings.EqualFold(name, c) {
			return true
		}
	}
	return false
}
