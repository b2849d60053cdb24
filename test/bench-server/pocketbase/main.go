// Command pocketbase is the contender of the server's load test: PocketBase as its own program makes it, in a module of its
// own, so that Larder does not depend on it.
package main

import (
	"log"

	"github.com/pocketbase/pocketbase"
)

func main() {
	if err := pocketbase.New().Start(); err != nil {
		log.Fatal(err)
	}
}
