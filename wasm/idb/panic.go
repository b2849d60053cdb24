//go:build js && wasm

package idb

import (
	"errors"
	"runtime"
	"syscall/js"

	"github.com/larder-sync/larder/wasm/browser"
)

var errGoexit = errors.New("the goroutine ended inside the transaction")

// guarded calls fn. A panic in it becomes an error that wraps [ErrPanic]. If fn ends the goroutine, as a failing test does,
// the transaction is aborted on the way out.
func guarded(tx *Tx, fn func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = panicked(v)
			return
		}
		tx.Abort(errGoexit)
	}()
	err = fn()
	returned = true
	return err
}

// panicked makes the error for the value of a recovered panic, with the stack that led to it.
func panicked(v any) error {
	stack := make([]byte, 4096)
	stack = stack[:runtime.Stack(stack, false)]
	return &Error{Name: ErrPanic.Name, Message: string(stack), Err: browser.Recovered(v)}
}

// report hands an error that nobody waits for to the page, as an uncaught exception would be.
func report(err error) {
	if global := js.Global(); global.Get("reportError").Type() == js.TypeFunction {
		global.Call("reportError", browser.ErrorValue(err))
	}
}
