package feed

import "github.com/larder-sync/larder/server/db"

// SetDB makes a feed write to another database, which fails where the test wants it to.
func SetDB(f *Feed, d db.DB) { f.db = d }
