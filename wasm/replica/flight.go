package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// metaFlight is {from, to, last}: what waits in the outbox under the numbers from the first to the second was sent, once, and has
// no verdict yet. So one row marks a whole batch, at a thousandth of what it costs to write the mark into each entry.
//
// It is never too wide: an entry of such a number goes with its verdict, or waits no more, and a new one has a new number. It
// moves on when none is left, or those that are have got the mark themselves. That is how those are marked that are sent again,
// that have others in between or are of atomic transactions, and those in databases from before there was such a row.
const metaFlight = "flight"

// flight is the row. Last is the number that the outbox ended with: later edits of what was sent come after it. With 0 they may
// be anywhere, because there is more in the batch than this.
type flight struct{ from, to, last float64 }

func parseFlight(row table.Record) (f flight) {
	f.from, _ = row["from"].(float64)
	f.to, _ = row["to"].(float64)
	f.last, _ = row["last"].(float64)
	return f
}

func (f flight) row() table.Record {
	return table.Record{"key": metaFlight, "from": f.from, "to": f.to, "last": f.last}
}

// mark writes into entries, as they were read, that they are under way. Who reads the outbox for what a state means needs that.
func (f flight) mark(rows []table.Record) {
	for _, row := range rows {
		if seq, _ := row["seq"].(float64); f.from <= seq && seq <= f.to && row["state"] == string(table.StateWaiting) {
			n, _ := row["attempts"].(float64)
			row["state"], row["attempts"] = string(table.StateSending), n+1
		}
	}
}

// read runs steps that read, and marks what they find in the outbox.
func read(ctx context.Context, tx *store.Tx, steps ...store.Step) ([]store.Result, flight, error) {
	results, err := tx.Run(ctx, append(steps, getMeta(metaFlight))...)
	if err != nil {
		return nil, flight{}, err
	}
	f := parseFlight(results[len(steps)].Rows[0])
	for i := range steps {
		f.mark(results[i].Rows)
		for _, group := range results[i].Groups {
			f.mark(group)
		}
	}
	return results, f, nil
}

// departure finds out which entries of a batch one row can mark, while the outbox is read in order.
type departure struct {
	under, next   flight  // the row as it is, and as it will be
	remain        int     // entries that it marks and that are not in the batch: then it stays as it is
	other, before float64 // the last entry that is not next's, and the one before that
}

// pass notes an entry, whether it is taken or not.
func (d *departure) pass(op *table.Operation) {
	d.before, d.other = d.other, float64(op.Seq)
	if op.State == table.StateSending && d.other <= d.under.to {
		d.remain++
	}
}

// take notes that an entry is in the batch, and reports whether the row will mark it, which it can if it goes alone.
func (d *departure) take(op *table.Operation, alone bool) bool {
	seq := float64(op.Seq)
	switch {
	case op.State == table.StateSending:
		if seq <= d.under.to {
			d.remain--
		}
	case alone && seq > d.under.to && d.remain == 0 && (d.next.from == 0 || d.before < d.next.from):
		if d.next.to, d.other = seq, d.before; d.next.from == 0 {
			d.next.from = seq
		}
		return true
	}
	d.next.last = 0
	return false
}
