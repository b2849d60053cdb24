// Package store keeps tables in object stores: in IndexedDB in a browser, in memory elsewhere. It checks every record
// against its table's schema, runs queries on the best index, and hands every write to a journal inside the same
// transaction, which is how an outbox never disagrees with the records.
//
// Most callers open a store once and use [Store.View] and [Store.Update]:
//
//	s, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory()})
//	err = s.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
//		_, err := tx.Table("todoitem").Insert(ctx, table.Record{"id": "1", "text": "bread"})
//		return err
//	})
//
// # Guarantees
//
//   - A transaction is all or nothing, also when its context ends or its function fails or panics.
//   - What a table holds has passed its schema. Rows are plain JSON objects; one property, "$", is reserved in
//     IndexedDB for the keys of the indexes, and never reaches a caller.
//   - [Options.OnCommit] hears of every committed change exactly once, after the commit.
//
// # Caveats
//
//   - Inside a transaction, wait for nothing but the transaction: IndexedDB commits a transaction that has nothing to
//     do. The next use is then an error with code "transaction".
//   - The memory backend keeps nothing beyond the process.
package store
