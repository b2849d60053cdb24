// Package sim_test runs whole worlds in one goroutine: clients, which are the real engine over the memory store, and the real
// server over SQLite, with everything that can go wrong between and below them. One seed is one run. What must hold whatever
// happens is checked after each step and when the world has come to rest.
package sim_test

import (
	"os"
	"runtime"
	"strconv"
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

// TestWorlds runs seeds: SEED names one to replay, with its trace, SEEDS says how many, FIRST where to begin.
func TestWorlds(t *testing.T) {
	first, count := number(t, "FIRST", 0), number(t, "SEEDS", 200)
	if os.Getenv("SEED") != "" {
		first, count = number(t, "SEED", 0), 1
	}
	var next atomic.Uint64
	for i := range runtime.GOMAXPROCS(0) {
		t.Run("worker "+strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			for n := next.Add(1) - 1; n < count && !t.Failed(); n = next.Add(1) - 1 {
				w := newWorld(t, first+n, defect{})
				w.run()
				if count == 1 {
					t.Logf("%s", w.trace(len(w.steps)))
				}
				if w.violation != "" {
					t.Fatalf("%s\nafter\n%s\nreplay it with: make sim SEED=%d", w.violation, w.trace(30), first+n)
				}
			}
		})
	}
}
