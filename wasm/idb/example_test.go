//go:build js && wasm

package idb_test

import (
	"context"
	"fmt"

	"github.com/larder-sync/larder/wasm/idb"
)

func ExampleOpen() {
	ctx := context.Background()
	db, err := idb.Open(ctx, "library", 1, idb.Options{
		Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			books, err := u.CreateStore("books", idb.StoreOptions{KeyPath: "isbn"})
			if err != nil {
				return err
			}
			return books.CreateIndex("author", "author", idb.IndexOptions{})
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer idb.Delete(ctx, "library")
	defer db.Close()
	fmt.Println(db.Name(), db.Version(), db.StoreNames())
	// Output: library 1 [books]
}

func ExampleTx_Run() {
	ctx := context.Background()
	db, err := idb.Open(ctx, "shop", 1, idb.Options{
		Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			items, err := u.CreateStore("items", idb.StoreOptions{KeyPath: "id"})
			if err != nil {
				return err
			}
			return items.CreateIndex("sold", "$.sold", idb.IndexOptions{})
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer idb.Delete(ctx, "shop")
	defer db.Close()

	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		answer, err := tx.Run(ctx, []byte(`[
			{"op": "put", "store": "items", "encode": ["sold"], "values": [{"id": "a", "sold": true}, {"id": "b", "sold": false}]},
			{"op": "lookup", "store": "items", "index": "sold", "keys": [true]},
			{"op": "count", "store": "items"}]`))
		fmt.Println(string(answer))
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: [null,[[{"id":"a","sold":true}]],2]
}

func ExampleStore_Cursor() {
	ctx := context.Background()
	db, err := idb.Open(ctx, "scores", 1, idb.Options{
		Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			scores, err := u.CreateStore("scores", idb.StoreOptions{})
			if err != nil {
				return err
			}
			for i, name := range []string{"Ann", "Bob", "Cleo"} {
				if _, err := scores.Put(ctx, name, i+1); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer idb.Delete(ctx, "scores")
	defer db.Close()

	err = db.View(ctx, []string{"scores"}, func(tx *idb.Tx) error {
		scores, err := tx.Store("scores")
		if err != nil {
			return err
		}
		for c, err := range scores.Cursor(ctx, idb.CursorOptions{Query: idb.Range{Lower: 2}, Direction: idb.Prev}) {
			if err != nil {
				return err
			}
			fmt.Println(c.Key().Int(), c.Value())
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3 Cleo
	// 2 Bob
}
