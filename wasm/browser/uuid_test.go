//go:build js && wasm

package browser_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/wasm/browser"
)

func TestUUIDs(t *testing.T) {
	for version, make := range map[uuid.Version]func() string{4: browser.UUID4, 7: browser.UUID7} {
		seen := map[string]bool{}
		for range 10_000 {
			text := make()
			id, err := uuid.Parse(text)
			if err != nil || id.String() != text || id.Version() != version || id.Variant() != uuid.RFC4122 {
				t.Fatalf("%q is no UUID of version %d: %v", text, version, err)
			}
			if seen[text] {
				t.Fatalf("%s was made twice", text)
			}
			seen[text] = true
		}
	}
	t.Run("those of version 7 tell the time", func(t *testing.T) {
		before := time.Now().Truncate(time.Millisecond)
		id := uuid.MustParse(browser.UUID7())
		if at := time.Unix(id.Time().UnixTime()); at.Before(before) || at.After(time.Now()) {
			t.Errorf("%s is of %v, and was made at %v", id, at, before)
		}
	})
}
