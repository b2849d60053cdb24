package api

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// maxFormer is how many former states of records are looked through for a page.
const maxFormer = 50_000

// narrowed lists the tables in which hooks may narrow what is read: of these it is kept what records held before, because who
// is told that a record is gone depends on it.
func (a *API) narrowed() (list []string) {
	for t, hooks := range a.hooks {
		if hooks.narrow() {
			list = append(list, t.StoredName())
		}
	}
	return list
}

// strangers returns the ids of those among the entries that do not match now, and have not since the caller was told all: it has
// never known of them, and hears nothing of them. Where no hook narrows what is read, all ids are everybody's to know.
func (d *delta) strangers(ctx context.Context, since db.Since, entries []any) (map[string]bool, error) {
	if !d.hooks.narrow() || d.lasts == nil || since.First {
		return nil, nil
	}
	ids := map[string]bool{}
	for _, v := range entries {
		if entry := table.Record(v.(map[string]any)); entry[table.FieldRemoved] != nil || !table.Matches(d.filter, entry) {
			ids[entry.ID()] = true
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	ask := d.former
	if ask == nil {
		ask = func(ctx context.Context, ids []string) ([]db.Row, error) {
			return d.api.db.Former(ctx, d.Table.StoredName(), ids, d.whole, maxFormer)
		}
	}
	former, err := ask(ctx, slices.Collect(maps.Keys(ids)))
	if err == nil && len(former) == maxFormer {
		err = table.Errorf(table.CodeExpired, "more has changed in ", d.Table.Name(),
			" than is looked through: pull again with an empty $deltatoken, and drop what does not come")
	}
	for i := 0; i < len(former) && err == nil; i++ {
		var r table.Record
		if r, err = parse(d.Table, former[i].Data); err == nil && table.Matches(d.lasts, r) {
			delete(ids, former[i].ID)
		}
	}
	return ids, err
}

// formers is what was read of late for live connections, of which many ask the same of one write. The zero value is empty; it is
// safe for concurrent use.
type formers struct {
	mu sync.Mutex
	db db.DB
	of map[former]func() ([]db.Row, error)
}

// former names a question: what did this row hold before a write, and after another?
type former struct {
	table, id  string
	seq, after int64
}

func (f *formers) read(ctx context.Context, name string, e db.Entry, after int64) ([]db.Row, error) {
	const most = 1000
	key := former{name, e.ID, e.Seq, after}
	f.mu.Lock()
	if len(f.of) > most {
		f.of = nil
	}
	if f.of == nil {
		f.of = map[former]func() ([]db.Row, error){}
	}
	answer := f.of[key]
	if answer == nil {
		answer = sync.OnceValues(func() ([]db.Row, error) { return f.db.Former(ctx, name, []string{e.ID}, after, maxFormer) })
		f.of[key] = answer
	}
	f.mu.Unlock()
	return answer()
}

// markWhole stands in a cursor's scope before the number up to which the caller has been told all. While it reads page by page,
// this is where it began, and not where it is: records that are written meanwhile move on before it comes to them.
const markWhole = "_"

func addWhole(scope string, whole int64) string {
	return scope + markWhole + strconv.FormatInt(whole, 10)
}

// cutWhole takes the number out of a cursor. Where there is none, the caller has been told all up to the cursor.
func cutWhole(c *db.Cursor) (whole int64, err error) {
	scope, text, partly := strings.Cut(c.Scope, markWhole)
	if !partly {
		return c.Anchor.Seq, nil
	}
	if whole, err = strconv.ParseInt(text, 10, 64); err != nil || whole < 0 || whole > c.Anchor.Seq {
		return 0, table.Errorf(table.CodeInvalid, "the delta token is not one of this server's: pull again with an empty $deltatoken")
	}
	c.Scope = scope
	return whole, nil
}
