package feed

import (
	"context"
	"slices"
	"sync"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// maxColumns is how many columns of a table are known at most: what nobody declared anybody may make up.
const maxColumns = 1000

// width is the columns that records of tables with a dynamic schema have had, by stored names. Methods are safe for
// concurrent use.
type width struct {
	mu sync.RWMutex
	of map[string][]string // sorted
}

// load reads what the database knows.
func (k *width) load(ctx context.Context, d db.DB, tables []*db.Table) error {
	k.of = map[string][]string{}
	for _, t := range tables {
		if !t.Schema.Dynamic {
			continue
		}
		names, err := d.Columns(ctx, t.StoredName())
		if err != nil {
			return err
		}
		k.of[t.StoredName()] = names
	}
	return nil
}

// missing returns those of a record's columns that are not known and could be, in a table with a dynamic schema.
func (k *width) missing(name string, r table.Record) (list []string) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	known, dynamic := k.of[name]
	if !dynamic || len(known) >= maxColumns {
		return nil
	}
	for column := range r {
		if column == table.ColumnID || table.IsSystem(column) {
			continue
		}
		if _, ok := slices.BinarySearch(known, column); !ok {
			list = append(list, column)
		}
	}
	return list
}

// widen keeps the columns that the rows of a table have as the first ones there.
func (c *commit) widen(name string, f *tableFeed) error {
	var fresh []string
	for _, r := range f.rows {
		if r.now.Seq != r.was.Seq {
			fresh = append(fresh, c.known.missing(name, r.record)...)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.Sort(fresh)
	fresh = slices.Compact(fresh)
	if c.fresh == nil {
		c.fresh = map[string][]string{}
	}
	c.fresh[name] = fresh
	return c.tx.Widen(name, fresh)
}

// learn takes over what a commit has met, if it has happened.
func (k *width) learn(c *commit, err error) {
	for name, list := range c.fresh {
		if err == nil {
			k.add(name, list)
		}
	}
}

func (k *width) add(name string, list []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.Concat(k.of[name], list) // a new one: the old may be in use
	slices.Sort(all)
	all = slices.Compact(all)
	k.of[name] = all[:min(len(all), maxColumns)]
}

// Columns returns the columns, sorted, that records of a table with a dynamic schema have had, as far as this server knows. The
// list must not be changed.
func (f *Feed) Columns(name string) []string {
	f.columns.mu.RLock()
	defer f.columns.mu.RUnlock()
	return f.columns.of[name]
}

// Met is told of a stored record: another server on the same database may have written it.
func (f *Feed) Met(name string, r table.Record) {
	if fresh := f.columns.missing(name, r); len(fresh) > 0 {
		f.columns.add(name, fresh)
	}
}
