//go:build js && wasm

package idb

import "syscall/js"

// The properties of stores, indexes and transactions, as the specification's sections 4.5, 4.6 and 4.9 have them. They are
// asked of the browser each time, so that a rename shows at once and what was taken back is as it was.

// Tx returns the transaction that the store was got from.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-transaction
func (s *source) Tx() *Tx { return s.tx }

// KeyPath returns where in its values the store finds their keys: a string, a []string, or nil for keys given beside them.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-keypath
func (s *Store) KeyPath() any { return path(s.driver.KeyPath()) }

// AutoIncrement reports whether the store makes keys for values that come without.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-autoincrement
func (s *Store) AutoIncrement() bool {
	auto, err := s.driver.AutoIncrement()
	return auto && err == nil // an IDBObjectStore has it
}

// Name returns the index's name.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-name
func (i *Index) Name() string {
	name, err := i.driver.Name()
	if err != nil {
		return "" // an IDBIndex has it
	}
	return name
}

// KeyPath returns what the index is of: a string or a []string.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-keypath
func (i *Index) KeyPath() any { return path(i.driver.KeyPath()) }

// Unique reports whether no two rows may have the same key.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-unique
func (i *Index) Unique() bool {
	unique, err := i.driver.Unique()
	return unique && err == nil // an IDBIndex has it
}

// MultiEntry reports whether an array is an entry per element.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-multientry
func (i *Index) MultiEntry() bool {
	multi, err := i.driver.MultiEntry()
	return multi && err == nil // an IDBIndex has it
}

// StoreNames returns the names of the stores that the transaction is over, sorted. In an upgrade these are all.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-objectstorenames
func (tx *Tx) StoreNames() []string { return names(tx.raw.Get("objectStoreNames")) }

// Durability returns how far the commit goes before it is reported. An old engine that does not say gives
// [DurabilityDefault].
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-durability
func (tx *Tx) Durability() Durability {
	if v := tx.raw.Get("durability"); v.Type() == js.TypeString {
		for _, d := range [...]Durability{DurabilityRelaxed, DurabilityStrict} {
			if d.String() == v.String() {
				return d
			}
		}
	}
	return DurabilityDefault
}

func names(list js.Value) []string {
	found := make([]string, list.Length())
	for i := range found {
		found[i] = list.Index(i).String()
	}
	return found
}

func path(v js.Value, err error) any {
	switch {
	case err != nil:
		return nil
	case v.Type() == js.TypeString:
		return v.String()
	case v.Type() == js.TypeObject:
		return names(v)
	}
	return nil
}
