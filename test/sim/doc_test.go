// Package sim_test runs whole worlds in one goroutine: clients, which are the real engine over the memory store, and the real
// server over SQLite, with everything that can go wrong between and below them. One seed is one run. What must hold whatever
// happens is checked after each step and when the world has come to rest.
package sim_test

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// number reads an environment variable that is a number.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is not a number: %v", name, err)
	}
	return n
}

// TestWorlds runs seeds: SEED names one to replay, with its trace, SEEDS says how many, FIRST where to begin. Of a run that fails
// the trace is of the shortest run that fails in the same way.
func TestWorlds(t *testing.T) {
	first, count := number(t, "FIRST", 0), number(t, "SEEDS", 200)
	if os.Getenv("SEED") != "" {
		first, count = number(t, "SEED", 0), 1
	}
	var next atomic.Uint64
	var mu sync.Mutex
	met := map[string]int{}
	t.Cleanup(func() {
		for _, kind := range slices.Sorted(maps.Keys(met)) {
			t.Logf("met: %s: %d", kind, met[kind])
		}
		t.Logf("worlds: %d", min(next.Load(), count))
	})
	for i := range runtime.GOMAXPROCS(0) {
		t.Run("worker "+strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			for n := next.Add(1) - 1; n < count && !t.Failed(); n = next.Add(1) - 1 {
				w := newWorld(t, first+n, defect{}, plan{})
				w.run()
				if w.violation != "" {
					short := shrink(w, func() defect { return defect{} })
					t.Fatalf("%s\nafter %d of %d steps\n%s\nreplay it with: make sim SEED=%d",
						short.violation, short.length(), days, short.trace(), first+n)
				}
				if count == 1 {
					t.Logf("%s", w.trace())
				}
				mu.Lock()
				for kind, n := range w.met {
					met[kind] += n
				}
				mu.Unlock()
			}
		})
	}
}
