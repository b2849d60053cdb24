package replica_test

import (
	"context"
	"fmt"
	"log"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// wire is a network that answers by itself.
type wire func(s replica.Send) (status int, body string)

func (w wire) Send(_ context.Context, s replica.Send, _ string) replica.Answer {
	status, body := w(s)
	return replica.Answer{Status: status, Body: []byte(body)}
}

// Somebody has put another database behind the server's address. The app keeps what it has, and asks a person.
func ExampleCourse() {
	ctx := context.Background()
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: func() string { return "operation" }, Now: func() string { return "" }})
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{Name: "todoitem",
		Columns: []table.Column{{Name: "text", Type: table.TypeString}}}}}
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	replaced := false
	todo := replica.New(db, replica.Options{
		Outbox: outbox,
		Network: wire(func(s replica.Send) (int, string) {
			if replaced {
				return 410, `{"code":"epoch","error":"todoitem has no k3-1 in its past","past":{"todoitem":"zz-9"}}`
			}
			return 200, `{"value":[{"id":"1","text":"bread","version":"k3-1","deleted":false}],"@larder.past":"k3-1",` +
				`"@odata.deltaLink":"/tables/todoitem?$deltatoken=k3-1"}`
		}),
		Epoch: func(_ context.Context, e *replica.Epoch) (replica.Course, error) {
			fmt.Println("the server was", e.Kind, e.Tables)
			return replica.CourseKeep, nil // or CourseOffer, or CourseServer
		},
	})
	if _, err := todo.Sync(ctx, 0); err != nil {
		log.Fatal(err)
	}
	replaced = true
	_, err = todo.Sync(ctx, 0)
	fmt.Println("sync:", table.CodeOf(err))
	err = db.View(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		bread, err := tx.Table("todoitem").Get(ctx, "1")
		fmt.Println("still here:", bread["text"])
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// the server was replaced [todoitem]
	// sync: epoch
	// still here: bread
}
