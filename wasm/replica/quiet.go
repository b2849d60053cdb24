package replica

import (
	"context"
	"strconv"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// A server that answers "not now" is left alone for a while, and so it is by the next visit: a page that is loaded again and again
// would else ask it each time. When it may be asked again is a row of the meta store, {from, until, failures}, the first two in
// milliseconds of the local clock. It is there only where the server has answered: where none came nobody is spared, and the
// network's return is worth an attempt at once.
//
// A clock that is set forward ends the quiet early, by one attempt. One that is set back, which the row tells by from, begins it anew,
// once. Whatever the clock does, and whatever the server asks for, it lasts for maxQuiet at most.
const (
	prefixQuiet = "quiet/" // and the table, where it has a source of its own
	maxQuiet    = time.Hour
)

// quiet returns how long the server is still to be left alone, and how often in a row it has asked for that.
func (r *Replica) quiet(ctx context.Context, b *backend) (left time.Duration, failures int, err error) {
	if r.options.Clock == nil {
		return 0, 0, nil
	}
	var row table.Record
	err = r.store.View(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(prefixQuiet+b.table))
		if err == nil {
			row = results[0].Rows[0]
		}
		return err
	})
	if b.hushed = row != nil; !b.hushed || err != nil {
		return 0, 0, err
	}
	from, _ := row["from"].(float64)
	until, _ := row["until"].(float64)
	n, _ := row["failures"].(float64)
	now := float64(r.options.Clock().UnixMilli())
	if now < from {
		left = time.Duration(until-from) * time.Millisecond
		return left, int(n), r.hush(ctx, b, Wait{For: left, Failures: int(n)})
	}
	return max(0, time.Duration(until-now)*time.Millisecond), int(n), nil
}

// hush notes that the server wants to be left alone.
func (r *Replica) hush(ctx context.Context, b *backend, w Wait) error {
	if r.options.Clock == nil || w.Failures == 0 {
		return nil
	}
	b.hushed = true
	from := r.options.Clock()
	return r.changeMeta(ctx, putMeta(table.Record{"key": prefixQuiet + b.table, "from": float64(from.UnixMilli()),
		"until": float64(from.Add(min(w.For, maxQuiet)).UnixMilli()), "failures": float64(w.Failures)}))
}

// speak notes that the server has done what it was asked for.
func (r *Replica) speak(ctx context.Context, b *backend) error {
	if !b.hushed {
		return nil
	}
	b.hushed = false
	return r.changeMeta(ctx, dropMeta(prefixQuiet+b.table))
}

// settleDown waits until the server may be asked, if the job's patience lasts so long. It takes the wait from that, and returns how
// often the server has asked for quiet.
func (r *Replica) settleDown(ctx context.Context, b *backend, job *Job) (failures int, err error) {
	left, failures, err := r.quiet(ctx, b)
	if err != nil || left == 0 {
		return failures, err
	}
	if left > job.Patience {
		return 0, table.Errorf(table.CodeServer, "the server has asked to be left alone for another ",
			strconv.Itoa(int((left+time.Second-1)/time.Second)), " seconds")
	}
	job.Patience -= left
	return failures, r.options.Wait(ctx, left)
}
