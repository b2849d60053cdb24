package store

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
)

// Select returns the positions of the rows that answer the query, in its order: it filters, sorts, skips and takes.
func Select(q *table.Query, rows []table.Record) []int {
	positions := []int{}
	for i, row := range rows {
		if q.Match(row) {
			positions = append(positions, i)
		}
	}
	slices.SortStableFunc(positions, func(a, b int) int { return q.Compare(rows[a], rows[b]) })
	positions = positions[min(q.Skip, len(positions)):]
	if q.Take >= 0 {
		positions = positions[:min(q.Take, len(positions))]
	}
	return positions
}

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
	rows := results[0].Rows
	if plan.Residual {
		all := rows
		rows = rows[:0:0]
		for _, i := range Select(q, all) {
			rows = append(rows, all[i])
		}
	}
	if plan.Select == nil {
		return rows, nil
	}
	for i, row := range rows {
		kept := make(table.Record, len(plan.Select))
		for _, c := range plan.Select {
			if v, ok := row[c]; ok {
				kept[c] = v
			}
		}
		rows[i] = kept
	}
	return rows, nil
}

// Count returns how many records match the query's filter; its skip and take do not count.
func (t *TxTable) Count(ctx context.Context, q *table.Query) (int, error) {
	all := *q
	all.Skip, all.Take, all.Order, all.Select = 0, table.All, nil, nil
	plan, err := t.tx.store.Plan(t.name, &all)
	if err != nil {
		return 0, err
	}
	if plan.Residual {
		rows, err := t.Query(ctx, &all)
		return len(rows), err
	}
	step := plan.Step
	step.Op = OpCount
	results, err := t.tx.txn.Run(ctx, []Step{step})
	if err != nil {
		return 0, err
	}
	return results[0].Count, nil
}
