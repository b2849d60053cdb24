package store

import (
	"context"
	"iter"

	"github.com/larder-sync/larder/table"
)

// Query returns the records that the query asks for.
func (t *TxTable) Query(ctx context.Context, q *table.Query) ([]table.Record, error) {
	plan, err := t.tx.store.Plan(t.name, q)
	if err != nil {
		return nil, err
	}
	results, err := t.tx.txn.Run(ctx, []Step{plan.Step})
	if err != nil {
		return nil, err
	}
	return results[0].Rows, nil
}

// Each gives the records that the query asks for, in its order. It reads them in pages, each after the last record of the
// one before, so that their number does not matter; an order that no index has is found again for each. It stops at the
// first error, which comes with a nil record.
func (t *TxTable) Each(ctx context.Context, q *table.Query) iter.Seq2[table.Record, error] {
	return func(yield func(table.Record, error) bool) {
		page, left := *q, q.Take
		page.Select = nil // the last record must tell where to go on
		for {
			if page.Take = slice; left >= 0 {
				page.Take = min(slice, left)
			}
			rows, err := t.Query(ctx, &page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range rows {
				if !yield(q.Project(row), nil) {
					return
				}
			}
			if left >= 0 {
				left -= len(rows)
			}
			if len(rows) < page.Take || left == 0 {
				return
			}
			page.After, page.Skip = rows[len(rows)-1], 0
		}
	}
}

// Count returns how many records match the query's filter: its after, skip and take do not count.
func (t *TxTable) Count(ctx context.Context, q *table.Query) (int, error) {
	all := table.Query{Filter: q.Filter, Take: table.All, IncludeDeleted: q.IncludeDeleted}
	plan, err := t.tx.store.Plan(t.name, &all)
	if err != nil {
		return 0, err
	}
	step := plan.Step
	step.Op = OpCount
	results, err := t.tx.txn.Run(ctx, []Step{step})
	if err != nil {
		return 0, err
	}
	return results[0].Count, nil
}
