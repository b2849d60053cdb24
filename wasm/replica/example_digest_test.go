package replica_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// shop is a server's end of the wire with two records, of which it changes none.
type shop struct{}

var goods = []table.Record{{"id": "1", "text": "bread", "version": "boot-1"}, {"id": "2", "text": "milk", "version": "boot-2"}}

func (shop) Send(_ context.Context, s replica.Send, _ string) replica.Answer {
	if strings.Contains(s.Path, table.PathDigest) {
		part := table.Part{Count: len(goods), Digest: table.DigestOf(goods...)}
		if strings.Contains(s.Path, table.ParamRecords+"=true") {
			part.Records = goods
		}
		return replica.Answer{Status: 200, Body: table.AppendParts(nil, &table.Parts{Parts: []table.Part{part}})}
	}
	page := &table.Page{Token: "boot-2", Count: -1}
	if strings.Contains(s.Path, table.ParamDeltaToken+"=&") { // the first pull
		for _, r := range goods {
			page.Changes = append(page.Changes, table.Change{Row: table.Row{ID: r.ID(), Record: r}})
		}
	}
	return replica.Answer{Status: 200, Body: table.AppendPage(nil, page, "/tables/todoitem")}
}

func newExampleOutbox() *replica.Outbox {
	return replica.NewOutbox(replica.OutboxOptions{NewID: uuid.NewString, Now: func() string { return "2026-11-21T09:00:00.000Z" }})
}

var exampleSchema = &table.Database{Version: 1, Tables: []*table.Schema{{Name: "todoitem",
	Columns: []table.Column{{Name: "text", Type: table.TypeString}}}}}

// What a defect or a disk did to the records is found by digests, and healed.
func ExampleReplica_Verify() {
	ctx := context.Background()
	outbox := newExampleOutbox()
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: exampleSchema, Open: store.Memory(), Journal: outbox})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	todo := replica.New(db, replica.Options{Outbox: outbox, Network: shop{}})
	if _, err := todo.Sync(ctx, 0); err != nil {
		log.Fatal(err)
	}
	err = db.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error { // past the outbox, as no app can
		steps, err := tx.Apply("todoitem", []table.Row{{ID: "1", Record: table.Record{"id": "1", "text": "bre?d", "version": "boot-1"}}}, nil)
		tx.Last(steps...)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		found, err := todo.Verify(ctx, replica.Job{Pulls: replica.Whole("todoitem")})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("compared", found[0].Rows, "differing", found[0].Differing, "healed", found[0].Healed)
	}
	// Output:
	// compared 2 differing [1] healed 1
	// compared 2 differing [] healed 0
}

// Several people use an app on one device: the first has the app's database, each other one their own.
func ExampleOpenFor() {
	ctx := context.Background()
	device := store.Memory()
	for _, sub := range []string{"anna", "ben", "anna"} {
		db, err := replica.OpenFor(ctx, sub, store.Options{Name: "app", Schema: exampleSchema, Open: device, Journal: newExampleOutbox()})
		if err != nil {
			log.Fatal(err)
		}
		var there int
		err = db.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
			items := tx.Table("todoitem")
			if there, err = items.Count(ctx, table.NewQuery()); err != nil {
				return err
			}
			_, err := items.Put(ctx, table.Record{"id": uuid.NewString(), "text": "bread"})
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(sub, "sees", there)
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// anna sees 0
	// ben sees 0
	// anna sees 1
}

// Programs that share a store without a lock of their own take turns, and a server that asks for quiet is left alone after a restart.
func ExampleOptions() {
	ctx := context.Background()
	outbox := newExampleOutbox()
	db, err := store.Open(ctx, store.Options{Name: "app", Schema: exampleSchema, Open: store.Memory(), Journal: outbox})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	options := replica.Options{Outbox: outbox, Network: busy{}, Lease: true, Clock: exampleClock}
	_, err = replica.New(db, options).Pull(ctx, 0, "todoitem")
	fmt.Println(err)
	_, err = replica.New(db, options).Pull(ctx, 0, "todoitem") // the next start of the program
	fmt.Println(err)
	// Output:
	// the server answered 429
	// the server has asked to be left alone for another 60 seconds
}

// busy is a server that wants to be left alone for a minute.
type busy struct{}

func (busy) Send(context.Context, replica.Send, string) replica.Answer {
	return replica.Answer{Status: 429, RetryAfter: time.Minute}
}

func exampleClock() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }
