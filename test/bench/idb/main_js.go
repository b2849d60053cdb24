//go:build js && wasm

// Command idb is the benchmark's contender that uses package idb: a Go program in the page, with its rows as structs. It
// leaves an object benchIDB in the page, whose methods answer by promises.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"syscall/js"

	"github.com/larder-sync/larder/wasm/browser"
	"github.com/larder-sync/larder/wasm/idb"
)

var ctx = context.Background()

func main() {
	js.Global().Set("benchIDB", map[string]any{
		"load": js.FuncOf(func(_ js.Value, args []js.Value) any {
			text := args[0].String()
			return browser.Promise(func() (any, error) { return nil, json.Unmarshal([]byte(text), &work) })
		}),
		"open": js.FuncOf(func(_ js.Value, args []js.Value) any {
			name := args[0].String()
			return browser.Promise(func() (any, error) { return open(name) })
		}),
	})
	select {}
}

// work is what there is to do, as the page has it.
var work struct {
	Records []record `json:"records"`
	IDs     []record `json:"ids"`
}

// open opens a database and returns the contender's object for it.
func open(name string) (any, error) {
	db, err := idb.Open(ctx, name, 1, idb.Options{Upgrade: func(_ context.Context, u *idb.Upgrade) error {
		s, err := u.CreateStore("todoitem", idb.StoreOptions{KeyPath: "id"})
		if err != nil {
			return err
		}
		return errors.Join(s.CreateIndex("list", "list", idb.IndexOptions{}), s.CreateIndex("rank", "rank", idb.IndexOptions{}))
	}})
	if err != nil {
		return nil, err
	}
	methods := map[string]any{}
	for name, fn := range map[string]func(args []js.Value) (any, error){
		"put":    func([]js.Value) (any, error) { return nil, put(db) },
		"count":  func([]js.Value) (any, error) { return count(db) },
		"gets":   func([]js.Value) (any, error) { return nil, gets(db) },
		"all":    func([]js.Value) (any, error) { return sum(rows.Read(ctx, db, idb.Select{})) },
		"range":  func(args []js.Value) (any, error) { return between(db, args[0].Int(), args[1].Int()) },
		"page":   func(args []js.Value) (any, error) { return page(db, args[0].Int(), args[1].Int()) },
		"modify": func(args []js.Value) (any, error) { return nil, modify(db, args[0].Int()) },
		"cursor": func([]js.Value) (any, error) { return cursor(db) },
		"close":  func([]js.Value) (any, error) { db.Close(); return nil, nil },
	} {
		methods[name] = js.FuncOf(func(_ js.Value, args []js.Value) any {
			return browser.Promise(func() (any, error) { return fn(args) })
		})
	}
	return methods, nil
}

func put(db *idb.DB) error {
	return db.Update(ctx, []string{"todoitem"}, func(tx *idb.Tx) error { return rows.Put(ctx, tx, work.Records...) })
}

func count(db *idb.DB) (n int, err error) {
	err = db.View(ctx, []string{"todoitem"}, func(tx *idb.Tx) error {
		s, err := tx.Store("todoitem")
		if err == nil {
			n, err = s.Count(ctx, nil)
		}
		return err
	})
	return n, err
}

// gets reads the rows one by one, each awaited before the next is asked for.
func gets(db *idb.DB) error {
	for _, want := range work.IDs {
		got, there, err := rows.Fetch(ctx, db, want.ID)
		if err != nil {
			return err
		}
		if !there[0] || got[0].Text != want.Text {
			return errors.New("not the row of id " + want.ID)
		}
	}
	return nil
}

// sum returns how many rows there are and the sum of their ranks.
func sum(rows []record, err error) (any, error) {
	total := 0
	for i := range rows {
		total += rows[i].Rank
	}
	return []any{len(rows), total}, err
}

func between(db *idb.DB, lower, upper int) (any, error) {
	return sum(rows.Read(ctx, db, idb.Select{Index: "rank", Query: idb.Range{Lower: lower, Upper: upper}}))
}

// page returns the ranks of the rows that come after a rank.
func page(db *idb.DB, after, count int) (any, error) {
	list, err := rows.Read(ctx, db, idb.Select{Index: "rank", Query: idb.Range{Lower: after, LowerOpen: true}, Take: uint(count)})
	ranks := make([]any, len(list))
	for i := range list {
		ranks[i] = list[i].Rank
	}
	return ranks, err
}

// modify raises the rank of the first n rows.
func modify(db *idb.DB, n int) error {
	keys := make([]any, n)
	for i := range keys {
		keys[i] = work.Records[i].ID
	}
	return rows.Change(ctx, db, keys, func(row *record) (bool, error) {
		row.Rank++
		return true, nil
	})
}

func cursor(db *idb.DB) (any, error) {
	n, total := 0, 0
	err := db.View(ctx, []string{"todoitem"}, func(tx *idb.Tx) error {
		s, err := tx.Store("todoitem")
		if err != nil {
			return err
		}
		for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
			if err != nil {
				return err
			}
			n++
			total += c.Value().Get("rank").Int()
		}
		return nil
	})
	return []any{n, total}, err
}
