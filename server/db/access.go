package db

import (
	"strings"

	"github.com/larder-sync/larder/table"
)

// Operation is what a request does to a table, by Azure Mobile Apps' names.
type Operation string

// The operations.
const (
	Read     Operation = "read"
	Insert   Operation = "insert"
	Update   Operation = "update"
	Delete   Operation = "delete"
	Undelete Operation = "undelete"
)

// Operations lists all of them.
var Operations = [...]Operation{Read, Insert, Update, Delete, Undelete}

// Access says who may use something.
type Access string

// Who may use something. The zero value is what stands above it: a table's for an operation, Anonymous for a table.
const (
	Anonymous     Access = "anonymous"
	Authenticated Access = "authenticated"
	Disabled      Access = "disabled"
)

// CheckAccess reports whether a is one of the words above, or empty.
func CheckAccess(a Access) error {
	switch a {
	case "", Anonymous, Authenticated, Disabled:
		return nil
	}
	return table.Errorf(table.CodeInvalid, "access ", string(table.AppendJSON(nil, string(a))),
		" is not anonymous, authenticated or disabled")
}

// Rules says who may use a table. The zero value lets everybody do everything.
type Rules struct {
	Access Access               // of operations that have none of their own
	Of     map[Operation]Access // of single operations
}

// For returns who may do an operation.
func (r Rules) For(op Operation) Access {
	if a := r.Of[op]; a != "" {
		return a
	}
	if r.Access != "" {
		return r.Access
	}
	return Anonymous
}

// parseRules reads the keys of a table file that say who may do what: access, authorize and disable, for the table and in
// an object of each operation's name.
func parseRules(file table.Record) (Rules, error) {
	var rules Rules
	if of, ok := file["access"].(map[string]any); ok { // {"access": {"read": "anonymous", "insert": "authenticated"}}
		for name, v := range of {
			if err := rules.set(name, v); err != nil {
				return rules, err
			}
		}
	} else if err := readAccess(&rules.Access, file); err != nil {
		return rules, err
	}
	for _, op := range Operations {
		if v, ok := file[string(op)]; ok {
			if err := rules.set(string(op), v); err != nil {
				return rules, err
			}
		}
	}
	return rules, nil
}

// set reads one operation's rule: its word, or an object like the table's own.
func (r *Rules) set(name string, v any) error {
	for _, op := range Operations {
		if string(op) != name {
			continue
		}
		own, ok := v.(map[string]any)
		if !ok {
			own = map[string]any{"access": v}
		}
		a := r.Of[op]
		if err := readAccess(&a, own); err != nil {
			return table.Errorf(table.CodeInvalid, name).Because(err)
		}
		if r.Of == nil {
			r.Of = map[Operation]Access{}
		}
		r.Of[op] = a
		return nil
	}
	return table.Errorf(table.CodeInvalid, "access: there is no operation ", string(table.AppendJSON(nil, name)),
		"; there are read, insert, update, delete and undelete")
}

// readAccess reads access, and the older authorize and disable, of which the strictest wins.
func readAccess(a *Access, of map[string]any) error {
	if v, ok := of["access"]; ok && v != nil {
		word, _ := v.(string)
		*a = Access(strings.ToLower(word))
		if err := CheckAccess(*a); err != nil || word == "" {
			return table.Errorf(table.CodeInvalid, "access is ", string(table.AppendJSON(nil, v)),
				", and not anonymous, authenticated or disabled")
		}
	}
	for _, old := range [...]struct {
		key  string
		mean Access
	}{{"authorize", Authenticated}, {"disable", Disabled}} {
		on, ok := of[old.key].(bool)
		if !ok && of[old.key] != nil {
			return table.Errorf(table.CodeInvalid, old.key, " is neither true nor false")
		}
		if on && *a != Disabled {
			*a = old.mean
		}
	}
	return nil
}
