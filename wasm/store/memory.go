package store

import (
	"context"
	"maps"
	"slices"

	"github.com/larder-sync/larder/table"
)

// memory keeps stores. One transaction runs at a time: turn holds its token.
type memory struct {
	stores map[string]*memoryStore
	turn   chan struct{}
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
	if s.read(step, r) {
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
			for _, e := range slices.Collect(s.rows.scan(step.Range, Forward)) {
				t.set(s, e.primary, nil)
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
	if add && s.byKey[key] != nil {
		return table.Errorf(table.CodeConstraint, "the key is taken in ", s.layout.Name)
	}
	if index := s.taken(key, row); index != "" {
		return table.Errorf(table.CodeConstraint, "the unique index ", index, " of ", s.layout.Name, " already has that value")
	}
	t.set(s, key, row)
	return nil
}

// set changes one row and remembers how to undo it.
func (t *memoryTxn) set(s *memoryStore, key string, row table.Record) {
	before := s.byKey[key]
	s.set(key, row)
	t.undo = append(t.undo, func() { s.set(key, before) })
}

func aborted(ctx context.Context) error {
	return table.Errorf(table.CodeAborted, "the call was ended before the transaction").Because(context.Cause(ctx))
}
