package replica

import (
	"context"
	"slices"
	"strings"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// What a replica knows of its server's past is kept in the meta store, by table: {past} as the server last told it; {mark} of
// the latest write that an answer to a push told of, which no pull need have brought yet; and {list: [{id, version}]} of the
// deletes that were acknowledged, because nothing else is left of them.
const (
	prefixPast = "past/"
	prefixSeen = "seen/"
	prefixGone = "gone/"
)

// maxGone is how many acknowledged deletes of a table are remembered, the latest: what a backup may lack of one device's is less,
// and it is 60 kB. An older delete is not made again after a restore: its record is back until somebody deletes it.
const maxGone = 1000

// memory is what is known of the past of a server's tables, and of the pulls.
type memory struct {
	pulls     []Pull
	marks     map[string]table.Mark // the latest that was seen, by table
	pasts     map[string]table.Past // all that was known, marks included
	reclaimed []Pull                // pulls by which it is being found out what the server has lost
}

func recallSteps() []store.Step {
	var steps []store.Step
	for _, prefix := range [...]string{prefixCursor, prefixSeen, prefixPast} {
		steps = append(steps, store.Step{Op: store.OpGetAll, Store: StoreMeta, Take: -1, Range: withPrefix(prefix)})
	}
	return steps
}

// recall reads what the steps gave. Of tables that another backend serves nothing is known.
func (r *Replica) recall(results []store.Result) memory {
	m := memory{marks: map[string]table.Mark{}, pasts: map[string]table.Past{}}
	saw := func(name string, mark table.Mark) {
		m.pasts[name] = m.pasts[name].With(mark)
		if mark.Seq > m.marks[name].Seq {
			m.marks[name] = mark
		}
	}
	for _, row := range results[0].Rows {
		key, _ := row["key"].(string)
		token, _ := row["token"].(string)
		p := pullOf(key)
		if !r.store.Has(p.Table) || !r.serves(r.now, p.Table) || strings.Contains(token, ":") { // another backend's position
			continue
		}
		m.pulls = append(m.pulls, p)
		if lost, _ := row["lost"].(string); lost != "" {
			m.reclaimed = append(m.reclaimed, p)
			m.pasts[p.Table] += table.Past("," + lost)
		}
		saw(p.Table, table.MarkOf(token))
	}
	for i, prefix := range [...]string{prefixSeen, prefixPast} {
		for _, row := range results[1+i].Rows {
			key, _ := row["key"].(string)
			text, _ := row["mark"].(string)
			past, _ := row["past"].(string)
			if name := key[len(prefix):]; r.store.Has(name) && r.serves(r.now, name) {
				m.pasts[name] += table.Past("," + past)
				saw(name, table.MarkOf(text))
			}
		}
	}
	return m
}

// seen is what a request tells the server: the latest mark of each table.
func (m memory) seen() string {
	var list []string
	for _, name := range table.AppendKeys(nil, m.marks) {
		if mark := m.marks[name]; mark.Seq > 0 {
			list = append(list, name+":"+mark.String())
		}
	}
	return strings.Join(list, ",")
}

// memory reads what is known.
func (r *Replica) memory(ctx context.Context) (m memory, err error) {
	err = r.store.View(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		results, err := tx.Run(ctx, recallSteps()...)
		if err == nil {
			m = r.recall(results)
		}
		return err
	})
	return m, err
}

// noteSeen notes the latest write of each table that the answers tell of, also those of others that are in conflict with what was
// sent, and the acknowledged deletes.
func (r *Replica) noteSeen(
	ctx context.Context, tx *store.Tx, ch *changes, tables []string, ops []*table.Operation, answers map[string]*table.Response,
) error {
	if r.now.source != nil {
		return nil
	}
	var keys []store.Key
	for _, name := range tables {
		keys = append(keys, prefixSeen+name, prefixGone+name)
	}
	latest, gone := map[string]table.Mark{}, map[string][]any{}
	for _, op := range ops {
		a := answers[op.ID]
		if a == nil {
			continue
		}
		version := a.Body.Version()
		if mark := table.MarkOf(version); mark.Seq > latest[op.Table].Seq {
			latest[op.Table] = mark
		}
		if op.Action == table.ActionDelete && version != "" && a.Status < 300 {
			gone[op.Table] = append(gone[op.Table], map[string]any{"id": op.RecordID, "version": version})
		}
	}
	if len(latest) == 0 {
		return nil
	}
	results, err := tx.Run(ctx, store.Step{Op: store.OpGet, Store: StoreMeta, Keys: keys})
	if err != nil {
		return err
	}
	for i, name := range tables {
		text, _ := results[0].Rows[2*i]["mark"].(string)
		if mark := latest[name]; mark.Seq > table.MarkOf(text).Seq {
			ch.meta = append(ch.meta, table.Record{"key": prefixSeen + name, "mark": mark.String()})
		}
		if more := gone[name]; more != nil {
			list, _ := results[0].Rows[2*i+1]["list"].([]any)
			list = append(slices.Clip(list), more...)
			ch.meta = append(ch.meta, table.Record{"key": prefixGone + name, "list": list[max(0, len(list)-maxGone):]})
		}
	}
	return nil
}
