package store

import (
	"context"
	"errors"
	"iter"

	"github.com/larder-sync/larder/table"
)

// Ready is a write as data: a program that is a transaction of its own. Who runs it tells of its changes.
type Ready struct {
	Stores  []string // that the transaction is over: those that it changes, and those that it reads
	Reads   []Step   // what has to be known before the rest can be: then there is no more than that yet
	Steps   []Step
	Changes []Change // of its table first
}

// Prepare makes a program of a write, and nil of one that is too long for that: then [Store.Write] is the way. Where something
// has to be read first it is asked once more, in the same transaction, with the answers, as the JSON text that the helper gives.
// It only computes. An error is one of the records.
func (s *Store) Prepare(action table.Action, tableName string, answers []byte, records ...table.Row) (*Ready, error) {
	if len(records) > slice {
		return nil, nil
	}
	asked := &answered{text: answers}
	tx := &Tx{store: s, txn: asked, scope: append([]string{tableName}, s.own...), single: true}
	var rows iter.Seq2[[]table.Row, error] = func(yield func([]table.Row, error) bool) { yield(records, nil) }
	err := tx.Table(tableName).WriteRows(context.Background(), action, rows, nil)
	r := &Ready{}
	switch {
	case errors.Is(err, errUnanswered) && len(answers) == 0:
		r.Reads = asked.steps
		for i := range r.Reads {
			r.Stores = append(r.Stores, r.Reads[i].Store)
		}
		return r, nil
	case err != nil:
		return nil, err
	}
	r.Steps, r.Changes = tx.last, tx.changes
	for i := range r.Changes {
		r.Stores = append(r.Stores, r.Changes[i].Store)
	}
	return r, nil
}

// answered is a transaction that can run nothing, but has the answers to what is asked first. So it finds out what that is.
type answered struct {
	text  []byte // the answers; empty for none
	steps []Step // what was asked first
}

var errUnanswered = errors.New("there is no transaction")

func (a *answered) Run(_ context.Context, steps []Step) ([]Result, error) {
	if a.steps != nil || len(a.text) == 0 {
		a.steps = steps
		return nil, errUnanswered
	}
	a.steps = steps
	return ParseResults(steps, a.text)
}

func (a *answered) Start(ctx context.Context, steps []Step) func() ([]Result, error) {
	return func() ([]Result, error) { return a.Run(ctx, steps) }
}
func (a *answered) Finish(context.Context, []Step) error { return errUnanswered }
func (a *answered) Commit(context.Context) error         { return errUnanswered }
func (a *answered) Abort(error)                          {}

// AppendJSON appends the transaction as the JSON text that larder.js reads; changes is the JSON text of what it says of them.
func (r *Ready) AppendJSON(dst []byte, changes string) []byte {
	dst = table.AppendJSON(append(dst, `{"stores":`...), r.Stores)
	if r.Reads != nil {
		return append(AppendProgram(append(dst, `,"reads":`...), r.Reads), '}')
	}
	dst = AppendProgram(append(dst, `,"steps":`...), r.Steps)
	return append(append(append(dst, `,"changes":`...), changes...), '}')
}
