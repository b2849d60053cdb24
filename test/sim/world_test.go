package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
	tableFile = `{"columns":{"text":"string","rank":"integer","mark":"string"},"dynamicSchema":false,"softDelete":true}`
	records   = 5  // that all clients write to
	days      = 60 // steps of a run before it comes to rest
)

// world is one run.
type world struct {
	t      *testing.T
	seed   uint64
	plan   plan
	rng    *rand.Rand // of the step that runs: what one step draws moves no other
	defect defect

	folder  string // of the server's files
	path    string // of its database
	db      *sqlite.DB
	api     *api.API
	boots   int
	clock   time.Time // the server's, which may jump
	ids     int
	whole   bool             // nothing goes wrong any more
	still   bool             // nothing goes wrong in this step
	dark    bool             // the server is about to lose its power
	cut     map[*device]bool // those that have no network
	most    int              // operations that a proxy lets through in one request, or 0 for any number
	devices []*device
	late    []request // that the network still holds

	writes    int // numbers what clients write
	history   history
	saved     backup
	met       map[string]int // what happened, and how often
	steps     []string
	violation string
	kind      string // of the violation, without its particulars
	reached   int    // the step in which it was found
}

// plan is what is changed of a seed's run: the steps that are left out, and those in which nothing goes wrong.
type plan struct{ out, still map[int]bool }

func newWorld(t *testing.T, seed uint64, d defect, p plan) *world {
	folder, err := os.MkdirTemp("", "larder-sim-")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, seed: seed, plan: p, defect: d, folder: folder, path: filepath.Join(folder, "larder.db"),
		clock: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), history: newHistory(), met: map[string]int{}}
	w.turn(-1)
	w.start()
	if w.rng.IntN(3) == 0 {
		w.most = 1 + w.rng.IntN(3)
	}
	for i := range 2 + w.rng.IntN(2) {
		w.devices = append(w.devices, newDevice(w, fmt.Sprint("d", i), 1+w.rng.IntN(2)))
	}
	return w
}

// turn begins a step: the first is 0.
func (w *world) turn(step int) {
	w.rng, w.still = rand.New(rand.NewPCG(w.seed, uint64(step+11))), w.plan.still[step]
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
func (w *world) chance(n int) bool { return !w.whole && !w.still && w.rng.IntN(n) == 0 }

// meet notes that something of a kind has happened.
func (w *world) meet(kind string) { w.met[kind]++ }

func (w *world) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

// fail notes the first thing that must not be.
func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation, w.kind = fmt.Sprintf(format, args...), format
		w.note("VIOLATION %s", w.violation)
	}
}

// trace is what happened before everything worked again.
func (w *world) trace() string {
	steps := w.steps
	if at := slices.Index(steps, peace); at >= 0 {
		steps = steps[:at+1]
	}
	return strings.Join(steps, "\n")
}

const peace = "everything works"

// run lets the world go on until it rests or something is wrong.
func (w *world) run() {
	defer w.end()
	for i := range days {
		w.reached = i
		if w.turn(i); !w.plan.out[i] {
			w.step()
		}
		for _, d := range w.devices {
			d.check()
		}
		if w.violation != "" {
			return
		}
	}
	w.turn(days)
	w.rest()
}

// end leaves nothing of the world.
func (w *world) end() {
	w.stop()
	if err := os.RemoveAll(w.folder); err != nil {
		w.t.Error(err)
	}
}

func (w *world) step() {
	d := w.devices[w.rng.IntN(len(w.devices))]
	tab := d.tabs[w.rng.IntN(len(d.tabs))]
	if w.defect.restored && w.chance(8) {
		w.restore()
		return
	}
	switch n := w.rng.IntN(100); {
	case n < 38:
		tab.write()
	case n < 70:
		tab.sync()
	case n < 75:
		tab.tidy()
	case n < 78:
		w.clock = w.clock.Add(time.Duration(w.rng.IntN(7200)-3600) * time.Second)
		w.meet("the server's clock jumps")
		w.note("the server's clock is %s", w.clock.Format(time.RFC3339))
	case n < 79:
		w.clock = w.clock.Add(feed.DefaultKeep + 48*time.Hour)
		w.meet("so much time goes by that the server forgets")
		w.note("92 days later")
		w.history.aged = true
	case n < 83:
		w.meet("the server is killed")
		w.note("the server is killed and starts again")
		w.stop()
		w.start()
	case n < 85:
		w.powerCut(tab)
	case n < 88:
		w.meet("a tab closes and opens")
		w.note("%s: tab %d closes and opens", d.name, tab.number)
		tab.restart()
	case n < 90:
		d.upgrade()
	case n < 91:
		w.clone(d)
	case n < 95:
		d.listen()
	case n < 96:
		w.save()
	case n < 97:
		w.restore()
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
			d.listen()
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
