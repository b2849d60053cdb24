//go:build js && wasm

package idb_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/larder-sync/larder/wasm/idb"
)

// shop opens the database of these examples: a store "items" with an index "price".
func shop(ctx context.Context) (db *idb.DB, done func(), err error) {
	db, err = idb.Open(ctx, "example", 1, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error {
		items, err := u.CreateStore("items", idb.StoreOptions{KeyPath: "id"})
		if err != nil {
			return err
		}
		return items.CreateIndex("price", "price", idb.IndexOptions{})
	}})
	return db, func() { db.Close(); _ = idb.Delete(ctx, "example") }, err
}

func ExampleDB_Update() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	errSoldOut := errors.New("sold out")
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		if err != nil {
			return err
		}
		if _, err := items.Put(ctx, map[string]any{"id": "tea", "price": 3}); err != nil {
			return err
		}
		return errSoldOut // takes the put back
	})
	fmt.Println(errors.Is(err, errSoldOut))
	answer, err := db.Read(ctx, []byte(`[{"op": "count", "store": "items"}]`))
	fmt.Println(string(answer), err)
	// Output:
	// true
	// [0] <nil>
}

func ExampleStore_Add() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		if err != nil {
			return err
		}
		for range 2 {
			key, err := items.Add(ctx, map[string]any{"id": "tea", "price": 3})
			if errors.Is(err, idb.ErrConstraint) {
				fmt.Println("it is there already") // the transaction goes on
				continue
			} else if err != nil {
				return err
			}
			fmt.Println("added", key)
		}
		row, err := items.Get(ctx, "tea")
		if err == nil {
			fmt.Println(row.Get("price").Int())
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// added tea
	// it is there already
	// 3
}

func ExampleRows() {
	type item struct {
		ID    string `json:"id"`
		Price int    `json:"price"`
	}
	items := &idb.Rows[item]{
		Store: "items",
		Append: func(dst []byte, row *item) ([]byte, error) {
			text, err := json.Marshal(row)
			return append(dst, text...), err
		},
		Parse: func(text string, row *item) error { return json.Unmarshal([]byte(text), row) },
	}

	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		return items.Put(ctx, tx, item{"tea", 3}, item{"coffee", 5}, item{"saffron", 40})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	dearer := func(row *item) (bool, error) { row.Price++; return true, nil }
	if err := items.Change(ctx, db, []any{"tea", "coffee"}, dearer); err != nil {
		fmt.Println(err)
		return
	}
	cheap, err := items.Read(ctx, db, idb.Select{Index: "price", Query: idb.Range{Upper: 10}})
	fmt.Println(cheap, err)
	// Output: [{tea 4} {coffee 6}] <nil>
}

func ExampleStore_OpenCursor() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		if err != nil {
			return err
		}
		for _, id := range []string{"a", "b", "c", "d"} {
			if _, err := items.Put(ctx, map[string]any{"id": id, "price": 1}); err != nil {
				return err
			}
		}
		c := items.OpenCursor(idb.CursorOptions{})
		for {
			there, err := c.Next(ctx)
			if err != nil || !there {
				return err
			}
			fmt.Println(c.Key())
			c.Advance(3)
		}
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// a
	// d
}
