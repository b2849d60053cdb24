package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/larder-sync/larder/table"
)

// connection is a store's way to its backend, for as long as the store is open. It gives way to a tab that upgrades the
// database and comes back after it, and it opens again what the browser has closed. It is safe for concurrent use.
type connection struct {
	open   func(ctx context.Context, events Events) (Backend, error)
	events Events
	life   context.Context // ends with close
	end    context.CancelFunc

	mu        sync.Mutex
	backend   Backend    // nil while there is none
	born      int        // counts backends, because an event may come late
	reopening *reopening // nil while none is under way
	over      error      // why there will be no backend any more, or nil
}

// reopening is the wait for a new backend.
type reopening struct {
	done chan struct{}
	err  error // when done: why there is none
}

// dial opens the first backend.
func dial(ctx context.Context, open func(context.Context, Events) (Backend, error), events Events) (*connection, error) {
	c := &connection{open: open, events: events}
	c.life, c.end = context.WithCancel(context.Background())
	b, err := open(ctx, c.listen(0))
	if err != nil {
		c.end()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.born == 0 { // else it was told to give way at once, and is being opened again
		c.backend = b
		return c, nil
	}
	return c, b.Close()
}

// listen returns the events of the n-th backend.
func (c *connection) listen(n int) Events {
	return Events{
		Blocked: c.events.Blocked,
		VersionChange: func(deleted bool) {
			if c.events.VersionChange != nil {
				c.events.VersionChange(deleted)
			}
			if deleted {
				c.stop(table.Errorf(table.CodeClosed, "the database was deleted in another tab: open it again"))
			} else {
				c.leave(n)
			}
		},
		Closed: func(err error) {
			if c.events.Closed != nil {
				c.events.Closed(err)
			}
			c.leave(n)
		},
	}
}

// leave closes the n-th backend, whose running transactions finish, and begins to open the next.
func (c *connection) leave(n int) {
	c.mu.Lock()
	if c.born != n || c.over != nil {
		c.mu.Unlock()
		return
	}
	old := c.backend
	c.reopen()
	c.mu.Unlock()
	if old != nil {
		_ = old.Close() // it is of no use any more, whatever it says
	}
}

// reopen begins to open a new backend. It is called with mu held.
func (c *connection) reopen() *reopening {
	c.backend = nil
	c.born++
	r := &reopening{done: make(chan struct{})}
	c.reopening = r
	go c.finish(r, c.born)
	return r
}

// finish waits for the n-th backend, behind an upgrade if there is one.
func (c *connection) finish(r *reopening, n int) {
	b, err := c.open(c.life, c.listen(n))
	var tell func()
	c.mu.Lock()
	switch {
	case c.over != nil:
		err = c.over
	case err != nil:
		if table.CodeOf(err) == table.CodeVersion {
			err = table.Errorf(table.CodeVersion, "another tab has brought the database to a newer version: reload the page").Because(err)
			c.over = err
		}
		if c.events.Failed != nil {
			tell = func() { c.events.Failed(err) }
		}
	case c.born == n:
		c.backend, b = b, nil
		tell = c.events.Reopened
	}
	if c.reopening == r {
		c.reopening = nil
	}
	r.err = err
	c.mu.Unlock()
	if b != nil {
		_ = b.Close() // it came too late
	}
	if tell != nil {
		tell()
	}
	close(r.done)
}

// current returns the backend, and waits for it where it is being opened again.
func (c *connection) current(ctx context.Context) (Backend, error) {
	c.mu.Lock()
	for c.over == nil && c.backend == nil {
		r := c.reopening
		if r == nil { // the last attempt failed; perhaps storage is back
			r = c.reopen()
		}
		c.mu.Unlock()
		select {
		case <-r.done:
			if r.err != nil {
				return nil, r.err
			}
		case <-ctx.Done():
			return nil, aborted(ctx)
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	return c.backend, c.over
}

// begin begins a transaction. A backend that turns out to be lost is replaced, once.
func (c *connection) begin(ctx context.Context, write bool, stores []string) (Txn, error) {
	b, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	txn, err := b.Begin(ctx, write, stores)
	if !isLoss(err) || ctx.Err() != nil {
		return txn, err
	}
	c.lost(func(now Backend) bool { return now == b })
	if b, err = c.current(ctx); err != nil {
		return nil, err
	}
	txn, err = b.Begin(ctx, write, stores)
	if isLoss(err) && ctx.Err() == nil && c.ended() == nil {
		err = table.Errorf(table.CodeStorage, "the browser closes the database again and again: reload the page").Because(err)
		if c.events.Failed != nil {
			c.events.Failed(err)
		}
	}
	return txn, err
}

// ended returns why there will be no backend any more, or nil.
func (c *connection) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// lost gives up the backend, if it is the one that does not work any more.
func (c *connection) lost(is func(Backend) bool) {
	c.mu.Lock()
	n, same := c.born, c.backend != nil && is(c.backend)
	c.mu.Unlock()
	if same {
		c.leave(n)
	}
}

// isLoss reports whether an error says that a backend cannot be used any more.
func isLoss(err error) bool {
	code := table.CodeOf(err)
	return code == table.CodeClosed || code == table.CodeStorage
}

// stop closes the backend for good; later calls fail with why.
func (c *connection) stop(why error) error {
	c.mu.Lock()
	b, over := c.backend, c.over
	c.backend = nil
	if over == nil {
		c.over = why
	}
	c.mu.Unlock()
	c.end()
	if b != nil {
		return b.Close()
	}
	return nil
}

// patience ends ctx when the database could not be opened for so long because of others. Its own upgrade may take longer:
// begun says that it has begun.
func patience(ctx context.Context, d time.Duration) (_ context.Context, begun, stop func()) {
	if d <= 0 {
		return ctx, func() {}, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { cancel(errPatience) })
	return ctx, func() { timer.Stop() }, func() { timer.Stop(); cancel(context.Canceled) }
}

var errPatience = errors.New("nothing came of waiting")
