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
// # Queries
//
// [Store.Plan] makes of a query one step that finds its rows, by the ranges of an index, of several for an "or", or by id;
// [Plan.Explain] says which way and what is left to be checked or sorted. The rest of the filter is checked where the rows
// are, in slices, until there are enough. The planner knows the schema and not the data, so a plan can be kept and run
// again without it. Nulls and booleans have their place in indexes. A unique index has no rows with nulls, and is used only
// where the filter rules these out; an index of undeclared columns is not used at all. Pages deep in a table cost what
// the first does when each begins after the last record of the one before: see [table.Query].
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
