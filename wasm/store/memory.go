package store

import (
	"context"
	"maps"
	"slices"
	"sort"

	"github.com/larder-sync/larder/table"
)

// memory keeps stores. One transaction runs at a time: turn holds its token.
type memory struct {
	stores map[string]*memoryStore
	turn   chan struct{}
}

// memoryStore keeps rows by their encoded key, and the encoded keys in order.
type memoryStore struct {
	layout StoreLayout
	rows   map[string]table.Record
	order  []string
	last   float64 // the newest number of an auto-incremented key
}

func (m *memory) Begin(ctx context.Context, write bool, stores []string) (Txn, error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, aborted(ctx)
	}
	for _, name := range stores {
		if m.stores[name] == nil {
			<-m.turn
			return nil, table.Errorf(table.CodeNotFound, "there is no object store ", name)
		}
	}
	return &memoryTxn{m: m, write: write, scope: stores}, nil
}

type memoryTxn struct {
	m     *memory
	write bool
	scope []string
	undo  []func() // in the order of the changes
	done  bool
}

func (t *memoryTxn) Start(ctx context.Context, steps []Step) (wait func() ([]Result, error)) {
	results, err := t.Run(ctx, steps)
	return func() ([]Result, error) { return results, err }
}

func (t *memoryTxn) Finish(ctx context.Context, steps []Step) error {
	if _, err := t.Run(ctx, steps); err != nil {
		return err
	}
	return t.Commit(ctx)
}

func (t *memoryTxn) Commit(ctx context.Context) error {
	if t.done {
		return table.Errorf(table.CodeTransaction, "the transaction is finished")
	}
	if ctx.Err() != nil {
		t.Abort(ctx.Err())
		return aborted(ctx)
	}
	t.finish()
	return nil
}

func (t *memoryTxn) Abort(error) {
	if t.done {
		return
	}
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	t.finish()
}

func (t *memoryTxn) finish() {
	t.done = true
	<-t.m.turn
}

