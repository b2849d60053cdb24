package sync_test

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-sync/larder/server/api"
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
)

// interposed answers in the server's place as long as answer gives something.
type interposed struct {
	*network
	answer func() *replica.Answer
}

func (n *interposed) Send(ctx context.Context, s replica.Send, token string) replica.Answer {
	if a := n.answer(); a != nil {
		return *a
	}
	return n.network.Send(ctx, s, token)
}

// behind puts a server's first answers in the real one's place, and returns how long the device has waited before it tried again.
func (d *device) behind(jitter float64, first ...replica.Answer) (waits *[]time.Duration) {
	waits = new([]time.Duration)
	o := d.options
	o.Network = &interposed{d.network, func() *replica.Answer {
		if len(first) == 0 {
			return nil
		}
		a := first[0]
		first = first[1:]
		return &a
	}}
	o.Jitter = func() float64 { return jitter }
	o.Wait = func(_ context.Context, w time.Duration) error {
		*waits = append(*waits, w)
		return nil
	}
	d.replica = replica.New(d.store, o)
	return waits
}

func TestBackoff(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	busy := replica.Answer{Status: 503}
	t.Run("a server that says when is asked then", func(t *testing.T) {
		for _, status := range []int{429, 503} {
			d := newDevice(t, url)
			waits := d.behind(0, replica.Answer{Status: status, RetryAfter: 7 * time.Second})
			d.put(item(strconv.Itoa(status), "x"))
			if r := d.sync(); r.Pushed != 1 || !slices.Equal(*waits, []time.Duration{7 * time.Second}) {
				t.Errorf("%d: pushed %d after waiting %v", status, r.Pushed, *waits)
			}
		}
	})
	t.Run("one that does not is asked ever more seldom, up to a bound, and not by all at once", func(t *testing.T) {
		for jitter, want := range map[float64][]time.Duration{
			0:   {250, 500, 1000, 2000, 4000, 8000, 16000, 16000},
			0.5: {375, 750, 1500, 3000, 6000, 12000, 24000, 24000},
		} {
			d := newDevice(t, url)
			waits := d.behind(jitter, slices.Repeat([]replica.Answer{busy}, len(want))...)
			if _, err := d.replica.Sync(ctx, time.Hour); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				want[i] *= time.Millisecond
			}
			if !slices.Equal(*waits, want) {
				t.Errorf("with jitter %v it waited %v, want %v", jitter, *waits, want)
			}
		}
	})
	t.Run("patience ends, also where the server asks for more", func(t *testing.T) {
		d := newDevice(t, url)
		waits := d.behind(0, replica.Answer{Status: 429, RetryAfter: 24 * time.Hour})
		d.put(item("late", "x"))
		if _, err := d.replica.Sync(ctx, time.Minute); table.CodeOf(err) != table.CodeServer || len(*waits) != 0 {
			t.Errorf("the sync ended with %v after waiting %v, want code server at once", err, *waits)
		}
		if r := d.sync(); r.Pushed != 1 {
			t.Errorf("pushed %d afterwards, want 1", r.Pushed)
		}
	})
	t.Run("rubbish instead of an answer is no answer", func(t *testing.T) {
		d := newDevice(t, url)
		portal := replica.Answer{Status: 200, Body: []byte("<html>sign in to the hotel's network</html>")}
		waits := d.behind(0, portal, replica.Answer{Status: 502, Body: []byte("<html>")}, replica.Answer{Status: 200, Body: []byte(`{"responses":[{"id":`)})
		d.put(item("rubbish", "x"))
		if r := d.sync(); r.Pushed != 1 || len(*waits) != 3 {
			t.Errorf("pushed %d after %d waits", r.Pushed, len(*waits))
		}
	})
}

func TestBatchesThatAreTooLarge(t *testing.T) {
	url := serve(t, filepath.Join(t.TempDir(), "larder.db"), tableFile, api.Options{MaxBody: 64 << 10}).URL
	d := newDevice(t, url)
	long := strings.Repeat("x", 1000)
	for i := range 300 {
		d.put(item(strconv.Itoa(1000+i), long))
	}
	d.put(item("huge", strings.Repeat("x", 100<<10)))
	for i := range 300 {
		d.put(item(strconv.Itoa(2000+i), "small"))
	}
	r := d.sync()
	if r.Pushed != 600 || r.Requests > 60 {
		t.Errorf("pushed %d in %d requests", r.Pushed, r.Requests)
	}
	if len(r.Quarantined) != 1 || r.Quarantined[0].RecordID != "huge" {
		t.Errorf("quarantined %v, want the record that is larger than the server takes", r.Quarantined)
	}
}
