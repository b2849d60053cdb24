package store_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// counted counts how often the rows of a range are read.
type counted struct {
	store.Backend
	scans *atomic.Int32
}

type countedTxn struct {
	store.Txn
	scans *atomic.Int32
}

func (c counted) Begin(ctx context.Context, write bool, stores []string) (store.Txn, error) {
	txn, err := c.Backend.Begin(ctx, write, stores)
	return countedTxn{txn, c.scans}, err
}

func (c countedTxn) Run(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	for _, s := range steps {
		if s.Op == store.OpGetAll {
			c.scans.Add(1)
		}
	}
	return c.Txn.Run(ctx, steps)
}

func counting(open store.Opener, scans *atomic.Int32) store.Opener {
	return func(ctx context.Context, layout store.Layout, events store.Events) (store.Backend, error) {
		b, err := open(ctx, layout, events)
		return counted{b, scans}, err
	}
}

// follower takes the answers of a live query one by one.
type follower struct {
	t    *testing.T
	next func() (*store.Answer[table.Record], error, bool)
}

func follow(t *testing.T, ctx context.Context, s *store.Store, text string) *follower {
	t.Helper()
	q, err := table.ParseParameters(text)
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(s.Live(ctx, "todoitem", q))
	t.Cleanup(stop)
	return &follower{t, next}
}

func (f *follower) want(want string) {
	f.t.Helper()
	a, err, ok := f.next()
	if !ok || err != nil {
		f.t.Fatalf("no answer: %v", err)
	}
	got := fmt.Sprintf("%s +%s ~%s -%s", joined(a.Rows), joined(a.Added), joined(a.Changed), strings.Join(a.Removed, ","))
	if got != want {
		f.t.Errorf("the answer is %q, want %q", got, want)
	}
}

