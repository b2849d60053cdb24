//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
	"github.com/hack-pad/safejs"
)

// Store is an object store within a transaction. Its methods make one request each and wait for it; a [Tx.Run] of a program
// is the fast way for many. Keys and queries are what [Key] takes, or a [Range] where the parameter is named query; a nil
// query is everything.
//
// A request that fails leaves the transaction usable: return the error to have it aborted.
// Specification: https://w3c.github.io/IndexedDB/#idbobjectstore
type Store struct {
	source
	driver *driver.ObjectStore
}

// Index is an index of a store, within a transaction. It reads as a Store does, by its own keys.
// Specification: https://w3c.github.io/IndexedDB/#idbindex
type Index struct {
	source
	driver *driver.Index
}

// source is what stores and indexes have in common: they can be read.
type source struct {
	tx     *Tx
	name   string // the store's
	stand  safejs.Value
	reader reader
	store  *Store // itself, or the one that the index is of
	index  bool
}

// reader is the driver's side of a source.
type reader interface {
	Get(key js.Value) (*driver.Request, error)
	GetKey(key js.Value) (*driver.Request, error)
	CountKey(key js.Value) (*driver.UintRequest, error)
}

func newStore(tx *Tx, name string, store *driver.ObjectStore) (*Store, error) {
	stand, err := tx.stand.Call("objectStore", name)
	if err != nil {
		return nil, tx.finished(err, "open", name)
	}
	s := &Store{source: source{tx: tx, name: name, stand: stand, reader: store}, driver: store}
	s.store = s
	return s, nil
}

// Name returns the store's name.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-name
func (s *Store) Name() string { return s.name }

// IndexNames returns the names of the store's indexes, sorted.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-indexnames
func (s *Store) IndexNames() []string {
	names, err := s.driver.IndexNames()
	if err != nil {
		return nil // an IDBObjectStore has them
	}
	return names
}

// Index returns an index of the store.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-index
func (s *Store) Index(name string) (*Index, error) {
	const op = "index"
	index, err := s.driver.Index(name)
	if err != nil {
		return nil, s.tx.finished(err, op, s.name)
	}
	stand, err := s.stand.Call("index", name)
	if err != nil {
		return nil, s.tx.finished(err, op, s.name)
	}
	return &Index{source: source{tx: s.tx, name: s.name, stand: stand, reader: index, store: s, index: true}, driver: index}, nil
}

// Store returns the store that the index is of.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-objectstore
func (i *Index) Store() *Store { return i.store }

// IndexOptions are the properties of a new index.
// Specification: https://w3c.github.io/IndexedDB/#dictdef-idbindexparameters
type IndexOptions struct {
	Unique     bool // no two rows may have the same key
	MultiEntry bool // an array is an entry per element, not one entry
}

// CreateIndex makes an index of what is at keyPath, a string or []string, in an upgrade. If the rows that are there break
// the index's uniqueness, the upgrade fails.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-createindex
func (s *Store) CreateIndex(name string, path any, opts IndexOptions) error {
	const op = "create index"
	at, err := keyPath(path)
	if err != nil {
		return err
	}
	if _, err := s.driver.CreateIndex(name, at, driver.IndexOptions{Unique: opts.Unique, MultiEntry: opts.MultiEntry}); err != nil {
		return s.tx.shaping(err, op, s.name)
	}
	return nil
}

// DeleteIndex deletes an index, in an upgrade.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-deleteindex
func (s *Store) DeleteIndex(name string) error {
	s.tx.writes.Add(1)
	if err := s.driver.DeleteIndex(name); err != nil {
		return s.tx.shaping(err, "delete index", s.name)
	}
	return nil
}

// Rename gives the store another name, in an upgrade.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-name
func (s *Store) Rename(name string) error {
	store, err := safejs.Safe(s.tx.raw).Call("objectStore", s.name)
	if err == nil {
		err = rename(store, name)
	}
	if err != nil {
		return s.tx.shaping(err, "rename", s.name)
	}
	s.name = name
	return nil
}

