package store_test

import (
	"context"
	"fmt"
	"log"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

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
