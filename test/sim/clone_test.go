package sim_test

import (
	"errors"
	"fmt"
	"maps"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// clone copies a device with all that it has stored: a profile that was restored from a backup, or a virtual machine's second
// start. Neither knows of the other.
func (w *world) clone(d *device) {
	if len(w.devices) > 4 {
		return
	}
	w.meet("a profile is cloned")
	w.note("%s is copied", d.name)
	c := newDevice(w, fmt.Sprint("d", len(w.devices)), 0)
	c.owner, c.signedIn, c.tokens, c.version = d.owner, d.signedIn, d.tokens, d.version
	t := &tab{device: c}
	t.open()
	c.tabs = []*tab{t}
	w.devices = append(w.devices, c)
	family := append(d.clones[:len(d.clones):len(d.clones)], c)
	for _, one := range family {
		one.clones = family
	}
	maps.Copy(c.last, d.last)
	maps.Copy(c.shown, d.shown)
	maps.Copy(c.forgot, d.forgot)
	maps.Copy(c.kept, d.kept)

	quietD, quietC := d.disk.quiet(), c.disk.quiet()
	defer quietD()
	defer quietC()
	stores := []string{"item", replica.StoreOutbox, replica.StoreMeta}
	rows := map[string][]table.Record{}
	// The number that comes next is copied, too: it does not go back when what has got it is undone.
	undone, next := errors.New("undone"), table.Record{}
	for _, of := range []*store.Store{d.tabs[0].store, t.store} {
		err := of.Update(ctx, stores, func(tx *store.Tx) error {
			_, err := tx.Run(ctx, store.Step{Op: store.OpPut, Store: replica.StoreOutbox, Values: []table.Record{next}})
			if err != nil {
				return err
			}
			results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: replica.StoreOutbox, Prev: true, Take: 1})
			if err != nil {
				return err
			}
			next = results[0].Rows[0]
			return undone
		})
		if !errors.Is(err, undone) {
			w.fail("%s cannot be copied: %v", d.name, err)
			return
		}
	}
	err := d.tabs[0].store.View(ctx, stores, func(tx *store.Tx) error {
		for _, name := range stores {
			results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: name, Take: -1})
			if err != nil {
				return err
			}
			rows[name] = results[0].Rows
		}
		return nil
	})
	if err == nil {
		err = t.store.Update(ctx, stores, func(tx *store.Tx) error {
			for _, name := range stores {
				if _, err := tx.Run(ctx, store.Step{Op: store.OpPut, Store: name, Values: rows[name]}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		w.fail("%s cannot be copied: %v", d.name, err)
	}
	t.restart()
}