func (t *memoryTxn) Run(ctx context.Context, steps []Step) ([]Result, error) {
	results := make([]Result, len(steps))
	for i := range steps {
		if t.done {
			return nil, table.Errorf(table.CodeTransaction, "the transaction is finished")
		}
		if ctx.Err() != nil {
			return nil, aborted(ctx)
		}
		s := t.m.stores[steps[i].Store]
		if s == nil || !slices.Contains(t.scope, steps[i].Store) {
			return nil, table.Errorf(table.CodeTransaction, "the transaction does not include ", steps[i].Store)
		}
		if err := t.step(s, &steps[i], &results[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (t *memoryTxn) step(s *memoryStore, step *Step, r *Result) error {
	switch step.Op {
	case OpGet:
		r.Rows = make([]table.Record, len(step.Keys))
		for i, k := range step.Keys {
			key, _ := appendKey(nil, k)
			r.Rows[i] = maps.Clone(s.rows[string(key)])
		}
		return nil
	case OpLookup:
		r.Groups = make([][]table.Record, len(step.Keys))
		for i, k := range step.Keys {
			for _, key := range s.scan(step.Index, Only(k), false) {
				r.Groups[i] = append(r.Groups[i], maps.Clone(s.rows[key]))
			}
		}
		return nil
	case OpGetAll, OpGetAllKeys, OpCount:
		keys := s.scan(step.Index, step.Range, step.Prev)
		r.Count = len(keys)
		if step.Op == OpCount {
			return nil
		}
		keys = keys[min(step.Skip, len(keys)):]
		if step.Take >= 0 {
			keys = keys[:min(step.Take, len(keys))]
		}
		for _, key := range keys {
			if step.Op == OpGetAll {
				r.Rows = append(r.Rows, maps.Clone(s.rows[key]))
			} else {
				id, _ := s.rows[key][s.layout.Key].(string)
				r.Keys = append(r.Keys, id)
			}
		}
		return nil
	}
	if !t.write {
		return table.Errorf(table.CodeTransaction, "a read transaction cannot change ", s.layout.Name, ": use Update")
	}
	switch step.Op {
	case OpPut, OpAdd:
		for _, row := range step.Values {
			if err := t.put(s, row, step.Op == OpAdd); err != nil {
				return err
			}
		}
		for _, row := range step.Rows {
			if err := t.put(s, row.Open(), step.Op == OpAdd); err != nil {
				return err
			}
		}
	case OpDelete:
		if step.Keys == nil {
			for _, key := range s.scan("", step.Range, false) {
				t.set(s, key, nil)
			}
		}
		for _, k := range step.Keys {
			if key, ok := appendKey(nil, k); ok {
				t.set(s, string(key), nil)
			}
		}
	}
	return nil
}

func (t *memoryTxn) put(s *memoryStore, row table.Record, add bool) error {
	row = maps.Clone(row)
	if row[s.layout.Key] == nil && s.layout.AutoIncrement {
		s.last++ // the generator never goes back, not even when the transaction is undone
		row[s.layout.Key] = s.last
	}
	k, ok := appendKey(nil, row[s.layout.Key])
	if !ok || row[s.layout.Key] == nil {
		return table.Errorf(table.CodeInvalid, "a row of ", s.layout.Name, " has no key ", s.layout.Key)
	}
	if n, isNumber := row[s.layout.Key].(float64); isNumber && n > s.last {
		s.last = n
	}
	key := string(k)
	if add && s.rows[key] != nil {
		return table.Errorf(table.CodeConstraint, "the key is taken in ", s.layout.Name)
	}
	for _, index := range s.layout.Indexes {
		if !index.Unique {
			continue
		}
		if ik, ok := index.key(row); ok {
			for _, other := range s.scan(index.Name, nil, false) {
				if ok2, has := index.key(s.rows[other]); other != key && has && string(ok2) == string(ik) {
					return table.Errorf(table.CodeConstraint, "the unique index ", index.Name, " of ", s.layout.Name,
						" already has that value")
				}
			}
		}
	}
	t.set(s, key, row)
	return nil
}

// set changes one row and remembers how to undo it.
func (t *memoryTxn) set(s *memoryStore, key string, row table.Record) {
	before := s.rows[key]
	s.set(key, row)
	t.undo = append(t.undo, func() { s.set(key, before) })
}

func (s *memoryStore) set(key string, row table.Record) {
	at, found := slices.BinarySearch(s.order, key)
	switch {
	case row == nil && found:
		s.order = slices.Delete(s.order, at, at+1)
		delete(s.rows, key)
	case row != nil:
		if !found {
			s.order = slices.Insert(s.order, at, key)
		}
		s.rows[key] = row
	}
}

// key returns the encoded index key of a row, and whether the row is in the index at all.
func (l *IndexLayout) key(row table.Record) ([]byte, bool) {
	part := func(column string) (Key, bool) {
		v, present := row[column]
		return v, !l.Plain || (present && v != nil)
	}
	if len(l.Columns) == 1 {
		v, ok := part(l.Columns[0])
		if !ok {
			return nil, false
		}
		return appendKey(nil, v)
	}
	list := make([]any, len(l.Columns))
	for i, c := range l.Columns {
		v, ok := part(c)
		if !ok {
			return nil, false
		}
		list[i] = v
	}
	return appendKey(nil, list)
}

// scan returns the encoded primary keys of a range in order: of the index's keys and then the primary keys.
func (s *memoryStore) scan(index string, r *Range, prev bool) []string {
	var keys []string
	if index == "" {
		for _, key := range s.order {
			if r.holds(key) {
				keys = append(keys, key)
			}
		}
	} else {
		at := slices.IndexFunc(s.layout.Indexes, func(l IndexLayout) bool { return l.Name == index })
		if at < 0 {
			return nil
		}
		type entry struct{ index, primary string }
		var entries []entry
		for _, key := range s.order {
			if k, ok := s.layout.Indexes[at].key(s.rows[key]); ok && r.holds(string(k)) {
				entries = append(entries, entry{string(k), key})
			}
		}
		sort.SliceStable(entries, func(i, j int) bool { return entries[i].index < entries[j].index })
		for _, e := range entries {
			keys = append(keys, e.primary)
		}
	}
	if prev {
		slices.Reverse(keys)
	}
	return keys
}

// holds reports whether an encoded key is in the range.
func (r *Range) holds(key string) bool {
	if r == nil {
		return true
	}
	if r.Lower != nil {
		bound, _ := appendKey(nil, r.Lower[0])
		if key < string(bound) || r.LowerOpen && key == string(bound) {
			return false
		}
	}
	if r.Upper != nil {
		bound, _ := appendKey(nil, r.Upper[0])
		if key > string(bound) || r.UpperOpen && key == string(bound) {
			return false
		}
	}
	return true
}

func aborted(ctx context.Context) error {
	return table.Errorf(table.CodeAborted, "the call was ended before the transaction").Because(context.Cause(ctx))
}
