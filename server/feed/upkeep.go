package feed

import (
	"context"
	"sync"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// maxForget is how much one transaction forgets, so that no push waits long for it.
const maxForget = 1000

// upkeep is when the feed next forgets old verdicts and deleted rows. The zero value is now.
type upkeep struct {
	tables []string // stored names, sorted

	mu   sync.Mutex // held by the one that is at it
	next time.Time
}

// due returns a channel that tells when there is something to do.
func (u *upkeep) due(now time.Time) <-chan time.Time { return time.After(max(u.next.Sub(now), 0)) }

// maintain forgets a part of what is too old, if it is time. A failure is tried again with the next round: what is old
// enough to be forgotten does no harm.
func (f *Feed) maintain(ctx context.Context) {
	u, now := &f.upkeep, f.o.Now()
	if !u.mu.TryLock() {
		return
	}
	defer u.mu.Unlock()
	if now.Before(u.next) && u.next.Sub(now) <= day { // a clock that was set back must not put it off
		return
	}
	more := false
	err := f.db.Update(ctx, func(tx db.Tx) (err error) {
		more, err = tx.Expire(now.Add(-f.o.Keep), maxForget)
		for i := 0; i < len(u.tables) && err == nil; i++ {
			var left bool
			left, err = forget(tx, u.tables[i], now.Add(-f.o.Keep))
			more = more || left
		}
		return err
	})
	if err != nil {
		f.o.Logger.Error("old verdicts and deleted rows were not forgotten", "error", err.Error())
	}
	if err != nil || !more {
		u.next = now.Add(day)
	}
}

// forget purges a table of the deleted rows that are older than before. The horizon rises to the last one that is gone, and no
// further: who has read that far can go on.
func forget(tx db.Tx, name string, before time.Time) (more bool, err error) {
	was, err := tx.Counter(name)
	if err != nil {
		return false, err
	}
	horizon, err := lastBefore(tx, name, was, before)
	if err != nil || horizon <= was.Horizon {
		return false, err
	}
	last, more, err := tx.Purge(name, was.Horizon, horizon, maxForget)
	if err != nil || last == 0 {
		return false, err
	}
	now := was
	now.Horizon = last
	return more, tx.Advance(name, was, now)
}

// lastBefore returns the last number that was given before a time. In a table's order updatedAt never falls, so that few rows
// need to be looked at.
func lastBefore(tx db.Tx, name string, c db.Counter, before time.Time) (int64, error) {
	low, high := c.Horizon, c.Seq // low is known to be before, and what is above high is not
	for low < high {
		middle := low + (high-low+1)/2
		row, ok, err := tx.First(name, middle)
		if err != nil {
			return 0, err
		}
		if !ok {
			high = middle - 1
			continue
		}
		r, err := table.ParseRecord(row.Data)
		if err != nil {
			return 0, table.Errorf(table.CodeServer, "the stored record ", name, "/", row.ID, " is damaged").Because(err)
		}
		at, _ := r[table.ColumnUpdatedAt].(string)
		if when, err := time.Parse(time.RFC3339Nano, at); err == nil && when.Before(before) {
			low = row.Seq
		} else {
			high = middle - 1
		}
	}
	return low, nil
}
