package replica

import (
	"context"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// metaFlight is {from, to, last}: what waits in the outbox under the numbers from the first to the second was sent, once, and has no
// verdict yet. So one row marks a whole batch, at a thousandth of what it costs to write the mark into each entry.
//
// It is never too wide: an entry of such a number goes with its verdict, or waits no more, and a new one has a new number. It moves
// on when none is left, or those that are have got the mark themselves. That is how the ones are marked that are sent again, those
// with others in between, those of atomic transactions, and those in databases from before there was such a row.
const metaFlight = "flight"

// flight is the row. Last is the number that the outbox ended with: later edits of what was sent come after it. With 0 they may be
// anywhere, because there is more in the batch than this.
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
