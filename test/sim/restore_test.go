package sim_test

import (
	"path/filepath"
	"strconv"

	"github.com/larder-sync/larder/server/db/sqlite"
)

// backup is what the server can be restored to.
type backup struct {
	path    string
	effects int // there had been
}

// save makes a backup of the server's database.
func (w *world) save() {
	w.saved = backup{filepath.Join(w.folder, "backup-"+strconv.Itoa(len(w.steps))+".db"), len(w.history.log)}
	if err := w.db.Backup(ctx, w.saved.path); err != nil {
		w.t.Fatal(err)
	}
	w.note("the server's database is saved")
}

// restore puts the last backup in the place of the server's database. What the server took since is gone there; clients that
// know of it bring it again.
func (w *world) restore() {
	if w.saved.path == "" {
		w.save()
		return
	}
	w.meet("the server is restored from a backup")
	w.note("the server is restored: %d of %d effects are left", w.saved.effects, len(w.history.log))
	w.stop()
	w.boots++
	w.path = filepath.Join(w.folder, "larder-"+strconv.Itoa(w.boots)+".db")
	if err := sqlite.Restore(ctx, w.saved.path, w.path, false); err != nil {
		w.t.Fatal(err)
	}
	w.start()
	h := &w.history
	h.undone, h.aged, h.log = true, true, h.log[:w.saved.effects]
	clear(h.current)
	for id, r := range w.records() {
		h.current[id] = r.Version()
	}
}
