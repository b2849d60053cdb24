package api

import (
	"context"
	"net/http"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// Hooks is what a program does around the operations of one table. The zero value does nothing. Hooks run in the goroutine of
// their request, many at once, and never inside a database transaction: a slow one holds up its own request only. One that
// panics is answered 500, and logged.
type Hooks struct {
	Read, Insert, Update, Delete, Undelete Hook

	// Filters narrow what the caller may know of, in reads and writes alike: a record for which one of them does not hold is
	// as if it were not there.
	Filters []func(*Context) (table.Expr, error)
	// Transforms change the Item of each insert and update, after Before.
	Transforms []func(*Context) error
}

// Hook is what happens around one operation.
//
// Before runs before anything is looked at. It may change the Context's Item or Query, answer by itself with
// [Context.Answer], or refuse with an error, such as one of [Refuse]. A client that lost the answer sends an operation
// again: Before then runs again.
//
// After runs when the operation has succeeded and is durable. It may change what is answered: Item, or the Items of a read,
// of which it may leave some out. An error of it is answered, but undoes nothing. What callers may know of is for Filters, or
// for a Before that narrows the Query: by these, devices also hear of the records that they may not know of any more.
type Hook struct {
	Before, After func(*Context) error
}

// of returns the hook of an operation.
func (h *Hooks) of(op db.Operation) Hook {
	switch op {
	case db.Read:
		return h.Read
	case db.Insert:
		return h.Insert
	case db.Update:
		return h.Update
	case db.Delete:
		return h.Delete
	}
	return h.Undelete
}

// narrow reports whether the hooks may narrow what is read.
func (h *Hooks) narrow() bool { return h.Read.Before != nil || len(h.Filters) > 0 }

// Context is an operation on its way through the hooks. It is one request's, and must not be kept after the hook has
// returned.
type Context struct {
	Operation db.Operation
	Table     *db.Table
	ID        string       // of the record; "" for a list, and for an insert without an id
	Item      table.Record // what an insert or update was sent; in After, the record. nil for none
	Query     *table.Query // of a list; nil for a single record
	Items     []table.Record
	User      *access.User // nil for an anonymous one
	Request   *http.Request
	Repeated  bool // in After: the operation was sent again, and had been carried out before

	api    *API
	hooks  *Hooks
	answer *reply
}

// Context returns the request's context.
func (c *Context) Context() context.Context { return c.Request.Context() }

// Answer makes this the answer, in place of the operation, which does not happen. The body is a value of JSON; nil for none.
// It is for Before.
func (c *Context) Answer(status int, body any) {
	c.answer = &reply{status: status}
	if body != nil {
		c.answer.body = table.AppendJSON(nil, body)
	}
}

// Data gives access to a table of the server, past its rules and hooks.
func (c *Context) Data(name string) (*Data, error) { return c.api.Data(name) }

// Refuse makes an error that is answered with this status and text.
func Refuse(code int, text string) error {
	kind := table.CodeInvalid
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = table.CodeAuth
	case http.StatusNotFound, http.StatusGone:
		kind = table.CodeNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		kind = table.CodeConflict
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusRequestURITooLong:
		kind = table.CodeLimit
	}
	if code >= http.StatusInternalServerError {
		kind = table.CodeServer
	}
	return status(code, table.Errorf(kind, text))
}

// context makes the context of an operation that the caller may do. The error says why it may not.
func (a *API) context(r *http.Request, t *db.Table, op db.Operation) (*Context, error) {
	c := &Context{Operation: op, Table: t, User: access.FromContext(r.Context()), Request: r, api: a, hooks: a.hooks[t]}
	if c.hooks == nil {
		c.hooks = &Hooks{}
	}
	return c, allow(t.Rules.For(op), c.User, string(op))
}

// allow is the answer to who may do what, nil for yes.
func allow(rule db.Access, u *access.User, what string) error {
	switch {
	case rule == db.Disabled:
		return plain(http.StatusMethodNotAllowed, "Method "+what+" is not allowed")
	case rule == db.Authenticated && u == nil:
		return plain(http.StatusUnauthorized, "You must be logged in to use this application")
	}
	return nil
}

// before runs the hooks in front of the operation. When it returns true, the answer is there.
func (c *Context) before() (answered bool, err error) {
	if fn := c.hooks.of(c.Operation).Before; fn != nil {
		if err := fn(c); err != nil || c.answer != nil {
			return err == nil, err
		}
	}
	if c.Item == nil {
		return false, nil
	}
	for _, fn := range c.hooks.Transforms {
		if err := fn(c); err != nil {
			return false, err
		}
	}
	return false, nil
}

// after runs the hook behind the operation.
func (c *Context) after() error {
	if fn := c.hooks.of(c.Operation).After; fn != nil {
		return fn(c)
	}
	return nil
}

// sees is the condition that records must meet for the caller to know of them, nil for none.
func (c *Context) sees() (table.Expr, error) {
	rights, err := c.filters()
	if c.Table.Owner != "" {
		var owner any
		if c.User != nil {
			owner = c.User.ID
		}
		rights = table.And(compare(c.Table.Owner, table.OpEq, owner), rights)
	}
	return table.And(rights, c.unexpired()), err
}

// unexpired is the condition that records are not too old.
func (c *Context) unexpired() table.Expr {
	before, ok := c.Table.Expiry.Before(c.api.clock())
	if !ok {
		return nil
	}
	text := before.UTC().Format("2006-01-02T15:04:05.000Z")
	return compare(table.ColumnCreatedAt, table.OpGe, table.Date(text))
}

// compare is the condition that a column stands so to a value.
func compare(column string, op table.Op, value any) table.Expr {
	return table.Compare{Op: op, Left: table.ColumnRef{Name: column}, Right: table.Literal{Value: value}}
}

// filters is what the program's own filters ask of records.
func (c *Context) filters() (e table.Expr, err error) {
	for _, fn := range c.hooks.Filters {
		more, err := fn(c)
		if err != nil {
			return nil, err
		}
		e = table.And(e, more)
	}
	return e, nil
}
