package feed

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// perTick is how many writes of a table share one updatedAt at most. Azure's client, whose page is 50, compares updatedAt by
// the millisecond, and loses rows when a whole page has one value.
const perTick = 32

// commit is a transaction in the making. Operations are judged against what earlier ones left in memory; [commit.flush]
// then writes the last state of each row once.
type commit struct {
	tx    db.Tx
	o     Options
	now   time.Time
	feeds map[string]*tableFeed

	clients map[string]db.Client
	settled map[repeat]db.Verdict // verdicts of this commit

	journal []func() // undoes the writes of the group that is being judged, last first
}

// repeat names a repeatable operation.
type repeat struct {
	client string
	seq    int64
}

// tableFeed is what a commit does to one table.
type tableFeed struct {
	was  db.Counter
	now  db.Counter
	base int64 // updatedAt of the first write, in milliseconds
	rows map[string]*row
}

// row is a row that the commit looked at.
type row struct {
	was    db.Row // as the transaction found it; Seq is 0 where there was none
	now    db.Row
	record table.Record // now.Data, parsed; nil where there is none
}

// exists reports whether there is a record that is not deleted.
func (r *row) exists() bool { return r.now.Seq != 0 && !r.now.Deleted }

// begin takes the counters of all tables that the operations name, in the order of names, so that two servers on one
// database never wait for each other in a circle.
func begin(tx db.Tx, o Options, ops []Op) (*commit, error) {
	c := &commit{tx: tx, o: o, now: o.Now(), feeds: map[string]*tableFeed{},
		clients: map[string]db.Client{}, settled: map[repeat]db.Verdict{}}
	for i := range ops {
		if ops[i].Table != nil {
			c.feeds[ops[i].Table.StoredName()] = nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
		counter, err := tx.Counter(name)
		if err != nil {
			return nil, err
		}
		c.feeds[name] = &tableFeed{was: counter, now: counter, rows: map[string]*row{},
			base: max(c.now.UnixMilli(), counter.At+1)}
	}
	return c, nil
}

// row returns a row as the commit has left it so far.
func (c *commit) row(name, id string) (*row, error) {
	f := c.feeds[name]
	if r, ok := f.rows[id]; ok {
		return r, nil
	}
	found, ok, err := c.tx.Row(name, id)
	if err != nil {
		return nil, err
	}
	r := &row{}
	if ok {
		r.was, r.now = found, found
		if r.record, err = table.ParseRecord(found.Data); err != nil {
			return nil, table.Errorf(table.CodeServer, "the stored record ", name, "/", id, " is damaged").Because(err)
		}
	}
	f.rows[id] = r
	return r, nil
}

// apply judges one operation and, if it may be, carries it out in memory. An error is the database's.
func (c *commit) apply(op *Op) (Answer, error) {
	if op.Refused != nil {
		return *op.Refused, nil
	}
	if err := c.number(op); err != nil {
		return Answer{}, err
	}
	r, err := c.row(op.Table.StoredName(), op.ID)
	if table.CodeOf(err) == table.CodeServer { // one damaged record holds up nothing else
		return Refusal(http.StatusInternalServerError, table.CodeServer, err.Error()), nil
	}
	if err != nil {
		return Answer{}, err
	}
	hidden := r.now.Seq != 0 && op.Sees != nil && !op.Sees(r.record)
	switch op.Action {
	case Insert:
		// A client that keeps an outbox may delete a record and make it again; others undelete it, as Azure's do.
		if r.exists() || r.now.Seq != 0 && (hidden || op.Table.SoftDelete && op.Client == "") {
			if hidden {
				return Refusal(http.StatusConflict, table.CodeExists, "the id is taken: choose another"), nil
			}
			return r.answer(http.StatusConflict), nil
		}
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusCreated), nil
	case Put:
		return c.put(op, r), nil
	case Undelete:
		if r.now.Seq == 0 || hidden || r.now.Deleted && !op.Table.SoftDelete {
			return gone(false), nil
		}
	default:
		if !r.exists() || hidden {
			return gone(r.now.Deleted && !hidden), nil
		}
	}
	if op.Match != "" && op.Match != r.record.Version() || op.Holds != nil && !op.Holds(r.record) {
		return r.answer(http.StatusPreconditionFailed), nil
	}
	return c.change(op, r), nil
}

