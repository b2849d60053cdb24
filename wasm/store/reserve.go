package store

import (
	"context"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// A database with a journal holds some room in reserve, as rows of [StoreMeta]: even a delete needs room then, for the
// operation that is to be sent, and a push needs some to note what was sent, though both free more in the end. On a full
// disk the reserve is given up for them. It is what Chromium wants for it, where whatever is written, and undone too, takes
// more than its size for a while; and its rows are so large that each is a file there, whose room is free as soon as it goes.
const (
	reserveRows   = 4
	reserveSize   = 128 << 10
	reservePrefix = "reserve/"
)

func inReserve() *Range { return Between(reservePrefix, reservePrefix+"\uffff") }

// reserve returns the step that makes the reserve. Its text is one that storage cannot compress.
func reserve() Step {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text, state := make([]byte, reserveSize), uint64(1)
	for i := range text {
		state = state*6364136223846793005 + 1442695040888963407
		text[i] = letters[state>>58]
	}
	rows := make([]table.Record, reserveRows)
	for i := range rows {
		rows[i] = table.Record{"key": reservePrefix + strconv.Itoa(i), "text": string(text)}
	}
	return Step{Op: OpPut, Store: StoreMeta, Values: rows}
}

// Relieve runs fn as [Store.Update] does, for changes that free room in the end though they do more than delete, such as
// what a push does to the outbox. Where there is no room for them and the reserve is there, it is given up, and fn runs once
// more, from its beginning.
func (s *Store) Relieve(ctx context.Context, tables []string, fn func(*Tx) error) error {
	return s.relieve(ctx, tables, fn, func() bool { return true })
}

// relieve is Relieve if fn, which has run, frees room.
func (s *Store) relieve(ctx context.Context, tables []string, fn func(*Tx) error, frees func() bool) error {
	err := s.transact(ctx, true, tables, fn)
	if table.CodeOf(err) != table.CodeQuota || s.options.Journal == nil || !frees() || s.spent.Swap(true) {
		return err
	}
	// A transaction of its own, because a browser counts what is written before it counts what has gone.
	if gone := s.transact(ctx, true, nil, func(tx *Tx) error {
		_, err := tx.Run(ctx, Step{Op: OpDelete, Store: StoreMeta, Range: inReserve()})
		return err
	}); gone != nil {
		return err
	}
	return s.transact(ctx, true, tables, fn)
}

// Replenish makes the reserve again if it was given up and there is room, and does nothing otherwise.
func (s *Store) Replenish(ctx context.Context) {
	if !s.spent.Swap(false) {
		return
	}
	err := s.Update(ctx, nil, func(tx *Tx) error {
		tx.Last(reserve())
		return nil
	})
	s.spent.Store(err != nil) // the next time there may be room
}
