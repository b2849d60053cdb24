package replica

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// sweep is a pull from the start at whose end the records of its filter that it did not bring are gone: the server no longer
// knows what it told before. What came is remembered here only: where that is lost, or another tab went on, it begins again.
type sweep struct {
	token string          // of the page that was stored last
	seen  map[string]bool // ids
	list  bool            // it is a source's list of ids, which begins anew with each pull

	// Where the server has lost part of its past: the one that was known of it, its present one, and the acknowledged deletes.
	known, past table.Past
	gone        map[string]table.Mark // by id
}

// sweep returns the token with which a sweep goes on that was stored as far as token. One that has brought nothing yet
// begins anew: of what was seen until then, by old verdicts, some may be gone. One that finds out what the server has
// lost, of the past that was known, asks for deleted records, too.
func (r *Replica) sweep(p Pull, token string, known table.Past) string {
	if s := r.sweeps[p]; s != nil && s.token == token && (token != "" || s.list) {
		return token
	}
	r.sweeps[p] = &sweep{seen: map[string]bool{}, known: known}
	if known != "" {
		return table.TokenBeginning
	}
	return ""
}

// saw notes a record that the server has, by its verdict on it, for the sweeps of its table. An old verdict, on what their pages
// are newer than, does not tell what the server has.
func (r *Replica) saw(tableName, id, version string) {
	seq := table.MarkOf(version).Seq
	for p, s := range r.sweeps {
		if p.Table == tableName && (seq == 0 || seq > table.MarkOf(s.token).Seq) {
			s.seen[id] = true
		}
	}
}

// listed notes ids of records that a source has.
func (r *Replica) listed(p Pull, ids []string) {
	s := r.sweeps[p]
	if s == nil {
		s = &sweep{seen: map[string]bool{}, list: true}
		r.sweeps[p] = s
	}
	for _, id := range ids {
		s.seen[id] = true
	}
}

// swept notes what a page brought; it is called when the page is stored.
func (r *Replica) swept(a Apply) {
	s := r.sweeps[a.Pull]
	switch {
	case s == nil:
	case !a.Page.More:
		delete(r.sweeps, a.Pull)
	default:
		s.token = a.Page.Token
		for i := range a.Page.Changes {
			if c := &a.Page.Changes[i]; c.Removed == "" || s.reclaims() {
				s.seen[c.ID] = true
			}
		}
	}
}

// unseen adds to the last page of a sweep the removal of what did not come. Records that the server has not seen yet stay. Of one
// whose delete waits there is no row, but what the delete has; so it is with one that is in conflict with what was inserted here. It
// must not come back from there when the server knows nothing of it.
func (r *Replica) unseen(ctx context.Context, tx *store.Tx, a Apply) ([]table.Change, error) {
	s, list := r.sweeps[a.Pull], a.Page.Changes
	if s == nil || a.Page.More {
		return list, nil
	}
	filter, err := parseFilter(a.Filter)
	if err != nil {
		return nil, err
	}
	came := map[string]bool{}
	for i := range list {
		came[list[i].ID] = true
	}
	list = slices.Clip(list)
	missing := func(row table.Record) {
		if id := row.ID(); row.Version() != "" && !s.seen[id] && !came[id] && table.Matches(filter, row) {
			came[id] = true
			list = append(list, table.Change{Row: table.Row{ID: id}, Removed: table.ReasonChanged})
		}
	}
	results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: StoreOutbox, Index: byRecord, Take: -1, Range: ofTable(a.Table)})
	if err != nil {
		return nil, err
	}
	for _, row := range results[0].Rows {
		op, err := table.ParseOperation(row)
		switch {
		case err != nil:
			return nil, err
		case op.Server != nil && !op.Server.Deleted():
			missing(op.Server)
		case op.Server == nil && op.Record == nil:
			missing(op.Base)
		}
	}
	for after := (&store.Range{}); ; {
		results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: a.Table, Range: after, Take: table.DefaultDeltaPage})
		if err != nil {
			return nil, err
		}
		for _, row := range results[0].Rows {
			missing(row)
			after = store.After(row.ID())
		}
		if len(results[0].Rows) < table.DefaultDeltaPage {
			return list, nil
		}
	}
}

// elsewhere drops from a page the removals of records that left this pull's filter and are in another's. Only a record that is
// here as it was when it left can be known to be: an older one goes, and comes again with the other pull.
func (r *Replica) elsewhere(ctx context.Context, tx *store.Tx, p Pull, list []table.Change) ([]table.Change, error) {
	leaves := func(c table.Change) bool { return c.Removed == table.ReasonChanged && c.Version != "" }
	if !slices.ContainsFunc(list, leaves) {
		return list, nil
	}
	pulls, err := r.pulled(ctx, tx)
	if err != nil {
		return nil, err
	}
	pulls = slices.DeleteFunc(pulls, func(other Pull) bool { return other.Table != p.Table || other == p })
	if len(pulls) == 0 {
		return list, nil
	}
	var keys []store.Key
	for _, c := range list {
		if leaves(c) {
			keys = append(keys, c.ID)
		}
	}
	results, err := tx.Run(ctx, store.Step{Op: store.OpGet, Store: p.Table, Keys: keys})
	if err != nil {
		return nil, err
	}
	here := map[string]table.Record{}
	for i, row := range results[0].Rows {
		here[keys[i].(string)] = row
	}
	for _, other := range pulls {
		filter, err := parseFilter(other.Filter)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(slices.Clone(list), func(c table.Change) bool {
			row := here[c.ID]
			return leaves(c) && row.Version() == c.Version && table.Matches(filter, row)
		})
	}
	return list, nil
}

// parseFilter reads a pull's filter; nil for none.
func parseFilter(text string) (table.Expr, error) {
	if text == "" {
		return nil, nil
	}
	return table.ParseFilter(text)
}
