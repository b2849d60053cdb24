package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// comparePage is how many records are read at a time to be compared: the page's thread is not held for long by so few.
const comparePage = 500

// compare finds in which parts the local records are others than the server's, and in which records.
func (r *Replica) compare(ctx context.Context, c Compare) (Compared, error) {
	parts := c.Parts.Parts
	out := Compared{Parts: c.Parts, Rows: make([]int, len(parts)), Equal: make([]bool, len(parts))}
	sums := make([]table.Digest, len(parts))
	changed := make(map[string]bool, len(c.Parts.Changed))
	for _, id := range c.Parts.Changed {
		changed[id] = true
	}
	theirs := map[string]table.Record{}
	for i := range parts {
		for _, record := range parts[i].Records {
			theirs[record.ID()] = record
		}
	}
	err := r.known(ctx, c.Pull, c.After, parts[len(parts)-1].To, func(id string, record table.Record) {
		if changed[id] {
			return
		}
		at := 0
		for parts[at].To != "" && parts[at].To < id && at < len(parts)-1 {
			at++
		}
		out.Rows[at]++
		if !c.Records {
			sums[at].Add(record)
			return
		}
		switch other := theirs[id]; {
		case other == nil:
			out.Differing = append(out.Differing, table.Change{Row: table.Row{ID: id}, Removed: table.ReasonChanged})
		case table.DigestOf(other) != table.DigestOf(record):
			out.Differing = append(out.Differing, table.Change{Row: table.Row{ID: id, Record: other}})
		}
		delete(theirs, id)
	})
	for i := range parts {
		out.Equal[i] = out.Rows[i] == parts[i].Count && sums[i] == parts[i].Digest
	}
	for i := range parts {
		for _, record := range parts[i].Records {
			if id := record.ID(); theirs[id] != nil { // and not here
				out.Differing = append(out.Differing, table.Change{Row: table.Row{ID: id, Record: record}})
			}
		}
	}
	return out, err
}

// known calls fn with the records of a pull in a range of ids, as the server had them when they were last pulled or pushed.
func (r *Replica) known(ctx context.Context, p Pull, after, to string, fn func(id string, record table.Record)) error {
	filter, err := parseFilter(p.Filter)
	if err != nil {
		return err
	}
	for more := true; more; {
		err := r.store.View(ctx, []string{p.Table, StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
			results, err := tx.Run(ctx, store.Step{Op: store.OpGetAll, Store: p.Table, Range: idRange(after, to), Take: comparePage})
			if err != nil {
				return err
			}
			rows, upTo := results[0].Rows, to
			if more = len(rows) == comparePage; more {
				upTo = rows[comparePage-1].ID()
			}
			waiting := &store.Range{Lower: []store.Key{[]any{p.Table, after}}, LowerOpen: true, Upper: []store.Key{[]any{p.Table, upTo}}}
			if upTo == "" {
				waiting.Upper = []store.Key{[]any{p.Table, []any{}}}
			}
			results, _, err = read(ctx, tx, store.Step{Op: store.OpGetAll, Store: StoreOutbox, Index: byRecord, Range: waiting, Take: -1})
			if err != nil {
				return err
			}
			after = upTo
			return r.bases(results[0].Rows, rows, func(id string, record table.Record) {
				if record.Version() != "" && !record.Deleted() && table.Matches(filter, record) {
					fn(id, record)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func idRange(after, to string) *store.Range {
	r := &store.Range{}
	if after != "" {
		r = store.After(after)
	}
	if to != "" {
		r.Upper = []store.Key{to}
	}
	return r
}

// bases calls fn with what the server has: of a record with operations that is their base, else it is the row.
func (r *Replica) bases(operations, rows []table.Record, fn func(id string, record table.Record)) error {
	groups := map[string][]table.Record{}
	for _, row := range operations {
		id, _ := row["recordId"].(string)
		groups[id] = append(groups[id], row)
	}
	for _, row := range rows {
		if id := row.ID(); groups[id] == nil {
			fn(id, row)
		}
	}
	for _, row := range operations {
		id, _ := row["recordId"].(string)
		if groups[id] == nil {
			continue // as one before
		}
		sent, waits, err := pair(groups[id])
		delete(groups, id)
		if err != nil {
			return err
		}
		if sent == nil {
			sent = waits // what waits behind one that was sent was made on what that left here
		}
		record := sent.Server
		if record == nil {
			record = sent.Base
		}
		fn(id, record)
	}
	return nil
}

// heal stores what the server has of records that were found to differ, as a pull would: local changes stay, on their new base.
// Where an operation has no verdict yet nothing is done.
func (r *Replica) heal(ctx context.Context, h Heal) (healed int, err error) {
	ids := make([]string, len(h.Changes))
	for i := range h.Changes {
		ids[i] = h.Changes[i].ID
	}
	err = r.update(ctx, []string{StoreOutbox, StoreMeta, h.Table}, func(tx *store.Tx) error {
		healed = 0
		results, _, err := read(ctx, tx, lookup(h.Table, ids...))
		if err != nil {
			return err
		}
		var ch changes
		for i := range h.Changes {
			c := &h.Changes[i]
			group := results[0].Groups[i]
			if isSent(group) {
				continue
			}
			healed++
			if len(group) == 0 {
				ch.row(h.Table, c.ID, c.Record)
			} else if err := ch.meet(group, c, r.outbox.schema); err != nil {
				return err
			}
		}
		return ch.write(tx, []string{h.Table})
	})
	return healed, err
}

// pick returns the id after which a sample begins: at is how far into the table, from 0 to 1.
func (r *Replica) pick(ctx context.Context, p Pick) (after string, err error) {
	err = r.store.View(ctx, []string{p.Table}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, store.Step{Op: store.OpCount, Store: p.Table, Take: -1})
		if err != nil {
			return err
		}
		skip := int(p.At * float64(results[0].Count-sampleRows+1))
		if skip < 1 {
			return nil // from the first on: there, too, may be what is missing here
		}
		results, err = tx.Run(ctx, store.Step{Op: store.OpGetAllKeys, Store: p.Table, Skip: skip - 1, Take: 1})
		if err == nil && len(results[0].Keys) == 1 && table.IsBound(results[0].Keys[0]) {
			after = results[0].Keys[0]
		}
		return err
	})
	return after, err
}

// Verify pulls what is given and then compares it with what the server has, by digests of ranges of ids: equal ones of up to
// 10,000 records are one request, and a record that differs in a million is found with a dozen more. What differs is healed and
// reported. It is for defects and damage that nobody knows of; a sync does not need it.
func (r *Replica) Verify(ctx context.Context, job Job) ([]Verification, error) {
	job.Verify = true
	result, err := r.Run(ctx, job)
	return result.Verified, err
}
