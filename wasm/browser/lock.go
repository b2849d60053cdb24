//go:build js && wasm

package browser

import (
	"context"
	"syscall/js"
)

// Lock takes the Web Lock of that name, which all tabs and workers of the origin share, and waits until it is free. Release
// gives it back, once; so does the end of the page. When ctx ends first, nothing is held and the error is ctx's cause.
//
// Where the browser has no locks, as in pages that are not secure, every caller gets one at once: a lock may keep tabs from
// doing the same work twice, and what is stored must not depend on it.
func Lock(ctx context.Context, name string) (release func(), err error) {
	return lock(ctx, name, false)
}

// Steal takes the Web Lock of that name from whoever holds it, who is not asked and need not notice. It is for a holder that has
// stopped, such as a page that the browser has frozen.
func Steal(ctx context.Context, name string) (release func(), err error) {
	return lock(ctx, name, true)
}

// HasLocks reports whether the browser has Web Locks.
func HasLocks() bool { return js.Global().Get("navigator").Get("locks").Type() == js.TypeObject }

func lock(ctx context.Context, name string, steal bool) (release func(), err error) {
	if !HasLocks() {
		return func() {}, ctx.Err()
	}
	locks := js.Global().Get("navigator").Get("locks")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	controller, stop := Controller(ctx)
	defer stop()

	held := make(chan js.Value, 1) // what resolves the promise that keeps the lock
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any { held <- args[0]; return nil })
	granted := js.FuncOf(func(js.Value, []js.Value) any { return js.Global().Get("Promise").New(executor) })
	free := func() { executor.Release(); granted.Release() }

	refused := make(chan error, 1)
	options := NewObject()
	if steal { // which is at once, and so takes no signal
		options.Set("steal", true)
	} else {
		options.Set("signal", controller.Get("signal"))
	}
	request := locks.Call("request", name, options, granted)
	listen(request, func(reason js.Value, rejected bool) {
		free()
		if rejected {
			refused <- ErrorOf(reason)
		}
	})
	select {
	case resolve := <-held:
		return func() { resolve.Invoke() }, nil // a promise can be resolved once
	case err := <-refused:
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
}
