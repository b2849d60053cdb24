package replica

import (
	"context"
	"slices"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Epoch is what a replica has found out about a server that does not know the past which the replica knows.
type Epoch struct {
	Kind   EpochKind
	Tables []string // whose past is another one, sorted
}

// EpochKind says what has become of a server's database.
type EpochKind string

// The kinds.
const (
	EpochRestored EpochKind = "restored" // from a backup, or from a copy: it has lost the latest part of its past
	EpochEmptied  EpochKind = "emptied"  // nothing was ever written to it
	EpochReplaced EpochKind = "replaced" // it is another database, which has nothing in common with the one before
)

// Course says how a replica goes on in a new [Epoch]. Whatever it is, what waits in the outbox goes on waiting.
type Course string

// The courses. Offering brings back what the server has lost: records that it does not have are inserted, those of which it has
// an older version are updated, and deletes that it had acknowledged are made again. All that this database holds is offered,
// and not only what was written here: the device that wrote it may never come back. So what another user wrote is written again under
// this one's name, if the server lets it. Nothing is overwritten that was written since the restore: that is a [Conflict], but
// for a record that another device has brought back already, of which the later version counts.
const (
	CourseOffer  Course = "offer"  // what is done with a restored server if nobody says otherwise
	CourseServer Course = "server" // take what the server has; what it has lost is gone here, too
	CourseKeep   Course = "keep"   // neither push nor pull: the job fails with code "epoch"; else what is done with all but a restored one
)

// What the machine does about it: effects, and their answers.
type (
	Recall   struct{}               // read what is known of the server's past
	Recalled struct{ Seen string }  // a mark of each table
	Judged   struct{ Pulls []Pull } // what is to be pulled before all else
	Judge    struct {               // find out what has become of a server whose past is another one
		Pasts  map[string]table.Past // its own, by table
		Unsent []*table.Operation    // of a batch that it has refused for it
	}
)

func (Recall) effect()  {}
func (Judge) effect()   {}
func (Recalled) event() {}
func (Judged) event()   {}

// isEpoch reports whether a server does not know the past that the request refers to.
func isEpoch(a Answer) bool { return a.Status == 410 && codeOf(a.Body) == table.CodeEpoch }

func batchPath(seen string) string {
	if seen == "" {
		return table.PathBatch
	}
	return table.PathBatch + "?" + table.ParamSeen + "=" + table.EscapeID(seen)
}

// judge asks what has become of the server, and how to go on.
func (m *Machine) judge(a Answer, unsent []*table.Operation) Effect {
	if m.judged {
		return m.stop(table.Errorf(table.CodeEpoch, "the server's past has changed again meanwhile: sync later", serverText(a.Body)))
	}
	m.judged = true
	body, _ := table.ParseRecord(a.Body) // it was read before
	list, _ := body[table.FieldPasts].(map[string]any)
	pasts := map[string]table.Past{}
	for name, v := range list {
		text, _ := v.(string)
		pasts[name] = table.Past(text)
	}
	return Judge{pasts, unsent}
}

// heard takes the answer to the question what the server's past is. One that knows all that is known here has changed again, or a
// part of a table was pulled long ago: what the cursor is of comes from its start.
func (m *Machine) heard(a Answer) Effect {
	m.asking = false
	if isEpoch(a) {
		return m.judge(a, nil)
	}
	m.reset = true
	return Forget{m.now, false}
}

// reclaim does the pulls first that find out what the server has lost. Then the job begins anew.
func (m *Machine) reclaim(pulls []Pull) Effect {
	rest := m.job.Pulls
	if m.now.Table != "" {
		rest = append([]Pull{m.now}, rest...)
	}
	m.job.Pulls = slices.Clone(pulls)
	for _, p := range rest {
		if !slices.Contains(pulls, p) {
			m.job.Pulls = append(m.job.Pulls, p)
		}
	}
	m.lost, m.pushing, m.now = len(pulls), false, Pull{}
	return m.nextTable()
}

// judge finds out what has become of the server, and how to go on. What was sent for the first time, and refused with all of its
// batch, waits again.
func (r *Replica) judge(ctx context.Context, j Judge) (Judged, error) {
	fresh := slices.DeleteFunc(j.Unsent, func(op *table.Operation) bool { return op.Attempts > 1 })
	if len(fresh) > 0 {
		answers := map[string]*table.Response{}
		for _, op := range fresh {
			answers[op.ID] = &table.Response{Status: statusDependent}
		}
		if _, err := r.settle(ctx, Settle{Operations: fresh, Answers: answers}); err != nil {
			return Judged{}, err
		}
	}
	m, err := r.memory(ctx)
	if err != nil {
		return Judged{}, err
	}
	e := &Epoch{Kind: EpochEmptied}
	for _, name := range table.AppendKeys(nil, j.Pasts) {
		past := j.Pasts[name]
		if !past.Has(m.marks[name]) {
			e.Tables = append(e.Tables, name)
		}
		switch {
		case past.Meets(m.pasts[name]):
			e.Kind = EpochRestored
		case past != "" && e.Kind == EpochEmptied:
			e.Kind = EpochReplaced
		}
	}
	course := CourseKeep
	if e.Kind == EpochRestored {
		course = CourseOffer
	}
	if r.options.Epoch != nil && len(e.Tables) > 0 {
		wanted, err := r.options.Epoch(ctx, e)
		if err != nil {
			return Judged{}, err
		}
		if wanted != "" {
			course = wanted
		}
	}
	if course == CourseKeep {
		return Judged{}, table.Errorf(table.CodeEpoch, "the server's database was ", string(e.Kind),
			": nothing is pushed or pulled until the app decides, in its epoch handler")
	}
	pulls, err := r.begin(ctx, e.Tables, m, course == CourseOffer)
	return Judged{pulls}, err
}

// begin has all pulls of the tables begin anew: to find out what the server has lost, or to take what it has.
func (r *Replica) begin(ctx context.Context, tables []string, m memory, offer bool) (pulls []Pull, err error) {
	err = r.update(ctx, []string{StoreMeta}, func(tx *store.Tx) error {
		pulls = nil
		for _, name := range tables {
			parts := slices.DeleteFunc(slices.Clone(m.pulls), func(p Pull) bool { return p.Table != name })
			if len(parts) == 0 {
				parts = Whole(name)
			}
			for _, p := range parts {
				row := table.Record{"key": metaCursor(p), "token": "", "sweep": true}
				if offer {
					row["token"], row["lost"] = table.TokenBeginning, string(m.pasts[name])
				}
				tx.Last(putMeta(row))
				delete(r.sweeps, p)
			}
			tx.Last(dropMeta(prefixSeen+name), dropMeta(prefixPast+name))
			if !offer {
				tx.Last(dropMeta(prefixGone + name))
			}
			pulls = append(pulls, parts...)
		}
		return nil
	})
	return pulls, err
}
