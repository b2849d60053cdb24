package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Names of the object stores that the engine keeps beside an app's tables.
const (
	StoreOutbox = "$outbox"       // operations by sequence number
	StoreMeta   = store.StoreMeta // client id, cursors, times; rows by "key"
)

// The outbox's indexes of operations: by table and record id, by the groups they are part of, and of those in quarantine.
const (
	byRecord    = "record"
	byGroup     = "group"
	quarantined = "quarantined"
)

// Outbox is the [store.Journal] that turns every local write into an operation. At any time it holds, for one record,
// at most one operation that was sent and one that waits: a write collapses into the one that waits, and never into
// one that was sent. It is safe for concurrent use once made; the zero value is not usable.
type Outbox struct {
	newID     func() string
	now       func() string
	principal string

	schema  int              // the schema version that operations are written under
	convert *store.Converter // of records from older versions
}

// OutboxOptions are what an [Outbox] is made of. NewID and Now are needed.
type OutboxOptions struct {
	NewID     func() string // makes operation ids: UUID v7
	Now       func() string // the local time as ISO text, for people
	Principal string        // who writes; "" for nobody in particular
}

// NewOutbox returns an outbox.
func NewOutbox(o OutboxOptions) *Outbox {
	return &Outbox{newID: o.NewID, now: o.Now, principal: o.Principal}
}

// Stores implements [store.Journal].
func (o *Outbox) Stores() []store.StoreLayout {
	return []store.StoreLayout{
		{Name: StoreOutbox, Key: "seq", AutoIncrement: true,
			Indexes: []store.IndexLayout{
				{Name: byRecord, Columns: []string{"table", "recordId"}, Plain: true},
				{Name: byGroup, Columns: []string{"groups"}, Plain: true, MultiEntry: true},
				{Name: quarantined, Columns: []string{"quarantined"}, Plain: true}}},
		{Name: StoreMeta, Key: "key"},
	}
}

// Reads implements [store.Journal].
func (o *Outbox) Reads(tableName string, ids []string) []store.Step {
	return []store.Step{lookup(tableName, ids...), getMeta(metaFlight)}
}

// lookup is the step that reads the operations of records.
func lookup(tableName string, ids ...string) store.Step {
	keys := make([]store.Key, len(ids))
	for i, id := range ids {
		keys[i] = recordKey(tableName, id)
	}
	return lookupKeys(keys)
}

func lookupKeys(keys []store.Key) store.Step {
	return store.Step{Op: store.OpLookup, Store: StoreOutbox, Index: byRecord, Keys: keys}
}

func recordKey(tableName, id string) store.Key { return []any{tableName, id} }

// ofTable is the range of byRecord that has a table's operations.
func ofTable(name string) *store.Range { return store.Between([]any{name}, []any{name, []any{}}) }

// Writes implements [store.Journal].
func (o *Outbox) Writes(tableName string, writes []store.Write, reads []store.Result) ([]store.Step, error) {
	var ch entries
	var f flight
	if reads != nil {
		f = parseFlight(reads[1].Rows[0])
	}
	for i := range writes {
		w := &writes[i]
		if w.Before == nil && w.Deletes() {
			continue // a delete of what is not there
		}
		var sent, waits *table.Operation
		if reads != nil {
			var err error
			f.mark(reads[0].Groups[i])
			if sent, waits, err = o.pair(reads[0].Groups[i]); err != nil {
				return nil, err
			}
		}
		next := o.operation(tableName, w)
		if sent == nil && waits == nil {
			if w.Before != nil && w.Before.Version() == "" {
				// The server does not have it: a decision has left it here alone.
				if w.Deletes() {
					continue
				}
				next.Action, next.Base = table.ActionInsert, nil
			}
			ch.append(next, w.After)
			continue
		}
		next.Record = w.After.Open()
		if waits != nil {
			next.CreatedAt = waits.CreatedAt
			joined := collapse(waits, next)
			if joined == nil && !w.Deletes() {
				w.After = table.Row{ID: w.ID, Record: waits.Base} // as it was, with the server's version
			}
			ch.replace(waits, joined)
		} else {
			next.Base = sent.Record // what the server will hold if it accepts; the verdict brings the true base
			ch.append(next, table.Row{Record: next.Record})
		}
	}
	return ch.steps(), nil
}

