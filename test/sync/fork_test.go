package sync_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// clone is a device with all that another one has stored: the same profile, restored elsewhere.
func clone(t *testing.T, of *device) *device {
	t.Helper()
	c := newDevice(t, of.network.url)
	stores := []string{"todoitem", replica.StoreOutbox, replica.StoreMeta}
	rows := map[string][]table.Record{}
	if err := of.store.View(ctx, stores, func(tx *store.Tx) error {
		for _, name := range stores {
			results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: name, Take: -1})
			if err != nil {
				return err
			}
			rows[name] = results[0].Rows
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.store.Update(ctx, stores, func(tx *store.Tx) error {
		for _, name := range stores {
			if _, err := tx.Run(ctx, store.Step{Op: store.OpPut, Store: name, Values: rows[name]}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// writes is how many writes the server has carried out, by its feed.
func writes(t *testing.T, url string) int {
	t.Helper()
	d := newDevice(t, url)
	d.sync()
	highest := 0
	if err := d.store.View(ctx, []string{"todoitem"}, func(tx *store.Tx) error {
		rows, err := tx.Table("todoitem").Query(ctx, table.NewQuery())
		for _, r := range rows {
			highest = max(highest, number(t, r.Version()))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return highest
}

func TestClonedProfile(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("1", "before"))
	a.sync()
	a.put(item("2", "waits in both"))
	b := clone(t, a)
	forks := 0
	b.forked = func() { forks++ }

	a.put(item("3", "of the one"), item("4", "of the one"))
	b.put(item("5", "of the other"))
	b.update(table.Record{"id": "1", "text": "after"})
	a.sync()
	b.sync()
	a.sync()

	t.Run("both go on, with all that each of them wrote", func(t *testing.T) {
		agree(t, url, map[string]table.Record{"1": item("1", "after"), "2": item("2", "waits in both"), "3": item("3", "of the one"),
			"4": item("4", "of the one"), "5": item("5", "of the other")}, a, b)
	})
	t.Run("the copy tells once that it is one", func(t *testing.T) {
		if forks != 1 {
			t.Errorf("told %d times", forks)
		}
	})
	t.Run("what waited in both is written once", func(t *testing.T) {
		// The last write's record is still there, so its number counts them all.
		if got := writes(t, url); got != 6 {
			t.Errorf("the server has carried out %d writes, want 6", got)
		}
	})
	t.Run("the copy has an id of its own from then on", func(t *testing.T) {
		a.put(item("6", "of the one"))
		b.put(item("7", "of the other"))
		b.sync()
		a.sync()
		b.sync()
		if forks != 1 {
			t.Errorf("it was found to be a copy again: %d times", forks)
		}
		if n := len(a.pending()) + len(b.pending()); n > 0 || len(b.rows()) != 7 {
			t.Errorf("%d operations wait, the copy has %v", n, b.rows())
		}
	})
}

// TestThreeCopies has two copies of a database find out by the third's write that they are copies. What waits in both is still
// done once: what was deleted after the first has sent it stays deleted.
func TestThreeCopies(t *testing.T) {
	url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
	a := newDevice(t, url)
	a.put(item("1", "before"))
	a.sync()
	b := clone(t, a)
	b.put(item("2", "waits in two"))
	c := clone(t, b)
	a.put(item("3", "of the first"))
	a.sync()
	b.sync()
	a.sync()
	a.delete("2")
	a.sync()
	c.put(item("4", "of the third"))
	c.sync()
	b.put(item("5", "of the second"))
	b.sync()
	a.sync()
	c.sync()
	agree(t, url, map[string]table.Record{"1": item("1", "before"), "3": item("3", "of the first"), "4": item("4", "of the third"),
		"5": item("5", "of the second")}, a, b, c)
	if got := writes(t, url); got != 6 {
		t.Errorf("the server has carried out %d writes, want 6", got)
	}
}

// TestCloneLosesAnswers breaks the connection after each answer in turn, so that the copy does not hear that it is one, or
// what became of what it sent again.
func TestCloneLosesAnswers(t *testing.T) {
	for lost := range 3 {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		a := newDevice(t, url)
		a.put(item("1", "before"))
		a.sync()
		b := clone(t, a)
		a.put(item("2", "of the one"))
		a.sync()
		b.update(table.Record{"id": "1", "text": "after"})
		b.put(item("3", "of the other"))
		sent := 0
		b.network.after = func(replica.Send) error {
			if sent++; sent == lost+1 {
				return errors.New("the connection was reset")
			}
			return nil
		}
		b.sync()
		b.update(table.Record{"id": "3", "rank": 1.0})
		b.sync()
		a.sync()
		agree(t, url, map[string]table.Record{"1": item("1", "after"), "2": item("2", "of the one"),
			"3": {"id": "3", "text": "of the other", "rank": 1.0}}, a, b)
		if got := writes(t, url); got != 5 {
			t.Errorf("answer %d lost: the server has carried out %d writes, want 5", lost, got)
		}
	}
}

// TestCopiesDiffer has two copies of one database write on what waits in both, and a third device write in between.
func TestCopiesDiffer(t *testing.T) {
	mine := func(*replica.Conflict) (replica.Decision, error) {
		return replica.Decision{Choice: replica.ChooseLocal}, nil
	}
	for name, pushed := range map[string]bool{"of a database that has pushed before": true, "of one that has not": false} {
		t.Run(name, func(t *testing.T) {
			url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
			a := newDevice(t, url)
			if pushed {
				a.put(item("0", "before"))
				a.sync()
				a.delete("0")
				a.sync()
			}
			a.put(item("1", "waits"), item("2", "waits"))
			b := clone(t, a)
			b.decide = mine
			b.update(table.Record{"id": "1", "text": "of the copy"})
			a.sync()
			c := newDevice(t, url)
			c.sync()
			c.delete("2")
			c.sync()
			b.sync()
			a.sync()
			c.sync()
			agree(t, url, map[string]table.Record{"1": item("1", "of the copy")}, a, b, c)
		})
	}
	t.Run("an old verdict does not hide a newer record", func(t *testing.T) {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		a := newDevice(t, url)
		a.put(item("1", "before"))
		a.sync()
		a.update(table.Record{"id": "1", "text": "waits"})
		b := clone(t, a)
		a.sync()
		c := newDevice(t, url)
		c.sync()
		c.update(table.Record{"id": "1", "text": "newest"})
		c.sync()
		if _, err := b.replica.Pull(ctx, 0, "todoitem"); err != nil {
			t.Fatal(err)
		}
		b.sync()
		a.sync()
		agree(t, url, map[string]table.Record{"1": item("1", "newest")}, a, b, c)
	})
	t.Run("nor bring back what was deleted since", func(t *testing.T) {
		url := newServer(t, filepath.Join(t.TempDir(), "larder.db")).URL
		a := newDevice(t, url)
		a.put(item("1", "before"))
		a.sync()
		a.put(item("2", "waits"))
		b := clone(t, a)
		a.sync()
		a.delete("2")
		a.sync()
		if _, err := b.replica.Pull(ctx, 0, "todoitem"); err != nil {
			t.Fatal(err)
		}
		b.sync()
		a.sync()
		agree(t, url, map[string]table.Record{"1": item("1", "before")}, a, b)
	})
}

// TestLostBaseOnAnEarlierPage has two copies of a database push one change of a record that the server has lost. The second does when the
// record was brought back with the change, and changed again: a page tells so that is not the last.
func TestLostBaseOnAnEarlierPage(t *testing.T) {
	s := newShop(t)
	a := newDevice(t, s.url)
	a.put(item("0", "kept"))
	a.sync()
	s.backup()
	a.put(item("1", "old"))
	a.sync()
	a.update(item("1", "mine"))
	b := clone(t, a)
	s.restore()
	pull := func(d *device) {
		if _, err := d.replica.Run(ctx, replica.Job{Pulls: replica.Whole("todoitem"), PageSize: 1}); err != nil {
			t.Fatal(err)
		}
	}
	pull(a)
	a.sync()
	c := newDevice(t, s.url)
	c.sync()
	c.update(item("1", "newest"))
	c.sync()
	c.put(item("2", "more"))
	c.sync()
	pull(b)
	b.sync()
	a.sync()
	agree(t, s.url, map[string]table.Record{"0": item("0", "kept"), "1": item("1", "newest"), "2": item("2", "more")}, a, b, c)
}
