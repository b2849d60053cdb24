package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
)

func TestQueries(t *testing.T) {
	dbtest.Queries(t, "../../../table/testdata/query", func(t *testing.T) db.DB {
		return mustOpen(t, filepath.Join(t.TempDir(), "larder.db"))
	})
}
