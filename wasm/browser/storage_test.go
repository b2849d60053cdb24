//go:build js && wasm

package browser_test

import (
	"context"
	"errors"
	"syscall/js"
	"testing"

	"github.com/larder-sync/larder/wasm/browser"
)

func TestSentinel(t *testing.T) {
	ctx := context.Background()
	var s browser.Sentinel
	const name = "a name / with ? signs"
	for _, mark := range []string{"first", "second", ""} {
		s.Save(ctx, name, mark)
		if got := s.Load(ctx, name); got != mark {
			t.Errorf("kept %q, got %q", mark, got)
		}
	}
	if got := s.Load(ctx, "another"); got != "" {
		t.Errorf("a name without a mark has %q", got)
	}
}

func TestStorageManager(t *testing.T) {
	if usage, quota, err := browser.Estimate(context.Background()); err != nil || usage < 0 || quota < usage {
		t.Errorf("%d of %d, %v", usage, quota, err)
	}
	if _, err := browser.Persisted(context.Background()); err != nil {
		t.Error(err)
	}
	t.Run("a question that nobody answers ends with the context", func(t *testing.T) {
		navigator := js.Global().Get("navigator")
		storage := navigator.Get("storage")
		if storage.IsUndefined() { // WebKitGTK has none: it cannot be asked
			if kept, err := browser.Persist(context.Background()); kept || err != nil {
				t.Errorf("where there is nobody to ask: %v, %v", kept, err)
			}
			storage = js.Global().Get("Object").New()
			navigator.Set("storage", storage)
			defer navigator.Delete("storage")
		}
		never := js.FuncOf(func(js.Value, []js.Value) any {
			return js.Global().Get("Promise").Call("race", js.Global().Get("Array").New())
		})
		defer never.Release()
		storage.Set("persist", never) // shadows the prototype's
		defer storage.Delete("persist")
		ctx, cancel := context.WithCancelCause(context.Background())
		enough := errors.New("enough")
		js.Global().Call("queueMicrotask", js.FuncOf(func(js.Value, []js.Value) any { cancel(enough); return nil }))
		if _, err := browser.Persist(ctx); !errors.Is(err, enough) {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
}
