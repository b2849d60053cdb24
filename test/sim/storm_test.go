package sim_test

import (
	"fmt"
	"testing"
)

// TestConflictStorm has 20 devices write to the same few records, while half of them, others each time, have no network. It
// must come to rest as any world.
func TestConflictStorm(t *testing.T) {
	const many, rounds = 20, 60
	for seed := range number(t, "STORMS", 1) {
		w := newWorld(t, seed, defect{}, plan{})
		for len(w.devices) < many {
			w.devices = append(w.devices, newDevice(w, fmt.Sprint("d", len(w.devices)), 1))
		}
		for round := 0; round < rounds && w.violation == ""; round++ {
			if w.turn(round); round%5 == 0 {
				w.cut = map[*device]bool{}
				for _, d := range w.devices {
					w.cut[d] = w.rng.IntN(2) == 0
				}
			}
			for _, d := range w.devices {
				if d.tabs[0].write(); w.rng.IntN(3) == 0 {
					d.tabs[0].sync()
				}
				d.check()
			}
		}
		w.turn(rounds)
		w.cut = nil
		w.rest()
		if w.violation != "" {
			t.Errorf("seed %d: %s", seed, w.violation)
		}
		t.Logf("met: many devices write to few records: %d", w.writes)
		t.Logf("met: conflicts with their true base: %d", w.met["a conflict has its true base"])
		w.end()
	}
}
