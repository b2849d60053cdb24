//go:build js && wasm

package browser_test

import (
	"context"
	"errors"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/browser"
)

var errMine = errors.New("my own reason")

// background bounds what must end by itself; a test that passes does not reach it.
func background(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// script evaluates a function's body with arguments, in JavaScript.
func script(body string, args ...any) js.Value {
	return js.Global().Get("Function").New("a", "b", body).Invoke(args...)
}

func never() js.Value { return script("return new Promise(() => {})") }

func TestAwait(t *testing.T) {
	t.Run("a value", func(t *testing.T) {
		v, err := browser.Await(background(t), script("return Promise.resolve(7)"))
		if err != nil || v.Int() != 7 {
			t.Errorf("got %v, %v", v, err)
		}
	})
	t.Run("what is no promise", func(t *testing.T) {
		v, err := browser.Await(background(t), js.ValueOf("x"))
		if err != nil || v.String() != "x" {
			t.Errorf("got %v, %v", v, err)
		}
	})
	t.Run("a rejection", func(t *testing.T) {
		_, err := browser.Await(background(t), script("return Promise.reject(new TypeError('no'))"))
		var e *browser.Error
		if !errors.As(err, &e) || e.Name != "TypeError" || e.Message != "no" || e.Error() != "TypeError: no" {
			t.Errorf("got %v", err)
		}
	})
	for body, want := range map[string]string{
		"return Promise.reject('text')":           "text",
		"return Promise.reject()":                 "undefined",
		"return Promise.reject(null)":             "null",
		"return Promise.reject(Symbol('x'))":      "Symbol(x)",
		"return Promise.reject({ message: 'm' })": "m",
	} {
		t.Run(body, func(t *testing.T) {
			if _, err := browser.Await(background(t), script(body)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want one with %s", err, want)
			}
		})
	}
	t.Run("the end of the context", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(background(t))
		go cancel(errMine)
		if _, err := browser.Await(ctx, never()); err != errMine {
			t.Errorf("got %v, want the context's cause", err)
		}
		if _, err := browser.Await(ctx, js.ValueOf(1)); err != errMine {
			t.Errorf("got %v from an ended context, want its cause", err)
		}
	})
}

func TestPromise(t *testing.T) {
	t.Run("a value", func(t *testing.T) {
		p := browser.Promise(func() (any, error) { return map[string]any{"a": 1}, nil })
		v, err := browser.Await(background(t), script("return a.then(v => JSON.stringify(v))", p))
		if err != nil || v.String() != `{"a":1}` {
			t.Errorf("got %v, %v", v, err)
		}
	})
	t.Run("work that waits", func(t *testing.T) {
		p := browser.Promise(func() (any, error) { return browser.Await(background(t), script("return Promise.resolve(2)")) })
		v, err := browser.Await(background(t), p)
		if err != nil || v.Int() != 2 {
			t.Errorf("got %v, %v", v, err)
		}
	})
	for _, tt := range []struct {
		name string
		fn   func() (any, error)
		want string
	}{
		{"an error with a code", func() (any, error) { return nil, table.Errorf(table.CodeQuota, "full") }, "Error quota full"},
		{"an error without", func() (any, error) { return nil, errMine }, "Error engine my own reason"},
		{"a context's error", func() (any, error) { return nil, context.Canceled }, "Error aborted context canceled"},
		{"a panic", func() (any, error) { panic("oh") }, "Error engine panic: oh"},
		{"a panic of the runtime", func() (any, error) { var m map[int]int; m[1] = 1; return nil, nil },
			"Error engine panic: assignment to entry in nil map"},
		{"a value that JavaScript has not", func() (any, error) { return struct{}{}, nil }, "Error engine panic: ValueOf: invalid value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := script("return a.then(() => 'kept', (e) => e instanceof Error && e.name + ' ' + e.code + ' ' + e.message)", browser.Promise(tt.fn))
			v, err := browser.Await(background(t), seen)
			if err != nil || v.String() != tt.want {
				t.Errorf("got %v, %v, want %s", v, err, tt.want)
			}
		})
	}
	t.Run("an error that comes back has its code", func(t *testing.T) {
		p := browser.Promise(func() (any, error) { return nil, table.Errorf(table.CodeBlocked, "by a tab") })
		_, err := browser.Await(background(t), p)
		if table.CodeOf(err) != table.CodeBlocked || !strings.Contains(err.Error(), "by a tab") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the exception that an error came from is its cause", func(t *testing.T) {
		_, err := browser.Await(background(t), script("return Promise.reject(new RangeError('deep'))"))
		v := browser.ErrorValue(table.Errorf(table.CodeServer, "outside").Because(err))
		if got := v.Get("cause").Get("name").String(); got != "RangeError" {
			t.Errorf("the cause is %s", got)
		}
	})
}

