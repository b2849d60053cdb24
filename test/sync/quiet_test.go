package sync_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// visits is a device whose page is loaded again and again, with a clock of its own. The server's answers are put in the real one's
// place, as long as there are some.
type visits struct {
	*device
	now      time.Time
	answers  []replica.Answer
	requests int
	waits    []time.Duration
}

func newVisits(t *testing.T, url string, answers ...replica.Answer) *visits {
	v := &visits{device: newDevice(t, url), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), answers: answers}
	v.network.answer = func(replica.Send) *replica.Answer {
		v.requests++
		if len(v.answers) == 0 {
			return nil
		}
		a := v.answers[0]
		v.answers = v.answers[1:]
		return &a
	}
	v.options.Clock = func() time.Time { return v.now }
	v.options.Wait = func(_ context.Context, d time.Duration) error {
		v.waits = append(v.waits, d)
		v.now = v.now.Add(d)
		return nil
	}
	v.put(item("1", "waits"))
	return v
}

// visit loads the page, pushes, and returns what stopped that, and how many requests were made.
func (v *visits) visit(patience time.Duration) (table.Code, int) {
	v.restart()
	before := v.requests
	_, err := v.replica.Push(ctx, patience)
	return table.CodeOf(err), v.requests - before
}

func TestQuietOutlivesRestarts(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	busy := replica.Answer{Status: 429, RetryAfter: time.Minute}
	t.Run("a server that asks for a minute is left alone for it, however often the page is loaded", func(t *testing.T) {
		v := newVisits(t, url, busy)
		if code, n := v.visit(10 * time.Second); code != table.CodeServer || n != 1 {
			t.Fatalf("the first visit ended with %q after %d requests", code, n)
		}
		for i := range 5 {
			v.now = v.now.Add(10 * time.Second)
			if code, n := v.visit(9 * time.Second); code != table.CodeServer || n != 0 {
				t.Errorf("visit %d ended with %q after %d requests", i, code, n)
			}
		}
		if code, n := v.visit(10 * time.Second); code != "" || n != 1 || !slices.Equal(v.waits, []time.Duration{10 * time.Second}) {
			t.Errorf("with enough patience it ended with %q after %d requests and waits of %v", code, n, v.waits)
		}
		v.put(item("2", "next"))
		if code, n := v.visit(0); code != "" || n != 1 {
			t.Errorf("when the server has answered, a push ended with %q after %d requests", code, n)
		}
	})
	t.Run("the waits grow over restarts", func(t *testing.T) {
		v := newVisits(t, url, slices.Repeat([]replica.Answer{{Status: 503}}, 4)...)
		var left []time.Duration
		for range 4 {
			before := v.now
			if code, n := v.visit(0); code != table.CodeServer || n != 1 {
				t.Fatalf("a visit ended with %q after %d requests", code, n)
			}
			for v.asks() {
				v.now = v.now.Add(125 * time.Millisecond)
			}
			left = append(left, v.now.Sub(before))
		}
		if want := []time.Duration{375, 750, 1500, 3000}; !slices.EqualFunc(left, want, func(a, b time.Duration) bool { return a == b*time.Millisecond }) {
			t.Errorf("it was quiet for %v, want %d ms", left, want)
		}
	})
	t.Run("nobody is spared where no answer came: the network's return is tried at once", func(t *testing.T) {
		v := newVisits(t, url, replica.Answer{Err: context.DeadlineExceeded})
		if code, _ := v.visit(0); code != table.CodeNetwork {
			t.Fatalf("it ended with %q", code)
		}
		if code, n := v.visit(0); code != "" || n != 1 {
			t.Errorf("the next visit ended with %q after %d requests", code, n)
		}
	})
	for name, jump := range map[string]time.Duration{"a year back": -365 * 24 * time.Hour, "an hour back": -time.Hour, "a year ahead": 365 * 24 * time.Hour} {
		t.Run("F8: the clock jumps "+name, func(t *testing.T) {
			v := newVisits(t, url, busy)
			v.visit(0)
			v.now = v.now.Add(jump)
			began := v.now
			for i := 0; ; i++ {
				if code, n := v.visit(time.Second); code == "" && n == 1 {
					break
				} else if n != 0 || i > 10 {
					t.Fatalf("visit %d made %d requests and ended with %q", i, n, code)
				}
				v.now = v.now.Add(10 * time.Second)
			}
			if quiet := v.now.Sub(began); jump < 0 && quiet != time.Minute || jump > 0 && quiet != 0 {
				t.Errorf("after it there was quiet for %v", quiet)
			}
		})
	}
	t.Run("nobody is left alone for longer than an hour", func(t *testing.T) {
		v := newVisits(t, url, replica.Answer{Status: 503, RetryAfter: 10000 * time.Hour})
		v.visit(0)
		v.now = v.now.Add(time.Hour)
		if code, n := v.visit(0); code != "" || n != 1 {
			t.Errorf("after an hour a visit ended with %q after %d requests", code, n)
		}
	})
}

// asks reports whether a visit now would leave the server alone. It makes none.
func (v *visits) asks() bool {
	before := v.network.answer
	defer func() { v.network.answer = before }()
	asked := false
	v.network.answer = func(replica.Send) *replica.Answer {
		asked = true
		return &replica.Answer{Err: context.Canceled}
	}
	v.visit(0)
	return !asked
}
