//go:build js && wasm

package browser

import (
	"context"
	"sync"
	"syscall/js"
)

// settlement is a pair of callbacks for one promise. Pairs are kept for the next promise, because making a js.Func costs
// more than waiting does.
type settlement struct {
	kept, broken js.Func
	settle       func(value js.Value, rejected bool)
}

var (
	settlements   []*settlement
	settlementsMu sync.Mutex
)

// listen calls settle once, when the promise settles. Settle must not wait.
func listen(promise js.Value, settle func(value js.Value, rejected bool)) {
	settlementsMu.Lock()
	var s *settlement
	if n := len(settlements); n > 0 {
		s, settlements = settlements[n-1], settlements[:n-1]
	} else {
		s = new(settlement)
		s.kept = js.FuncOf(func(_ js.Value, args []js.Value) any { s.done(Arg(args, 0), false); return nil })
		s.broken = js.FuncOf(func(_ js.Value, args []js.Value) any { s.done(Arg(args, 0), true); return nil })
	}
	settlementsMu.Unlock()
	s.settle = settle
	js.Global().Get("Promise").Call("resolve", promise).Call("then", s.kept, s.broken)
}

func (s *settlement) done(value js.Value, rejected bool) {
	settle := s.settle
	s.settle = nil
	settlementsMu.Lock()
	settlements = append(settlements, s)
	settlementsMu.Unlock()
	settle(value, rejected)
}

// Await waits until the promise settles and returns its value, or an [*Error] with the reason of its rejection. A value
// that is not a promise is returned as it is. When ctx ends first, Await returns the context's cause; the promise's
// operation is not stopped by that.
func Await(ctx context.Context, promise js.Value) (js.Value, error) {
	if ctx.Err() != nil {
		return js.Undefined(), context.Cause(ctx)
	}
	type outcome struct {
		value    js.Value
		rejected bool
	}
	settled := make(chan outcome, 1)
	listen(promise, func(value js.Value, rejected bool) { settled <- outcome{value, rejected} })
	select {
	case o := <-settled:
		if o.rejected {
			return js.Undefined(), ErrorOf(o.value)
		}
		return o.value, nil
	case <-ctx.Done():
		return js.Undefined(), context.Cause(ctx)
	}
}

// Promise runs fn in a goroutine and returns a JavaScript promise for its result, which js.ValueOf must understand. An
// error rejects the promise with [ErrorValue] of it. So does a panic: the program goes on.
func Promise(fn func() (any, error)) js.Value {
	var resolve, reject js.Value
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		resolve, reject = args[0], args[1]
		return nil
	})
	defer executor.Release() // the executor has run when the constructor returns
	promise := js.Global().Get("Promise").New(executor)
	go func() {
		value, err := call(fn)
		if err != nil {
			reject.Invoke(ErrorValue(err))
			return
		}
		resolve.Invoke(value)
	}()
	return promise
}

func call(fn func() (any, error)) (value js.Value, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(v)
		}
	}()
	result, err := fn()
	if err != nil {
		return js.Undefined(), err
	}
	return js.ValueOf(result), nil // in here, because it panics for what JavaScript cannot have
}

// NewObject returns an empty JavaScript object.
func NewObject() js.Value { return js.Global().Get("Object").New() }

// Arg returns the i-th argument of a call from JavaScript, or undefined if the caller left it out.
func Arg(args []js.Value, i int) js.Value {
	if i < len(args) {
		return args[i]
	}
	return js.Undefined()
}
