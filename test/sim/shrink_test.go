package sim_test

import (
	"maps"
	"testing"
)

// length is how many steps the world's plan has.
func (w *world) length() int { return days - len(w.plan.out) }

// shrink looks for a shorter run of the same seed that goes wrong in the same way: steps are left out, and where a step is
// needed, perhaps nothing has to go wrong in it. A run that is not found to go wrong is no proof that it does not, so this ends
// with a short run, not the shortest.
func shrink(w *world, make func() defect) *world {
	best := w
	try := func(p plan) bool {
		next := newWorld(w.t, w.seed, make(), p)
		next.run()
		if next.violation == "" || next.kind != w.kind {
			return false
		}
		best = next
		return true
	}
	try(plan{out: after(w.reached), still: map[int]bool{}})
	for size := days / 2; size > 0; size /= 2 {
		for from := 0; from < days; from += size {
			p := plan{out: with(best.plan.out), still: best.plan.still}
			if p.add(p.out, from, size) {
				try(p)
			}
		}
	}
	for size := days / 4; size > 0; size /= 2 {
		for from := 0; from < days; from += size {
			p := plan{out: best.plan.out, still: with(best.plan.still)}
			if p.add(p.still, from, size) {
				try(p)
			}
		}
	}
	return best
}

// with is a copy of a set, to which more can be added.
func with(set map[int]bool) map[int]bool {
	next := map[int]bool{}
	maps.Copy(next, set)
	return next
}

// after is all steps after one.
func after(last int) map[int]bool {
	out := map[int]bool{}
	for i := last + 1; i < days; i++ {
		out[i] = true
	}
	return out
}

// add adds those of some steps to the set that are not left out, and reports whether there are any.
func (p plan) add(to map[int]bool, from, size int) bool {
	before := len(to)
	for i := from; i < min(from+size, days); i++ {
		if !p.out[i] {
			to[i] = true
		}
	}
	return len(to) > before
}

// TestShrink holds a shortened run to what makes it worth reading: it goes wrong in the same way, again and again, and is short.
func TestShrink(t *testing.T) {
	make := defects["a page overwrites a pending edit"]
	for seed := range uint64(100) {
		w := newWorld(t, seed, make(), plan{})
		if w.run(); w.violation == "" {
			continue
		}
		short := shrink(w, make)
		again := newWorld(t, seed, make(), short.plan)
		again.run()
		if again.trace() != short.trace() || again.kind != w.kind {
			t.Errorf("seed %d: the shortened run is another one the second time:\n%s\n\n%s", seed, short.trace(), again.trace())
		}
		if short.length() > w.length()/2 {
			t.Errorf("seed %d: %d steps are left of %d", seed, short.length(), w.length())
		}
		t.Logf("seed %d: %d steps of %d, %.200s", seed, short.length(), w.length(), short.violation)
		return
	}
	t.Error("no seed found the defect")
}
