//go:build js && wasm

package idb_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/idb"
)

var errMine = errors.New("my own reason")

// stays checks that the database is at version 1 with the stores of todos.
func stays(t *testing.T, name string) {
	t.Helper()
	db := openAs(t, name, 0, idb.Options{})
	if got := strings.Join(db.StoreNames(), " "); db.Version() != 1 || got != "log todo" {
		t.Errorf("database is at version %d with stores %s, want the old one", db.Version(), got)
	}
	db.Close()
}

func TestOpen(t *testing.T) {
	name := fresh(t)
	var old, wanted uint
	db := openAs(t, name, 3, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
		old, wanted = u.OldVersion, u.NewVersion
		return todos(ctx, u)
	}})
	if old != 0 || wanted != 3 || db.Version() != 3 || db.Name() != name || strings.Join(db.StoreNames(), " ") != "log todo" {
		t.Errorf("upgraded from %d to %d; database %s is at %d with %q", old, wanted, db.Name(), db.Version(), db.StoreNames())
	}
	run(t, db, shelf)
	db.Close()

	t.Run("the same version needs no upgrade", func(t *testing.T) {
		db := openAs(t, name, 3, idb.Options{Upgrade: func(context.Context, *idb.Upgrade) error {
			t.Error("upgrade was called")
			return nil
		}})
		db.Close()
	})
	t.Run("version 0 is the one there is", func(t *testing.T) {
		db := openAs(t, name, 0, idb.Options{})
		if db.Version() != 3 {
			t.Errorf("version is %d", db.Version())
		}
		db.Close()
	})
	t.Run("a lower version is refused", func(t *testing.T) {
		_, err := idb.Open(background(t), name, 2, idb.Options{Upgrade: todos})
		if !errors.Is(err, idb.ErrVersion) || idb.Code(err) != table.CodeVersion {
			t.Errorf("got %v, want a VersionError", err)
		}
	})
	t.Run("an upgrade changes stores and indexes that are there, and their rows", func(t *testing.T) {
		db := openAs(t, name, 4, idb.Options{Upgrade: func(ctx context.Context, u *idb.Upgrade) error {
			s, err := u.Store("todo")
			if err != nil {
				return err
			}
			if err := errors.Join(s.DeleteIndex("tags"), s.RenameIndex("slug", "path"),
				s.CreateIndex("rank", "rank", idb.IndexOptions{}), s.Rename("task"), u.DeleteStore("log")); err != nil {
				return err
			}
			for c, err := range s.Cursor(ctx, idb.CursorOptions{}) {
				if err != nil {
					return err
				}
				row := c.Value()
				row.Set("rank", row.Get("rank").Int()*10)
				if err := c.Update(ctx, row); err != nil {
					return err
				}
			}
			_, err = u.Tx.Run(ctx, []byte(`[{"op":"put","store":"task","values":[{"id":"z","rank":35}]}]`))
			return err
		}})
		if got := strings.Join(db.StoreNames(), " "); got != "task" {
			t.Errorf("stores are %s", got)
		}
		err := db.View(background(t), []string{"task"}, func(tx *idb.Tx) error {
			s, err := tx.Store("task")
			if err != nil {
				return err
			}
			if got := strings.Join(s.IndexNames(), " "); got != "done done,rank path rank" {
				t.Errorf("indexes are %s", got)
			}
			got, err := tx.Run(background(t), []byte(`[{"op":"getAllKeys","store":"task","index":"rank"}]`))
			if want := `[["f","e","d","z","c","b","a"]]`; string(got) != want {
				t.Errorf("rows by rank are %s, want %s", got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a new database without an upgrade function is empty", func(t *testing.T) {
		db := openAs(t, fresh(t), 0, idb.Options{})
		if db.Version() != 1 || len(db.StoreNames()) != 0 {
			t.Errorf("version %d with %q", db.Version(), db.StoreNames())
		}
	})
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errMine)
		_, err := idb.Open(ctx, name, 0, idb.Options{})
		if !errors.Is(err, idb.ErrAbort) || !errors.Is(err, context.Canceled) || !errors.Is(err, errMine) {
			t.Errorf("got %v, want an AbortError by the context", err)
		}
	})
}