// rename sets a name by a call: Go cannot catch what a setter throws, and would come to a stop.
func rename(named safejs.Value, name string) error {
	_, err := safejs.Safe(js.Global().Get("Reflect")).Call("set", named, "name", name)
	return err
}

// RenameIndex gives an index another name, in an upgrade.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbindex-name
func (s *Store) RenameIndex(name, newName string) error {
	store, err := safejs.Safe(s.tx.raw).Call("objectStore", s.name)
	if err == nil {
		var index safejs.Value
		if index, err = store.Call("index", name); err == nil {
			err = rename(index, newName)
		}
	}
	if err != nil {
		return s.tx.shaping(err, "rename index", s.name)
	}
	return nil
}

// Put stores a value, in place of the one that has its key, and returns the key. A store without a key path takes the key
// as the last argument.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-put
func (s *Store) Put(ctx context.Context, value any, key ...any) (js.Value, error) {
	return s.write(ctx, "put", value, key, func(v js.Value) (err error) {
		_, err = s.driver.Put(v)
		return err
	}, func(k, v js.Value) (err error) {
		_, err = s.driver.PutKey(k, v)
		return err
	})
}

// Add is Put for a key that is new: one that exists is [ErrConstraint].
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-add
func (s *Store) Add(ctx context.Context, value any, key ...any) (js.Value, error) {
	return s.write(ctx, "add", value, key, func(v js.Value) (err error) {
		_, err = s.driver.Add(v)
		return err
	}, func(k, v js.Value) (err error) {
		_, err = s.driver.AddKey(k, v)
		return err
	})
}

func (s *Store) write(
	ctx context.Context, op string, value any, key []any, inline func(v js.Value) error, beside func(k, v js.Value) error,
) (js.Value, error) {
	if len(key) > 1 {
		return js.Undefined(), &Error{Name: "TypeError", Op: op, Store: s.name, Message: "one key only"}
	}
	v, err := asValue(value)
	if err != nil {
		return js.Undefined(), s.named(err, op)
	}
	s.tx.writes.Add(1)
	if len(key) == 0 {
		made, err := s.tx.ask(ctx, op, s.name, func() error { return inline(v) })
		return made, s.of(err, js.Undefined(), v)
	}
	k, err := Key(key[0])
	if err != nil {
		return js.Undefined(), s.named(err, op)
	}
	made, err := s.tx.ask(ctx, op, s.name, func() error { return beside(k, v) })
	return made, s.of(err, k, v)
}

func asValue(value any) (js.Value, error) {
	v, err := safejs.ValueOf(value)
	if err != nil {
		return js.Undefined(), &Error{Name: ErrDataClone.Name, Message: "not a value that JavaScript has", Err: err}
	}
	return safejs.Unsafe(v), nil
}

// Delete deletes the rows that the query finds. To delete what is not there is no error. A nil query is refused: that is
// what Clear is for.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-delete
func (s *Store) Delete(ctx context.Context, query any) error {
	s.tx.writes.Add(1)
	_, err := s.query(ctx, "delete", query, func(q js.Value) (err error) {
		_, err = s.driver.Delete(q)
		return err
	})
	return err
}

// Clear deletes all rows.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-clear
func (s *Store) Clear(ctx context.Context) error {
	s.tx.writes.Add(1)
	_, err := s.tx.ask(ctx, "clear", s.name, func() (err error) {
		_, err = s.driver.Clear()
		return err
	})
	return err
}

// Get returns the first value that the query finds, or undefined.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-get
func (s *source) Get(ctx context.Context, query any) (js.Value, error) {
	return s.query(ctx, "get", query, func(q js.Value) (err error) {
		_, err = s.reader.Get(q)
		return err
	})
}

// GetKey returns the primary key of the first row that the query finds, or undefined.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getkey
func (s *source) GetKey(ctx context.Context, query any) (js.Value, error) {
	return s.query(ctx, "getKey", query, func(q js.Value) (err error) {
		_, err = s.reader.GetKey(q)
		return err
	})
}

