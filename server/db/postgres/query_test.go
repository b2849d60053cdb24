package postgres_test

import (
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/server/db/postgres"
	pgtest "github.com/larder-sync/larder/test/postgres"
)

func TestQueries(t *testing.T) {
	dbtest.Queries(t, "../../../table/testdata/query", func(t *testing.T) db.DB {
		d, err := postgres.Open(t.Context(), pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d
	})
}
