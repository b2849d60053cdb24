//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"sync"
	"syscall/js"

	driver "github.com/hack-pad/go-indexeddb/idb"
	"github.com/hack-pad/safejs"

	"github.com/larder-sync/larder/table"
)

// realm is the JavaScript side of this package: the functions of idb.js, and the driver set up over its stand-ins.
type realm struct {
	factory      *driver.Factory
	transactions *driver.Database // its Transaction method returns the transaction that was staged last

	begin, hold, commit, abort, settle, run, finish, stage, watch, forget, page, update, keyOf safejs.Value

	// calling is held while a call and what belongs to it are made: the driver's call and the waiting for its request, or
	// the filling of the input buffer and the run. Goroutines can be switched in between.
	calling sync.Mutex

	buffers, inputOf, outputOf safejs.Value
	io                         safejs.Value // the buffers of this program: another in the same page has its own
	input, output              js.Value
	inputSize                  int
	outputSize                 int

	mu   sync.Mutex
	idle []*answer
}

var (
	theRealm *realm // there is one JavaScript realm per program
	realmMu  sync.Mutex
)

// enter returns the realm, and an error where IndexedDB or idb.js is missing.
func enter() (*realm, error) {
	realmMu.Lock()
	defer realmMu.Unlock()
	if theRealm != nil {
		return theRealm, nil
	}
	global := js.Global().Get("larderIDB")
	if global.Type() != js.TypeObject {
		return nil, table.Errorf(table.CodeEngine, "idb.js is not loaded: load it before the engine starts")
	}
	script := safejs.Safe(global.Get("go"))
	r := &realm{}
	for _, member := range [...]struct {
		name     string
		function *safejs.Value
	}{
		{"begin", &r.begin}, {"hold", &r.hold}, {"commit", &r.commit}, {"abort", &r.abort}, {"settle", &r.settle}, {"run", &r.run},
		{"finish", &r.finish}, {"stage", &r.stage}, {"watch", &r.watch}, {"forget", &r.forget}, {"page", &r.page},
		{"update", &r.update}, {"keyOf", &r.keyOf}, {"buffers", &r.buffers}, {"input", &r.inputOf}, {"output", &r.outputOf},
	} {
		f, err := script.Get(member.name)
		if err != nil || f.Type() != safejs.TypeFunction {
			return nil, table.Errorf(table.CodeEngine, "idb.js has no function ", member.name, ": load the one of this version")
		}
		*member.function = f
	}
	factory := global.Get("go").Get("factory")
	if !factory.Truthy() {
		return nil, table.Errorf(table.CodeStorage, "this browser offers no IndexedDB here: its privacy settings may forbid it")
	}
	var err error
	if r.factory, err = driver.WrapFactory(factory); err != nil {
		return nil, err
	}
	stand, err := driver.WrapFactory(global.Get("go").Get("transactions"))
	if err != nil {
		return nil, err
	}
	request, err := stand.Open(ended(), "", 0, noUpgrade)
	if err != nil {
		return nil, err
	}
	if r.transactions, err = request.Result(); err != nil {
		return nil, err
	}
	if r.io, err = r.buffers.Invoke(); err != nil {
		return nil, err
	}
	theRealm = r
	return r, nil
}

// ended returns a context that has ended. It makes the driver take off its own listeners at once: they would close
// databases and stop the program, and idb.js listens already.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func noUpgrade(*driver.Database, uint, uint) error { return nil }

// answer is a callback that JavaScript calls once, or that is taken back. Answers are kept and used again, because making a
// js.Func costs more than a request does.
type answer struct {
	fn   js.Func
	take func(failure, value js.Value)
}

// expect returns a callback for idb.js, which calls it once at most; take is called with what it brings. Take must not wait.
// One that is not going to be called must be released.
func (r *realm) expect(take func(failure, value js.Value)) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var a *answer
	if n := len(r.idle); n > 0 {
		a, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		a = new(answer)
		a.fn = js.FuncOf(func(_ js.Value, args []js.Value) any {
			take := a.take
			r.release(a)
			value := js.Undefined()
			if len(args) > 1 {
				value = args[1]
			}
			take(args[0], value)
			return nil
		})
	}
	a.take = take
	return a
}

// release takes back a callback that has been called, or that JavaScript is not going to call.
func (r *realm) release(a *answer) {
	a.take = nil
	r.mu.Lock()
	r.idle = append(r.idle, a)
	r.mu.Unlock()
}

