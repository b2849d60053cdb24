//go:build js && wasm

package idb

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
)

// Options are what may happen when a database is opened, and while it is. The zero value opens without an upgrade
// function and gives way to other tabs.
// Specification: https://w3c.github.io/IndexedDB/#idbopendbrequest
type Options struct {
	// Upgrade shapes a database that is new or has an older version. An error or panic leaves the old version intact.
	// Specification: https://w3c.github.io/IndexedDB/#dom-idbopendbrequest-onupgradeneeded
	Upgrade func(ctx context.Context, u *Upgrade) error
	// Blocked is told that a connection with an older version, perhaps in another tab, keeps the upgrade waiting. Opening
	// goes on as soon as that is closed, until the context ends.
	// Specification: https://w3c.github.io/IndexedDB/#dom-idbopendbrequest-onblocked
	Blocked func(oldVersion, newVersion uint)
	// VersionChange is told that another connection wants to upgrade or delete the database, and waits for this one to be
	// closed; newVersion is 0 where it is to be deleted. If it is nil, the DB closes itself.
	// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-onversionchange
	VersionChange func(oldVersion, newVersion uint)
	// Closed is told that the browser has closed the connection, as when the user clears the site's data.
	// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-onclose
	Closed func()
	// Durability is that of transactions which do not name another.
	Durability Durability
}

// Upgrade is the change of a database from one version to another, and the way to shape it.
// Specification: https://w3c.github.io/IndexedDB/#idbversionchangeevent
type Upgrade struct {
	OldVersion uint // 0 for a database that did not exist
	NewVersion uint
	Tx         *Tx // over all stores, old and new

	driver *driver.Database
}

// StoreOptions are the properties of a new store. The zero value is a store whose keys are given beside the values.
// Specification: https://w3c.github.io/IndexedDB/#dictdef-idbobjectstoreparameters
type StoreOptions struct {
	KeyPath       any // a string or []string, or nil
	AutoIncrement bool
}

// CreateStore makes a store.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-createobjectstore
func (u *Upgrade) CreateStore(name string, opts StoreOptions) (*Store, error) {
	const op = "create store"
	path, err := keyPath(opts.KeyPath)
	if err != nil {
		return nil, err
	}
	if _, err := u.driver.CreateObjectStore(name, driver.ObjectStoreOptions{KeyPath: path, AutoIncrement: opts.AutoIncrement}); err != nil {
		return nil, u.Tx.finished(err, op, name)
	}
	return u.Tx.Store(name)
}

// Store returns a store that is there.
func (u *Upgrade) Store(name string) (*Store, error) { return u.Tx.Store(name) }

// DeleteStore deletes a store with all in it.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-deleteobjectstore
func (u *Upgrade) DeleteStore(name string) error {
	u.Tx.writes.Add(1)
	if err := u.driver.DeleteObjectStore(name); err != nil {
		return u.Tx.finished(err, "delete store", name)
	}
	return nil
}

// StoreNames returns the names of the stores as they are now, sorted.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-objectstorenames
func (u *Upgrade) StoreNames() []string {
	names, err := u.driver.ObjectStoreNames()
	if err != nil {
		return nil // the database being upgraded has them
	}
	return names
}

func keyPath(path any) (js.Value, error) {
	switch path.(type) {
	case nil:
		return js.Null(), nil
	case string, []string:
		return Key(path)
	}
	return js.Undefined(), &Error{Name: "TypeError", Message: "a key path is a string or a []string"}
}

