package store_test

import "github.com/larder-sync/larder/wasm/store"

// openers are the backends that the suite runs over: those of the engine. What is lasting memory is tested without a browser.
func openers() map[string]store.Opener {
	return map[string]store.Opener{"fleeting": store.Fleeting(), "IndexedDB": store.IndexedDB()}
}
