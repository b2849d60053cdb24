//go:build js && wasm

package browser

import (
	"context"
	"syscall/js"
)

// Sentinel keeps marks of databases in localStorage, which browsers that need room leave alone when they empty IndexedDB;
// and, for workers, which have no localStorage, in a cache. It implements the store's Sentinel. The zero value is ready for
// use.
type Sentinel struct{}

const sentinelCache = "larder:marks"

func sentinelKey(name string) string { return "larder:" + name }

// Load returns the mark of a database, or "" if there is none that can be read.
func (Sentinel) Load(ctx context.Context, name string) (mark string) {
	_ = attempt(func() error {
		if local, ok := Local(); ok {
			if v := local.Call("getItem", sentinelKey(name)); v.Type() == js.TypeString {
				mark = v.String()
			}
			return nil
		}
		cache, err := sentinelIn(ctx)
		if err != nil || cache.IsUndefined() {
			return err
		}
		kept, err := Await(ctx, cache.Call("match", sentinelURL(name)))
		if err != nil || !kept.Truthy() {
			return err
		}
		v, err := Await(ctx, kept.Call("text"))
		if err == nil {
			mark = v.String()
		}
		return err
	}) // a mark that cannot be read is none
	return mark
}

// Save keeps the mark of a database, where that is possible; "" takes it away.
func (Sentinel) Save(ctx context.Context, name, mark string) {
	_ = attempt(func() error {
		if local, ok := Local(); ok {
			if mark == "" {
				local.Call("removeItem", sentinelKey(name))
			} else {
				local.Call("setItem", sentinelKey(name), mark)
			}
			return nil
		}
		cache, err := sentinelIn(ctx)
		if err != nil || cache.IsUndefined() {
			return err
		}
		if mark == "" {
			_, err = Await(ctx, cache.Call("delete", sentinelURL(name)))
			return err
		}
		_, err = Await(ctx, cache.Call("put", sentinelURL(name), js.Global().Get("Response").New(mark)))
		return err
	}) // a mark that cannot be kept is none
}

// sentinelIn opens the cache of a worker; undefined where there are no caches, as in what is not secure.
func sentinelIn(ctx context.Context) (js.Value, error) {
	caches := js.Global().Get("caches")
	if caches.Type() != js.TypeObject {
		return js.Undefined(), nil
	}
	return Await(ctx, caches.Call("open", sentinelCache))
}

func sentinelURL(name string) string {
	return "/.larder/" + js.Global().Call("encodeURIComponent", name).String()
}

// attempt calls fn and turns what JavaScript throws in it into an error.
func attempt(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Recovered(p)
		}
	}()
	return fn()
}
