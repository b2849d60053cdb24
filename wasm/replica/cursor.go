package replica

import (
	"context"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// A cursor is a row of the meta store, {token, sweep}, under its pull's name. Sweep is true while a pull from the start is
// under way at whose end the records that it did not bring are gone.
const prefixCursor = "cursor/"

// metaCursor names a pull. A table's name has no question mark.
func metaCursor(p Pull) string {
	if p.Filter == "" {
		return prefixCursor + p.Table
	}
	return prefixCursor + p.Table + "?" + p.Filter
}

// pullOf is the reverse of metaCursor.
func pullOf(key string) (p Pull) {
	p.Table, p.Filter, _ = strings.Cut(key[len(prefixCursor):], "?")
	return p
}

// Whole returns the pulls of whole tables.
func Whole(tables ...string) []Pull {
	pulls := make([]Pull, len(tables))
	for i, name := range tables {
		pulls[i].Table = name
	}
	return pulls
}

// FilterOf returns the filter of a query as a [Pull] has it. A query that has more than a filter is an error with code "query".
func FilterOf(q *table.Query) (string, error) {
	if len(q.Order)+len(q.Select) > 0 || q.Skip > 0 || q.Take >= 0 {
		return "", table.Errorf(table.CodeQuery, "a pull takes a query that has nothing but a filter")
	}
	if q.Filter == nil {
		return "", nil
	}
	return table.FilterText(q.Filter), nil
}

// check refuses what cannot be pulled.
func (r *Replica) check(p Pull) error {
	schema, err := r.store.Schema(p.Table)
	if err != nil || p.Filter == "" {
		return err
	}
	q := table.NewQuery()
	if q.Filter, err = table.ParseFilter(p.Filter); err != nil {
		return err
	}
	return q.Check(schema)
}

// Pulled returns what has been pulled before, by table and filter.
func (r *Replica) Pulled(ctx context.Context) (pulls []Pull, err error) {
	err = r.store.View(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		pulls, err = r.pulled(ctx, tx)
		return err
	})
	return pulls, err
}

func (r *Replica) pulled(ctx context.Context, tx *store.Tx) ([]Pull, error) {
	results, err := tx.Run(ctx, store.Step{Op: store.OpGetAllKeys, Store: StoreMeta, Take: -1, Range: withPrefix(prefixCursor)})
	if err != nil {
		return nil, err
	}
	pulls := []Pull{}
	for _, key := range results[0].Keys {
		if p := pullOf(key); r.store.Has(p.Table) {
			pulls = append(pulls, p)
		}
	}
	return pulls, nil
}

// All returns what a sync pulls: every table whole, but those that were pulled in parts only so far in these parts.
func (r *Replica) All(ctx context.Context) ([]Pull, error) {
	before, err := r.Pulled(ctx)
	if err != nil {
		return nil, err
	}
	var all []Pull
	for _, name := range r.store.Tables() {
		whole := Pull{Table: name}
		parts := slices.DeleteFunc(slices.Clone(before), func(p Pull) bool { return p.Table != name })
		if len(parts) == 0 || slices.Contains(parts, whole) {
			parts = []Pull{whole}
		}
		all = append(all, parts...)
	}
	return all, nil
}

// cursor returns the token that continues a pull. Before the first it is empty, which brings live records only; but where rows
// are here already, because they were pushed, some may be deleted there, so long ago that the server has forgotten them: then
// what the pull does not bring is gone. seen is a later write that was acknowledged here, "" for none.
func (r *Replica) cursor(ctx context.Context, p Pull) (token, seen string, err error) {
	err = r.store.View(ctx, []string{StoreMeta, p.Table}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, getMeta(metaCursor(p)), store.Step{Op: store.OpGetAllKeys, Store: p.Table, Take: 1},
			getMeta(prefixSeen+p.Table))
		if err != nil {
			return err
		}
		row, empty := results[0].Rows[0], len(results[1].Keys) == 0
		token, _ = row["token"].(string)
		swept, _ := row["sweep"].(bool)
		lost, _ := row["lost"].(string)
		mark, _ := results[2].Rows[0]["mark"].(string)
		if seen = ""; r.now.source == nil && table.MarkOf(mark).Seq > table.MarkOf(token).Seq {
			seen = mark
		}
		if swept || row == nil && !empty {
			token = r.sweep(p, token, table.Past(lost))
		} else if s := r.sweeps[p]; s != nil && !s.list {
			delete(r.sweeps, p) // another tab has ended it
		}
		return nil
	})
	return token, seen, err
}

// forget begins a pull anew, and returns its token. Rows stay, where the token has expired until the end of the new pull.
func (r *Replica) forget(ctx context.Context, f Forget) (token string, err error) {
	delete(r.sweeps, f.Pull)
	row := table.Record{"key": metaCursor(f.Pull), "token": table.TokenBeginning}
	if f.Expired {
		row["token"], row["sweep"] = "", true
	}
	if err := r.changeMeta(ctx, putMeta(row)); err != nil {
		return "", err
	}
	token, _, err = r.cursor(ctx, f.Pull)
	return token, err
}
