//go:build js && wasm

package idb

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
	"github.com/hack-pad/safejs"
)

// Durability is how far a commit goes before it is reported.
// Specification: https://w3c.github.io/IndexedDB/#enumdef-idbtransactiondurability
type Durability uint8

// The durabilities, as the browsers understand them.
const (
	DurabilityDefault Durability = iota // the browser's choice: relaxed in most
	DurabilityRelaxed                   // handed to the operating system: survives a crash of the browser
	DurabilityStrict                    // on the disk: survives a loss of power
)

func (d Durability) String() string { return [...]string{"default", "relaxed", "strict"}[d] }

// TxOptions say how a transaction is begun. The zero value is a read transaction.
// Specification: https://w3c.github.io/IndexedDB/#dictdef-idbtransactionoptions
type TxOptions struct {
	Mode       Mode
	Durability Durability // if not given, the database's
}

// DB is an open connection to a database. It is safe for use by several goroutines. Close it when it is no longer needed:
// a connection that stays open keeps other tabs from upgrading.
// Specification: https://w3c.github.io/IndexedDB/#idbdatabase
type DB struct {
	realm      *realm
	name       string
	version    uint
	durability Durability
	raw        js.Value
	driver     *driver.Database
	notify     js.Func

	mu     sync.Mutex
	closed bool
	scopes map[string]js.Value // lists of store names as JavaScript has them, to make them once
}

// Name returns the database's name.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-name
func (db *DB) Name() string { return db.name }

// Version returns the database's version.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-version
func (db *DB) Version() uint { return db.version }

// Value returns the IDBDatabase.
func (db *DB) Value() js.Value { return db.raw }

// StoreNames returns the names of the stores, sorted.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-objectstorenames
func (db *DB) StoreNames() []string {
	names, err := db.driver.ObjectStoreNames()
	if err != nil {
		return nil // an open or closed IDBDatabase has them
	}
	return names
}

// Close ends the connection once the transactions that run have ended. Later transactions give [ErrClosed]. Closing twice
// does nothing.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-close
func (db *DB) Close() {
	db.mu.Lock()
	closed := db.closed
	db.closed = true
	db.mu.Unlock()
	if closed {
		return
	}
	must(db.realm.forget.Invoke(db.raw))
	db.notify.Release()
	_ = db.driver.Close() // close never throws
}

func (db *DB) isClosed() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.closed
}

// View calls fn with a read transaction over the stores. It returns fn's error. See [DB.Update] for what fn may do.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-transaction
func (db *DB) View(ctx context.Context, stores []string, fn func(tx *Tx) error) error {
	return db.within(ctx, ReadOnly, stores, fn)
}

// Update calls fn with a write transaction over the stores, and commits it if fn returns nil. If fn returns an error or
// panics, or ctx ends, or fn waits on anything but the transaction, nothing of it is kept and an error is returned: fn's own,
// or else one that wraps [ErrPanic], [ErrAbort] with the context's cause, or [ErrTransactionInactive].
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-transaction
func (db *DB) Update(ctx context.Context, stores []string, fn func(tx *Tx) error) error {
	return db.within(ctx, ReadWrite, stores, fn)
}

func (db *DB) within(ctx context.Context, mode Mode, stores []string, fn func(tx *Tx) error) error {
	tx, err := db.begin(ctx, TxOptions{Mode: mode}, stores)
	if err != nil {
		return err
	}
	if err := guarded(tx, func() error { return fn(tx) }); err != nil {
		tx.Abort(err)
		return err
	}
	return tx.Commit(ctx)
}

// Begin begins a transaction over the stores. Its first request must be made before the goroutine waits on anything else.
// When ctx ends before Commit, the transaction is aborted.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-transaction
func (db *DB) Begin(ctx context.Context, mode Mode, stores ...string) (*Tx, error) {
	return db.BeginTx(ctx, TxOptions{Mode: mode}, stores...)
}

// BeginTx is Begin with options.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbdatabase-transaction
func (db *DB) BeginTx(ctx context.Context, opts TxOptions, stores ...string) (*Tx, error) {
	tx, err := db.begin(ctx, opts, stores)
	if err == nil {
		tx.holder = goroutine()
	}
	return tx, err
}

func (db *DB) begin(ctx context.Context, opts TxOptions, stores []string) (*Tx, error) {
	const op = "transaction"
	if ctx.Err() != nil {
		return nil, &Error{Name: ErrAbort.Name, Op: op, Err: endedBy(ctx)}
	}
	if opts.Mode > ReadWrite {
		return nil, &Error{Name: "TypeError", Op: op, Message: "the mode must be ReadOnly or ReadWrite"}
	}
	if db.isClosed() {
		return nil, db.closedError(op)
	}
	if opts.Durability == DurabilityDefault {
		opts.Durability = db.durability
	}
	r := db.realm
	tx := &Tx{realm: r, mode: opts.Mode}
	ending := tx.ending()
	raw, err := r.begin.Invoke(db.raw, db.scope(stores), opts.Mode.String(), opts.Durability.String(), ending.fn, r.io)
	if err != nil {
		r.release(ending)
		e := thrown(err)
		if e.Name == ErrInvalidState.Name {
			return nil, db.closedError(op)
		}
		e.Op, e.Store = op, strings.Join(stores, ", ")
		return nil, e
	}
	tx.raw = safejs.Unsafe(raw)
	tx.bind(ctx)
	return tx, nil
}

func (db *DB) closedError(op string) error {
	return &Error{Name: ErrClosed.Name, Op: op, Message: "the connection to database " + strconv.Quote(db.name) + " was closed"}
}

// Read runs a program of steps that only read, in a read transaction that is shared with the reads running at the time.
// A chain of awaited reads costs half of what it costs in transactions of their own. A read sees every write transaction
// that was begun before it.
func (db *DB) Read(ctx context.Context, program []byte) ([]byte, error) {
	const op = "read"
	if ctx.Err() != nil {
		return nil, &Error{Name: ErrAbort.Name, Op: op, Err: endedBy(ctx)}
	}
	if db.isClosed() {
		return nil, db.closedError(op)
	}
	settled := make(chan reply, 1)
	if err := db.realm.program(db.raw, program, settled); err != nil {
		return nil, thrown(err)
	}
	select {
	case got := <-settled:
		switch {
		case got.err == nil:
			return got.text, nil
		case got.err.Name == ErrInvalidState.Name && got.err.Op == "":
			return nil, db.closedError(op)
		case got.err.Op == "":
			got.err.Op = op
		}
		return nil, got.err
	case <-ctx.Done():
		return nil, &Error{Name: ErrAbort.Name, Op: op, Err: endedBy(ctx)}
	}
}

// scope returns the names as a JavaScript array.
func (db *DB) scope(stores []string) js.Value {
	key := strconv.Itoa(len(stores)) + strings.Join(stores, "\x00") // one empty name is not no name
	db.mu.Lock()
	defer db.mu.Unlock()
	scope, ok := db.scopes[key]
	if !ok {
		if db.scopes == nil {
			db.scopes = make(map[string]js.Value)
		}
		scope, _ = Key(stores)
		db.scopes[key] = scope
	}
	return scope
}