func TestWithSignal(t *testing.T) {
	controller := js.Global().Get("AbortController")
	t.Run("aborts", func(t *testing.T) {
		c := controller.New()
		ctx, stop := browser.WithSignal(background(t), c.Get("signal"))
		defer stop()
		if ctx.Err() != nil {
			t.Fatal("it has ended already")
		}
		c.Call("abort", script("return new Error('enough')"))
		<-ctx.Done()
		if err := context.Cause(ctx); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("the cause is %v", err)
		}
	})
	t.Run("was aborted before", func(t *testing.T) {
		ctx, stop := browser.WithSignal(background(t), js.Global().Get("AbortSignal").Call("abort"))
		defer stop()
		var e *browser.Error
		if !errors.As(context.Cause(ctx), &e) || e.Name != "AbortError" {
			t.Errorf("the cause is %v", context.Cause(ctx))
		}
	})
	t.Run("is not there", func(t *testing.T) {
		ctx, stop := browser.WithSignal(background(t), js.Undefined())
		if ctx.Err() != nil {
			t.Error("it has ended")
		}
		stop()
		if ctx.Err() == nil {
			t.Error("stop did not end it")
		}
	})
	t.Run("stop takes the listener off", func(t *testing.T) {
		c := controller.New()
		_, stop := browser.WithSignal(background(t), c.Get("signal"))
		stop()
		stop()
		c.Call("abort") // a released callback would complain in the console, a listener that panics would end the program
	})
}

// mock puts fn, the body of a function of (url, init), in place of fetch. The runner's server has nothing to ask for.
func mock(t *testing.T, body string) {
	original := js.Global().Get("fetch")
	js.Global().Set("fetch", js.Global().Get("Function").New("url", "init", body))
	t.Cleanup(func() { js.Global().Set("fetch", original) })
}