func TestBlocked(t *testing.T) {
	name := fresh(t)
	open1 := func(change func()) *idb.DB {
		return openAs(t, name, 1, idb.Options{Upgrade: todos, VersionChange: func(uint, uint) { change() }})
	}

	t.Run("until the context ends", func(t *testing.T) {
		db := open1(func() {})
		ctx, cancel := context.WithCancelCause(background(t))
		var from, to uint
		_, err := idb.Open(ctx, name, 2, idb.Options{
			Blocked: func(oldVersion, newVersion uint) {
				from, to = oldVersion, newVersion
				cancel(context.DeadlineExceeded)
			},
			Upgrade: func(context.Context, *idb.Upgrade) error { t.Error("the upgrade was made after all"); return nil },
		})
		if !errors.Is(err, idb.ErrBlocked) || !errors.Is(err, context.DeadlineExceeded) || idb.Code(err) != table.CodeBlocked {
			t.Errorf("got %v, want a BlockedError by the context", err)
		}
		if from != 1 || to != 2 {
			t.Errorf("blocked from %d to %d", from, to)
		}
		run(t, db, `[{"op":"put","store":"todo","values":[{"id":"a"}]}]`) // the old connection works on
		db.Close()                                                        // now the request that nobody waits for goes on
		stays(t, name)
	})
	t.Run("until the other closes", func(t *testing.T) {
		var db *idb.DB
		db = open1(func() {}) // it does not give way by itself
		upgraded := openAs(t, name, 2, idb.Options{Blocked: func(uint, uint) { db.Close() }})
		if upgraded.Version() != 2 {
			t.Errorf("version is %d", upgraded.Version())
		}
		upgraded.Close()
		if err := idb.Delete(background(t), name); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a panic in the callback ends the waiting", func(t *testing.T) {
		db := open1(func() {})
		_, err := idb.Open(background(t), name, 2, idb.Options{Blocked: func(uint, uint) { panic(errMine) }})
		if !errors.Is(err, idb.ErrPanic) || !errors.Is(err, errMine) {
			t.Errorf("got %v, want a PanicError", err)
		}
		db.Close()
		stays(t, name)
	})
	t.Run("a deletion", func(t *testing.T) {
		db := open1(func() {})
		ctx, cancel := context.WithTimeout(background(t), 100*time.Millisecond)
		defer cancel()
		if err := idb.Delete(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		db.Close()
	})
}

func TestVersionChange(t *testing.T) {
	t.Run("a connection without a function gives way", func(t *testing.T) {
		name := fresh(t)
		db := openAs(t, name, 1, idb.Options{Upgrade: todos})
		newer := openAs(t, name, 2, idb.Options{Blocked: func(uint, uint) { t.Error("it was blocked") }})
		newer.Close()
		err := db.View(background(t), []string{"todo"}, func(*idb.Tx) error { return nil })
		if !errors.Is(err, idb.ErrClosed) || idb.Code(err) != table.CodeClosed {
			t.Errorf("got %v, want a ClosedError", err)
		}
		if _, err := db.Read(background(t), []byte(`[]`)); !errors.Is(err, idb.ErrClosed) {
			t.Errorf("got %v, want a ClosedError", err)
		}
	})
	t.Run("it is told the versions, and 0 for a deletion", func(t *testing.T) {
		for _, next := range []uint{3, 0} {
			name := fresh(t)
			var from, to uint
			var db *idb.DB
			db = openAs(t, name, 2, idb.Options{VersionChange: func(oldVersion, newVersion uint) {
				from, to = oldVersion, newVersion
				db.Close()
			}})
			if next == 0 {
				if err := idb.Delete(background(t), name); err != nil {
					t.Fatal(err)
				}
			} else {
				openAs(t, name, next, idb.Options{}).Close()
			}
			if from != 2 || to != next {
				t.Errorf("told a change from %d to %d, want from 2 to %d", from, to, next)
			}
		}
	})
	t.Run("a function decides", func(t *testing.T) {
		name := fresh(t)
		var db *idb.DB
		asked := 0
		db = openAs(t, name, 1, idb.Options{Upgrade: todos, VersionChange: func(uint, uint) {
			asked++
			run(t, db, shelf) // its last work
			db.Close()
		}})
		newer := openAs(t, name, 2, idb.Options{})
		if got := keys(t, newer); asked != 1 || got != `[["a","b","c","d","e","f"]]` {
			t.Errorf("asked %d times; rows are %s", asked, got)
		}
	})
	t.Run("a panic in the function is reported to the page", func(t *testing.T) {
		reported := make(chan string, 1)
		original := js.Global().Get("reportError")
		listen := js.FuncOf(func(_ js.Value, args []js.Value) any { reported <- args[0].Get("message").String(); return nil })
		defer listen.Release()
		js.Global().Set("reportError", listen)
		defer js.Global().Set("reportError", original)

		name := fresh(t)
		db := openAs(t, name, 1, idb.Options{Upgrade: todos, VersionChange: func(uint, uint) { panic(errMine) }})
		newer := openAs(t, name, 2, idb.Options{Blocked: func(uint, uint) { db.Close() }})
		newer.Close()
		if got := <-reported; !strings.Contains(got, errMine.Error()) {
			t.Errorf("reported %q", got)
		}
	})
	t.Run("transactions that run are finished first", func(t *testing.T) {
		name := fresh(t)
		db := openAs(t, name, 1, idb.Options{Upgrade: todos})
		deleted := make(chan error, 1)
		err := db.Update(background(t), []string{"todo"}, func(tx *idb.Tx) error {
			go func() { deleted <- idb.Delete(background(t), name) }()
			for range 20 {
				if _, err := tx.Run(background(t), []byte(shelf)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := <-deleted; err != nil {
			t.Error(err)
		}
	})
}

func TestClosed(t *testing.T) {
	closed := make(chan struct{})
	db := openAs(t, fresh(t), 1, idb.Options{Upgrade: todos, Closed: func() { close(closed) }})
	// The browser's own event; there is no way for a page to make it close a connection by force.
	db.Value().Call("dispatchEvent", js.Global().Get("Event").New("close"))
	<-closed
	if _, err := db.Begin(background(t), idb.ReadWrite, "todo"); !errors.Is(err, idb.ErrClosed) {
		t.Errorf("got %v, want a ClosedError", err)
	}
	db.Close()
}

func TestOpenAbandoned(t *testing.T) {
	name := fresh(t)
	openAs(t, name, 1, idb.Options{Upgrade: todos}).Close()
	ctx, cancel := context.WithCancel(background(t))
	opened := make(chan error, 1)
	go func() {
		_, err := idb.Open(ctx, name, 1, idb.Options{})
		opened <- err
	}()
	runtime.Gosched() // the request has been made, and cannot have been answered: JavaScript has not run
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
	// A connection left behind would not give way, and block this.
	if err := idb.Delete(background(t), name); err != nil {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	name := fresh(t)
	if err := idb.Delete(background(t), name); err != nil {
		t.Errorf("what does not exist: %v", err)
	}
	db := openAs(t, name, 1, idb.Options{Upgrade: todos})
	run(t, db, shelf)
	listed := func() bool {
		all, err := idb.Databases(background(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range all {
			if info.Name == name && info.Version == 1 {
				return true
			}
		}
		return false
	}
	if !listed() {
		t.Error("the new database is not listed")
	}
	if err := idb.Delete(background(t), name); err != nil {
		t.Error(err)
	}
	if listed() {
		t.Error("the deleted database is still listed")
	}
}