// Count returns how many rows the query finds.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-count
func (s *source) Count(ctx context.Context, query any) (int, error) {
	n, err := s.query(ctx, "count", query, func(q js.Value) (err error) {
		_, err = s.reader.CountKey(q)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n.Int(), nil
}

// GetAll returns the values that the query finds, in order of their keys, at most count of them if count is not 0.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getall
func (s *source) GetAll(ctx context.Context, query any, count uint) ([]js.Value, error) {
	return s.all(ctx, "getAll", query, count)
}

// GetAllKeys returns the primary keys of the rows that the query finds, in order of their keys, at most count of them if
// count is not 0.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallkeys
func (s *source) GetAllKeys(ctx context.Context, query any, count uint) ([]js.Value, error) {
	return s.all(ctx, "getAllKeys", query, count)
}

// Entry is a row with its keys. Key is the one that the source is sorted by: the primary key in a store.
// Specification: https://w3c.github.io/IndexedDB/#idbrecord
type Entry struct {
	Key, PrimaryKey, Value js.Value
}

// GetAllRecords returns what the query finds, in the direction's order, at most count of them if count is not 0. It is one
// request in engines that have getAllRecords, and a walk with a cursor in those that have not.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallrecords
func (s *source) GetAllRecords(ctx context.Context, query any, count uint, direction Direction) ([]Entry, error) {
	const op = "getAllRecords"
	var found []Entry
	if direction == Prev {
		switch query.(type) {
		case nil, Range, *Range:
		default:
			query = Range{Lower: query, Upper: query} // Firefox forgets the direction of a single key
		}
	}
	if s.has(op) {
		options := map[string]any{"direction": direction.String(), "count": limit(count)}
		list, err := s.query(ctx, op, query, func(q js.Value) error {
			options["query"] = q
			_, err := s.stand.Call(op, options)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, record := range values(list) {
			found = append(found, Entry{record.Get("key"), record.Get("primaryKey"), record.Get("value")})
		}
		return found, nil
	}
	for c, err := range s.Cursor(ctx, CursorOptions{Query: query, Direction: direction}) {
		if err != nil {
			return nil, err
		}
		found = append(found, Entry{c.Key(), c.PrimaryKey(), c.Value()})
		if uint(len(found)) == count {
			break
		}
	}
	return found, nil
}

func (s *source) has(method string) bool {
	member, err := s.stand.Get(method)
	return err == nil && member.Type() == safejs.TypeFunction
}

// all calls a method that the driver lacks, or offers for its own ranges only.
func (s *source) all(ctx context.Context, method string, query any, count uint) ([]js.Value, error) {
	list, err := s.query(ctx, method, query, func(q js.Value) error {
		_, err := s.stand.Call(method, q, limit(count))
		return err
	})
	if err != nil {
		return nil, err
	}
	return values(list), nil
}

func (s *source) query(ctx context.Context, op string, query any, request func(q js.Value) error) (js.Value, error) {
	q, err := queryOf(query)
	if err != nil {
		return js.Undefined(), s.named(err, op)
	}
	found, err := s.tx.ask(ctx, op, s.name, func() error { return request(q) })
	return found, s.of(err, q, js.Undefined())
}

// of adds to the error of a request the key that it was of: the one given, or that of the value.
func (s *source) of(err error, key, value js.Value) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Key == "" {
		if text, err := s.tx.realm.keyOf.Invoke(s.stand, key, value); err == nil && text.Type() == safejs.TypeString {
			e.Key, _ = text.String()
		}
	}
	return err
}

// named adds to the error of a key or range where it was used.
func (s *source) named(err error, op string) error {
	e := thrown(err)
	e.Op, e.Store = op, s.name
	return e
}

func values(list js.Value) []js.Value {
	found := make([]js.Value, list.Length())
	for i := range found {
		found[i] = list.Index(i)
	}
	return found
}
