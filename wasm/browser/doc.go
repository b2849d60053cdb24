// Package browser binds what Larder needs of a browser besides IndexedDB: promises and errors in both directions, abort
// signals, fetch, Web Locks and broadcast channels. Everything that waits takes a context.
//
// The bindings are small on purpose: package net/http alone would triple the size of the engine.
//
// A JavaScript callback must never wait in Go, or the page freezes: each binding here only hands over and returns.
package browser
