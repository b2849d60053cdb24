package store_test

import "github.com/larder-sync/larder/wasm/store"

// openers are the backends that the suite runs over.
func openers() map[string]store.Opener {
	return map[string]store.Opener{"memory": store.Memory(), "fleeting": store.Fleeting(), "IndexedDB": store.IndexedDB()}
}
