package store_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/larder-sync/larder/wasm/store"
)

func TestFollowTabs(t *testing.T) {
	name := t.Name() + strconv.Itoa(rand.Int())
	mine := mustOpen(t, store.IndexedDB(), schemaText, name, nil)
	defer mine.Close()
	theirs := mustOpen(t, store.IndexedDB(), schemaText, name, nil) // as another tab would
	defer theirs.Close()
	stop, stopTheirs := mine.FollowTabs(), theirs.FollowTabs()
	defer stopTheirs()
	f := follow(t, ctx, mine, "$filter=rank gt 1")
	f.want(" + ~ -")
	put(t, theirs, `[{"id":"1","rank":2}]`)
	f.want("1 +1 ~ -")
	put(t, mine, `[{"id":"2","rank":3}]`)
	f.want("1,2 +2 ~ -")
	remove(t, theirs, "1")
	f.want("2 + ~ -1")
	stop()
	put(t, theirs, `[{"id":"3","rank":3}]`)
	put(t, mine, `[{"id":"4","rank":0},{"id":"2","rank":4}]`)
	f.want("2,3 +3 ~2 -")
}
