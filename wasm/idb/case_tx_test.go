//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-sync/larder/wasm/idb"
)

// stores opens a new database with these stores, whose keys are given beside the values.
func stores(t *testing.T, names ...string) *idb.DB {
	t.Helper()
	return shaped(t, func(u *idb.Upgrade) error {
		for _, name := range names {
			if _, err := u.CreateStore(name, idb.StoreOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// begun is a transaction whose first request has been made, so that the browser knows of it.
type begun struct {
	name string
	mode idb.Mode
	over string // the stores, by letter
}

// order begins the transactions one after the other, all before any has run, and returns the order in which they get to
// their store's row and end. Each reads the row "log" of its first store that is written, three times in a chain.
func order(t *testing.T, db *idb.DB, all []begun) string {
	t.Helper()
	ctx := background(t)
	var events []string
	done := make(chan error, len(all))
	for _, b := range all {
		tx, err := db.Begin(ctx, b.mode, strings.Split(b.over, "")...)
		if err != nil {
			t.Fatal(err)
		}
		started := make(chan struct{})
		go func() {
			close(started)
			for range 3 {
				program := `[{"op":"count","store":"` + b.over[:1] + `"}]`
				if _, err := tx.Run(ctx, []byte(program)); err != nil {
					done <- err
					return
				}
				events = append(events, b.name)
			}
			done <- tx.Commit(ctx)
		}()
		<-started
	}
	for range all {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return strings.Join(events, "")
}

func TestTransactionOrder(t *testing.T) {
	const r, w = idb.ReadOnly, idb.ReadWrite
	for _, tt := range []struct {
		name   string
		txs    []begun
		before []string // pairs: all events of the first come before those of the second
	}{
		{"writers of one store run in the order they were begun", []begun{{"1", w, "a"}, {"2", w, "a"}, {"3", w, "a"}}, []string{"12", "23"}},
		{"a reader waits for the writer before it", []begun{{"1", w, "a"}, {"2", r, "a"}}, []string{"12"}},
		{"a writer waits for the reader before it", []begun{{"1", r, "a"}, {"2", w, "a"}}, []string{"12"}},
		{"a writer waits for all readers before it, and those after it wait", []begun{{"1", r, "a"}, {"2", r, "a"}, {"3", w, "a"}, {"4", r, "a"}},
			[]string{"13", "23", "34"}},
		{"scopes that overlap in one store wait", []begun{{"1", w, "ab"}, {"2", w, "bc"}, {"3", w, "cd"}}, []string{"12", "23"}},
		{"a scope that overlaps two waits for both", []begun{{"1", w, "a"}, {"2", w, "b"}, {"3", w, "ab"}}, []string{"13", "23"}},
		{"a later one does not pass one that waits for a shared store", []begun{{"1", w, "a"}, {"2", w, "ab"}, {"3", w, "b"}}, []string{"12", "23"}},
		{"a reader of two stores waits for writers of either", []begun{{"1", w, "a"}, {"2", w, "b"}, {"3", r, "ab"}}, []string{"13", "23"}},
		{"a store named twice is there once", []begun{{"1", w, "aa"}, {"2", w, "a"}}, []string{"12"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := order(t, stores(t, "a", "b", "c", "d"), tt.txs)
			if len(got) != 3*len(tt.txs) {
				t.Fatalf("events are %s", got)
			}
			for _, pair := range tt.before {
				if strings.LastIndex(got, pair[:1]) > strings.Index(got, pair[1:]) {
					t.Errorf("events are %s: %s should have ended before %s", got, pair[:1], pair[1:])
				}
			}
		})
	}
	// A rendezvous inside transactions: each goes on with requests until the others have started. Writers of different
	// stores may run at once too, and do not in Firefox.
	for _, tt := range []struct {
		name string
		txs  []begun
	}{
		{"readers of one store run at once", []begun{{"1", r, "a"}, {"2", r, "a"}}},
		{"a reader and a writer of different stores run at once", []begun{{"1", r, "a"}, {"2", w, "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, ctx := stores(t, "a", "b"), background(t)
			running := 0
			done := make(chan error, len(tt.txs))
			for _, b := range tt.txs {
				go func() {
					tx, err := db.Begin(ctx, b.mode, b.over)
					for met, first := false, true; err == nil && !met; {
						_, err = tx.Run(ctx, []byte(`[{"op":"count","store":"`+b.over+`"}]`))
						if first {
							running++
							first = false
						}
						met = running == len(tt.txs)
					}
					if err == nil {
						err = tx.Commit(ctx)
					}
					done <- err
				}()
			}
			for range tt.txs {
				is(t, <-done, nil)
			}
		})
	}
	t.Run("a reader sees what a writer before it has kept, and nothing of one after it", func(t *testing.T) {
		db, ctx := stores(t, "a"), background(t)
		counts := make(chan string, 2)
		done := make(chan error, 4)
		for n, mode := range []idb.Mode{r, w, r, w} {
			tx, err := db.Begin(ctx, mode, "a")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if mode == r {
					got, err := tx.Run(ctx, []byte(`[{"op":"count","store":"a"}]`))
					counts <- string(got)
					done <- err
					return
				}
				s, err := tx.Store("a")
				if err == nil {
					_, err = s.Put(ctx, n, n)
				}
				done <- errors.Join(err, tx.Commit(ctx))
			}()
		}
		for range 4 {
			is(t, <-done, nil)
		}
		same(t, "the first reader's count", <-counts, "[0]")
		same(t, "the second reader's count", <-counts, "[1]")
	})
}

func TestRequestOrder(t *testing.T) {
	t.Run("requests of one transaction take effect and answer in the order they were made", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{}), func(ctx context.Context, s *idb.Store) error {
			var answered []string
			done := make(chan error, 30)
			for n := range 10 {
				for _, request := range []struct {
					name string
					do   func() error
				}{
					{"put", func() error { _, err := s.Put(ctx, n, "k"); return err }},
					{"get", func() error {
						v, err := s.Get(ctx, "k")
						if err == nil && v.Int() != n {
							t.Errorf("get after put %d answered %d", n, v.Int())
						}
						return err
					}},
					{"delete", func() error { return s.Delete(ctx, "k") }},
				} {
					started := make(chan struct{})
					go func() {
						close(started)
						err := request.do()
						answered = append(answered, request.name+strconv.Itoa(n))
						done <- err
					}()
					<-started
				}
			}
			for range 30 {
				if err := <-done; err != nil {
					return err
				}
			}
			for i, name := range answered {
				if want := []string{"put", "get", "delete"}[i%3] + strconv.Itoa(i/3); name != want {
					t.Fatalf("answer %d is of %s, want %s", i, name, want)
				}
			}
			return nil
		})
	})
	t.Run("a failed request does not hold up those after it", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{}), func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, 1, "k")
			done := make(chan error, 2)
			go func() { _, err := s.Add(ctx, 2, "k"); done <- err }()
			go func() { _, err := s.Add(ctx, 3, "other"); done <- err }()
			a, b := <-done, <-done
			if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), idb.ErrConstraint) {
				t.Errorf("got %v and %v, want one ConstraintError", a, b)
			}
			same(t, "the keys", keysOf(ctx, t, s), `["k","other"]`)
			return err
		})
	})
}

