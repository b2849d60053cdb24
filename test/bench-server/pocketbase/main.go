// Command pocketbase is the contender of the server's load test: PocketBase as its own program makes it, in a module of its
// own, so that Larder does not depend on it. The environment may set SQLite's synchronous: NORMAL or FULL.
package main

import (
	"cmp"
	"log"
	"os"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
)

// settings are those of PocketBase 0.39 (core/db_connect.go), whose synchronous is NORMAL.
const settings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)" +
	"&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)"

func main() {
	synchronous := cmp.Or(os.Getenv("SYNCHRONOUS"), "NORMAL")
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: func(path string) (*dbx.DB, error) {
		return dbx.Open("sqlite", path+strings.Replace(settings, "NORMAL", synchronous, 1))
	}})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}
