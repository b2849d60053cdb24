// Package wasm holds what runs in the browser: IndexedDB as blocking Go (idb), tables kept in it (store), the sync
// engine (replica), small bindings to the browser (browser), and the program that joins them behind JavaScript's
// Promises (engine). It stands on package table and never imports the server.
package wasm
