package table

import (
	"maps"
	"slices"
)

// Canonical returns r without its null columns: what remains equal on both sides after a sync, where null and absent
// are one. Nulls inside a json column's value are that value's own, and stay. Values are shared with r.
func Canonical(r Record) Record {
	if r == nil {
		return nil
	}
	out := make(Record, len(r))
	for name, v := range r {
		if v != nil {
			out[name] = v
		}
	}
	return out
}

// Equal reports whether a and b have the same [Canonical] form, system columns included. A nil record equals only nil.
func Equal(a, b Record) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	for name, v := range a {
		if !equalValue(v, b[name]) {
			return false
		}
	}
	for name, v := range b {
		if v != nil && a[name] == nil {
			return false
		}
	}
	return true
}

// equalValue compares values as [ParseJSON] makes them. Values of other types, which no store returns, are unequal.
func equalValue(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && s == a
	case float64:
		f, ok := b.(float64)
		return ok && f == a
	case bool:
		t, ok := b.(bool)
		return ok && t == a
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, equalValue)
	}
	x, ok := object(a)
	y, both := object(b)
	return ok && both && maps.EqualFunc(x, y, equalValue)
}

// Diff returns what an update that turns base into r has to send: the columns of r that differ from base, and a null
// for each that is gone. The id and the system columns are never part of it. Without a base (nil) it is all of r.
func Diff(base, r Record) Record {
	diff := Record{}
	for name, v := range r {
		if name != ColumnID && !IsSystem(name) && !equalValue(v, base[name]) {
			diff[name] = v
		}
	}
	for name, v := range base {
		if _, there := r[name]; !there && v != nil && name != ColumnID && !IsSystem(name) {
			diff[name] = nil
		}
	}
	return diff
}

// Merge joins the changes that local and server made to base, column by column, into a new record with the server's
// system columns. Where both changed a column in the same way, or only one did, that value is taken. The other columns
// are conflicts: they are listed, sorted, and the merged record has the local value in them.
//
// Without a base (nil) there is no telling who changed what: every column that differs is a conflict. A nil record, or
// a tombstone, is a deleted side. Deleted on both sides, or on one while the other is unchanged, merges to nil; otherwise
// merged is nil and the conflict is [ColumnDeleted].
func Merge(base, local, server Record) (merged Record, conflicts []string) {
	localGone, serverGone := local == nil || local.Deleted(), server == nil || server.Deleted()
	switch {
	case localGone && serverGone:
		return nil, nil
	case localGone:
		return nil, conflictUnless(base != nil && len(Diff(base, server)) == 0)
	case serverGone:
		return nil, conflictUnless(base != nil && len(Diff(base, local)) == 0)
	}
	merged = clone(server)
	for _, name := range changed(local, server) {
		switch {
		case base == nil || !equalValue(base[name], local[name]) && !equalValue(base[name], server[name]):
			conflicts = append(conflicts, name)
			setOrDrop(merged, local, name)
		case equalValue(base[name], server[name]):
			setOrDrop(merged, local, name)
		}
	}
	return merged, conflicts
}

func conflictUnless(merges bool) []string {
	if merges {
		return nil
	}
	return []string{ColumnDeleted}
}

// changed returns the columns in which a and b differ, sorted.
func changed(a, b Record) []string {
	return AppendKeys(nil, Diff(a, b))
}

// clone copies a map that is not nil. maps.Clone does the same faster, by a copy of the runtime's tables that weighs too
// much for the browser.
func clone(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	maps.Copy(out, m)
	return out
}

// setOrDrop gives r the column that from has, or has not.
func setOrDrop(r, from Record, name string) {
	if v, ok := from[name]; ok {
		r[name] = v
	} else {
		delete(r, name)
	}
}

// Rebase returns the server's record with the changes from base to local made to it as well: what the user sees while
// an operation waits. Where both changed a column the local value shows. A nil server, a record that is gone there,
// shows as local.
func Rebase(base, local, server Record) Record {
	if local == nil || server == nil {
		return local
	}
	out := clone(server)
	for name := range Diff(base, local) {
		setOrDrop(out, local, name)
	}
	return out
}