func TestFetch(t *testing.T) {
	t.Run("an answer of the real fetch", func(t *testing.T) {
		r, err := browser.Fetch(background(t), browser.Request{URL: "data:text/plain;charset=utf-8,gr%C3%BC%C3%9Fe"})
		if err != nil || r.Status != 200 || string(r.Body) != "grüße" || r.Header("content-type") != "text/plain;charset=utf-8" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		_, err := browser.Fetch(background(t), browser.Request{URL: "http://127.0.0.1:1/x"})
		if table.CodeOf(err) != table.CodeNetwork || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("got %v, want a network error that names the address", err)
		}
	})
	t.Run("what is sent", func(t *testing.T) {
		mock(t, `return Promise.resolve(new Response(init.method + ' ' + url + ' ' + new Headers(init.headers).get('x-a') + ' ' +
			new TextDecoder().decode(init.body) + ' ' + init.cache, { status: 412, headers: { ETag: '"7"', 'Retry-After': '3' } }))`)
		r, err := browser.Fetch(background(t), browser.Request{
			Method: "PUT", URL: "/a", Headers: map[string]string{"X-A": "b"}, Body: []byte("body"), Cache: "no-store",
		})
		if err != nil || r.Status != 412 || string(r.Body) != "PUT /a b body no-store" || r.Header("etag") != `"7"` || r.Header("retry-after") != "3" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("an answer without a body", func(t *testing.T) {
		mock(t, `return Promise.resolve(new Response(null, { status: 204 }))`)
		r, err := browser.Fetch(background(t), browser.Request{URL: "/"})
		if err != nil || r.Status != 204 || len(r.Body) != 0 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("an answer that breaks off", func(t *testing.T) {
		mock(t, `return Promise.resolve(new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(9)); },
			pull(c) { c.error(new TypeError('cut')); } })))`)
		if _, err := browser.Fetch(background(t), browser.Request{URL: "/"}); table.CodeOf(err) != table.CodeNetwork {
			t.Errorf("got %v, want a network error", err)
		}
	})
	t.Run("an answer that does not come, or gets stuck, is given up in time", func(t *testing.T) {
		for name, answer := range map[string]string{
			"none": `return new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason)))`,
			"stuck": `return Promise.resolve(new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(9));
				init.signal.addEventListener('abort', () => c.error(init.signal.reason)); } })))`,
		} {
			mock(t, answer)
			_, err := browser.Fetch(background(t), browser.Request{URL: "/stuck", Silence: 20 * time.Millisecond})
			if table.CodeOf(err) != table.CodeNetwork || !strings.Contains(err.Error(), "/stuck") {
				t.Errorf("%s: got %v, want a network error that names the address", name, err)
			}
		}
	})
	t.Run("an answer in pieces, up to a limit", func(t *testing.T) {
		mock(t, `let n = 0; return Promise.resolve(new Response(new ReadableStream({ pull(c) {
			if (n++ < 5) c.enqueue(new Uint8Array(1000).fill(n)); else c.close(); } })))`)
		r, err := browser.Fetch(background(t), browser.Request{URL: "/", MaxBody: 5000})
		if err != nil || len(r.Body) != 5000 || r.Body[0] != 1 || r.Body[4999] != 5 {
			t.Errorf("got %v", err)
		}
		if _, err := browser.Fetch(background(t), browser.Request{URL: "/", MaxBody: 4999}); table.CodeOf(err) != table.CodeLimit {
			t.Errorf("got %v, want the limit", err)
		}
	})
	t.Run("the context ends it", func(t *testing.T) {
		mock(t, `return new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason)))`)
		ctx, cancel := context.WithCancelCause(background(t))
		go cancel(errMine)
		if _, err := browser.Fetch(ctx, browser.Request{URL: "/"}); err != errMine {
			t.Errorf("got %v, want the context's cause", err)
		}
		if _, err := browser.Fetch(ctx, browser.Request{URL: "/"}); err != errMine {
			t.Errorf("got %v from an ended context, want its cause", err)
		}
	})
}

func TestLock(t *testing.T) {
	name := t.Name()
	release, err := browser.Lock(background(t), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is waited for, until the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(background(t))
		go cancel(errMine)
		if _, err := browser.Lock(ctx, name); err != errMine {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
	t.Run("goes to the next when it is released", func(t *testing.T) {
		taken := make(chan func(), 1)
		go func() {
			release, err := browser.Lock(background(t), name)
			if err != nil {
				t.Error(err)
			}
			taken <- release
		}()
		other, err := browser.Lock(background(t), name+" other")
		if err != nil {
			t.Fatal(err)
		}
		other()
		select {
		case <-taken:
			t.Fatal("two hold it")
		default:
		}
		release()
		release()
		(<-taken)()
	})
	t.Run("is free where there are no locks", func(t *testing.T) {
		navigator := js.Global().Get("navigator")
		js.Global().Get("Object").Call("defineProperty", navigator, "locks", map[string]any{"value": js.Undefined(), "configurable": true})
		defer navigator.Delete("locks")
		for range 2 {
			release, err := browser.Lock(background(t), name)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
		}
	})
}

func TestChannel(t *testing.T) {
	heard := make(chan string, 2)
	a := browser.OpenChannel(t.Name(), func(m js.Value) { heard <- "a " + m.Get("text").String() })
	b := browser.OpenChannel(t.Name(), func(m js.Value) { heard <- "b " + m.Get("text").String() })
	defer a.Close()
	a.Post(map[string]any{"text": "hello"})
	if got := <-heard; got != "b hello" {
		t.Errorf("heard %q", got)
	}
	b.Post(map[string]any{"text": "hi"})
	if got := <-heard; got != "a hi" {
		t.Errorf("heard %q", got)
	}
	b.Close()
	b.Post(1)
	b.Close()
	var none browser.Channel
	none.Post(1)
	none.Close()
}
