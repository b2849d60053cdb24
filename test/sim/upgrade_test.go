package sim_test

import (
	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// schemas are the app's, by version. The second has a column more, which its migration fills.
var schemas = map[int]*table.Database{1: schema(1), 2: schema(2, table.Column{Name: "mark", Type: table.TypeString})}

var migrations = map[int]store.Migrations{2: {2: {"item": store.Each(func(r table.Record) (table.Record, error) {
	text, _ := r["text"].(string)
	r["mark"] = "of " + text
	return r, nil
})}}}

func schema(version int, more ...table.Column) *table.Database {
	columns := append([]table.Column{{Name: "rank", Type: table.TypeInteger}, {Name: "text", Type: table.TypeString}}, more...)
	return &table.Database{Version: version, Tables: []*table.Schema{{Name: "item", Columns: columns}}}
}

// upgrade has all tabs of a device start again with the app's second version. The first of them that can migrates what is
// stored; the upgrade may fail, and its tab may be killed at any call of it.
func (d *device) upgrade() {
	if d.version == 2 {
		return
	}
	for _, t := range d.tabs {
		t.session.over = true
		if d.holder == t {
			d.holder = nil
		}
		if err := t.store.Close(); err != nil {
			d.fail("%s: the store does not close: %v", d.name, err)
		}
	}
	d.version = 2
	first := d.tabs[0]
	for tries := 0; ; tries++ {
		before := d.still
		d.still = before || tries > 3
		err := first.migrate()
		d.still = before
		if d.disk.dead != nil && err == nil {
			_, err = first.store.Close(), errKilled
		}
		d.disk.dead = nil
		if d.note("%s: upgrade: %v", d.name, err); err == nil {
			break
		}
		d.meet("an upgrade fails half-way")
		if tries > 3 {
			d.t.Fatalf("seed %d: %s cannot be upgraded: %v", d.seed, d.name, err)
		}
	}
	d.meet("an app of a newer version starts with operations that wait")
	for _, t := range d.tabs[1:] {
		t.open()
	}
}

// migrate is start where things may go wrong.
func (t *tab) migrate() error {
	t.disk.upgrading = true
	defer func() { t.disk.upgrading = false }()
	return t.start()
}
