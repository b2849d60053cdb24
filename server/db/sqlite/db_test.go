package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/dbtest"
	"github.com/larder-sync/larder/server/db/sqlite"
)

func TestDB(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) db.DB {
		d, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "larder.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
