package sync_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// clocks reads a text that says how many writes of each device it includes: "a3 b1".
func clocks(r table.Record) map[string]int {
	out := map[string]int{}
	text, _ := r["text"].(string)
	for _, part := range strings.Fields(text) {
		var n int
		fmt.Sscan(part[1:], &n)
		out[part[:1]] = n
	}
	return out
}

func clockText(c map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprint(name, c[name]))
	}
	return strings.Join(parts, " ")
}

// TestNothingIsLost has devices write, sync and lose requests while the server is restarted and taken back to backups, in random
// order. Each write adds to what the record said, and a conflict is decided by joining both: so at rest each record has all writes of
// all devices, or one of them was lost.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(12) {
		s := newShop(t)
		rng := rand.New(rand.NewPCG(seed, 6))
		var steps []string
		note := func(format string, args ...any) { steps = append(steps, fmt.Sprintf(format, args...)) }
		devices, wrote := map[string]*device{}, map[string]int{}
		for _, name := range []string{"a", "b", "c"} {
			d := newDevice(t, s.url)
			d.decide = func(c *replica.Conflict) (replica.Decision, error) {
				joined := clocks(c.Local)
				for name, n := range clocks(c.Server) {
					joined[name] = max(joined[name], n)
				}
				note("%s decides %s: %s and %s", name, c.RecordID, c.Local["text"], c.Server["text"])
				return replica.Decision{Choice: replica.ChooseRecord, Record: item(c.RecordID, clockText(joined))}, nil
			}
			d.course = replica.CourseOffer // of an emptied one, too: a backup may be that old
			d.network.after = func(replica.Send) error {
				if rng.IntN(12) == 0 {
					return errors.New("cut off")
				}
				return nil
			}
			devices[name] = d
		}
		s.backup()
		for range 60 {
			name := string(rune('a' + rng.IntN(3)))
			d, id := devices[name], fmt.Sprint("r", rng.IntN(3))
			switch n := rng.IntN(20); {
			case n < 8:
				c := clocks(d.rows()[id])
				wrote[id+name]++
				c[name] = wrote[id+name]
				note("%s writes %s: %s", name, id, clockText(c))
				d.put(item(id, clockText(c)))
			case n < 14:
				_, err := d.replica.Run(ctx, replica.Job{Push: true, Pulls: replica.Whole("todoitem"), PageSize: 2, Patience: time.Minute})
				note("%s syncs: %v", name, err)
			case n < 16:
				_, err := d.replica.Push(ctx, 0)
				note("%s pushes: %v", name, err)
			case n == 16:
				d.restart()
			case n == 17:
				note("backup")
				s.backup()
			case n == 18:
				note("restore")
				s.restore()
			default:
				s.stop()
				s.start()
			}
		}
		for range 4 {
			for _, name := range []string{"a", "b", "c"} {
				devices[name].network.after = nil
				devices[name].sync()
			}
		}
		for _, d := range devices {
			rows := d.rows()
			for key, n := range wrote {
				if got := clocks(rows[key[:2]])[key[2:]]; got != n {
					t.Errorf("seed %d: %s of %s is %d, and it has written %d:\n%s", seed, key[:2], key[2:], got, n, strings.Join(steps, "\n"))
				}
			}
			if n := len(d.pending()); n > 0 {
				t.Errorf("seed %d: %d operations wait", seed, n)
			}
		}
		if t.Failed() {
			return
		}
	}
}
