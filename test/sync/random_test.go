package sync_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// TestRandomDays lets three devices write the same few records, sync at random over a network that loses requests and
// answers, and decide conflicts at random. When the network is whole again and everybody has synced, all must hold what the
// server holds, and nothing may wait. A failure names its
// seed.
func TestRandomDays(t *testing.T) {
	first, days := uint64(0), uint64(150)
	if text := os.Getenv("SEED"); text != "" { // replays one
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SEED is not a number: %v", err)
		}
		first, days = seed, 1
	} else if text := os.Getenv("DAYS"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("DAYS is not a number: %v", err)
		}
		days = n
	}
	for seed := first; seed < first+days; seed++ {
		if !t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { randomDay(t, seed) }) {
			t.Fatalf("replay it with: make sim SEED=%d", seed)
		}
	}
}

func randomDay(t *testing.T, seed uint64) {
	const steps = 120
	rng := rand.New(rand.NewPCG(seed, 7))
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	whole := false
	broken := errors.New("the network broke")
	devices := make([]*device, 3)
	for i := range devices {
		d := newDevice(t, url)
		lose := func(replica.Send) error {
			if !whole && rng.IntN(5) == 0 {
				return broken
			}
			return nil
		}
		d.network.before, d.network.after = lose, lose
		d.decide = func(c *replica.Conflict) (replica.Decision, error) {
			switch rng.IntN(7) {
			case 0:
				return replica.Decision{Choice: replica.ChooseServer}, nil
			case 1:
				return replica.Decision{Choice: replica.ChooseDiscard}, nil
			case 2:
				return replica.Decision{Choice: replica.ChooseCancel}, nil
			case 3:
				return replica.Decision{Choice: replica.ChooseRecord, Record: table.Record{"id": c.RecordID, "text": "decided"}}, nil
			case 4:
				if !whole {
					return replica.Decision{Choice: replica.ChooseLater}, nil
				}
			case 5:
				if !whole { // the app goes on writing while it is asked
					d.put(item(c.RecordID, fmt.Sprint("meanwhile ", rng.IntN(100))))
				}
			}
			return replica.Decision{Choice: replica.ChooseLocal}, nil
		}
		devices[i] = d
	}
	for range steps {
		d := devices[rng.IntN(len(devices))]
		id := fmt.Sprint("r", rng.IntN(6))
		switch rng.IntN(8) {
		case 0, 1:
			d.put(item(id, fmt.Sprint(rng.IntN(1000))))
		case 2:
			if d.rows()[id] != nil {
				d.update(table.Record{"id": id, "rank": float64(rng.IntN(100))})
			}
		case 3:
			d.delete(id)
		case 4:
			for _, op := range d.pending() {
				if op.State == table.StateQuarantined && rng.IntN(2) == 0 {
					if err := d.replica.Retry(ctx, op.ID); err != nil {
						t.Fatalf("retry: %v", err)
					}
				} else if op.State != table.StateSending && rng.IntN(4) == 0 {
					if err := d.replica.Discard(ctx, op.ID); err != nil {
						t.Fatalf("discard: %v", err)
					}
				}
			}
		default:
			if _, err := d.replica.Sync(ctx, 0); err != nil && table.CodeOf(err) != table.CodeNetwork {
				t.Fatalf("sync: %v", err)
			}
		}
		checkOutbox(t, d)
	}
	whole = true
	for range 4 {
		for _, d := range devices {
			for _, op := range d.pending() {
				if op.State == table.StateQuarantined {
					if err := d.replica.Retry(ctx, op.ID); err != nil {
						t.Fatalf("retry: %v", err)
					}
				}
			}
			if _, err := d.replica.Sync(ctx, time.Minute); err != nil {
				t.Fatalf("last sync: %v", err)
			}
		}
	}
	fresh := newDevice(t, url)
	fresh.sync()
	want := fresh.rows()
	for i, d := range devices {
		if got := d.rows(); !reflect.DeepEqual(got, want) {
			t.Errorf("device %d holds\n%v\nthe server\n%v", i, got, want)
		}
		if ops := d.pending(); len(ops) > 0 {
			t.Errorf("device %d still has %d operations, the first %+v", i, len(ops), ops[0])
		}
	}
}

// checkOutbox holds the outbox to its promise: of one record at most one operation was sent and one waits, and the newest
// one has what the table shows.
func checkOutbox(t *testing.T, d *device) {
	t.Helper()
	type places struct{ sent, waits *table.Operation }
	records := map[string]*places{}
	for _, op := range d.pending() {
		p := records[op.RecordID]
		if p == nil {
			p = &places{}
			records[op.RecordID] = p
		}
		at := &p.waits
		if op.State == table.StateSending {
			at = &p.sent
		}
		if *at != nil {
			t.Fatalf("two operations of %s are %s", op.RecordID, op.State)
		}
		*at = op
	}
	if err := d.store.View(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		for id, p := range records {
			newest := p.waits
			if newest == nil {
				newest = p.sent
			}
			row, err := tx.Table("todoitem").Get(ctx, id)
			if err != nil {
				return err
			}
			if (row == nil) != (newest.Record == nil) || row != nil && len(table.Diff(row, newest.Record)) > 0 {
				t.Fatalf("%s shows %v, its newest operation is %s %v", id, row, newest.Action, newest.Record)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