// operation returns the operation that a write makes, but for its record.
func (o *Outbox) operation(tableName string, w *store.Write) *table.Operation {
	op := &table.Operation{ID: o.newID(), Table: tableName, RecordID: w.ID, Action: table.ActionUpdate, Base: w.Before, State: table.StateWaiting, Principal: o.principal, Schema: o.schema, CreatedAt: o.now()}
	if w.Group != "" {
		op.Groups = []string{w.Group}
	}
	switch {
	case w.Deletes():
		op.Action = table.ActionDelete
	case w.Before == nil:
		op.Action = table.ActionInsert
	}
	return op
}

// pair splits the operations of one record into the one that was sent and the one that waits or is quarantined.
func pair(group []table.Record) (sent, waits *table.Operation, err error) {
	for _, row := range group {
		op, err := table.ParseOperation(row)
		if err != nil {
			return nil, nil, err
		}
		if op.State == table.StateSending {
			sent = op
		} else {
			waits = op
		}
	}
	return sent, waits, nil
}

// collapse joins a later operation into an earlier one that the server has not taken. It returns nil when nothing is
// left to send.
func collapse(earlier, later *table.Operation) *table.Operation {
	op := *later
	op.Base, op.Server, op.Groups = earlier.Base, earlier.Server, union(earlier.Groups, later.Groups)
	op.Lost = earlier.Lost.AndChanged()
	switch {
	case later.Record == nil && earlier.Base == nil && earlier.Server != nil && !earlier.Server.Deleted():
		// What was inserted here is there already, from somebody else: the delete is one of that record.
		op.Action, op.Base, op.Server = table.ActionDelete, earlier.Server, nil
	case later.Record == nil && (earlier.Action == table.ActionInsert || earlier.Base == nil):
		return nil
	case later.Record == nil:
		op.Action = table.ActionDelete
	case earlier.Base == nil:
		op.Action = table.ActionInsert
	default:
		op.Action = table.ActionUpdate
		if len(table.Diff(op.Base, op.Record)) == 0 && earlier.Server == nil {
			return nil
		}
	}
	return &op
}

// entries collects changes of the outbox.
type entries struct {
	puts  []table.Record
	adds  []table.Row
	drops []store.Key
}

// add appends an operation at the end of the queue: the store gives it the next sequence number.
func (e *entries) add(op *table.Operation) { e.append(op, table.Row{Record: op.Record}) }

// append is add with the operation's record in either form.
func (e *entries) append(op *table.Operation, record table.Row) {
	e.adds = append(e.adds, table.Row{Text: string(op.AppendNew(nil, record))})
}

// put writes an operation in its place. Those in quarantine have a property more, for an index that has them alone.
func (e *entries) put(op *table.Operation) {
	row := op.Row()
	if op.State == table.StateQuarantined {
		row[quarantined] = 1.0
	}
	e.puts = append(e.puts, row)
}

func (e *entries) drop(op *table.Operation) { e.drops = append(e.drops, float64(op.Seq)) }

// replace puts next in the place of old, or drops old when next is nil. What waits was never sent, so it keeps its
// place; what was refused is told apart from its new form by a new number. A new write has brought its own id: in a copy of this
// database what waited goes on as it was, and the server must not take the one for the other.
func (e *entries) replace(old, next *table.Operation) {
	switch {
	case next == nil:
		e.drop(old)
	case old.State == table.StateWaiting:
		next.Seq = old.Seq
		e.put(next)
	default:
		e.drop(old)
		e.add(next)
	}
}

func (e *entries) steps() []store.Step {
	var steps []store.Step
	for drops := e.drops; len(drops) > 0; {
		n := 1
		for n < len(drops) && drops[n] == drops[n-1].(float64)+1 {
			n++
		}
		drop := store.Step{Op: store.OpDelete, Store: StoreOutbox, Keys: drops[:n]}
		if n > 1 { // between numbers that follow on each other there are no others: to delete a range is a tenth of the work
			drop.Keys, drop.Range = nil, store.Between(drops[0], drops[n-1])
		}
		steps, drops = append(steps, drop), drops[n:]
	}
	if len(e.puts)+len(e.adds) > 0 {
		steps = append(steps, store.Step{Op: store.OpPut, Store: StoreOutbox, Values: e.puts, Rows: e.adds})
	}
	return steps
}

