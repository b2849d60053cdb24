package store_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

type Item struct { // a record: its fields are columns
	ID, Text string
	Due      time.Time `larder:"due,index"`
}

func groceries(ctx context.Context, db *store.Store) error { // opened with store.SchemaOf[Item]("todoitem")
	todo, err := store.TableOf[Item](db, "todoitem")
	if err != nil {
		return err
	}
	sunday := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	if err := todo.Put(ctx, &Item{"1", "bread", sunday}, &Item{"2", "milk", sunday.AddDate(0, 0, -2)}); err != nil {
		return err
	}
	rows, err := todo.Query(ctx, &table.Query{Order: []table.Order{{Column: "due"}}, Take: 10}) // by the index
	for _, row := range rows {
		fmt.Println(row.Text, row.Due.Weekday())
	}
	return err
}

func Example() {
	ctx := context.Background()
	schema, err := store.SchemaOf[Item]("todoitem")
	if err != nil {
		log.Fatal(err)
	}
	db, err := store.Open(ctx, store.Options{Name: "app", Open: store.Memory(), // or store.IndexedDB()
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := groceries(ctx, db); err != nil {
		log.Fatal(err)
	}
	// Output:
	// milk Friday
	// bread Sunday
}
