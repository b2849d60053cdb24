// Package idb is IndexedDB as blocking Go: databases, upgrades, transactions, stores, indexes, cursors and key ranges, with
// a context in every call and every DOMException as an error that errors.Is knows.
//
// It stands on github.com/hack-pad/go-indexeddb, which makes the calls, and adds what that driver leaves to its users:
// waiting that ends with the context, the outcome of transactions, errors, upgrades that cannot stop the program, and
// programs: batches of requests that cross into JavaScript once.
//
// # Loading
//
// The script idb.js of this folder must have run before the Go program starts. It needs nothing else than the stock
// wasm_exec.js.
//
// # Programs
//
// A program is JSON text: an array of steps, each an operation on a store. [Tx.Run] runs it in a transaction, [Tx.Finish]
// runs it and commits, [DB.Read] runs one that only reads. All answer with the JSON text of an array, one result per step.
// Steps take effect in their order. Most callers want [Rows], which makes programs of Go values and Go values of answers;
// [Store], [Index] and [Cursor] are for single rows, and for what no program says.
//
//	{"op": "get", "store": s, "keys": [k, …]}                    rows in the order of the keys, null for a missing one
//	{"op": "lookup", "store": s, "index": i, "keys": [k, …]}     for each key, an array of the rows that have it in the index
//	{"op": "getAll", "store": s, …}                              rows
//	{"op": "getAllKeys", "store": s, …}                          primary keys
//	{"op": "count", "store": s, …}                               a number
//	{"op": "put", "store": s, "values": [row, …], "encode": [column, …]}     null
//	{"op": "add", …}                                             as put, but a key that exists is an error
//	{"op": "delete", "store": s, "keys": [k, …]}, or with "range"            null
//	{"op": "clear", "store": s}                                  null
//
// getAll, getAllKeys and count take "index", "range": {"lower", "upper", "lowerOpen", "upperOpen"}, "skip" and "take"; the
// first two take "direction": "prev" as well. A range that no key can be in finds nothing, and is no error.
//
// IndexedDB has no null or boolean keys. The columns named by "encode" are kept encoded in the row's property "$", for indexes
// made on "$.column": null and absent before everything, then false, then true, as the numbers -Infinity, 0 and 1. In keys
// and ranges of steps null, false and true stand for these. "$column" is kept as "$.$column" where it is not null, for unique
// indexes, and "*column" as the keys of an array's elements, for multi-entry ones.
//
// # Guarantees
//
//   - A call whose context has ended never looks like a success. The transaction it was made in is aborted.
//   - [DB.Update] is all or nothing, also when its function returns an error, panics, or waits on something else.
//   - An upgrade that fails leaves the old version as it was.
//   - A request that fails does not end its transaction: the function that made it decides, by what it returns.
//   - A transaction left waiting for something else says where: the [ErrTransactionInactive] error has the line.
//   - A cursor reads ahead, and still visits what is there as it comes to it.
//   - No panic or error in a function given to this package stops the program.
//
// # Caveats
//
// A transaction lives from request to request. Inside the functions given to [DB.Update], [DB.View] and [Options.Upgrade]
// do only the transaction's own work: computing is fine, waiting on a timer, a fetch, a channel that another event feeds,
// or a second transaction is not, and gives [ErrTransactionInactive] with the transaction aborted. Fetch first, then store.
//
// Rows are plain JavaScript objects. Their property "$" is reserved: programs write it and take it off again, while stores
// and cursors show rows as they are kept.
//
// Where a browser has no IndexedDB classes at all, the driver stops the program as it starts: look for globalThis.IDBRequest
// before that. Where they are there and forbidden, opening is an error.
//
// README.md beside this file lists every attribute, method and event of IndexedDB 3.0 and where it is here, which way to read
// and write is the fast one, and where engines differ.
//
// The package exists natively too, with its errors only, so that code which names them compiles everywhere.
package idb
