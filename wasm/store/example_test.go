package store_test

import (
	"context"
	"fmt"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

func groceries(ctx context.Context) error {
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name:    "todoitem",
		Columns: []table.Column{{Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"due"}}},
	}}}
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory()}) // or store.IndexedDB()
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error { // all of it is kept, or nothing
		todo := tx.Table("todoitem")
		_, err := todo.Insert(ctx, table.Record{"id": "1", "text": "bread", "due": "2026-11-22T09:00:00+01:00"},
			table.Record{"id": "2", "text": "milk", "due": "2026-11-20"})
		if err != nil {
			return err
		}
		rows, err := todo.Query(ctx, &table.Query{Order: []table.Order{{Column: "due"}}, Take: 10}) // by the index
		for _, row := range rows {
			fmt.Println(row["text"], row["due"])
		}
		return err
	})
}

func Example() {
	if err := groceries(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// milk 2026-11-20T00:00:00.000Z
	// bread 2026-11-22T08:00:00.000Z
}
