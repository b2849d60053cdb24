package replica

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// An atomic transaction gives the operations of its writes a group. A record's changes are joined into one operation whatever
// groups they are of, which makes one unit of the groups: all of a unit takes effect on the server, or nothing.

// union joins two lists of groups.
func union(a, b []string) []string {
	for _, g := range b {
		if !slices.Contains(a, g) {
			a = append(slices.Clip(a), g)
		}
	}
	return a
}

func recordName(op *table.Operation) string { return op.Table + "/" + op.RecordID }

// members returns the operations that an operation must share its fate with, itself among them, in order.
func members(ctx context.Context, tx *store.Tx, op *table.Operation) ([]*table.Operation, error) {
	all, asked := []*table.Operation{op}, []string(nil)
	for groups := op.Groups; len(groups) > len(asked); {
		results, _, err := read(ctx, tx, store.Step{Op: store.OpLookup, Store: StoreOutbox, Index: byGroup, Keys: keysOf(groups[len(asked):])})
		if err != nil {
			return nil, err
		}
		asked = groups
		for _, row := range slices.Concat(results[0].Groups...) {
			other, err := table.ParseOperation(row)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(all, func(o *table.Operation) bool { return o.Seq == other.Seq }) {
				all = append(all, other)
				groups = union(groups, other.Groups)
			}
		}
	}
	table.Sort(all, func(a, b *table.Operation) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return all, nil
}

func keysOf(names []string) []store.Key {
	keys := make([]store.Key, len(names))
	for i, name := range names {
		keys[i] = name
	}
	return keys
}

// unit returns what has to be sent with an operation, itself among it; nothing if it has to wait. What was sent together is sent
// together again. What is new goes when all of it can: none of its records has an operation under way, and none was refused.
func (r *Replica) unit(ctx context.Context, tx *store.Tx, op *table.Operation) ([]*table.Operation, error) {
	sendable := func(op *table.Operation) bool {
		return op.State != table.StateQuarantined && op.Principal == r.outbox.principal
	}
	if !sendable(op) {
		return nil, nil
	}
	if len(op.Groups) == 0 {
		return []*table.Operation{op}, nil
	}
	all, err := members(ctx, tx, op)
	if err != nil {
		return nil, err
	}
	if op.State == table.StateSending {
		return slices.DeleteFunc(all, func(o *table.Operation) bool { return o.State != table.StateSending }), nil
	}
	keys := make([]store.Key, len(all))
	for i, o := range all {
		if keys[i] = recordKey(o.Table, o.RecordID); o.State != table.StateWaiting || !sendable(o) {
			return nil, nil
		}
	}
	results, _, err := read(ctx, tx, lookupKeys(keys))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(results[0].Groups, isSent) {
		return nil, nil
	}
	return all, nil
}

// impossible says why no backend can ever take a unit as one; "" if the one that is asked now can.
func (r *Replica) impossible(unit []*table.Operation) string {
	elsewhere := func(op *table.Operation) bool { return !r.serves(r.now, op.Table) }
	switch {
	case len(unit) > table.MaxBatch:
		return "the atomic transaction has more operations than a server takes at once"
	case len(unit) > 1 && (r.now.source != nil || slices.ContainsFunc(unit, elsewhere)):
		return "the atomic transaction is not for one server that can take it as one"
	}
	return ""
}

// share gives the members of groups that were not done the answer that they have to share: of one that the server could not decide,
// or has refused for good. Where there is a conflict they wait for its end, as not sent.
func (b *Batch) share(answers map[string]*table.Response) {
	why := map[string]*table.Response{}
	for i, op := range b.Operations {
		a := answers[op.ID]
		switch {
		case b.Groups[i] == "" || a == nil || a.Status < 300 || a.Status == statusDependent:
		case isUndecided(a):
			why[b.Groups[i]] = a
		case a.Status != 404 && a.Status != 410 && (a.Status != 409 && a.Status != 412 || a.Body.ID() == ""):
			text := "operation " + op.ID + " of its transaction was refused: " + reason(a)
			why[b.Groups[i]] = &table.Response{Status: a.Status, Body: table.Record{"error": text}}
		}
	}
	for i, op := range b.Operations {
		if a := answers[op.ID]; a != nil && a.Status == statusDependent && why[b.Groups[i]] != nil {
			answers[op.ID] = why[b.Groups[i]]
		}
	}
}

// whole reports whether the batch cannot be halved.
func (b *Batch) whole() bool {
	return len(b.Operations) == 1 || b.Groups[0] != "" && b.Groups[len(b.Groups)-1] == b.Groups[0]
}

const statusDependent = 424 // not done, because another operation of the group was refused

// isUndecided reports whether an answer is no verdict: the operation is sent again as it is.
func isUndecided(a *table.Response) bool {
	return a.Status == 401 || a.Status == 408 || a.Status == 429 || a.Status >= 500 || isFork(a)
}

// release puts an operation that was not done, for what became of another, back into the queue under a new id.
func (c *changes) release(sent, waits *table.Operation, id string) {
	op := join(sent, waits)
	c.drop(sent)
	if waits != nil {
		c.drop(waits)
	}
	if op != nil {
		op.ID, op.State, op.Attempts = id, table.StateWaiting, 0
		c.add(op)
	}
}

// quarantineWith puts what waits for an operation in quarantine there, too.
func (c *changes) quarantineWith(ctx context.Context, tx *store.Tx, op *table.Operation) error {
	all, err := members(ctx, tx, op)
	for _, other := range all {
		if other.State == table.StateWaiting && recordName(other) != recordName(op) {
			other.State, other.Reason = table.StateQuarantined, "operation "+op.ID+" of its transaction waits: "+op.Reason
			c.put(other)
		}
	}
	return err
}
