package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/server/db/postgres"
	"github.com/larder-sync/larder/table"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

func TestDB(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) db.DB {
		d, err := postgres.Open(t.Context(), pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestOpen(t *testing.T) {
	t.Run("servers that start together on a new database all find it ready", func(t *testing.T) {
		address := pgtest.New(t)
		var wg sync.WaitGroup
		made := make([]bool, 6)
		for i := range made {
			wg.Go(func() {
				d, err := postgres.Open(t.Context(), address)
				if err != nil {
					t.Error(err)
					return
				}
				defer d.Close()
				err = d.Update(t.Context(), func(tx db.Tx) (err error) {
					made[i], err = tx.Create("note")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		count := 0
		for _, m := range made {
			if m {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d servers made the table", count)
		}
	})

	t.Run("what cannot be used is an error that names it without its password, and the way out", func(t *testing.T) {
		latin := pgtest.New(t)
		c, err := pgx.Connect(t.Context(), latin)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if _, err := c.Exec(t.Context(), `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`); err != nil {
			t.Fatal(err)
		}
		name := latin[strings.Index(latin, "@/")+2 : strings.Index(latin, "?")]
		for address, why := range map[string]string{
			"postgres://larder:secret@127.0.0.1:1/none?connect_timeout=2": "refused",
			strings.Replace(latin, name, "nowhere", 1):                    "nowhere",
			strings.Replace(latin, name, "latin", 1):                      "ENCODING 'UTF8'",
			"postgres://larder:secret@127.0.0.1:port/none":                "cannot be used",
		} {
			d, err := postgres.Open(t.Context(), address)
			if err == nil {
				t.Errorf("%s: opened", address)
				d.Close()
				continue
			}
			for _, want := range []string{why, "--db postgres://"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q does not say %q", address, err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") || table.CodeOf(err) != table.CodeStorage {
				t.Errorf("%s: code %q, %v", address, table.CodeOf(err), err)
			}
		}
	})

	t.Run("a database of a newer Larder is refused", func(t *testing.T) {
		address := pgtest.New(t)
		d, err := postgres.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		c, err := pgx.Connect(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if _, err := c.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`); err != nil {
			t.Fatal(err)
		}
		if again, err := postgres.Open(t.Context(), address); err == nil || !strings.Contains(err.Error(), "newer Larder") {
			t.Errorf("Open = %v, %v", again, err)
		}
	})
}
