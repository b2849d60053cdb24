//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/larder-sync/larder/wasm/idb"
)

// Rows of an index, between two keys.
func ExampleDB_View() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		for id, price := range map[string]int{"tea": 3, "coffee": 5, "cake": 9} {
			if err == nil {
				_, err = items.Put(ctx, map[string]any{"id": id, "price": price})
			}
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	err = db.View(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		if err != nil {
			return err
		}
		prices, err := items.Index("price")
		if err != nil {
			return err
		}
		rows, err := prices.GetAll(ctx, idb.Range{Lower: 3, LowerOpen: true, Upper: 9}, 0)
		for _, row := range rows {
			fmt.Println(row.Get("id"), row.Get("price").Int())
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// coffee 5
	// cake 9
}

// A second version of a database, which keeps the rows of the first.
func ExampleUpgrade() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	db.Close() // another connection would keep the upgrade waiting

	db, err = idb.Open(ctx, db.Name(), 2, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
		if u.OldVersion < 1 {
			return errors.New("version 1 is made elsewhere")
		}
		items, err := u.Store("items")
		if err != nil {
			return err
		}
		if err := items.RenameIndex("price", "cost"); err != nil {
			return err
		}
		_, err = u.CreateStore("orders", idb.StoreOptions{AutoIncrement: true})
		return err
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	fmt.Println(db.Version(), db.StoreNames())
	// Output: 2 [items orders]
}

// What went wrong, in which store, and of which key.
func ExampleError() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	err = db.Update(ctx, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		for range 2 {
			if err == nil {
				_, err = items.Add(ctx, map[string]any{"id": "tea", "price": 3})
			}
		}
		return err
	})
	var failed *idb.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Name, failed.Op, failed.Store, failed.Key, errors.Is(err, idb.ErrConstraint))
	}
	// Output: ConstraintError add items "tea" true
}

// Giving up in time: a deadline that ends first takes all back.
func ExampleErrAbort() {
	ctx := context.Background()
	db, done, err := shop(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	short, cancel := context.WithCancel(ctx)
	err = db.Update(short, []string{"items"}, func(tx *idb.Tx) error {
		items, err := tx.Store("items")
		if err == nil {
			_, err = items.Put(short, map[string]any{"id": "tea", "price": 3})
		}
		cancel()
		return err
	})
	fmt.Println(errors.Is(err, idb.ErrAbort), errors.Is(err, context.Canceled))
	// Output: true true
}
