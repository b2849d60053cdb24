package sim_test

import (
	"context"
	"errors"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// disk is a device's storage. It may be full, lose its connection, and its tab may be killed at any call: before it, or after
// it was done and before anybody heard.
type disk struct {
	*device
	open   store.Opener
	dead   *tab // was killed
	quiets int  // >0: nothing goes wrong

	upgrading bool // things may go wrong while it is opened
}

func (d *disk) opener(t *tab) store.Opener {
	return func(ctx context.Context, layout store.Layout, events store.Events) (store.Backend, error) {
		if upgrade := layout.Upgrade; upgrade != nil {
			layout.Upgrade = func(ctx context.Context, from uint, txn store.Txn) error {
				return upgrade(ctx, from, &transaction{Txn: txn, c: &connection{disk: d, tab: t}, write: true, upgrades: true})
			}
		}
		b, err := d.open(ctx, layout, events)
		if err != nil {
			return nil, err
		}
		return &connection{Backend: b, disk: d, tab: t}, nil
	}
}

// quiet lets nothing go wrong until the function it returns is called.
func (d *disk) quiet() (end func()) {
	d.quiets++
	return func() { d.quiets-- }
}

// recover opens the tab that was killed again, and reports whether one was.
func (d *disk) recover() bool {
	t := d.dead
	if t == nil {
		return false
	}
	d.dead = nil
	if d.holder == t {
		d.holder = nil
	}
	t.session.over = true
	_ = t.store.Close() // what is left of a killed tab says nothing
	t.open()
	return true
}

var errKilled = errors.New("the tab was killed")

// connection is one tab's.
type connection struct {
	store.Backend
	disk *disk
	tab  *tab
}

func (c *connection) Begin(ctx context.Context, write bool, stores []string) (store.Txn, error) {
	if c.disk.dead == c.tab {
		return nil, errKilled
	}
	c.tab.session.burn()
	if c.disk.quiets == 0 && c.disk.chance(60) {
		c.disk.meet("the connection to the storage is lost")
		c.disk.note("%s: the connection is lost", c.disk.name)
		return nil, table.Errorf(table.CodeClosed, "the browser closed the connection")
	}
	txn, err := c.Backend.Begin(ctx, write, stores)
	if err != nil {
		return nil, err
	}
	return &transaction{Txn: txn, c: c, write: write}, nil
}

// transaction is one of a connection's.
type transaction struct {
	store.Txn
	c     *connection
	write bool

	upgrades bool // who opens the database ends it
}

// before may let something go wrong.
func (t *transaction) before(steps []store.Step) error {
	d := t.c.disk
	t.c.tab.session.burn()
	switch {
	case d.dead == t.c.tab:
		return errKilled
	case d.quiets > 0 || !t.write:
		return nil
	case d.chance(80):
		d.meet("a tab is killed before a call of the storage")
		d.note("%s: the tab is killed before a call of the storage", d.name)
		return t.kill()
	case d.chance(60) && puts(steps):
		d.meet("the disk is full")
		d.note("%s: the disk is full", d.name)
		return table.Errorf(table.CodeQuota, "the disk is full")
	case d.chance(100):
		d.meet("the storage fails")
		d.note("%s: the storage fails", d.name)
		return table.Errorf(table.CodeStorage, "the storage failed")
	}
	return nil
}

func (t *transaction) kill() error {
	if !t.upgrades {
		t.Txn.Abort(errKilled)
	}
	t.c.disk.dead = t.c.tab
	return errKilled
}

// after may kill the tab when a commit is done that nobody hears of.
func (t *transaction) after(err error) error {
	if d := t.c.disk; err == nil && t.write && d.quiets == 0 && d.chance(60) {
		d.meet("a tab is killed after a commit")
		d.note("%s: the tab is killed after a commit", d.name)
		d.dead = t.c.tab
		return errKilled
	}
	return err
}

func puts(steps []store.Step) bool {
	for i := range steps {
		if steps[i].Op == store.OpPut {
			return true
		}
	}
	return false
}

func (t *transaction) Run(ctx context.Context, steps []store.Step) ([]store.Result, error) {
	if err := t.before(steps); err != nil {
		return nil, err
	}
	if t.c.disk.defect.steps != nil {
		steps = t.c.disk.defect.steps(steps)
	}
	results, err := t.Txn.Run(ctx, steps)
	if err == nil && t.c.disk.defect.results != nil {
		t.c.disk.defect.results(steps, results)
	}
	return results, err
}

func (t *transaction) Start(ctx context.Context, steps []store.Step) func() ([]store.Result, error) {
	results, err := t.Run(ctx, steps)
	return func() ([]store.Result, error) { return results, err }
}

func (t *transaction) Finish(ctx context.Context, steps []store.Step) error {
	err := t.before(steps)
	if d := t.c.disk; err == nil && d.defect.half != nil && t.write && d.quiets == 0 && d.chance(5) { // else it seldom shows
		err = table.Errorf(table.CodeStorage, "the storage failed")
	}
	if err != nil {
		return t.half(ctx, steps, err)
	}
	if t.c.disk.defect.steps != nil {
		steps = t.c.disk.defect.steps(steps)
	}
	return t.after(t.Txn.Finish(ctx, steps))
}

func (t *transaction) Commit(ctx context.Context) error {
	if err := t.before(nil); err != nil {
		return err
	}
	return t.after(t.Txn.Commit(ctx))
}

// half is what storage that is not atomic leaves of a transaction that failed.
func (t *transaction) half(ctx context.Context, steps []store.Step, err error) error {
	keep := t.c.disk.defect.half
	if keep == nil {
		return err
	}
	var stores []string
	var kept []store.Step
	for _, s := range steps {
		if keep(s) {
			kept, stores = append(kept, s), append(stores, s.Store)
		}
	}
	t.Txn.Abort(err)
	if len(kept) == 0 {
		return err
	}
	if txn, beginErr := t.c.Backend.Begin(ctx, true, stores); beginErr == nil {
		if txn.Finish(ctx, kept) != nil {
			txn.Abort(err) // a defect that fails does no harm
		}
	}
	return err
}
