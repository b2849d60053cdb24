package replica

import (
	"context"
	"strconv"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Conflict is a local change that meets a newer record of the server's. A side that is deleted is nil, and so is Base
// when both sides inserted.
type Conflict struct {
	Table, RecordID     string
	Local, Server, Base table.Record

	op    *table.Operation // all local changes of the record, joined
	sent  *table.Operation // what was refused, as it stands in the outbox
	waits *table.Operation // what was written while it was under way, or nil
}

// Choice says how a [Conflict] ends.
type Choice string

// The choices.
const (
	ChooseLocal   Choice = "local"   // push the local record over the server's
	ChooseServer  Choice = "server"  // take the server's record, drop the local change
	ChooseRecord  Choice = "record"  // push the decision's record
	ChooseCancel  Choice = "cancel"  // drop the operation, leave the local record until the next pull
	ChooseDiscard Choice = "discard" // drop the operation and the local change
	ChooseLater   Choice = "later"   // leave it in quarantine with reason "conflict"
)

// Decision is the answer to a [Conflict].
type Decision struct {
	Choice Choice
	Record table.Record // with ChooseRecord
}

// Settlement is what the verdicts of one batch came to.
type Settlement struct {
	Accepted    int
	Quarantined []*table.Operation
	Conflicts   []*Conflict
}

// changes collects what a settlement writes: rows of tables and entries of the outbox.
type changes struct {
	entries
	meta []table.Record
	rows map[string]*rows // by table
}

// rows are the rows of a table that change, in the order in which they were told; those that go have an id only.
type rows struct {
	list []table.Row
	at   map[string]int // by id
}

// row sets a record as it stands now; nil or a tombstone deletes it. Of several for one record the last counts.
func (c *changes) row(tableName, id string, record table.Record) {
	if record.Deleted() {
		record = nil
	}
	c.set(tableName, table.Row{ID: id, Record: record})
}

// set is row for a record that may be text, and then is no tombstone.
func (c *changes) set(tableName string, row table.Row) {
	if c.rows == nil {
		c.rows = map[string]*rows{}
	}
	t := c.rows[tableName]
	if t == nil {
		t = &rows{at: map[string]int{}}
		c.rows[tableName] = t
	}
	if at, there := t.at[row.ID]; there {
		t.list[at] = row
		return
	}
	t.at[row.ID] = len(t.list)
	t.list = append(t.list, row)
}

// write carries the changes out, as the transaction's last.
func (c *changes) write(tx *store.Tx, tables []string) error {
	tx.Last(c.steps()...)
	for _, name := range tables {
		t := c.rows[name]
		if t == nil {
			continue
		}
		puts := make([]table.Row, 0, len(t.list))
		var deletes []string
		for _, row := range t.list {
			if row.IsZero() {
				deletes = append(deletes, row.ID)
			} else {
				puts = append(puts, row)
			}
		}
		steps, err := tx.Apply(name, puts, deletes)
		if err != nil {
			return err
		}
		tx.Last(steps...)
	}
	for _, row := range c.meta {
		tx.Last(putMeta(row))
	}
	return nil
}

// settle applies the verdicts of a batch, in one transaction where there is room for it: each part that is done frees some
// for the next. Operations without a final verdict stay as they are: sent.
func (r *Replica) settle(ctx context.Context, s Settle) (*Settlement, error) {
	out, err := r.settleAtOnce(ctx, s)
	half := len(s.Operations) / 2
	if table.CodeOf(err) != table.CodeQuota || half == 0 {
		return out, err
	}
	if out, err = r.settle(ctx, Settle{s.Operations[:half], s.Answers, s.flight}); err != nil {
		return nil, err
	}
	rest, err := r.settle(ctx, Settle{s.Operations[half:], s.Answers, s.flight})
	if err != nil {
		return nil, err
	}
	out.Accepted += rest.Accepted
	out.Quarantined = append(out.Quarantined, rest.Quarantined...)
	out.Conflicts = append(out.Conflicts, rest.Conflicts...)
	return out, nil
}

func (r *Replica) settleAtOnce(ctx context.Context, s Settle) (*Settlement, error) {
	ops, answers := s.Operations, s.Answers
	tables, out, copied := r.tablesOf(ops), &Settlement{}, forked(ops, answers)
	err := r.relieve(ctx, append([]string{StoreOutbox, StoreMeta}, tables...), func(tx *store.Tx) error {
		*out = Settlement{}
		groups, err := r.entriesOf(ctx, tx, s)
		if err != nil {
			return err
		}
		var ch changes
		if copied != nil {
			if err := r.part(ctx, tx, copied); err != nil {
				return err
			}
		}
		for i, op := range ops {
			sent, waits := op, (*table.Operation)(nil)
			if groups != nil {
				if sent, waits, err = r.outbox.pair(groups[i]); err != nil {
					return err
				}
			}
			if answer := answers[op.ID]; answer != nil && sent != nil && sent.ID == op.ID {
				r.verdict(out, &ch, sent, waits, answer)
			}
		}
		if err := r.noteSeen(ctx, tx, &ch, tables, ops, answers); err != nil {
			return err
		}
		return ch.write(tx, tables)
	})
	for _, op := range ops {
		if a := answers[op.ID]; err == nil && a != nil && a.Status < 300 {
			r.saw(op.Table, op.RecordID, a.Body.Version())
		}
	}
	if err == nil && copied != nil && r.options.Fork != nil {
		r.options.Fork()
	}
	return out, err
}

// entriesOf reads the operations of the records that were sent; nil where each stands alone, as it was sent: nothing has been
// written since, and nobody else has settled any.
func (r *Replica) entriesOf(ctx context.Context, tx *store.Tx, s Settle) ([][]table.Record, error) {
	if s.flight.last > 0 {
		results, under, err := read(ctx, tx,
			store.Step{Op: store.OpCount, Store: StoreOutbox, Range: store.Between(s.flight.from, s.flight.to), Take: -1},
			store.Step{Op: store.OpCount, Store: StoreOutbox, Range: store.After(s.flight.last), Take: -1})
		if err != nil || under == s.flight && results[0].Count == len(s.Operations) && results[1].Count == 0 {
			return nil, err
		}
	}
	keys := make([]store.Key, len(s.Operations))
	for i, op := range s.Operations {
		keys[i] = recordKey(op.Table, op.RecordID)
	}
	results, _, err := read(ctx, tx, lookupKeys(keys))
	if err != nil {
		return nil, err
	}
	return results[0].Groups, nil
}

// verdict decides what one answer means for the operation that was sent and the edit that came after it.
func (r *Replica) verdict(out *Settlement, ch *changes, sent, waits *table.Operation, answer *table.Response) {
	server, gone := answer.Body, answer.Status == 404 || answer.Status == 410
	switch {
	case answer.Status >= 200 && answer.Status < 300, gone && sent.Action == table.ActionDelete:
		out.Accepted++
		ch.accept(sent, waits, server)
	case r.store.Has(sent.Table) && (gone || (answer.Status == 409 || answer.Status == 412) && server.ID() != ""):
		if gone || server.Deleted() {
			server = nil
		}
		if sameAs(sent, server) {
			out.Accepted++ // our own write, whose answer was lost for good
			ch.accept(sent, waits, server)
			return
		}
		if r.broughtBack(out, ch, sent, waits, server) {
			return
		}
		c := newConflict(sent, waits, server)
		if !r.mergeAlone(ch, c) {
			out.Conflicts = append(out.Conflicts, c)
		}
	case answer.Status == statusDependent:
		ch.release(sent, waits, r.outbox.newID())
	case isUndecided(answer):
		// no verdict: the machine tries again
	default:
		op := join(sent, waits)
		if waits != nil {
			ch.drop(waits)
		}
		if op == nil {
			ch.drop(sent) // inserted and deleted here, and never accepted there
			return
		}
		op.Seq, op.ID, op.State, op.Attempts = sent.Seq, sent.ID, table.StateQuarantined, sent.Attempts
		op.Reason = reason(answer)
		ch.put(op)
		out.Quarantined = append(out.Quarantined, op)
	}
}

func reason(answer *table.Response) string {
	if text, _ := answer.Body["error"].(string); text != "" {
		return text
	}
	return "the server answered " + strconv.Itoa(answer.Status)
}

// sameAs reports whether the server already holds what the operation wanted.
func sameAs(op *table.Operation, server table.Record) bool {
	if op.Action == table.ActionDelete || server == nil {
		return op.Action == table.ActionDelete && server == nil
	}
	return len(table.Diff(server, op.Record)) == 0
}

// accept takes an operation out of the outbox and shows the server's record, with a newer local edit on top of it.
func (c *changes) accept(sent, waits *table.Operation, server table.Record) {
	c.drop(sent)
	if sent.Action == table.ActionDelete {
		server = nil
	}
	if sent.Server != nil && (sent.Base.Version() != "" ||
		sent.Base == nil && (!sent.Server.Deleted() || isOlder(server, sent.Server))) {
		// A page has brought a newer record than the one that this was made on, which a server does not accept, or one that is
		// newer than what was accepted. So the verdict is one of the past: a copy of this database has sent the operation before.
		if server = sent.Server; server.Deleted() {
			server = nil
		}
	}
	if waits == nil {
		c.row(sent.Table, sent.RecordID, server)
		return
	}
	next := *waits
	next.Base = server
	if waits.Record != nil {
		next.Record, next.Action = table.Rebase(sent.Record, waits.Record, server), table.ActionUpdate
		if server == nil {
			next.Record, next.Action = withoutSystem(waits.Record), table.ActionInsert
		}
		c.row(sent.Table, sent.RecordID, next.Record)
	}
	c.replace(waits, &next)
}

// isOlder reports whether one version of a record came before another one in the same feed.
func isOlder(r, than table.Record) bool {
	seq := table.MarkOf(r.Version()).Seq
	return seq > 0 && seq < table.MarkOf(than.Version()).Seq
}

func withoutSystem(r table.Record) table.Record {
	next := make(table.Record, len(r))
	for k, v := range r {
		if !table.IsSystem(k) {
			next[k] = v
		}
	}
	return next
}

// join returns all local changes of a record since its base as one operation, or nil if they cancel out.
func join(sent, waits *table.Operation) *table.Operation {
	if waits == nil {
		op := *sent
		return &op
	}
	return collapse(sent, waits)
}

// tablesOf returns the operations' tables, but for those that the schema does not have any more.
func (r *Replica) tablesOf(ops []*table.Operation) []string {
	var names []string
	seen := map[string]bool{}
	for _, op := range ops {
		if !seen[op.Table] && r.store.Has(op.Table) {
			seen[op.Table] = true
			names = append(names, op.Table)
		}
	}
	return names
}
