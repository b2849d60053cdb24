package replica_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// cut is a network without a link. In the browser the engine sends by fetch.
type cut struct{}

func (cut) Send(context.Context, replica.Send, string) replica.Answer {
	return replica.Answer{Err: errors.New("no link")}
}

// What is written without a network waits in the outbox, beside the records and in the same transaction.
func Example() {
	ctx := context.Background()
	number := 0
	newID := func() string { number++; return fmt.Sprint("operation-", number) }
	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: newID, Now: func() string { return "2026-11-21T09:00:00.000Z" }})
	schema := &table.Database{Version: 1, Tables: []*table.Schema{{
		Name:    "todoitem",
		Columns: []table.Column{{Name: "complete", Type: table.TypeBoolean}, {Name: "text", Type: table.TypeString}},
	}}}
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	todo := replica.New(db, replica.Options{Outbox: outbox, Network: cut{}})

	err = db.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		items := tx.Table("todoitem")
		if _, err := items.Insert(ctx, table.Record{"id": "1", "text": "bread"}, table.Record{"id": "2", "text": "milk"}); err != nil {
			return err
		}
		if _, err := items.Update(ctx, table.Record{"id": "1", "complete": true}); err != nil {
			return err
		}
		return items.Delete(ctx, "2") // the server never hears of it
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = todo.Sync(ctx, 0) // 0: no patience
	fmt.Println("sync:", table.CodeOf(err))

	waiting, err := todo.Pending(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, op := range waiting {
		fmt.Println(op.State, op.Action, string(table.AppendJSON(nil, op.Record)))
	}
	// Output:
	// sync: network
	// sending insert {"complete":true,"id":"1","text":"bread"}
}

// The machine decides and a caller acts: it says what to do, hears how that went, and says what to do next.
func ExampleMachine() {
	m := replica.NewMachine(replica.Job{Pulls: replica.Whole("todoitem")}, nil)
	answer := replica.Answer{Status: 200, Body: []byte(`{"value":[{"id":"1","text":"bread","version":"k3-1","deleted":false}],` +
		`"@odata.deltaLink":"/tables/todoitem?$deltatoken=k3.1"}`)}

	fmt.Printf("%T\n", m.Step(replica.Started{}))
	send := m.Step(replica.Cursor{}).(replica.Send)
	fmt.Println(send.Method, send.Path)
	apply := m.Step(answer).(replica.Apply)
	fmt.Println(len(apply.Page.Changes), "changes of", apply.Table)
	done := m.Step(replica.Applied{}).(replica.Done)
	fmt.Println(done.Result.Pulled, done.Err)
	// Output:
	// replica.LoadCursor
	// GET /tables/todoitem?$deltatoken=&$top=1000&$count=true
	// 1 changes of todoitem
	// 1 <nil>
}
