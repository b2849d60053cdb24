package replica

import (
	"context"
	"errors"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// metaLease is {fence, holder, beat}: who syncs this database, of several tabs that have it open.
//
// Where tabs share no locks they take turns by it: whoever finds it free, or silent for leaseSilence, raises the fence and is the
// holder. A holder that lives says so by its beat. Silence is measured by waiting, and no two clocks are compared; a tab that the
// browser slows down only waits for longer. So a holder may be taken for dead that is not: each transaction of a sync compares the
// fence with its own first, and a holder that was left behind stores nothing any more.
//
// Where there are locks, the row is written only by syncs that last, to say that they live, and by who takes the lock from a holder
// that is silent: a page that the browser has frozen would keep it for as long as it likes.
const metaLease = "lease"

const (
	leaseBeat    = 2 * time.Second
	leaseSilence = 10 * time.Second
)

var (
	errSilent = errors.New("the lock is held by another tab")
	errFenced = table.Errorf(table.CodeAborted, "another tab has taken over the sync, because this one was silent: what was done stays done")
)

// lease is the row.
type lease struct {
	fence, beat float64
	holder      string
}

func parseLease(row table.Record) (l lease) {
	l.fence, _ = row["fence"].(float64)
	l.beat, _ = row["beat"].(float64)
	l.holder, _ = row["holder"].(string)
	return l
}

// swap replaces the row by what next makes of it, nil for nothing, and returns it as it was.
func (r *Replica) swap(ctx context.Context, next func(now lease) *lease) (now lease, err error) {
	err = r.store.Update(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(metaLease))
		if err != nil {
			return err
		}
		now = parseLease(results[0].Rows[0])
		if l := next(now); l != nil {
			tx.Last(putMeta(table.Record{"key": metaLease, "fence": l.fence, "beat": l.beat, "holder": l.holder}))
		}
		return nil
	})
	return now, err
}

func (r *Replica) readLease(ctx context.Context) (lease, error) {
	return r.swap(ctx, func(lease) *lease { return nil })
}

// replace replaces the row if it is still that of the holder, and reports whether it was.
func (r *Replica) replace(ctx context.Context, mine, next lease) (bool, error) {
	now, err := r.swap(ctx, func(now lease) *lease {
		if now.fence != mine.fence {
			return nil
		}
		return &next
	})
	return now.fence == mine.fence, err
}

// hold makes this replica the one that syncs, and waits for that. The context that it returns ends when another one has taken over.
func (r *Replica) hold(ctx context.Context) (held context.Context, release func(), err error) {
	mine := lease{holder: r.outbox.newID()}
	free := func() {}
	switch {
	case r.options.Lock != nil:
		free, mine.fence, err = r.lock(ctx)
	case r.options.Lease:
		mine.fence, err = r.lease(ctx, mine.holder)
		free = func() { r.leave(mine) }
	}
	if err != nil || !r.contended() {
		return ctx, free, err
	}
	r.fence = mine.fence
	held, stop := context.WithCancelCause(ctx)
	go r.beat(held, stop, mine)
	return held, func() {
		stop(nil)
		free()
	}, nil
}

// contended reports whether another one may take over.
func (r *Replica) contended() bool {
	return r.options.Lease && r.options.Lock == nil || r.options.Lock != nil && r.options.Steal != nil
}

// lock takes the lock, if need be from a holder that has been silent for too long.
func (r *Replica) lock(ctx context.Context) (release func(), fence float64, err error) {
	if r.options.Steal == nil {
		release, err = r.options.Lock(ctx)
		return release, 0, err
	}
	for {
		before, err := r.readLease(ctx)
		if err != nil {
			return nil, 0, err
		}
		patient, stop := context.WithCancelCause(ctx)
		go func() {
			if r.options.Wait(patient, leaseSilence) == nil {
				stop(errSilent)
			}
		}()
		release, err = r.options.Lock(patient)
		silent := context.Cause(patient) == errSilent
		stop(nil)
		raise := 0.0
		if err != nil {
			if !silent || ctx.Err() != nil {
				return nil, 0, err
			}
			if now, err := r.readLease(ctx); err != nil {
				return nil, 0, err
			} else if now != before {
				continue // the holder lives
			}
			if release, err = r.options.Steal(ctx); err != nil {
				return nil, 0, err
			}
			raise = 1 // whoever held it stores nothing any more
		}
		now, err := r.swap(ctx, func(now lease) *lease {
			if raise == 0 {
				return nil
			}
			return &lease{fence: now.fence + raise}
		})
		if err != nil {
			release()
		}
		return release, now.fence + raise, err
	}
}

// lease waits until the row is free, or was silent for too long, and takes it.
func (r *Replica) lease(ctx context.Context, holder string) (fence float64, err error) {
	const look = leaseBeat / 4
	var seen lease
	for silence := time.Duration(0); ; silence += look {
		taken := false
		_, err := r.swap(ctx, func(now lease) *lease {
			if now != seen {
				seen, silence = now, 0
			}
			if taken = now.holder == "" || silence >= leaseSilence; !taken {
				return nil
			}
			fence = now.fence + 1
			return &lease{fence: fence, holder: holder}
		})
		if taken || err != nil {
			return fence, err
		}
		if err := r.options.Wait(ctx, look); err != nil {
			return 0, aborted(ctx)
		}
	}
}

// beat says now and then that the holder lives, and ends its work when it is not the holder any more.
func (r *Replica) beat(ctx context.Context, stop context.CancelCauseFunc, mine lease) {
	for r.options.Wait(ctx, leaseBeat) == nil {
		mine.beat++
		// A failure of the storage stops the sync itself.
		if held, err := r.replace(ctx, mine, mine); err == nil && !held {
			stop(errFenced)
			return
		}
	}
}

// leave gives the lease back. What cannot be given back is silent, and so is taken soon.
func (r *Replica) leave(mine lease) {
	_, _ = r.replace(context.Background(), mine, lease{fence: mine.fence})
}

// update is the store's Update for what a sync stores.
func (r *Replica) update(ctx context.Context, tables []string, fn func(*store.Tx) error) error {
	return r.store.Update(ctx, tables, r.fenced(ctx, fn))
}

// relieve is the store's Relieve for what a sync stores.
func (r *Replica) relieve(ctx context.Context, tables []string, fn func(*store.Tx) error) error {
	return r.store.Relieve(ctx, tables, r.fenced(ctx, fn))
}

// fenced refuses a transaction of who has been left behind.
func (r *Replica) fenced(ctx context.Context, fn func(*store.Tx) error) func(*store.Tx) error {
	if !r.contended() {
		return fn
	}
	return func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(metaLease))
		if err != nil {
			return err
		}
		if parseLease(results[0].Rows[0]).fence != r.fence {
			return errFenced
		}
		return fn(tx)
	}
}
