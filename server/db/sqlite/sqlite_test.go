package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/table"
)

func mustOpen(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func update(t *testing.T, d *sqlite.DB, fn func(db.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	t.Run("a path that cannot be used is an error that names it and the way out", func(t *testing.T) {
		dir := t.TempDir()
		text := filepath.Join(dir, "text.db")
		if err := os.WriteFile(text, []byte(strings.Repeat("This is not a database. ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		for path, why := range map[string]string{
			filepath.Join(dir, "missing", "larder.db"): "there is no folder",
			dir:                                 "it is a folder",
			filepath.Join(text, "larder.db"):    "not a folder",
			text:                                "it is not an SQLite database",
			filepath.Join("/proc", "larder.db"): "cannot be used",
		} {
			d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err == nil {
				t.Errorf("%s: opened", path)
				d.Close()
				continue
			}
			for _, want := range []string{path, why, "--db sqlite:PATH"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q does not say %q", path, err, want)
				}
			}
			if table.CodeOf(err) != table.CodeStorage {
				t.Errorf("%s: code %q", path, table.CodeOf(err))
			}
		}
	})

	t.Run("the file's name may hold what means something in a URL, and is its owner's", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "50% off? #1 & more.db")
		mustOpen(t, path)
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("others may use the file: %v", st.Mode())
		}
	})

	t.Run("a database of a newer Larder is refused and left alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "larder.db")
		d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
			t.Fatal(err)
		}
		if d, err := sqlite.Open(t.Context(), path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "newer Larder") {
			t.Errorf("Open = %v, %v", d, err)
		}
	})

	t.Run("the file is in WAL mode, for other programs too", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "larder.db")
		mustOpen(t, path)
		raw, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		var mode string
		if err := raw.QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
			t.Errorf("journal_mode = %q, %v", mode, err)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Run("what fails has no effect", func(t *testing.T) {
		d := mustOpen(t, filepath.Join(t.TempDir(), "larder.db"))
		update(t, d, func(tx db.Tx) error { _, err := tx.Create("todoitem"); return err })
		stop := errors.New("stop")
		err := d.Update(t.Context(), func(tx db.Tx) error {
			if err := tx.Put("todoitem", []db.Move{{Row: db.Row{Seq: 1, ID: "a", Data: []byte(`{"id":"a"}`)}}}); err != nil {
				return err
			}
			if err := tx.Advance("todoitem", db.Counter{}, db.Counter{Seq: 1, At: 5, Boot: "b", Live: 1}); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if _, ok, err := d.Get(t.Context(), "todoitem", "a"); ok || err != nil {
			t.Errorf("Get = %v, %v", ok, err)
		}
		update(t, d, func(tx db.Tx) error {
			c, err := tx.Counter("todoitem")
			if c != (db.Counter{}) {
				t.Errorf("counter = %+v", c)
			}
			return err
		})
	})

	t.Run("an ended context writes nothing", func(t *testing.T) {
		d := mustOpen(t, filepath.Join(t.TempDir(), "larder.db"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Update(ctx, func(db.Tx) error { t.Error("called"); return nil }); err == nil {
			t.Error("no error")
		}
	})

	t.Run("a panic leaves the database usable", func(t *testing.T) {
		d := mustOpen(t, filepath.Join(t.TempDir(), "larder.db"))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("swallowed")
				}
			}()
			_ = d.Update(t.Context(), func(db.Tx) error { panic("in the middle") })
		}()
		update(t, d, func(tx db.Tx) error { _, err := tx.Create("todoitem"); return err })
	})
}
