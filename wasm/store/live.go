package store

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/larder-sync/larder/table"
)

// Answer is what a live query gives: its records, and what has changed in them since the answer before.
type Answer[R any] struct {
	Rows    []R
	Added   []R // in the first answer, all of them
	Changed []R
	Removed []string // ids
}

// Touches reports whether a commit can change what q answers, if the answer holds none of the changed records. rows are
// those records as they are now, without the ones that are gone. An answer that holds a changed record is always touched.
//
// A record that is not in the answer and does not match can only matter where records are skipped: it may have been one.
func Touches(q *table.Query, rows []table.Record) bool {
	return q.Skip > 0 || slices.ContainsFunc(rows, q.Match)
}

// MaxTold is how many changed records of a store are worth looking at one by one: beyond it a live query just runs again.
const MaxTold = 200

// Live runs the query now, and again after each commit that can change its answer, in this program or told of by
// [Store.Changed]. It gives the first answer at once and a further one whenever the records are others; many commits
// while the loop's body runs are one answer. Answers have the records' ids, whatever the query selects.
//
// The loop ends when it is left, with the context's cause as its error when ctx ends, and with the first failure, code
// "closed" after [Store.Close] among them.
func (s *Store) Live(ctx context.Context, name string, q *table.Query) iter.Seq2[*Answer[table.Record], error] {
	return func(yield func(*Answer[table.Record], error) bool) {
		query := *q
		if query.Select != nil && !slices.Contains(query.Select, table.ColumnID) {
			query.Select = append([]string{table.ColumnID}, query.Select...)
		}
		w := s.watches.add(name)
		defer s.watches.remove(w)
		held := map[string]table.Record{}
		for first := true; ; {
			var a *Answer[table.Record]
			err := s.View(ctx, []string{name}, func(tx *Tx) error {
				rows, err := tx.Table(name).Query(ctx, &query)
				a = &Answer[table.Record]{Rows: rows}
				return err
			})
			if err == nil {
				held = compare(a, held)
				if first || len(a.Added)+len(a.Changed)+len(a.Removed) > 0 {
					if !yield(a, nil) {
						return
					}
				}
				first = false
				err = s.await(ctx, w, &query, held)
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// compare fills in what is new against the records of the answer before, and returns the records by id.
func compare(a *Answer[table.Record], before map[string]table.Record) map[string]table.Record {
	now := make(map[string]table.Record, len(a.Rows))
	for _, row := range a.Rows {
		id := row.ID()
		now[id] = row
		if old, ok := before[id]; !ok {
			a.Added = append(a.Added, row)
		} else if !identical(old, row) {
			a.Changed = append(a.Changed, row)
		}
	}
	for id := range before {
		if now[id] == nil {
			a.Removed = append(a.Removed, id)
		}
	}
	slices.Sort(a.Removed)
	return now
}

// identical tells null from absent, which [table.Equal] does not.
func identical(a, b table.Record) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			return false
		}
	}
	return table.Equal(a, b)
}

// await returns when a commit has come that can change the answer.
func (s *Store) await(ctx context.Context, w *watch, q *table.Query, held map[string]table.Record) error {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return aborted(ctx)
		}
		ids, all := w.take()
		if all || slices.ContainsFunc(ids, func(id string) bool { return held[id] != nil }) {
			return nil
		}
		if len(ids) == 0 {
			continue // the last time took what this wake was for
		}
		touched := false
		err := s.View(ctx, []string{w.table}, func(tx *Tx) error {
			rows, err := tx.Table(w.table).GetMany(ctx, ids)
			touched = Touches(q, slices.DeleteFunc(rows, func(r table.Record) bool { return r == nil }))
			return err
		})
		if touched || err != nil {
			return err
		}
	}
}

// Changed tells the live queries of a commit that this store has not made, such as another tab's.
func (s *Store) Changed(c Commit) { s.watches.tell(c.Changes) }

// watches are the live queries of a store.
type watches struct {
	mu     sync.Mutex
	list   []*watch
	others func([]Change) // hears of this store's commits, to tell other tabs; may be nil
}

// committed tells this store's live queries, and those of other tabs, of a commit.
func (l *watches) committed(changes []Change) {
	l.tell(changes)
	l.mu.Lock()
	others := l.others
	l.mu.Unlock()
	if others != nil && len(changes) > 0 {
		others(changes)
	}
}

func (l *watches) follow(others func([]Change)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others = others
}

// watch gathers what has changed in a live query's table since it was last asked.
type watch struct {
	table string
	wake  chan struct{} // holds one token while there is something to take
	mu    sync.Mutex
	ids   []string
	all   bool // more than is worth keeping
}

func (l *watches) add(name string) *watch {
	w := &watch{table: name, wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, w)
	return w
}

func (l *watches) remove(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(other *watch) bool { return other == w })
}

// tell passes changes on. A change without ids is of all records.
func (l *watches) tell(changes []Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.list {
		for _, c := range changes {
			if c.Store == w.table {
				w.add(c.IDs)
			}
		}
	}
}

// end wakes all live queries, whose next read then tells them why.
func (l *watches) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.list {
		w.add(nil)
	}
}

func (w *watch) add(ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all = w.all || len(ids) == 0 || len(w.ids)+len(ids) > MaxTold; w.all {
		w.ids = nil
	} else {
		w.ids = append(w.ids, ids...)
	}
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take returns what has come since the last time, and begins anew.
func (w *watch) take() (ids []string, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids, all = w.ids, w.all
	w.ids, w.all = nil, false
	return ids, all
}
