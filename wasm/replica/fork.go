package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// identity is who this database is to servers: the client ids that it has used, the newest last. Each numbers operations
// from some place in the outbox on.
//
// Where a profile was copied (a backup that was restored, a virtual machine), two databases go on under one id, and the
// server sees the same number with two operations. The one that finds out takes a new id, for that number and all that
// follow. What was numbered before the two parted stays under the old id, so that whichever of the two sends it first, the
// server applies it once.
type identity []era

type era struct {
	id   string
	from uint64 // the first sequence number that is sent under the id
}

func parseIdentity(row table.Record) identity {
	id, _ := row["id"].(string)
	if id == "" {
		return nil
	}
	who := identity{{id: id}}
	later, _ := row["later"].([]any)
	for _, item := range later {
		fields, _ := item.(map[string]any)
		id, _ := fields["id"].(string)
		from, _ := fields["from"].(float64)
		who = append(who, era{id, uint64(from)})
	}
	return who
}

// identify gives a database its id, unless it has one. It has it before its first operation, so that a copy is known for one
// whenever it was made.
func (o *Outbox) identify(ctx context.Context, txn store.Txn) error {
	results, err := txn.Run(ctx, []store.Step{getMeta(metaClient)})
	if err != nil || results[0].Rows[0] != nil {
		return err
	}
	_, err = txn.Run(ctx, []store.Step{putMeta(identity{{id: o.newID()}}.row())})
	return err
}

func (who identity) row() table.Record {
	later := make([]any, 0, len(who))
	for _, e := range who[1:] {
		later = append(later, map[string]any{"id": e.id, "from": float64(e.from)})
	}
	return table.Record{"key": metaClient, "id": who[0].id, "later": later}
}

// client returns the id under which an operation is sent.
func (who identity) client(seq uint64) string {
	for i := len(who) - 1; i > 0; i-- {
		if who[i].from <= seq {
			return who[i].id
		}
	}
	return who[0].id
}

// part returns the identity with a new id for all numbers from seq on. Ids that begin there or later have been used by
// two databases, and are given up.
func (who identity) part(seq uint64, id string) identity {
	next := identity{who[0]}
	for _, e := range who[1:] {
		if e.from < seq {
			next = append(next, e)
		}
	}
	return append(next, era{id, seq})
}

// isFork reports whether the server has known another operation under this one's number, or has forgotten what it was.
func isFork(answer *table.Response) bool {
	code, _ := answer.Body["code"].(string)
	return answer.Status == 409 && code == string(table.CodeFork)
}

// forked returns the first of the operations whose number a copy of this database has used, or nil for none.
func forked(ops []*table.Operation, answers map[string]*table.Response) *table.Operation {
	for _, op := range ops { // in order
		if answer := answers[op.ID]; answer != nil && isFork(answer) {
			return op
		}
	}
	return nil
}

// part takes a new client id for the operations from one on, in the transaction that reads their verdicts. They stay as they
// were sent: the next push sends them under the new id. That is the operation's own, so that of more than two copies those
// that have the same operation to send go on under the same id, and it is done once.
func (r *Replica) part(ctx context.Context, tx *store.Tx, op *table.Operation) error {
	results, err := tx.Run(ctx, getMeta(metaClient))
	if err != nil {
		return err
	}
	who, id := parseIdentity(results[0].Rows[0]), op.ID
	if who.client(op.Seq) == id {
		id = r.outbox.newID()
	}
	tx.Last(putMeta(who.part(op.Seq, id).row()))
	return nil
}
