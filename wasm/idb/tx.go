//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
	"github.com/hack-pad/safejs"
)

// Mode says what a transaction may do.
// Specification: https://w3c.github.io/IndexedDB/#enumdef-idbtransactionmode
type Mode uint8

// The modes of transactions. An upgrade's is its own: it may shape stores as well.
const (
	ReadOnly Mode = iota
	ReadWrite
	versionChange
)

func (m Mode) String() string { return [...]string{"readonly", "readwrite", "versionchange"}[m] }

// Tx is a transaction over some stores of a database. [DB.Update] and [DB.View] are the usual way to one, and end it;
// one that was made by [DB.Begin] must be ended by Commit or Abort.
//
// A write transaction that is left waiting, with no request under way, is aborted as soon as its holder waits for something
// else: a browser would commit it half done. The goroutines of one program may share a Tx.
// Specification: https://w3c.github.io/IndexedDB/#idbtransaction
type Tx struct {
	realm  *realm
	raw    js.Value
	mode   Mode
	holder string        // the goroutine that began it, where no function of this package holds it
	over   chan struct{} // closed when the browser has committed or aborted it; nil for a read transaction

	writes atomic.Uint64 // requests that may have changed what a cursor has read ahead

	mu      sync.Mutex
	reason  error   // why it was aborted by its holder
	ended   *answer // of a read transaction that lives: called if it ends before its holder ends it
	left    string  // where its holder was waiting when it ended by itself
	closing bool    // Commit, Finish or Abort was called
	verdict *Error  // why it did not commit; valid, as the next two are, when over is closed
	sealed  bool    // Finish has committed it
	answer  []byte  // to the program of Finish
	stop    func() bool
	driver  *driver.Transaction
	stand   safejs.Value
}

// Value returns the IDBTransaction.
func (tx *Tx) Value() js.Value { return tx.raw }

// Mode returns what the transaction may do.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-mode
func (tx *Tx) Mode() Mode { return tx.mode }

// ending returns the callback for the transaction's end, which idb.js wants when it makes or adopts the transaction.
func (tx *Tx) ending() *answer {
	if tx.mode == ReadOnly {
		tx.ended = tx.realm.expect(func(js.Value, js.Value) {
			left := tx.place()
			tx.mu.Lock()
			tx.ended, tx.left = nil, left
			tx.mu.Unlock()
			tx.unbind()
		})
		return tx.ended
	}
	tx.over = make(chan struct{})
	return tx.realm.expect(func(failure, size js.Value) {
		tx.mu.Lock()
		if tx.verdict = failed(failure); tx.verdict != nil && tx.verdict.Name == ErrTransactionInactive.Name {
			tx.verdict.Message += tx.place()
		} else if !tx.closing {
			tx.left = tx.place() // it had nothing to do yet
		}
		if size.Type() == js.TypeNumber {
			tx.sealed, tx.answer = true, tx.realm.result(size.Int())
		}
		tx.mu.Unlock()
		tx.unbind()
		close(tx.over)
	})
}

// dismiss takes back the callback of a read transaction that its holder has just ended.
func (tx *Tx) dismiss() {
	tx.mu.Lock()
	ended := tx.ended
	tx.ended = nil
	tx.mu.Unlock()
	if ended != nil {
		tx.realm.release(ended)
	}
}

// bind lets the end of ctx abort the transaction.
func (tx *Tx) bind(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.stop = context.AfterFunc(ctx, func() { tx.Abort(endedBy(ctx)) })
}

