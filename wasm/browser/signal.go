//go:build js && wasm

package browser

import (
	"context"
	"syscall/js"

	"github.com/larder-sync/larder/table"
)

// Controller returns an AbortController that aborts when ctx ends, unless stop is called before.
func Controller(ctx context.Context) (controller js.Value, stop func() bool) {
	controller = js.Global().Get("AbortController").New()
	return controller, context.AfterFunc(ctx, func() { controller.Call("abort") })
}

// WithSignal returns a context that ends with ctx or when the AbortSignal aborts; the cause is then a [table.Error]
// with code "aborted" because of the signal's reason, as [ErrorOf] gives it. Any other value of signal, such as undefined, is no signal. Stop must be called when the context is
// no longer needed; it ends the context and takes the listener off.
func WithSignal(ctx context.Context, signal js.Value) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if signal.Type() != js.TypeObject {
		return ctx, func() { cancel(context.Canceled) }
	}
	if signal.Get("aborted").Bool() {
		cancel(abortedBy(signal))
		return ctx, func() {}
	}
	aborted := js.FuncOf(func(js.Value, []js.Value) any {
		cancel(abortedBy(signal))
		return nil
	})
	signal.Call("addEventListener", "abort", aborted)
	return ctx, func() {
		signal.Call("removeEventListener", "abort", aborted)
		aborted.Release()
		cancel(context.Canceled)
	}
}

func abortedBy(signal js.Value) error {
	return table.Errorf(table.CodeAborted, "the call was aborted by its signal").Because(ErrorOf(signal.Get("reason")))
}