// reply is what a request came to.
type reply struct {
	value js.Value
	text  []byte
	err   *Error
}

// ask makes a request by the driver and waits for it. The transaction is aborted if ctx ends first.
func (tx *Tx) ask(ctx context.Context, op, store string, request func() error) (js.Value, error) {
	if err := tx.usable(ctx, op, store); err != nil {
		return js.Undefined(), err
	}
	r := tx.realm
	settled := make(chan reply, 1)
	r.calling.Lock()
	err := request()
	if err == nil {
		done := r.expect(func(failure, value js.Value) { settled <- reply{value: value, err: failed(failure)} })
		if _, err = r.settle.Invoke(done.fn); err != nil {
			r.release(done)
		}
	}
	r.calling.Unlock()
	if err != nil {
		return js.Undefined(), tx.explain(thrown(err), op, store)
	}
	got, err := tx.wait(ctx, settled, op, store)
	return got.value, err
}

// answered makes a call that idb.js answers by done, and waits for the answer. The transaction is aborted if ctx ends first.
func (tx *Tx) answered(ctx context.Context, op, store string, call func(done js.Func) error) (js.Value, error) {
	settled := make(chan reply, 1)
	done := tx.realm.expect(func(failure, value js.Value) { settled <- reply{value: value, err: failed(failure)} })
	if err := call(done.fn); err != nil {
		tx.realm.release(done)
		return js.Undefined(), tx.explain(thrown(err), op, store)
	}
	got, err := tx.wait(ctx, settled, op, store)
	return got.value, err
}

// program runs a program in a transaction, or in a shared read transaction of a database, and leaves the result to settled.
func (r *realm) program(target js.Value, program []byte, settled chan<- reply) error {
	done := r.expect(func(failure, value js.Value) {
		if e := failed(failure); e != nil {
			settled <- reply{err: e}
			return
		}
		settled <- reply{text: r.result(value.Int())}
	})
	err := r.send(program, func(size int) error {
		_, err := r.run.Invoke(target, size, done.fn, r.io)
		return err
	})
	if err != nil {
		r.release(done)
	}
	return err
}

// send fills the input buffer and makes the call that reads it.
func (r *realm) send(program []byte, call func(size int) error) error {
	r.calling.Lock()
	defer r.calling.Unlock()
	if r.inputSize < len(program) || r.inputSize == 0 {
		input, err := r.inputOf.Invoke(r.io, len(program))
		if err != nil {
			return err
		}
		r.input = safejs.Unsafe(input)
		r.inputSize = r.input.Length()
	}
	js.CopyBytesToJS(r.input, program)
	return call(len(program))
}

// result copies size bytes out of the output buffer, which holds them only until control returns to JavaScript.
func (r *realm) result(size int) []byte {
	if size > r.outputSize {
		r.output = safejs.Unsafe(must(r.outputOf.Invoke(r.io)))
		r.outputSize = r.output.Length()
	}
	text := make([]byte, size)
	js.CopyBytesToGo(text, r.output)
	return text
}

// must is for calls of idb.js that cannot throw.
func must(v safejs.Value, _ error) safejs.Value { return v }

// failed reads the failure that idb.js reports: null, a DOMException, or an object with name, message, op, store and key.
func failed(failure js.Value) *Error {
	if failure.IsNull() {
		return nil
	}
	return &Error{
		Name: text(failure, "name"), Message: text(failure, "message"), Op: text(failure, "op"), Store: text(failure, "store"),
		Key: text(failure, "key"),
	}
}

func text(object js.Value, property string) string {
	if v := object.Get(property); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// thrown returns the failure that a call threw. The driver's own mapping misses exceptions that are thrown at once.
func thrown(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if exception, ok := errors.AsType[js.Error](err); ok && exception.Value.Type() == js.TypeObject {
		return failed(exception.Value)
	}
	return &Error{Name: ErrUnknown.Name, Err: err}
}

// endedBy returns the error of an ended context: its cause, which still is the context's error to errors.Is.
func endedBy(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return &because{err, cause}
}

type because struct{ err, cause error }

func (b *because) Error() string   { return b.err.Error() + ": " + b.cause.Error() }
func (b *because) Unwrap() []error { return []error{b.err, b.cause} }
