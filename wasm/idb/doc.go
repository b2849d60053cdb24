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
// # Guarantees
//
//   - A call whose context has ended never looks like a success. The transaction it was made in is aborted.
//   - [DB.Update] is all or nothing, also when its function returns an error, panics, or waits on something else.
//   - An upgrade that fails leaves the old version as it was.
//   - No panic or error in a function given to this package stops the program.
//
// # Caveats
//
// A transaction lives from request to request. Inside the functions given to [DB.Update], [DB.View] and [Options.Upgrade]
// do only the transaction's own work: computing is fine, waiting on a timer, a fetch, a channel that another event feeds,
// or a second transaction is not, and gives [ErrTransactionInactive] with the transaction aborted. Fetch first, then store.
//
// Rows are plain JavaScript objects. One property of a row is reserved, "$", for encoded index keys; programs write it and
// take it off again.
//
// The package exists natively too, with its errors only, so that code which names them compiles everywhere.
package idb
