package server

import (
	"net/http"

	"github.com/larder-sync/larder/server/access"
	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// What hooks and APIs are made of, by the names that programs use.
type (
	// Context is an operation on its way through the hooks.
	Context = api.Context
	// Hook is what happens before and after one operation.
	Hook = api.Hook
	// Hooks is what happens around the operations of one table.
	Hooks = api.Hooks
	// API is a custom API, at /api/ and its name.
	API = api.Endpoint
	// Methods are the methods of an API, by HTTP's names.
	Methods = map[string]Method
	// Method is one method of an API.
	Method = api.Method
	// Record is a row.
	Record = table.Record
	// User is who sent a request.
	User = access.User
	// Access says who may use something.
	Access = db.Access
	// Operation is what a request does to a table.
	Operation = db.Operation
	// Expiry is how old records may be before nobody sees them any more.
	Expiry = db.Expiry
)

// Who may use something.
const (
	Anonymous     = db.Anonymous
	Authenticated = db.Authenticated
	Disabled      = db.Disabled
)

// The operations.
const (
	Read     = db.Read
	Insert   = db.Insert
	Update   = db.Update
	Delete   = db.Delete
	Undelete = db.Undelete
)

// Refuse makes an error that a hook returns to answer with this status and text.
func Refuse(status int, text string) error { return api.Refuse(status, text) }

// UserOf returns who sent a request to a custom API, nil for an anonymous one.
func UserOf(r *http.Request) *User { return access.FromContext(r.Context()) }

// Equal is the condition that a column has a value, for [Hooks.Filters]. The value is nil, a bool, float64 or string.
func Equal(column string, value any) table.Expr {
	return table.Compare{Op: table.OpEq, Left: table.ColumnRef{Name: column}, Right: table.Literal{Value: value}}
}
