package store_test

import (
	"context"
	"fmt"
	"log"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// In a browser, Open is store.IndexedDB() and the rest is the same.
func Example() {
	ctx := context.Background()
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name:    "todoitem",
		Columns: []table.Column{{Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"due"}}},
	}}}
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory()})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	err = db.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		_, err := tx.Table("todoitem").Insert(ctx,
			table.Record{"id": "1", "text": "bread", "due": "2026-11-22T09:00:00+01:00"},
			table.Record{"id": "2", "text": "milk", "due": "2026-11-20"})
		return err // an error undoes all of it
	})
	if err != nil {
		log.Fatal(err)
	}
	err = db.View(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		q, err := table.ParseParameters("$filter=due ge datetime'2026-11-20T00:00:00Z'&$orderby=due&$top=10")
		if err != nil {
			return err
		}
		rows, err := tx.Table("todoitem").Query(ctx, q)
		for _, row := range rows {
			fmt.Println(row["text"], row["due"])
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// milk 2026-11-20T00:00:00.000Z
	// bread 2026-11-22T08:00:00.000Z
}

// A plan says how a query will be answered.
func ExampleStore_Plan() {
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name:    "todoitem",
		Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean}, {Name: "text", Type: table.TypeString}},
		Indexes: []table.Index{{Columns: []string{"complete"}}},
	}}}
	db, err := store.Open(context.Background(), store.Options{Name: "app", Schema: schema, Open: store.Memory()})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"$filter=complete eq false", "$filter=startswith(text,'b')", "$filter=id eq '1'"} {
		q, err := table.ParseParameters(text)
		if err != nil {
			log.Fatal(err)
		}
		plan, err := db.Plan("todoitem", q)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(plan.Explain)
	}
	// Output:
	// by index complete: complete eq false
	// by id; each row is checked against the rest of the filter
	// by id: id eq '1'
}
