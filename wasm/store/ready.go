package store

import (
	"context"
	"errors"
	"iter"

	"github.com/larder-sync/larder/table"
)

// Ready is a write as data: a program that is a transaction of its own. Who runs it tells of its changes.
type Ready struct {
	Stores  []string // that the transaction is over: those that it changes
	Steps   []Step
	Changes []Change // of its table first
}

// Prepare makes a program of a write, and nil of one for which something has to be read first: then [Store.Write] is the way.
// It only computes. An error is one of the records.
func (s *Store) Prepare(action table.Action, tableName string, records ...table.Row) (*Ready, error) {
	if len(records) > slice {
		return nil, nil
	}
	tx := &Tx{store: s, txn: noTxn{}, scope: append([]string{tableName}, s.own...), single: true}
	var rows iter.Seq2[[]table.Row, error] = func(yield func([]table.Row, error) bool) { yield(records, nil) }
	err := tx.Table(tableName).WriteRows(context.Background(), action, rows, nil)
	switch {
	case errors.Is(err, errNoTxn):
		return nil, nil
	case err != nil:
		return nil, err
	}
	r := &Ready{Steps: tx.last, Changes: tx.changes}
	for i := range r.Changes {
		r.Stores = append(r.Stores, r.Changes[i].Store)
	}
	return r, nil
}

// noTxn is a transaction that can run nothing: it finds out what runs without one.
type noTxn struct{}

var errNoTxn = errors.New("there is no transaction")

func (noTxn) Run(context.Context, []Step) ([]Result, error) { return nil, errNoTxn }
func (noTxn) Start(context.Context, []Step) func() ([]Result, error) {
	return func() ([]Result, error) { return nil, errNoTxn }
}
func (noTxn) Finish(context.Context, []Step) error { return errNoTxn }
func (noTxn) Commit(context.Context) error         { return errNoTxn }
func (noTxn) Abort(error)                          {}

// AppendJSON appends the transaction as the JSON text that larder.js reads; changes is what it says of them.
func (r *Ready) AppendJSON(dst []byte, changes string) []byte {
	dst = table.AppendJSON(append(dst, `{"stores":`...), r.Stores)
	dst = AppendProgram(append(dst, `,"steps":`...), r.Steps)
	return append(table.AppendJSON(append(dst, `,"changes":`...), changes), '}')
}