func (tx *Tx) unbind() {
	tx.mu.Lock()
	stop := tx.stop
	tx.stop = nil
	tx.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// usable returns an error if ctx has ended, which aborts the transaction, or the transaction was aborted before.
func (tx *Tx) usable(ctx context.Context, op, store string) error {
	if ctx.Err() != nil {
		tx.Abort(endedBy(ctx))
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.reason != nil {
		return &Error{Name: ErrAbort.Name, Op: op, Store: store, Err: tx.reason}
	}
	return nil
}

// wait returns what settled brings, or aborts the transaction if ctx ends first.
func (tx *Tx) wait(ctx context.Context, settled <-chan reply, op, store string) (reply, error) {
	select {
	case got := <-settled:
		if got.err != nil {
			return reply{value: js.Undefined()}, tx.explain(got.err, op, store)
		}
		return got, nil
	case <-ctx.Done():
		tx.Abort(endedBy(ctx))
		return reply{value: js.Undefined()}, tx.usable(ctx, op, store)
	}
}

// explain adds to a failure what the transaction knows about it.
func (tx *Tx) explain(e *Error, op, store string) error {
	if e.Op == "" {
		e.Op, e.Store = op, store
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if (e.Name == ErrAbort.Name || e.Name == ErrTransactionInactive.Name) && tx.reason != nil {
		e.Name, e.Message, e.Err = ErrAbort.Name, "", tx.reason
	} else if e.Name == ErrTransactionInactive.Name && tx.left != "" {
		e.Message = "the transaction has ended because it was left waiting" + tx.left
	}
	return e
}

// shaping is finished for calls that shape a store. During an upgrade they say InvalidStateError of a store that was deleted.
func (tx *Tx) shaping(err error, op, store string) error {
	if tx.mode == versionChange {
		return tx.explain(thrown(err), op, store)
	}
	return tx.finished(err, op, store)
}

// finished is explain for calls to which a browser says InvalidStateError when the transaction has finished.
func (tx *Tx) finished(err error, op, store string) error {
	e := thrown(err)
	if e.Name == ErrInvalidState.Name {
		e.Name = ErrTransactionInactive.Name
	}
	return tx.explain(e, op, store)
}

// Run runs a program: JSON text of an array of steps, answered by the JSON text of an array with one result per step.
// It crosses into JavaScript once, whatever the number of rows. The steps are described in the package's documentation.
//
// An error names the step's operation and store. Steps before the failed one have had their effect, so return the error,
// or Abort, unless the program had that one step only.
func (tx *Tx) Run(ctx context.Context, program []byte) ([]byte, error) {
	return tx.Start(ctx, program)()
}

// Start begins a program as Run does and returns at once; wait returns what Run would have, and may be called once. The next
// program can be made meanwhile: programs run in the order of their starts.
func (tx *Tx) Start(ctx context.Context, program []byte) (wait func() ([]byte, error)) {
	const op = "run"
	failed := func(err error) func() ([]byte, error) {
		return func() ([]byte, error) { return nil, err }
	}
	if err := tx.usable(ctx, op, ""); err != nil {
		return failed(err)
	}
	tx.wrote()
	settled := make(chan reply, 1)
	if err := tx.realm.program(tx.raw, program, settled); err != nil {
		return failed(tx.explain(thrown(err), op, ""))
	}
	return func() ([]byte, error) {
		got, err := tx.wait(ctx, settled, op, "")
		return got.text, err
	}
}

// wrote notes that a program may have changed what cursors have read ahead.
func (tx *Tx) wrote() {
	if tx.mode != ReadOnly {
		tx.writes.Add(1)
	}
}

// seal asks the browser to commit and does not wait for it.
func (tx *Tx) seal() error {
	tx.mu.Lock()
	reason := tx.reason
	tx.closing = true
	tx.mu.Unlock()
	if reason != nil {
		return &Error{Name: ErrAbort.Name, Op: "commit", Err: reason}
	}
	if _, err := tx.realm.commit.Invoke(tx.raw); err != nil {
		return tx.finished(err, "commit", "")
	}
	return nil
}

// Commit ends the transaction and waits until its writes are kept; an error means that none is. A context that has ended
// aborts. Once the browser is committing it cannot be called back, so Commit then waits for its answer whatever becomes of
// ctx: the truth is worth more than the moment.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-commit
func (tx *Tx) Commit(ctx context.Context) error {
	const op = "commit"
	if err := tx.usable(ctx, op, ""); err != nil {
		return err
	}
	tx.close()
	if tx.over == nil {
		// Reading has no outcome to wait for, and a read transaction that has ended by itself has done its work.
		_, _ = tx.realm.commit.Invoke(tx.raw)
		tx.dismiss()
		return nil
	}
	if tx.isOver() && tx.sealed {
		return nil
	}
	_, err := tx.realm.commit.Invoke(tx.raw)
	if outcome := tx.outcome(ctx, op); outcome != nil {
		return outcome
	}
	if err != nil {
		return tx.finished(err, op, "")
	}
	return nil
}

// Finish runs a program as the transaction's last, and commits: Run and Commit in one, without waiting in between. In
// [DB.Update] it is the fast last step; the commit that follows does nothing more. An error means that nothing is kept.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-commit
func (tx *Tx) Finish(ctx context.Context, program []byte) ([]byte, error) {
	const op = "finish"
	if tx.over == nil {
		answer, err := tx.Run(ctx, program)
		if err != nil {
			return nil, err
		}
		return answer, tx.Commit(ctx)
	}
	if err := tx.usable(ctx, op, ""); err != nil {
		return nil, err
	}
	if tx.isOver() {
		return nil, &Error{Name: ErrTransactionInactive.Name, Op: op, Message: "the transaction is over"}
	}
	tx.close()
	err := tx.realm.send(program, func(size int) error {
		_, err := tx.realm.finish.Invoke(tx.raw, size, tx.realm.io)
		return err
	})
	if err != nil {
		return nil, tx.explain(thrown(err), op, "")
	}
	if err := tx.outcome(ctx, op); err != nil {
		return nil, err
	}
	return tx.answer, nil
}

// close takes the transaction out of its context's and owner's hands.
func (tx *Tx) close() {
	tx.unbind()
	tx.mu.Lock()
	tx.closing = true
	tx.mu.Unlock()
}

func (tx *Tx) isOver() bool {
	select {
	case <-tx.over:
		return true
	default:
		return false
	}
}

// outcome waits for the end of a transaction that was told to commit. If ctx ends first and it is not too late, it aborts.
func (tx *Tx) outcome(ctx context.Context, op string) error {
	select {
	case <-tx.over:
	case <-ctx.Done():
		if aborted := must(tx.realm.abort.Invoke(tx.raw)); safejs.Unsafe(aborted).Truthy() {
			tx.mu.Lock()
			tx.reason = endedBy(ctx)
			tx.mu.Unlock()
		}
		<-tx.over
	}
	if tx.verdict != nil {
		return tx.explain(tx.verdict, op, "")
	}
	return nil
}

// Abort ends the transaction and takes all its writes back. Calls that wait in it, and later ones, return an error that
// wraps [ErrAbort] and the reason, which may be nil. A transaction that has ended stays as it is.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-abort
func (tx *Tx) Abort(reason error) {
	tx.mu.Lock()
	if tx.closing {
		tx.mu.Unlock()
		return
	}
	tx.closing = true
	if reason == nil {
		reason = errNoReason
	}
	tx.reason = reason
	tx.mu.Unlock()
	tx.unbind()
	must(tx.realm.abort.Invoke(tx.raw))
	tx.dismiss()
}

var errNoReason = errors.New("the transaction was aborted by its owner")

// Store returns one of the transaction's stores.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbtransaction-objectstore
func (tx *Tx) Store(name string) (*Store, error) {
	const op = "open"
	if err := tx.drive(); err != nil {
		return nil, tx.explain(thrown(err), op, name)
	}
	store, err := tx.driver.ObjectStore(name)
	if err != nil {
		return nil, tx.finished(err, op, name)
	}
	return newStore(tx, name, store)
}

// drive hands the transaction to the driver, which knows only those it has made itself.
func (tx *Tx) drive() error {
	r := tx.realm
	r.calling.Lock()
	defer r.calling.Unlock()
	if tx.driver != nil {
		return nil
	}
	stand, err := r.stage.Invoke(tx.raw)
	if err != nil {
		return err
	}
	tx.stand = stand
	tx.driver, err = r.transactions.Transaction(driver.TransactionReadOnly, "")
	return err
}
