//go:build js && wasm

package browser

import (
	"context"
	"syscall/js"

	"github.com/larder-sync/larder/table"
)

// Persist asks the browser to keep the origin's data when it needs room, and reports whether it does. Some ask the user,
// who may never answer: then ctx ends the waiting, with its cause as the error. A browser that cannot be asked does not.
func Persist(ctx context.Context) (bool, error) { return persistence(ctx, "persist") }

// Persisted reports whether the browser keeps the origin's data when it needs room.
func Persisted(ctx context.Context) (bool, error) { return persistence(ctx, "persisted") }

func persistence(ctx context.Context, method string) (bool, error) {
	storage, ok := manager(method)
	if !ok {
		return false, nil
	}
	answer, err := Await(ctx, storage.Call(method))
	if err != nil {
		return false, storageError(ctx, err)
	}
	return answer.Truthy(), nil
}

// Estimate returns how many bytes the origin uses and may use, about. Both are 0 where the browser does not tell.
func Estimate(ctx context.Context) (usage, quota int64, err error) {
	storage, ok := manager("estimate")
	if !ok {
		return 0, 0, nil
	}
	answer, err := Await(ctx, storage.Call("estimate"))
	if err != nil {
		return 0, 0, storageError(ctx, err)
	}
	number := func(name string) int64 {
		if v := answer.Get(name); v.Type() == js.TypeNumber {
			return int64(v.Float())
		}
		return 0
	}
	return number("usage"), number("quota"), nil
}

// manager returns the browser's StorageManager, and whether it has the method.
func manager(method string) (js.Value, bool) {
	storage := js.Global().Get("navigator").Get("storage")
	return storage, storage.Type() == js.TypeObject && storage.Get(method).Type() == js.TypeFunction
}

func storageError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return table.Errorf(table.CodeStorage, "the browser's storage gave no answer").Because(err)
}

// Local returns the page's localStorage, and whether there is one: workers have none, and settings may forbid it.
func Local() (storage js.Value, ok bool) {
	defer func() {
		if recover() != nil { // reading the property is what the browser forbids
			storage, ok = js.Undefined(), false
		}
	}()
	storage = js.Global().Get("Reflect").Call("get", js.Global(), "localStorage")
	return storage, storage.Type() == js.TypeObject
}