func TestAbortTakesAllBack(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, s *idb.Store) error
	}{
		{"added rows", func(ctx context.Context, s *idb.Store) error {
			_, err := s.Add(ctx, object(`{"k":"z"}`), 50)
			return err
		}},
		{"changed rows", func(ctx context.Context, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"k":"z"}`), 5)
			return err
		}},
		{"deleted rows", func(ctx context.Context, s *idb.Store) error { return s.Delete(ctx, idb.Range{Upper: 7}) }},
		{"a cleared store", func(ctx context.Context, s *idb.Store) error { return s.Clear(ctx) }},
		{"a cleared store and what was put after", func(ctx context.Context, s *idb.Store) error {
			err := s.Clear(ctx)
			_, err2 := s.Put(ctx, object(`{"k":"b"}`), 5)
			return errors.Join(err, err2)
		}},
		{"rows changed by a cursor", func(ctx context.Context, s *idb.Store) error {
			for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				if err != nil {
					return err
				}
				if err := c.Update(ctx, object(`{"k":"y"}`)); err != nil {
					return err
				}
			}
			return nil
		}},
		{"rows deleted by a cursor", func(ctx context.Context, s *idb.Store) error {
			for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				if err != nil {
					return err
				}
				if err := c.Delete(ctx); err != nil {
					return err
				}
			}
			return nil
		}},
		{"what came before a failed request", func(ctx context.Context, s *idb.Store) error {
			_, err := s.Put(ctx, object(`{"k":"z"}`), 5)
			_, failed := s.Add(ctx, object(`{}`), 6)
			is(t, failed, idb.ErrConstraint)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := tree(t)
			read := func() (found string) {
				in(t, db, func(ctx context.Context, s *idb.Store) error {
					i, err := s.Index("i")
					if err != nil {
						return err
					}
					all, err := s.GetAll(ctx, nil, 0)
					found = keysOf(ctx, t, s) + text(list(all)) + keysOf(ctx, t, i)
					return err
				})
				return found
			}
			before := read()
			is(t, try(t, db, func(ctx context.Context, s *idb.Store) error { return errors.Join(tt.do(ctx, s), errMine) }), errMine)
			same(t, "what is there", read(), before)
		})
	}
	t.Run("in all its stores", func(t *testing.T) {
		db, ctx := stores(t, "a", "b"), background(t)
		is(t, db.Update(ctx, []string{"a", "b"}, func(tx *idb.Tx) error {
			for _, name := range []string{"a", "b"} {
				s, err := tx.Store(name)
				if err != nil {
					return err
				}
				if _, err := s.Put(ctx, 1, 1); err != nil {
					return err
				}
			}
			return errMine
		}), errMine)
		got, err := db.Read(ctx, []byte(`[{"op":"count","store":"a"},{"op":"count","store":"b"}]`))
		same(t, "the counts", string(got), "[0,0]")
		is(t, err, nil)
	})
	t.Run("and the next transaction is not held up", func(t *testing.T) {
		db, ctx := stores(t, "a"), background(t)
		first, err := db.Begin(ctx, idb.ReadWrite, "a")
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() {
			second <- db.Update(ctx, []string{"a"}, func(tx *idb.Tx) error {
				_, err := tx.Run(ctx, []byte(`[{"op":"clear","store":"a"}]`))
				return err
			})
		}()
		first.Abort(errMine)
		is(t, <-second, nil)
		is(t, first.Commit(ctx), errMine)
	})
}

func TestTransactionScope(t *testing.T) {
	db, ctx := stores(t, "a", "b"), background(t)
	for _, tt := range []struct {
		name   string
		stores []string
		want   error
	}{
		{"no store", nil, named("InvalidAccessError")},
		{"a store that is not there", []string{"x"}, idb.ErrNotFound},
		{"one that is there and one that is not", []string{"a", "x"}, idb.ErrNotFound},
		{"a name of other letters", []string{"A"}, idb.ErrNotFound},
		{"an empty name", []string{""}, idb.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, mode := range []idb.Mode{idb.ReadOnly, idb.ReadWrite} {
				_, err := db.Begin(ctx, mode, tt.stores...)
				is(t, err, tt.want)
			}
		})
	}
	t.Run("a mode that there is not", func(t *testing.T) {
		_, err := db.Begin(ctx, idb.Mode(7), "a")
		is(t, err, named("TypeError"))
	})
	t.Run("a store of the database that is out of its scope", func(t *testing.T) {
		is(t, db.View(ctx, []string{"a"}, func(tx *idb.Tx) error {
			_, err := tx.Store("b")
			is(t, err, idb.ErrNotFound)
			return nil
		}), nil)
	})
	t.Run("no store can be made outside an upgrade", func(t *testing.T) {
		in(t, plainStore(t, idb.StoreOptions{}), func(_ context.Context, s *idb.Store) error {
			is(t, s.CreateIndex("i", "a", idb.IndexOptions{}), idb.ErrTransactionInactive)
			is(t, s.DeleteIndex("i"), idb.ErrTransactionInactive)
			is(t, s.Rename("other"), idb.ErrTransactionInactive)
			return nil
		})
	})
}

func TestReadOnly(t *testing.T) {
	db, ctx := tree(t), background(t)
	for _, tt := range []struct {
		name string
		do   func(s *idb.Store) error
	}{
		{"put", func(s *idb.Store) error { _, err := s.Put(ctx, 1, 1); return err }},
		{"add", func(s *idb.Store) error { _, err := s.Add(ctx, 1, 100); return err }},
		{"delete", func(s *idb.Store) error { return s.Delete(ctx, 1) }},
		{"delete of a range", func(s *idb.Store) error { return s.Delete(ctx, idb.Range{Lower: 1}) }},
		{"clear", func(s *idb.Store) error { return s.Clear(ctx) }},
	} {
		t.Run(tt.name+" is refused, and reading goes on", func(t *testing.T) {
			is(t, db.View(ctx, []string{"s"}, func(tx *idb.Tx) error {
				s, err := tx.Store("s")
				if err != nil {
					return err
				}
				is(t, tt.do(s), idb.ErrReadOnly)
				n, err := s.Count(ctx, nil)
				if n != 9 {
					t.Errorf("%d rows, want 9", n)
				}
				return err
			}), nil)
		})
	}
}
