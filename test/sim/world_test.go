package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/server/db/sqlite"
	"github.com/larder-sync/larder/server/feed"
)

var ctx = context.Background()

const (
	tableFile = `{"columns":{"text":"string","rank":"integer"},"dynamicSchema":false,"softDelete":true}`
	records   = 5  // that all clients write to
	days      = 60 // steps of a run before it comes to rest
)

// world is one run.
type world struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand
	defect defect

	path    string // of the server's database
	db      *sqlite.DB
	api     *api.API
	boots   int
	clock   time.Time // the server's, which may jump
	ids     int
	whole   bool // nothing goes wrong any more
	devices []*device
	late    []request // that the network still holds

	writes    int // numbers what clients write
	history   history
	steps     []string
	violation string
}

func newWorld(t *testing.T, seed uint64, d defect) *world {
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 11)), defect: d, path: filepath.Join(t.TempDir(), "larder.db"),
		clock: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), history: newHistory()}
	w.start()
	for i := range 2 + w.rng.IntN(2) {
		w.devices = append(w.devices, newDevice(w, fmt.Sprint("d", i), 1+w.rng.IntN(2)))
	}
	return w
}

// start starts the server over its file.
func (w *world) start() {
	var err error
	if w.db, err = sqlite.Open(ctx, w.path, sqlite.Options{Relaxed: true}); err != nil {
		w.t.Fatal(err)
	}
	items, err := db.ParseTable("item", []byte(tableFile))
	if err != nil {
		w.t.Fatal(err)
	}
	w.boots++
	w.api, err = api.New(ctx, api.Options{DB: w.db, Tables: []*db.Table{items}, Feed: feed.Options{Inline: true,
		Now: func() time.Time { return w.clock }, Boot: fmt.Sprint("boot", w.boots), NewID: w.newID}})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if err := errors.Join(w.api.Close(ctx), w.db.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// newID makes ids that are the same in every run of the seed.
func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-7000-8000-%012d", w.ids)
}

// chance is true once in n times, while things go wrong.
func (w *world) chance(n int) bool { return !w.whole && w.rng.IntN(n) == 0 }

func (w *world) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

// fail notes the first thing that must not be.
func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf(format, args...)
		w.note("VIOLATION %s", w.violation)
	}
}

// trace is what happened last before everything worked again.
func (w *world) trace(last int) string {
	steps := w.steps
	if at := slices.Index(steps, peace); at >= 0 {
		steps = steps[:at+1]
	}
	return strings.Join(steps[max(0, len(steps)-last):], "\n")
}

const peace = "everything works"

// run lets the world go on until it rests or something is wrong.
func (w *world) run() {
	defer func() { w.stop() }()
	for range days {
		w.step()
		for _, d := range w.devices {
			d.check()
		}
		if w.violation != "" {
			return
		}
	}
	w.rest()
}

func (w *world) step() {
	d := w.devices[w.rng.IntN(len(w.devices))]
	tab := d.tabs[w.rng.IntN(len(d.tabs))]
	switch n := w.rng.IntN(20); {
	case n < 8:
		tab.write()
	case n < 15:
		tab.sync()
	case n == 15:
		tab.tidy()
	case n == 16:
		w.clock = w.clock.Add(time.Duration(w.rng.IntN(7200)-3600) * time.Second)
		w.note("the server's clock is %s", w.clock.Format(time.RFC3339))
	case n == 17:
		w.note("the server is killed and starts again")
		w.stop()
		w.start()
	case n == 18:
		w.note("%s: tab %d closes and opens", d.name, tab.number)
		tab.restart()
	default:
		w.deliver()
	}
}

// rest ends all faults, lets everybody sync until nothing is left to do, and compares.
func (w *world) rest() {
	w.whole = true
	w.note(peace)
	w.deliver()
	for range 4 {
		for _, d := range w.devices {
			for _, tab := range d.tabs {
				tab.retry()
				tab.sync()
			}
			d.check()
		}
	}
	if w.violation == "" {
		w.compare()
	}
}
