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
		Name: "todoitem",
		Columns: []table.Column{
			{Name: "complete", Type: table.TypeBoolean}, {Name: "due", Type: table.TypeDate}, {Name: "text", Type: table.TypeString},
		},
		Indexes: []table.Index{{Columns: []string{"complete", "due"}}},
	}}}
	db, err := store.Open(context.Background(), store.Options{Name: "app", Schema: schema, Open: store.Memory()})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{
		"$filter=complete eq false and contains(text,'a')&$orderby=due desc&$top=10", "$filter=text eq 'bread'", "$filter=id in ('1','2')",
	} {
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
	// by index complete+due backwards: complete eq false; each row is checked: substringof('a',text), until there are enough
	// by id; each row is checked: text eq 'bread'
	// by id: id in ('1','2'), in 2 ranges
}