// Batch is what one push request carries.
type Batch struct {
	Operations []*table.Operation
	Clients    []string // under which client id each is sent
	Seen       string   // a mark of each table, as the request tells the server
	Reclaimed  []Pull   // pulls that have to be done before: then there are no operations
	Groups     []string // the atomicity group of each, or ""; members are next to each other

	flight flight // its mark
}

// take marks operations as sent and returns them in order, those of an earlier attempt among them: at most one for a
// record, none that is quarantined or of another principal. Where there is room to mark a few only, it is a few.
func (r *Replica) take(ctx context.Context, want Take) (*Batch, error) {
	batch, err := r.mark(ctx, want)
	for table.CodeOf(err) == table.CodeQuota && want.Limit > 1 {
		want.Limit = (want.Limit + 9) / 10
		batch, err = r.mark(ctx, want)
	}
	return batch, err
}

func (r *Replica) mark(ctx context.Context, want Take) (*Batch, error) {
	limit := want.Limit
	batch := &Batch{}
	err := r.relieve(ctx, []string{StoreOutbox, StoreMeta}, func(tx *store.Tx) error {
		*batch = Batch{}
		results, under, err := read(ctx, tx, append(recallSteps(), getMeta(metaClient),
			store.Step{Op: store.OpGetAll, Store: StoreOutbox, Prev: true, Take: 1})...)
		if err != nil {
			return err
		}
		known := r.recall(results)
		if batch.Seen = known.seen(); !want.Sent && len(known.reclaimed) > 0 {
			batch.Reclaimed = known.reclaimed
			return nil
		}
		var marked changes
		who := parseIdentity(results[3].Rows[0])
		if who == nil {
			who = identity{{id: r.outbox.newID()}}
			marked.meta = append(marked.meta, who.row())
		}
		leaves := departure{under: under}
		for _, row := range results[4].Rows {
			leaves.next.last, _ = row["seq"].(float64)
		}
		taken := map[string]bool{}
		after := &store.Range{}
		for len(batch.Operations) < limit {
			results, _, err := read(ctx, tx, store.Step{Op: store.OpGetAll, Store: StoreOutbox, Range: after, Take: want.Limit})
			if err != nil {
				return err
			}
			for _, row := range results[0].Rows {
				op, err := table.ParseOperation(row)
				if err != nil {
					return err
				}
				after = store.After(float64(op.Seq))
				leaves.pass(op)
				if len(batch.Operations) == limit || taken[recordName(op)] || want.Sent && op.State != table.StateSending ||
					!r.serves(r.now, op.Table) {
					continue
				}
				unit, err := r.unit(ctx, tx, op)
				if err != nil {
					return err
				}
				if reason := r.impossible(unit); reason != "" {
					for _, op := range unit {
						op.State, op.Reason = table.StateQuarantined, reason
						marked.put(op)
						taken[recordName(op)] = true
					}
					continue
				}
				if n := len(batch.Operations); n > 0 && n+len(unit) > limit {
					limit = n // the next batch begins with it
					break
				}
				for _, op := range unit {
					taken[recordName(op)] = true
					group := ""
					if len(op.Groups) > 0 {
						group = unit[0].ID
					}
					together := leaves.take(op, group == "" && op.Schema == r.outbox.schema)
					op.State = table.StateSending
					if op.Attempts++; !together {
						marked.put(op)
					}
					batch.Operations = append(batch.Operations, op)
					batch.Clients = append(batch.Clients, who.client(op.Seq))
					batch.Groups = append(batch.Groups, group)
				}
			}
			if len(results[0].Rows) < want.Limit {
				break
			}
		}
		if batch.flight = leaves.next; batch.flight.from > 0 {
			marked.meta = append(marked.meta, batch.flight.row())
		}
		return marked.write(tx, nil)
	})
	return batch, err
}