// Open opens a database, and creates or upgrades it where its version is less than the one asked for. Version 0 is whatever
// version there is, or 1 for a new one.
//
// When ctx ends first, nothing is left behind: an upgrade under way is taken back and a late connection is closed. The error
// wraps [ErrBlocked] if other connections were in the way, [ErrUpgrade] if the upgrade failed, [ErrVersion] if the stored
// database is newer.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbfactory-open
func Open(ctx context.Context, name string, version uint, opts Options) (*DB, error) {
	o := &opening{op: "open database", name: name, opts: opts}
	raw, err := o.wait(ctx, func(r *realm) (err error) {
		o.request, err = r.factory.Open(ended(), name, version, noUpgrade)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o.connect(raw)
}

// Delete deletes a database. Connections to it are asked to close first; when ctx ends before they are, the error wraps
// [ErrBlocked], and the browser still deletes the database when they are. To delete what does not exist is no error.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbfactory-deletedatabase
func Delete(ctx context.Context, name string) error {
	o := &opening{op: "delete database", name: name}
	_, err := o.wait(ctx, func(r *realm) error {
		_, err := r.factory.DeleteDatabase(name)
		return err
	})
	return err
}

// opening is a request to open or delete a database, and the life of the connection that comes of it: all its events come
// to one callback.
type opening struct {
	op, name string
	opts     Options
	realm    *realm
	ctx      context.Context
	cancel   context.CancelCauseFunc
	request  *driver.OpenDBRequest
	notify   js.Func
	settled  chan reply

	mu        sync.Mutex
	abandoned bool  // nobody waits any more
	blocked   bool  // the browser has said so
	failed    error // what the upgrade function returned
	upgrading *Tx
	db        *DB
}

func (o *opening) wait(ctx context.Context, request func(*realm) error) (js.Value, error) {
	r, err := enter()
	if err != nil {
		return js.Undefined(), err
	}
	if ctx.Err() != nil {
		return js.Undefined(), &Error{Name: ErrAbort.Name, Op: o.doing(), Err: endedBy(ctx)}
	}
	o.realm = r
	o.settled = make(chan reply, 1)
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	o.notify = js.FuncOf(o.event)

	r.calling.Lock()
	if err = request(r); err == nil {
		_, err = r.watch.Invoke(o.notify)
	}
	r.calling.Unlock()
	if err != nil {
		o.notify.Release()
		return js.Undefined(), o.error(thrown(err))
	}

	defer o.cancel(nil)
	select {
	case got := <-o.settled:
		if got.err == nil {
			return got.value, nil
		}
		if o.ctx.Err() == nil {
			return js.Undefined(), o.error(got.err)
		}
	case <-o.ctx.Done():
	}
	return js.Undefined(), o.abandon()
}

// abandon gives up waiting. The request cannot be taken back, so event undoes what still comes of it.
func (o *opening) abandon() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.abandoned = true
	select {
	case got := <-o.settled: // it came at the same moment
		if got.err == nil {
			o.discard(got.value)
		}
	default:
	}
	e := &Error{Name: ErrAbort.Name, Op: o.doing(), Err: endedBy(o.ctx)}
	if o.blocked && o.upgrading == nil {
		e.Name = ErrBlocked.Name
		e.Message = "another connection keeps an older version open"
	}
	return e
}

// event is called by JavaScript. It never waits.
func (o *opening) event(_ js.Value, args []js.Value) any {
	kind := args[0].String()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch kind {
	case "blocked":
		o.blocked = true
		if o.opts.Blocked != nil && !o.abandoned {
			oldVersion, newVersion := versions(args)
			o.call(func() { o.opts.Blocked(oldVersion, newVersion) }, func(err error) { o.cancel(err) })
		}
	case "upgrade":
		tx := &Tx{realm: o.realm, raw: args[3], mode: versionChange}
		o.upgrading = tx
		must(o.realm.hold.Invoke(tx.raw, tx.ending().fn, o.realm.io))
		if o.abandoned {
			tx.Abort(nil)
			break
		}
		tx.bind(o.ctx)
		oldVersion, newVersion := versions(args)
		go o.upgrade(&Upgrade{OldVersion: oldVersion, NewVersion: newVersion, Tx: tx})
	case "error":
		o.settled <- reply{err: failed(args[1])}
		o.notify.Release()
	case "success":
		if o.abandoned || args[1].IsUndefined() {
			o.discard(args[1])
		}
		if !o.abandoned {
			o.settled <- reply{value: args[1]}
		}
	case "versionchange":
		if o.db == nil {
			break // being connected this moment; the browser says blocked to the other side if it takes longer
		}
		if o.opts.VersionChange == nil {
			o.db.Close()
		} else {
			oldVersion, newVersion := versions(args)
			o.call(func() { o.opts.VersionChange(oldVersion, newVersion) }, report)
		}
	case "close":
		if o.db != nil {
			o.db.Close()
		}
		if o.opts.Closed != nil {
			o.call(o.opts.Closed, report)
		}
	}
	return nil
}

// call calls the user's fn in a goroutine of its own, because it may wait.
func (o *opening) call(fn func(), failed func(error)) {
	go func() {
		defer func() {
			if v := recover(); v != nil {
				failed(panicked(v))
			}
		}()
		fn()
	}()
}

func (o *opening) upgrade(u *Upgrade) {
	err := guarded(u.Tx, func() (err error) {
		if u.driver, err = o.request.Result(); err != nil {
			return thrown(err)
		}
		if o.opts.Upgrade == nil {
			return nil
		}
		return o.opts.Upgrade(o.ctx, u)
	})
	if err == nil {
		err = u.Tx.seal()
	}
	if err != nil {
		o.mu.Lock()
		o.failed = err
		o.mu.Unlock()
		u.Tx.Abort(err)
	}
}

// discard closes a connection that nobody wants, or does nothing for the undefined result of a deletion.
func (o *opening) discard(raw js.Value) {
	if raw.Type() == js.TypeObject {
		must(o.realm.forget.Invoke(raw))
		raw.Call("close")
	}
	o.notify.Release()
}

func (o *opening) connect(raw js.Value) (*DB, error) {
	connection, err := o.request.Result()
	if err != nil {
		return nil, o.error(thrown(err))
	}
	version, err := connection.Version()
	if err != nil {
		return nil, o.error(thrown(err))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.db = &DB{
		realm: o.realm, name: o.name, version: version, durability: o.opts.Durability,
		raw: raw, driver: connection, notify: o.notify,
	}
	return o.db, nil
}

// error completes an error with what the upgrade came to.
func (o *opening) error(e *Error) error {
	e.Op = o.doing()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.upgrading == nil {
		return e
	}
	cause := o.failed
	if cause == nil { // the browser has ended it, perhaps while its function was waiting on something else
		verdict := *cmp.Or(o.upgrading.verdict, e)
		verdict.Op = "upgrade"
		cause = &verdict
	}
	return &Error{Name: ErrUpgrade.Name, Message: "the old version is as it was", Op: e.Op, Err: cause}
}

func (o *opening) doing() string { return o.op + " " + strconv.Quote(o.name) }

func versions(args []js.Value) (oldVersion, newVersion uint) {
	return uint(args[1].Float()), uint(args[2].Float())
}
