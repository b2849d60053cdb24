package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where servers tell each other that they have committed something.
const channel = "larder_commits"

// Hint implements [db.Hinter] by LISTEN. Where the database or a proxy in front of it has none there are no hints, and nothing
// else is missing.
func (d *DB) Hint(ctx context.Context, fn func()) {
	for ctx.Err() == nil {
		d.listen(ctx, fn)
		d.hints.Store(false)
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
		}
	}
}

func (d *DB) listen(ctx context.Context, fn func()) {
	// A connection of its own: one of the pool's would be missing there.
	c, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // it is not needed any more
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return
	}
	d.hints.Store(true)
	for {
		if _, err := c.WaitForNotification(ctx); err != nil {
			return
		}
		fn()
	}
}

// tell gives the other servers a hint, after the commit and beside it: within, it would make commits wait for each other. One
// at a time is enough, because a hint does not say of what.
func (d *DB) tell() {
	if !d.hints.Load() || !d.telling.CompareAndSwap(false, true) {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		d.telling.Store(false)                                       // whoever commits from here on gives a hint of its own
		_, _ = d.pool.Exec(ctx, "SELECT pg_notify($1, '')", channel) // the others ask by themselves too
	}()
}