// change carries out an operation on a record that is there.
func (c *commit) change(op *Op, r *row) Answer {
	switch {
	case op.Action == Undelete && op.Record == nil:
		return c.write(op, r, columns(r.record, nil), false).answer(http.StatusCreated)
	case op.Action == Undelete:
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusOK)
	case op.Action == Delete:
		return c.write(op, r, columns(r.record, nil), true).answer(http.StatusOK)
	case op.Action == Replace:
		return c.write(op, r, columns(op.Record, nil), false).answer(http.StatusOK)
	case !names(op.Record):
		return r.answer(http.StatusOK)
	}
	return c.write(op, r, columns(op.Record, r.record), false).answer(http.StatusOK)
}

// number gives an id to a new record of a table that is numbered: the number of its write, or the next one that is free.
func (c *commit) number(op *Op) error {
	if op.ID != "" || op.Action != Insert && op.Action != Put {
		return nil
	}
	name := op.Table.StoredName()
	for n := c.feeds[name].now.Seq + 1; ; n++ {
		id := strconv.FormatInt(n, 10)
		r, err := c.row(name, id)
		if err != nil && table.CodeOf(err) != table.CodeServer {
			return err
		}
		if err == nil && r.now.Seq == 0 {
			op.ID = id
			return nil
		}
	}
}

// put makes the record what the operation says. A record that is that already keeps its place in the feed.
func (c *commit) put(op *Op, r *row) Answer {
	status := http.StatusOK
	next := columns(op.Record, nil)
	if !r.exists() {
		status = http.StatusCreated
	} else if table.Equal(next, columns(r.record, nil)) {
		return Answer{Status: http.StatusNotModified}
	}
	return c.write(op, r, next, false).answer(status)
}

// columns returns what an app may write of a record, laid over base, without nulls.
func columns(r, base table.Record) table.Record {
	out := make(table.Record, len(r)+len(base)+4)
	for _, from := range [...]table.Record{base, r} {
		for name, v := range from {
			switch {
			case table.IsSystem(name):
			case v == nil:
				delete(out, name)
			default:
				out[name] = v
			}
		}
	}
	return out
}

// names reports whether an update names a column to change.
func names(r table.Record) bool {
	for name := range r {
		if name != table.ColumnID && !table.IsSystem(name) {
			return true
		}
	}
	return false
}

// write gives the record its place in the feed: the next number, the version, and the time.
func (c *commit) write(op *Op, r *row, next table.Record, deleted bool) *row {
	f := c.feeds[op.Table.StoredName()]
	before, counter := *r, f.now
	c.journal = append(c.journal, func() { *r, f.now = before, counter })

	f.now.Seq++
	f.now.Boot = c.o.Boot
	f.now.At = f.base + (f.now.Seq-f.was.Seq-1)/perTick
	switch {
	case r.exists() && deleted:
		f.now.Live--
	case !r.exists() && !deleted:
		f.now.Live++
	}
	at := time.UnixMilli(f.now.At).UTC().Format("2006-01-02T15:04:05.000Z")
	next[table.ColumnID] = op.ID
	next[table.ColumnCreatedAt] = at
	if created, ok := r.record[table.ColumnCreatedAt]; ok && op.Action != Insert {
		next[table.ColumnCreatedAt] = created
	}
	next[table.ColumnUpdatedAt] = at
	next[table.ColumnVersion] = f.now.Mark().String()
	next[table.ColumnDeleted] = deleted
	r.record = next
	r.now = db.Row{Seq: f.now.Seq, ID: op.ID, Deleted: deleted, Data: table.AppendJSON(nil, next)}
	return r
}

// answer is an answer with the record as it is now.
func (r *row) answer(status int) Answer {
	return Answer{Status: status, Body: r.now.Data, Version: r.record.Version()}
}

// flush writes what the commit has decided.
func (c *commit) flush() error {
	for _, name := range slices.Sorted(maps.Keys(c.feeds)) {
		if err := c.flushTable(name, c.feeds[name]); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.settled), compareRepeat) {
		if err := c.tx.Settle(c.settled[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c *commit) flushTable(name string, f *tableFeed) error {
	if f.now == f.was {
		return nil
	}
	if f.now.Boot != f.was.Boot {
		if err := c.tx.Begin(name, db.Mark{Boot: f.now.Boot, Seq: f.was.Seq + 1}); err != nil {
			return err
		}
	}
	if err := c.tx.Advance(name, f.now); err != nil {
		return err
	}
	var moved []*row
	for _, r := range f.rows {
		if r.now.Seq != r.was.Seq {
			moved = append(moved, r)
		}
	}
	// In order, so that the database appends.
	slices.SortFunc(moved, func(a, b *row) int { return int(a.now.Seq - b.now.Seq) })
	for _, r := range moved {
		if err := c.tx.Put(name, r.was.Seq, r.now); err != nil {
			return err
		}
	}
	return nil
}
