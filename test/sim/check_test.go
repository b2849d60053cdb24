package sim_test

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/replica"
	"github.com/larder-sync/larder/wasm/store"
)

// check holds a device to what must be so at any time.
func (d *device) check() {
	t := d.tabs[0]
	rows := t.rows()
	for id, r := range rows {
		version := r.Version()
		n, _ := strconv.Atoi(version[strings.LastIndexByte(version, '-')+1:])
		if n > 0 && n < d.shown[id] && !d.history.undone {
			d.fail("%s shows version %s of %s, and has shown %d", d.name, version, id, d.shown[id])
		}
		d.shown[id] = max(n, d.shown[id])
	}
	type places struct{ sent, waits *table.Operation }
	outbox := map[string]*places{}
	for _, op := range t.pending() {
		p := outbox[op.RecordID]
		if p == nil {
			p = &places{}
			outbox[op.RecordID] = p
		}
		at := &p.waits
		if op.State == table.StateSending {
			at = &p.sent
		}
		if *at != nil {
			d.fail("%s: two operations of %s are %s", d.name, op.RecordID, op.State)
		}
		*at = op
	}
	for id, p := range outbox {
		newest := p.waits
		if newest == nil {
			newest = p.sent
		}
		if row := rows[id]; (row == nil) != (newest.Record == nil) || row != nil && differ(row, newest.Record) {
			d.fail("%s shows %v as %s, and its newest operation has %v", d.name, row, id, newest.Record)
		}
	}
	for id, last := range d.last {
		text, _ := rows[id]["text"].(string)
		if outbox[id] == nil && !d.forgot[id] && last.text != "" && text != last.text && !d.history.took(d, id, last.text) {
			d.fail("%s: the write %s of %s is neither in the outbox nor on the server", d.name, last.text, id)
		}
	}
}

// differ reports whether records differ in more than what the migration of each device has filled for itself.
func differ(a, b table.Record) bool {
	for name := range table.Diff(a, b) {
		if name != "mark" {
			return true
		}
	}
	return false
}

// compare holds the world at rest to what must be so then: nothing waits, all have what the server has, and every write that was
// acknowledged has reached the server or was dropped by the app.
func (w *world) compare() {
	server := w.records()
	for _, d := range w.devices {
		for _, t := range d.tabs {
			if ops := t.pending(); len(ops) > 0 {
				w.fail("%s: %d operations still wait: %s %s %s %q", d.name, len(ops), ops[0].Action, ops[0].RecordID,
					ops[0].State, ops[0].Reason)
			}
			rows := t.rows()
			for id := range rows {
				if server[id] == nil {
					w.fail("%s has %s, which the server does not have", d.name, id)
				}
			}
			for id, r := range server {
				if rows[id] == nil || differ(r, rows[id]) || rows[id].Version() != r.Version() {
					w.fail("%s has %v where the server has %v", d.name, rows[id], r)
				}
			}
		}
		for id, last := range d.last {
			switch {
			case d.forgot[id]:
			case last.text != "" && !w.history.took(d, id, last.text):
				w.fail("%s: the write %s of %s never reached the server", d.name, last.text, id)
			case last.text == "" && last.was && server[id] != nil && !w.history.deleted[id] && !w.history.undone:
				w.fail("%s: the delete of %s never reached the server", d.name, id)
			}
		}
		w.kept(d.tabs[0])
	}
}

// kept fails where something is left over that only a pull would have needed.
func (w *world) kept(t *tab) {
	quiet := t.disk.quiet()
	defer quiet()
	if err := t.store.View(ctx, []string{replica.StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAllKeys, Store: replica.StoreMeta, Take: -1})
		if err != nil {
			return err
		}
		for _, key := range results[0].Keys {
			if strings.HasPrefix(key, "kept/") {
				w.fail("%s: %s was kept for a pull, and pulls have come", t.name, key)
			}
		}
		return nil
	}); err != nil {
		w.fail("%s: %v", t.name, err)
	}
}

// records asks the server for its live records.
func (w *world) records() map[string]table.Record {
	out := map[string]table.Record{}
	for token := ""; ; {
		a := w.serve(request{Send: replica.Send{Method: http.MethodGet, Path: "/tables/item?$deltatoken=" + token}})
		page, err := table.ParsePage(a.Body)
		if err != nil {
			w.fail("the server's records cannot be read: %v", err)
			return out
		}
		for i := range page.Changes {
			out[page.Changes[i].ID] = page.Changes[i].Open()
		}
		if token = page.Token; !page.More {
			return out
		}
	}
}
