package store_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Todo is a record: its fields are columns.
type Todo struct {
	ID       string
	Text     string
	Complete bool       `larder:"complete,index"`
	Due      *time.Time // nil is null
}

// Records may be structs, from which the schema is made as well.
func ExampleTable() {
	ctx := context.Background()
	schema, err := store.SchemaOf[Todo]("todoitem")
	if err != nil {
		log.Fatal(err)
	}
	db, err := store.Open(ctx, store.Options{Name: "app", Open: store.Memory(), // or store.IndexedDB()
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	todos, err := store.TableOf[Todo](db, "todoitem")
	if err != nil {
		log.Fatal(err)
	}
	due := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	if err := todos.Put(ctx, &Todo{ID: "1", Text: "bread", Due: &due}, &Todo{ID: "2", Text: "milk", Complete: true}); err != nil {
		log.Fatal(err)
	}
	open, err := table.ParseParameters("$filter=complete eq false")
	if err != nil {
		log.Fatal(err)
	}
	list, err := todos.Query(ctx, open)
	if err != nil {
		log.Fatal(err)
	}
	for _, todo := range list {
		fmt.Println(todo.Text, todo.Due.Weekday())
	}
	// Output:
	// bread Sunday
}

// A live query is a loop: its body runs with the records now, and again after each commit that changes them.
func ExampleTable_Live() {
	ctx := context.Background()
	schema, err := store.SchemaOf[Todo]("todoitem")
	if err != nil {
		log.Fatal(err)
	}
	db, err := store.Open(ctx, store.Options{Name: "app", Open: store.Memory(),
		Schema: &table.Database{Version: 1, Tables: []*table.Schema{schema}}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	todos, err := store.TableOf[Todo](db, "todoitem")
	if err != nil {
		log.Fatal(err)
	}
	for answer, err := range todos.Live(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(answer.Rows), "in all,", len(answer.Added), "new")
		if len(answer.Rows) == 1 {
			break
		}
		if err := todos.Put(ctx, &Todo{ID: "1", Text: "bread"}); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 0 in all, 0 new
	// 1 in all, 1 new
}