func TestLive(t *testing.T) {
	for backend, open := range openers() {
		scans := new(atomic.Int32)
		fresh := func(t *testing.T) *store.Store {
			s := mustOpen(t, counting(open, scans), schemaText, t.Name()+strconv.Itoa(rand.Int()), nil)
			t.Cleanup(func() { s.Close() })
			put(t, s, `[{"id":"1","text":"a","complete":false,"rank":1},{"id":"2","text":"b","complete":true,"rank":2},{"id":"3","text":"c","complete":false,"rank":3}]`)
			return s
		}
		t.Run(backend+": an answer tells what was added, changed and removed", func(t *testing.T) {
			s := fresh(t)
			f := follow(t, ctx, s, "$filter=complete eq false")
			f.want("1,3 +1,3 ~ -")
			put(t, s, `[{"id":"4","text":"d","complete":false}]`)
			f.want("1,3,4 +4 ~ -")
			put(t, s, `[{"id":"3","text":"C","complete":false,"rank":3}]`)
			f.want("1,3,4 + ~3 -")
			put(t, s, `[{"id":"1","text":"a","complete":true}]`)
			remove(t, s, "4")
			f.want("3 + ~ -1,4")
		})
		t.Run(backend+": a null that was absent is a change", func(t *testing.T) {
			s := fresh(t)
			f := follow(t, ctx, s, "$filter=id eq '1'")
			f.want("1 +1 ~ -")
			put(t, s, `[{"id":"1","text":"a","complete":false,"rank":1,"due":null}]`)
			f.want("1 + ~1 -")
		})
		t.Run(backend+": a commit that cannot change the answer runs nothing again", func(t *testing.T) {
			for query, runs := range map[string]int32{
				"$filter=complete eq true and rank lt 5": 0, // 9 is neither in it nor matches
				"$filter=startswith(text,'b')":           0,
				"$filter=complete eq true&$top=1":        0,
				"$filter=rank lt 5&$skip=1":              1, // it might be one of those that are left out
				"$filter=complete eq false&$top=1":       1, // it matches: it might push another out
				"$orderby=rank&$top=2":                   1,
			} {
				s := fresh(t)
				f := follow(t, ctx, s, query)
				if _, err, _ := f.next(); err != nil {
					t.Fatal(err)
				}
				before := scans.Load()
				put(t, s, `[{"id":"9","text":"z","complete":false,"rank":9}]`)
				put(t, s, `[{"id":"1","text":"A","complete":false,"rank":1},{"id":"2","text":"b!","complete":true,"rank":0}]`) // this changes all answers
				if _, err, _ := f.next(); err != nil {
					t.Fatal(err)
				}
				// The two may be seen as one, and then all of them have run once.
				if n := scans.Load() - before; n > runs+1 {
					t.Errorf("%s: %d runs, want %d at most", query, n, runs+1)
				}
			}
		})
		t.Run(backend+": what another tab tells of is looked at", func(t *testing.T) {
			s := fresh(t)
			f := follow(t, ctx, s, "$orderby=rank desc")
			f.want("3,2,1 +3,2,1 ~ -")
			if err := s.Update(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
				_, err := tx.Run(ctx, store.Step{Op: store.OpDelete, Store: "todoitem", Keys: []store.Key{"2"}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			s.Changed(store.Commit{Changes: []store.Change{{Store: "todoitem", IDs: []string{"2"}}}})
			f.want("3,1 + ~ -2")
		})
		t.Run(backend+": of many commits at once the last state is told, and none is lost", func(t *testing.T) {
			s := fresh(t)
			const writers, each = 8, 20
			f := follow(t, ctx, s, "$filter=startswith(text,'w')")
			f.want(" + ~ -")
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					for i := range each {
						id := fmt.Sprintf("w%d-%02d", w, i)
						if err := update(t, s, func(items *store.TxTable) error {
							_, err := items.Put(ctx, table.Record{"id": id, "text": id})
							return err
						}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			added := 0
			for added < writers*each {
				a, err, ok := f.next()
				if !ok || err != nil {
					t.Fatalf("after %d rows: %v", added, err)
				}
				if added += len(a.Added); len(a.Rows) != added {
					t.Fatalf("the answer has %d rows, %d were added", len(a.Rows), added)
				}
			}
			all.Wait()
		})
		t.Run(backend+": the end of the context and a closed store end it with their reasons", func(t *testing.T) {
			s := fresh(t)
			mine, cancel := context.WithCancel(ctx)
			ended, closed := follow(t, mine, s, "$filter=complete eq true"), follow(t, ctx, s, "")
			ended.want("2 +2 ~ -")
			closed.want("1,2,3 +1,2,3 ~ -")
			cancel()
			if _, err, _ := ended.next(); table.CodeOf(err) != table.CodeAborted {
				t.Errorf("the context's end gives %v", err)
			}
			s.Close()
			if _, err, _ := closed.next(); table.CodeOf(err) != table.CodeClosed {
				t.Errorf("the store's end gives %v", err)
			}
			if _, _, more := closed.next(); more {
				t.Error("the loop goes on after its error")
			}
		})
		t.Run(backend+": a query that the table cannot answer fails", func(t *testing.T) {
			s := fresh(t)
			f := follow(t, ctx, s, "$filter=colour eq 'red'")
			if _, err, _ := f.next(); table.CodeOf(err) != table.CodeQuery {
				t.Errorf("got %v", err)
			}
		})
		t.Run(backend+": the selected columns come with the id", func(t *testing.T) {
			s := fresh(t)
			f := follow(t, ctx, s, "$select=text&$filter=id eq '1'")
			a, err, _ := f.next()
			if err != nil || len(a.Rows) != 1 || a.Rows[0]["id"] != "1" || a.Rows[0]["text"] != "a" || len(a.Rows[0]) != 2 {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
}

func joined(rows []table.Record) string { return strings.Join(ids(rows), ",") }

func put(t *testing.T, s *store.Store, text string) {
	t.Helper()
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var records []table.Record
	for _, item := range v.([]any) {
		records = append(records, item.(map[string]any))
	}
	if err := update(t, s, func(items *store.TxTable) error { _, err := items.Put(ctx, records...); return err }); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, s *store.Store, id string) {
	t.Helper()
	if err := update(t, s, func(items *store.TxTable) error { return items.Delete(ctx, id) }); err != nil {
		t.Fatal(err)
	}
}
