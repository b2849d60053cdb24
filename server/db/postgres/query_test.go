package postgres_test

import (
	"testing"

	"github.com/larder-sync/larder/server/db/dbtest"
)

func TestQueries(t *testing.T) { dbtest.Queries(t, "../../../table/testdata/query", mustOpenCommon) }
